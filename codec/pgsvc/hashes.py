"""Hashes of pictures, chained over frames (spec 6.6)."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from pgsvc.errors import HashMismatch

if TYPE_CHECKING:
    from pgsvc.decode import DecodedFrame
    from pgsvc.segment import Segment


class HashCheck:
    """Chains the CRC-32 of consecutive frames and compares it where a hash chunk ends.

    Args:
        comparable: for each level, whether its own size is the one decoded.
    """

    def __init__(self, segment: Segment, comparable: list[bool]) -> None:
        self.segment, self._comparable = segment, comparable
        self._open: tuple[int, int, int, int] | None = None  # level, frames left, CRC so far, CRC expected

    def __call__(self, frame: int, decoded: DecodedFrame) -> None:
        """Take the frame with this number in the segment.

        Raises:
            HashMismatch: it is the last of a hash that is another.
        """
        comparable = not decoded.partial and self._comparable[decoded.level]
        known = self.segment.hashes.get((decoded.level, frame)) if comparable else None
        if known is not None:
            self._open = (decoded.level, known[0], 0, known[1])
        if self._open is None:
            return
        level, left, crc, expected = self._open
        if decoded.partial or decoded.level != level:  # a frame of this run is not complete: nothing to compare
            self._open = None
            return
        crc = zlib.crc32(decoded.picture.tobytes(), crc)
        self._open = (level, left - 1, crc, expected) if left > 1 else None
        if left == 1 and crc != expected:
            raise HashMismatch(f"frame {decoded.index} at level {decoded.level} does not have the hash in the stream")
