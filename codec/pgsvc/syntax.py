"""Headers declared as data (spec 2.3 and 6): one declaration reads, writes, checks and dumps a structure.

A structure is a list of fields; a field has a name, a descriptor, and optionally a count, a condition and a range. Records are
plain dictionaries from field name to value. Descriptors: ``u<n>`` and ``i<n>`` (n bits, most significant first),
``leb`` (unsigned LEB128, shortest form, below 2^32), or another structure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from pgsvc.bits import BitReader, EndOfData
from pgsvc.errors import BadStream

if TYPE_CHECKING:
    from bitstring import Bits

Record = dict[str, Any]
LEB_LIMIT = 1 << 32


class EndOfRecord(BadStream):
    """The data ends before the structure does; where more data may come, that is no fault yet."""


@dataclass(frozen=True)
class Field:
    """One row of a syntax table.

    Args:
        count: None for a single value, else how many: a number or a function of the record so far (and of the context).
        when: the field is present only where this holds for the record so far; an absent field has the value ``default``.
        allowed: the values that a conforming stream may hold.
    """

    name: str
    descriptor: str | Structure
    count: int | Callable[[Record], int] | None = None
    when: Callable[[Record], bool] | None = None
    allowed: range | Sequence[int] | None = None
    default: Any = 0


@dataclass(frozen=True)
class Structure:
    """A syntax table; ``clause`` is where the specification prints it."""

    name: str
    clause: str
    fields: tuple[Field, ...]

    def read(self, reader: BitReader, context: Mapping[str, Any] | None = None) -> Record:
        """Read one record.

        Args:
            context: values known from elsewhere (such as ``components``), visible to conditions and counts.

        Raises:
            EndOfRecord: the data ends early.
            BadStream: a value is outside its range.
        """
        scope: Record = dict(context or {})
        record: Record = {}
        field = self.fields[0]
        try:
            for field in self.fields:
                if field.when is not None and not field.when(scope):
                    value = field.default
                elif field.count is None:
                    value = self._read_value(field, reader, scope)
                else:
                    count = field.count if isinstance(field.count, int) else field.count(scope)
                    value = [self._read_value(field, reader, scope) for _ in range(count)]
                record[field.name] = scope[field.name] = value
        except EndOfData:
            raise EndOfRecord(f"{self.name} ends inside {field.name}", clause=self.clause) from None
        return record

    def _read_value(self, field: Field, reader: BitReader, scope: Record) -> Any:
        kind = field.descriptor
        if isinstance(kind, Structure):
            return kind.read(reader, scope)
        value = self._read_leb(field, reader) if kind == "leb" else reader.read(*_integer(kind))
        if field.allowed is not None and value not in field.allowed:
            raise BadStream(f"{self.name}.{field.name} is {value}, which is not allowed", clause=self.clause)
        return value

    def _read_leb(self, field: Field, reader: BitReader) -> int:
        value = reader.read(8)
        if value < 128:
            return value
        value &= 127
        for shift in range(7, 35, 7):
            byte = reader.read(8)
            value |= (byte & 127) << shift
            if byte < 128:
                if byte == 0 or value >= LEB_LIMIT:
                    raise BadStream(f"{self.name}.{field.name} is not a shortest LEB128 below 2^32", clause="2.3")
                return value
        raise BadStream(f"{self.name}.{field.name} is not a LEB128 below 2^32", clause="2.3")

    def write(self, record: Record, context: Mapping[str, Any] | None = None) -> Bits:
        """The bits of one record; the inverse of :meth:`read`.

        Raises:
            ValueError: a value does not fit its field.
        """
        from bitstring import Bits

        return Bits.from_joined(self._pieces(record, dict(context or {})))

    def _pieces(self, record: Record, scope: Record) -> list[Bits]:
        pieces: list[Bits] = []
        for field in self.fields:
            if field.when is not None and not field.when(scope):
                scope[field.name] = field.default
                continue
            value = scope[field.name] = record[field.name]
            if field.count is not None:
                count = field.count if isinstance(field.count, int) else field.count(scope)
                if len(value) != count:
                    raise ValueError(f"{self.name}.{field.name} has {len(value)} values, not {count}")
            for item in value if field.count is not None else [value]:
                pieces.append(self._piece(field, item, scope))
        return pieces

    def _piece(self, field: Field, value: Any, scope: Record) -> Bits:
        if isinstance(field.descriptor, Structure):
            return field.descriptor.write(value, scope)
        if field.allowed is not None and value not in field.allowed:
            raise ValueError(f"{self.name}.{field.name} = {value} is not allowed")
        from bitstring import Bits

        if field.descriptor == "leb":
            return Bits(leb128(value))
        return Bits(f"{field.descriptor}={int(value)}")

    def to_bytes(self, record: Record, context: Mapping[str, Any] | None = None) -> bytes:
        """The record as whole bytes; structures that stand alone are byte-aligned by design.

        Raises:
            ValueError: a value does not fit, or the structure does not end on a byte boundary.
        """
        bits = self.write(record, context)
        if len(bits) % 8:
            raise ValueError(f"{self.name} ends inside a byte")
        return bits.to_bytes()


@cache
def _integer(descriptor: str) -> tuple[int, bool]:
    """Width in bits of ``u<n>`` or ``i<n>``, and whether it is signed."""
    return int(descriptor[1:]), descriptor[0] == "i"


def leb128(value: int) -> bytes:
    """Unsigned LEB128 in its shortest form (spec 2.3).

    Raises:
        ValueError: the value is negative or not below 2^32.
    """
    if not 0 <= value < LEB_LIMIT:
        raise ValueError(f"{value} does not fit a LEB128 field")
    out = bytearray()
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
