"""What every picture source has in common: the choice of frames, iteration, and planes made from bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from types import TracebackType

import numpy as np

from pgsvc.errors import UsageError
from pgsvc.picture import Picture, PictureFormat

_KNOWN_RATES = {
    "23.976": Fraction(24000, 1001),
    "23.98": Fraction(24000, 1001),
    "29.97": Fraction(30000, 1001),
    "59.94": Fraction(60000, 1001),
    "119.88": Fraction(120000, 1001),
}


@dataclass(frozen=True)
class Selection:
    """Which frames of a source are wanted: drop ``skip``, then take ``frames`` (None: all that follow).

    Raises:
        UsageError: a negative skip, or frames below 1.
    """

    skip: int = 0
    frames: int | None = None

    def __post_init__(self) -> None:
        if self.skip < 0:
            raise UsageError(f"--skip {self.skip} is negative; give 0 or more")
        if self.frames is not None and self.frames < 1:
            raise UsageError(f"--frames {self.frames} leaves nothing to encode; give 1 or more")

    def count(self, total: int | None, name: str) -> int | None:
        """How many frames are left of ``total`` (None if unknown).

        Raises:
            UsageError: all of them are skipped.
        """
        if total is None:
            return None
        if self.skip >= total:
            raise self.beyond_end(total, name)
        left = total - self.skip
        return left if self.frames is None else min(left, self.frames)

    def beyond_end(self, total: int, name: str) -> UsageError:
        frames = "1 frame" if total == 1 else f"{total} frames"
        return UsageError(f"{name} has {frames}, so --skip {self.skip} leaves none; lower --skip")


class Source:
    """Pictures of one format, in order; iterable and a context manager.

    Iterating again starts again, except for standard input, where a second time raises UsageError.
    Sub-classes fill in `_all_pictures`.

    Attributes:
        format: the format of every picture.
        frame_count: pictures an iteration gives, or None where only reading to the end would tell.
        is_still: a picture, not a video of one frame.
        has_frame_rate: whether the source or an option tells the frame rate; else that of ``format`` is a guess.
        restarts: whether it can be iterated again.
        name: the file name, or ``standard input``.
    """

    is_still = False
    has_frame_rate = True
    restarts = True

    def __init__(self, name: str, format: PictureFormat, total: int | None, selection: Selection) -> None:
        self.name = name
        self.format = format
        self.selection = selection
        self.frame_count = selection.count(total, name)

    def __iter__(self) -> Iterator[Picture]:
        skip, frames = self.selection.skip, self.selection.frames
        given = 0
        for picture in islice(self._all_pictures(skip), frames):
            given += 1
            yield picture
        if given == 0 and self.frame_count is None:
            raise UsageError(f"{self.name} ends before frame {skip + 1}; lower --skip")

    def _all_pictures(self, skip: int) -> Iterator[Picture]:
        """Pictures from number ``skip`` (0 is the first) to the end."""
        raise NotImplementedError

    def close(self) -> None:
        """Lets go of files. Nothing is open between iterations, so most sources have nothing to do."""

    def __enter__(self) -> Source:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def parse_rate(text: str | float | Fraction, flag: str = "--fps") -> Fraction:
    """A frame rate from ``30``, ``29.97`` (meaning 30000/1001), ``30000/1001`` or ``30000:1001``.

    Raises:
        UsageError: not a positive number.
    """
    word = str(text)
    try:
        rate = _KNOWN_RATES.get(word) or Fraction(word.replace(":", "/")).limit_denominator(100000)
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if not 0 < rate <= 100000:
        raise UsageError(f"'{word}' is not a frame rate; give one such as {flag} 30 or {flag} 30000/1001")
    return rate


def check_depth(depth: int, name: str) -> None:
    """Raises UsageError unless ``depth`` is one that the codec takes."""
    if depth not in (8, 10):
        raise UsageError(f"{name} has {depth}-bit samples, and only 8 and 10 bit can be encoded; convert it first")


def frame_bytes(format: PictureFormat) -> int:
    """Bytes of one picture stored as raw planes."""
    return sum(h * w for h, w in format.plane_shapes) * np.dtype(format.dtype).itemsize


def picture_from_bytes(format: PictureFormat, data: bytes, name: str) -> Picture:
    """A picture from raw planes as `Picture.tobytes` makes them; planes are read-only views of ``data``.

    Raises:
        UsageError: a sample is larger than the bit depth allows.
    """
    dtype = np.dtype(format.dtype).newbyteorder("<")
    planes, offset = [], 0
    for shape in format.plane_shapes:
        plane = np.frombuffer(data, dtype, shape[0] * shape[1], offset).reshape(shape).astype(format.dtype, copy=False)
        if format.bit_depth > 8 and plane.max() >> format.bit_depth:
            raise UsageError(
                f"{name} has samples above {format.bit_depth} bit ({plane.max()}): it is big-endian, of another depth "
                "or of another size; say which with --pix-fmt, --depth or --size"
            )
        planes.append(plane)
        offset += plane.nbytes
    return Picture(format, tuple(planes))
