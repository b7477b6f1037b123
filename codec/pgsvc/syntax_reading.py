"""What reads a structure: a function made from its declaration, as short as if it were written by hand (spec 2.3).

A stream of a still holds fifteen structures with some fifty fields: where each field is asked anew what it is, taking its chunks
in lasts 1.4 times as long.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from pgsvc.bits import NotALeb, long_leb
from pgsvc.errors import BadStream

if TYPE_CHECKING:
    from pgsvc.syntax import Field, Record, Structure

# Reads a record from a byte on into one that holds what is known from elsewhere; returns the bit behind it.
Read = Callable[["bytes | bytearray", int, "Record"], int]


class EndOfRecord(BadStream):
    """The data ends before the structure does; where more data may come, that is no fault yet."""


def reading(structure: Structure) -> Read:
    """The function that reads a structure.

    Raises (the function):
        EndOfRecord: the data ends early.
        BadStream: a value is outside its range.
    """
    known: dict[str, Any] = {"structure": structure, "long_leb": long_leb, "from_bytes": int.from_bytes}
    known |= {"NotALeb": NotALeb, "ended": _ended, "not_a_leb": _not_a_leb, "not_allowed": _not_allowed}
    body = "\n".join("        " + line for line in _Lines(structure, known).all())
    text = f"""def read(data, at, r):
    name, bit = "", 0
    try:
{body}
    except IndexError:
        raise ended(structure, name) from None
    except NotALeb as error:
        raise not_a_leb(structure, name, error) from None
    return 8 * at + bit
"""
    exec(compile(text, f"<reading of {structure.name}>", "exec"), known)  # of our own declarations alone
    return known["read"]


def _ended(structure: Structure, name: str) -> BadStream:
    return EndOfRecord(f"{structure.name} ends inside {name}", clause=structure.clause)


def _not_a_leb(structure: Structure, name: str, error: NotALeb) -> BadStream:
    return BadStream(f"{structure.name}.{name} {error}", clause="2.3")


def _not_allowed(structure: Structure, name: str, value: int) -> BadStream:
    return BadStream(f"{structure.name}.{name} is {value}, which is not allowed", clause=structure.clause)


class _Lines:
    """Lines of Python for the fields of a structure; ``known`` takes the objects that they name."""

    def __init__(self, structure: Structure, known: dict[str, Any]) -> None:
        self._fields, self._known = structure.fields, known

    def all(self) -> Iterator[str]:
        """Fields that follow each other under one condition ask for it once."""
        for when, group in groupby(self._fields, lambda field: field.when):
            fields = list(group)
            if when is None:
                yield from self._group(fields)
                continue
            yield f"if {self._name(when)}(r):"
            yield from _indented(self._group(fields))
            yield "else:"
            yield from _indented(f"r[{field.name!r}] = {self._name(field.default)}" for field in fields)

    def _name(self, value: object) -> str:
        """What an object is called in the lines."""
        if value is None or isinstance(value, int):
            return repr(value)
        name = f"v{len(self._known)}"
        self._known[name] = value
        return name

    def _group(self, fields: Sequence[Field]) -> Iterator[str]:
        """Lines of fields that are all there. Bits come as whole bytes, but for those that a structure ends with."""
        parts: list[_Part] = []  # of the bytes that come next
        for field in fields:
            width = _width(field)
            if width % 8:
                count = 1 if field.count is None else field.how_many({})
                parts += [_Part(field, width, number) for number in range(count)]
                if sum(part.width for part in parts) % 8 == 0:
                    yield from self._shared(parts)
                    parts = []
                continue
            assert not parts, f"{field.name} begins inside a byte"
            yield f"name = {field.name!r}"
            if field.count is None:
                yield from self._value(field)
                yield f"r[{field.name!r}] = v"
                continue
            count = f"{self._name(field.count)}(r)" if callable(field.count) else str(field.count)
            yield "values = []"
            yield f"for _ in range({count}):"
            yield from _indented([*self._value(field), "values.append(v)"])
            yield f"r[{field.name!r}] = values"
        if parts:
            assert fields[-1] is self._fields[-1], f"{fields[-1].name} ends inside a byte"
            yield from self._shared(parts)

    def _value(self, field: Field) -> Iterator[str]:
        """Lines that read one value of whole bytes into v."""
        kind = field.descriptor
        if not isinstance(kind, str):
            yield "inner = dict(r)"
            yield f"at = {self._name(kind.read_into)}(data, at, inner) >> 3"
            yield f"v = {{key: inner[key] for key in {self._name([f.name for f in kind.fields])}}}"
        elif kind == "leb":
            yield "v = data[at]"
            yield "if v < 128: at += 1"
            yield "else: v, at = long_leb(data, at)"
            yield from self._checked(field)
        else:
            width = int(kind[1:])
            yield from _whole(width // 8, "v")
            if kind[0] == "i":
                yield f"v -= (v >> {width - 1}) << {width}"
            yield from self._checked(field)

    def _shared(self, parts: Sequence[_Part]) -> Iterator[str]:
        """Lines of fields that share some bytes."""
        left = -(-sum(part.width for part in parts) // 8) * 8
        yield f"name = {parts[0].field.name!r}"
        yield from _whole(left // 8, "w")
        for field, width, number in parts:
            left -= width
            yield f"v = w >> {left} & {(1 << width) - 1}"
            yield from self._checked(field)
            target = f"r[{field.name!r}]"
            yield f"{target} = v" if field.count is None else f"{target}.append(v)" if number else f"{target} = [v]"
        if left:
            yield f"at, bit = at - 1, {8 - left}"

    def _checked(self, field: Field) -> Iterator[str]:
        allowed = field.allowed
        if allowed is None:
            return
        if isinstance(allowed, range) and allowed.step == 1:
            test = f"{allowed.start} <= v < {allowed.stop}"
        else:
            test = f"v in {self._name(allowed)}"
        yield f"if not {test}: raise not_allowed(structure, {field.name!r}, v)"


class _Part(NamedTuple):
    """A number of a few bits; ``number``: its place among those of its field."""

    field: Field
    width: int
    number: int


def _width(field: Field) -> int:
    """Bits of a value, 0 where that depends on it."""
    kind = field.descriptor
    return 0 if not isinstance(kind, str) or kind == "leb" else int(kind[1:])


def _whole(size: int, name: str) -> Iterator[str]:
    """Lines that read the next bytes as one number."""
    if size == 1:
        yield f"{name} = data[at]"
        yield "at += 1"
    else:
        yield f"{name} = from_bytes(data[at : at + {size}], 'big')"
        yield f"at += {size}"
        yield "if at > len(data): raise IndexError"


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return ("    " + line for line in lines)
