"""Headers declared as data (spec 2.3 and 6): one declaration reads, writes, checks and dumps a structure.

A structure is a list of fields; a field has a name, a descriptor, and optionally a count, a condition and a range. Records are
plain dictionaries from field name to value. Descriptors: ``u<n>`` and ``i<n>`` (n bits, most significant first),
``leb`` (unsigned LEB128, shortest form, below 2^32), or another structure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pgsvc.bits import BitReader
from pgsvc.syntax_reading import Read, reading

if TYPE_CHECKING:
    from bitstring import Bits

Record = dict[str, Any]


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
        """Read one record, which begins with a byte.

        Args:
            context: values known from elsewhere (such as ``components``), visible to conditions and counts.

        Raises:
            EndOfRecord: the data ends early.
            BadStream: a value is outside its range.
        """
        scope: Record = dict(context) if context else {}
        reader.pos = self.read_into(reader.data, reader.pos >> 3, scope)
        for known in context or ():
            if known not in self._names:
                del scope[known]
        return scope

    @cached_property
    def read_into(self) -> Read:
        """What reads the fields into a record; made when it is needed."""
        return reading(self)

    @cached_property
    def _names(self) -> set[str]:
        return {field.name for field in self.fields}

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
