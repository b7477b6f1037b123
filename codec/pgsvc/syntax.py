"""Headers declared as data (spec 2.3 and 6): one declaration reads, writes, checks and dumps a structure.

A structure is a list of fields; a field has a name, a descriptor, and optionally a count, a condition and a range. Records are
plain dictionaries from field name to value. Descriptors: ``u<n>`` and ``i<n>`` (n bits, most significant first),
``leb`` (unsigned LEB128, shortest form, below 2^32), or another structure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from pgsvc.bits import BitReader, EndOfData, NotALeb, number
from pgsvc.errors import BadStream

if TYPE_CHECKING:
    from bitstring import Bits

Record = dict[str, Any]


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

    def how_many(self, scope: Record) -> int:
        """Values of a field with a count."""
        return self.count(scope) if callable(self.count) else self.count or 0


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
        scope: Record = dict(context) if context else {}
        name = ""
        try:
            for group in self._groups:
                if group.when is not None and not group.when(scope):
                    scope.update(group.absent)
                    continue
                for name, read, allowed, field in group.steps:
                    value = read(reader) if read is not None else self._several(field, reader, scope)
                    if allowed is not None and value not in allowed:
                        raise self._not_allowed(name, value)
                    scope[name] = value
        except EndOfData:
            raise EndOfRecord(f"{self.name} ends inside {name}", clause=self.clause) from None
        except NotALeb as error:
            raise BadStream(f"{self.name}.{name} {error}", clause="2.3") from None
        for known in context or ():
            if known not in self._names:
                del scope[known]
        return scope

    def _several(self, field: Field, reader: BitReader, scope: Record) -> Any:
        """The value of a field with a count, or of a structure."""
        kind, count = field.descriptor, 1 if field.count is None else field.how_many(scope)
        if isinstance(kind, Structure):
            values: list[Any] = [kind.read(reader, scope) for _ in range(count)]
            return values[0] if field.count is None else values
        read, values = number(kind), []
        for _ in range(count):
            values.append(read(reader))
            if field.allowed is not None and values[-1] not in field.allowed:
                raise self._not_allowed(field.name, values[-1])
        return values

    def _not_allowed(self, name: str, value: int) -> BadStream:
        return BadStream(f"{self.name}.{name} is {value}, which is not allowed", clause=self.clause)

    @cached_property
    def _names(self) -> set[str]:
        return {field.name for field in self.fields}

    @cached_property
    def _groups(self) -> list[_Group]:
        """The fields for reading, which are asked once whether they are there where they have one condition."""
        groups: list[_Group] = []
        for field in self.fields:
            if not groups or field.when is not groups[-1].when:
                groups.append(_Group(field.when, [], {}))
            kind, allowed = field.descriptor, field.allowed
            if field.count is None and isinstance(kind, str):
                groups[-1].steps.append((field.name, number(kind), allowed, field))
            else:
                groups[-1].steps.append((field.name, None, None, field))
            groups[-1].absent[field.name] = field.default
        return groups

    def write(self, record: Record, context: Mapping[str, Any] | None = None) -> Bits:
        """The bits of one record; the inverse of :meth:`read`.

        Raises:
            ValueError: a value does not fit its field.
        """
        from pgsvc.syntax_writing import bits_of

        return bits_of(self, record, dict(context or {}))

    def to_bytes(self, record: Record, context: Mapping[str, Any] | None = None) -> bytes:
        """The record as whole bytes; structures that stand alone are byte-aligned by design.

        Raises:
            ValueError: a value does not fit, or the structure does not end on a byte boundary.
        """
        bits = self.write(record, context)
        if len(bits) % 8:
            raise ValueError(f"{self.name} ends inside a byte")
        return bits.to_bytes()


class _Group(NamedTuple):
    """Fields that follow each other and are there under one condition.

    Args:
        steps: name, what reads the value and which it may have, the field; of fields that hold more than a number None.
        absent: what they are where the condition does not hold.
    """

    when: Callable[[Record], bool] | None
    steps: list[tuple[str, Callable[[BitReader], int] | None, range | Sequence[int] | None, Field]]
    absent: Record
