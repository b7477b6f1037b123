"""Keeping the frames of a segment to a number of bytes: what a bit is worth follows what the chunks so far have taken."""

from __future__ import annotations

ELASTICITY = 0.45  # twice the worth of a bit takes 0.45 octaves off the bytes (three clips, 300 to 1,500 splats)
MOST = 3.0  # by which the worth of a bit changes from chunk to chunk


class Budget:
    """The bytes of one segment.

    Args:
        total: bytes of all frames together.
        frames: of the segment, as far as is known.
    """

    def __init__(self, total: float, frames: int) -> None:
        self.left, self.frames = total, frames
        self.pressure = 1.0

    def spend(self, size: float, frames: int, *, is_key: bool = False) -> None:
        """Frames have taken so many bytes; from now on ``pressure`` is the factor of what a bit must save."""
        self.left -= size
        self.frames -= frames
        if is_key or self.frames <= 0:
            return
        allowed = max(self.left / self.frames, 1e-3)
        factor = (size / frames / allowed) ** (1 / ELASTICITY)
        self.pressure *= min(max(factor, 1 / MOST), MOST)
