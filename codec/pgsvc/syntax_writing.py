"""Writing of structures (spec 2.3), the inverse of :meth:`pgsvc.syntax.Structure.read`; not loaded to decode."""

from __future__ import annotations

from typing import Any

from bitstring import Bits

from pgsvc.bits import LEB_LIMIT
from pgsvc.syntax import Field, Record, Structure


def bits_of(structure: Structure, record: Record, scope: Record) -> Bits:
    """The bits of one record.

    Args:
        scope: values known from elsewhere, to which those of the record are added.

    Raises:
        ValueError: a value does not fit its field.
    """
    pieces: list[Bits] = []
    for field in structure.fields:
        if field.when is not None and not field.when(scope):
            scope[field.name] = field.default
            continue
        value = scope[field.name] = record[field.name]
        if field.count is not None:
            count = field.how_many(scope)
            if len(value) != count:
                raise ValueError(f"{structure.name}.{field.name} has {len(value)} values, not {count}")
        for item in value if field.count is not None else [value]:
            pieces.append(_piece(structure, field, item, scope))
    return Bits.from_joined(pieces)


def _piece(structure: Structure, field: Field, value: Any, scope: Record) -> Bits:
    if isinstance(field.descriptor, Structure):
        return field.descriptor.write(value, scope)
    if field.allowed is not None and value not in field.allowed:
        raise ValueError(f"{structure.name}.{field.name} = {value} is not allowed")
    if field.descriptor == "leb":
        return Bits(leb128(value))
    return Bits(f"{field.descriptor}={int(value)}")


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
