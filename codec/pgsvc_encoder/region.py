"""A region of interest: from a rectangle, a mask in a file, an array or a function to one mask for each frame."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

import numpy as np

from pgsvc.errors import UsageError
from pgsvc.picture import Picture
from pgsvc_encoder.source import open_source
from pgsvc_encoder.source.base import Source

RECTANGLE = re.compile(r"(\d+),(\d+),(\d+),(\d+)")

Mask = Callable[[int], np.ndarray]


@dataclass(frozen=True)
class Region:
    """What lies inside, frame by frame. A splat stays in the object that the mask of its key frame gives it.

    Args:
        mask: number of the frame in the stream → [H, W] in luma samples of the picture, true or not 0 inside.
        name: tells one region from another when an encode goes on after an interruption.
    """

    mask: Mask
    name: str = "function"

    def at(self, frame: int, width: int, height: int) -> np.ndarray:
        """The mask of a frame, bool [height, width].

        Raises:
            UsageError: the mask has another size.
        """
        inside = np.asarray(self.mask(frame))
        if inside.shape != (height, width):
            raise UsageError(
                f"the mask of frame {frame} has the shape {inside.shape}; the picture's is {(height, width)}, rows first"
            )
        return inside.astype(bool)

    def packed(self, frame: int, width: int, height: int) -> np.ndarray:
        """The mask of a frame, a bit for each sample, row after row: uint8 [ceil(width · height / 8)]. Errors as in :meth:`at`."""
        return np.packbits(self.at(frame, width, height))

    @staticmethod
    def of_packed(masks: Mask, width: int, height: int) -> Region:
        """From a function that gives the mask of a frame as :meth:`packed` does."""
        return Region(lambda frame: np.unpackbits(masks(frame), count=width * height).reshape(height, width))

    @staticmethod
    def of(region: Region | np.ndarray | Mask) -> Region:
        """From what a caller may have: a region, one mask for all frames, or a function that gives the mask of a frame."""
        if isinstance(region, Region):
            return region
        if isinstance(region, np.ndarray):
            inside = region.astype(bool)
            return Region(lambda _: inside, hashlib.sha256(np.packbits(inside).tobytes()).hexdigest())
        return Region(region)

    @staticmethod
    def rectangle(x: int, y: int, width: int, height: int, picture: tuple[int, int]) -> Region:
        """A rectangle of a picture of this width and height; what is outside of the picture does not count.

        Raises:
            UsageError: nothing of it is in the picture.
        """
        inside = np.zeros(picture[::-1], bool)
        inside[y : y + height, x : x + width] = True
        if not inside.any():
            raise UsageError(
                f"the region {x},{y},{width},{height} has nothing of a picture of {picture[0]}x{picture[1]}"
            )
        return Region(lambda _: inside, f"{x},{y},{width},{height}")

    @staticmethod
    def from_text(text: str, source: Source, *, skip: int = 0) -> Region:
        """From ``--roi``: ``x,y,width,height`` in luma samples, or the name of a still or a clip that is bright inside.

        Args:
            source: the pictures that the mask is for.
            skip: frames that are left out of a clip, as they are of the source.

        Raises:
            UsageError: the file cannot be read, or is of another size or too short.
        """
        size = (source.format.width, source.format.height)
        numbers = RECTANGLE.fullmatch(text)
        if numbers:
            return Region.rectangle(*map(int, numbers.groups()), size)  # type: ignore[arg-type]
        return Region(_File(text, size, skip), text)


class _File:
    """Masks of a file, kept packed: a search for a rate asks for the first frames again and again."""

    def __init__(self, path: str, size: tuple[int, int], skip: int) -> None:
        self.path, self.size = path, size
        source = open_source(path)
        f = source.format
        if (f.width, f.height) != size:
            raise UsageError(f"the mask {path} is {f.width}x{f.height}; the picture is {size[0]}x{size[1]}")
        self._is_still = source.is_still
        self._pictures = islice(iter(source), 0 if source.is_still else skip, None)
        self._masks: list[np.ndarray] = []

    def __call__(self, frame: int) -> np.ndarray:
        frame = 0 if self._is_still else frame
        while len(self._masks) <= frame:
            picture = next(self._pictures, None)
            if picture is None:
                raise UsageError(f"the mask {self.path} has only {len(self._masks)} frames")
            self._masks.append(np.packbits(bright(picture)))
        width, height = self.size
        return np.unpackbits(self._masks[frame], count=width * height).reshape(height, width).astype(bool)


def bright(picture: Picture) -> np.ndarray:
    """Where luma, or the mean of R, G and B, is at least half of what it can be; bool [H, W]."""
    planes = picture.planes if picture.format.is_rgb else picture.planes[:1]
    half = 1 << (picture.format.bit_depth - 1)
    return np.mean([p.astype(np.float64) for p in planes], axis=0) >= half
