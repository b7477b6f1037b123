"""Reading of bit fields (spec 2.3), most significant bit first."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

LEB_LIMIT = 1 << 32


class EndOfData(Exception):
    """The data end inside a field."""


class NotALeb(Exception):
    """A number is not coded as LEB128 must be; the text says how."""


class BitReader:
    """Reads one number after the other.

    Attributes:
        pos: bits read so far.
    """

    __slots__ = ("_data", "_size", "pos")

    def __init__(self, data: bytes) -> None:
        self._data, self._size = data, 8 * len(data)
        self.pos = 0

    @property
    def remaining(self) -> int:
        """Bits that are left."""
        return self._size - self.pos

    def read(self, width: int, signed: bool = False) -> int:
        """The next ``width`` bits; signed ones are in two's complement.

        Raises:
            EndOfData: there are fewer; none is taken.
        """
        pos, end = self.pos, self.pos + width
        if end > self._size:
            raise EndOfData
        first, last = pos >> 3, (end + 7) >> 3
        value = self._data[first] if last - first == 1 else int.from_bytes(self._data[first:last], "big")
        self.pos = end
        value = value >> (-end & 7) & ((1 << width) - 1)
        return value - (1 << width) if signed and value >> (width - 1) else value

    def byte(self) -> int:
        """The next 8 bits: most of what headers hold.

        Raises:
            EndOfData: as :meth:`read`.
        """
        pos = self.pos
        if pos & 7 or pos >= self._size:
            return self.read(8)
        self.pos = pos + 8
        return self._data[pos >> 3]

    def leb(self) -> int:
        """An unsigned LEB128 in its shortest form, below 2^32.

        Raises:
            EndOfData: the data end inside it.
            NotALeb: it is something else.
        """
        value = self.byte()
        if value < 128:
            return value
        value &= 127
        for shift in range(7, 35, 7):
            byte = self.byte()
            value |= (byte & 127) << shift
            if byte < 128:
                if byte == 0 or value >= LEB_LIMIT:
                    raise NotALeb("is not a shortest LEB128 below 2^32")
                return value
        raise NotALeb("is not a LEB128 below 2^32")


@cache
def number(descriptor: str) -> Callable[[BitReader], int]:
    """What reads a number: ``u<n>`` and ``i<n>`` of n bits, signed if i, or ``leb``."""
    if descriptor == "leb":
        return BitReader.leb
    width, signed = int(descriptor[1:]), descriptor[0] == "i"
    return BitReader.byte if descriptor == "u8" else lambda reader: reader.read(width, signed)
