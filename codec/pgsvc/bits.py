"""Reading of bytes (spec 2.3)."""

from __future__ import annotations

LEB_LIMIT = 1 << 32


class NotALeb(Exception):
    """A number is not coded as LEB128 must be; the text says how."""


class BitReader:
    """Where the reading of some bytes has come to.

    Attributes:
        data: the bytes.
        pos: bits read so far.
    """

    __slots__ = ("data", "pos")

    def __init__(self, data: bytes) -> None:
        self.data, self.pos = data, 0

    @property
    def remaining(self) -> int:
        """Bits that are left."""
        return 8 * len(self.data) - self.pos


def long_leb(data: bytes | bytearray, at: int) -> tuple[int, int]:
    """An unsigned LEB128 of several bytes in its shortest form, below 2^32, and the byte behind it.

    Raises:
        IndexError: the data end inside it.
        NotALeb: it is something else.
    """
    value = 0
    for shift in range(0, 35, 7):
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            if (byte == 0 and shift) or value >= LEB_LIMIT:
                raise NotALeb("is not a shortest LEB128 below 2^32")
            return value, at
    raise NotALeb("is not a LEB128 below 2^32")
