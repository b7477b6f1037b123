"""Reading of bit fields (spec 2.3), most significant bit first."""

from __future__ import annotations


class EndOfData(Exception):
    """The data end inside a field."""


class BitReader:
    """Reads one number after the other.

    Attributes:
        pos: bits read so far.
    """

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
        end = self.pos + width
        if end > self._size:
            raise EndOfData
        if width == 8 and not (end & 7 or signed):  # most of what headers hold
            self.pos = end
            return self._data[(end >> 3) - 1]
        value = int.from_bytes(self._data[self.pos >> 3 : (end + 7) >> 3], "big") >> (-end & 7)
        self.pos = end
        value &= (1 << width) - 1
        return value - (1 << width) if signed and value >> (width - 1) else value
