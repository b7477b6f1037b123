"""Pictures as the decoder returns them: planes of integers and what they mean (spec 8.4, 8.7)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple

import numpy as np


class Chroma(IntEnum):
    """chroma_format (spec 6.1)."""

    GREY = 0
    YUV420 = 1
    YUV422 = 2
    YUV444 = 3  # also RGB, when matrix_coefficients is 0


class PlaneGroup(NamedTuple):
    """Planes that share one sampling grid (spec 8.4).

    ``components`` is the half-open range of colour components; steps and origins are Q8 luma samples.
    """

    components: slice
    width: int
    height: int
    step_x: int
    step_y: int
    origin_x: int
    origin_y: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """Components, rows, columns."""
        return self.components.stop - self.components.start, self.height, self.width


@dataclass(frozen=True)
class PictureFormat:
    """Everything needed to interpret planes.

    Colour description follows the code points of ITU-T H.273 (2 = unspecified); ``matrix`` 0 means that the
    three planes are R, G, B. ``chroma_location``: 0 left, 1 centre.
    """

    width: int
    height: int
    chroma: Chroma = Chroma.YUV420
    bit_depth: int = 8
    full_range: bool = False
    primaries: int = 2
    transfer: int = 2
    matrix: int = 2
    chroma_location: int = 0
    frame_rate: Fraction = Fraction(25)

    @property
    def is_rgb(self) -> bool:
        return self.chroma == Chroma.YUV444 and self.matrix == 0

    @property
    def components(self) -> int:
        return 1 if self.chroma == Chroma.GREY else 3

    @property
    def dtype(self) -> type:
        return np.uint8 if self.bit_depth == 8 else np.uint16

    @cached_property
    def plane_groups(self) -> tuple[PlaneGroup, ...]:
        """The plane groups of spec 8.4, luma first."""
        w, h = self.width, self.height
        if self.chroma == Chroma.GREY:
            return (PlaneGroup(slice(0, 1), w, h, 256, 256, 128, 128),)
        if self.chroma == Chroma.YUV444:
            return (PlaneGroup(slice(0, 3), w, h, 256, 256, 128, 128),)
        origin_x = 128 if self.chroma_location == 0 else 256
        luma = PlaneGroup(slice(0, 1), w, h, 256, 256, 128, 128)
        if self.chroma == Chroma.YUV420:
            chroma = PlaneGroup(slice(1, 3), (w + 1) // 2, (h + 1) // 2, 512, 512, origin_x, 256)
        else:
            chroma = PlaneGroup(slice(1, 3), (w + 1) // 2, h, 512, 256, origin_x, 128)
        return (luma, chroma)

    @cached_property
    def plane_shapes(self) -> tuple[tuple[int, int], ...]:
        """(height, width) of each plane."""
        return tuple(
            (g.height, g.width) for g in self.plane_groups for _ in range(g.components.start, g.components.stop)
        )


@dataclass(frozen=True)
class Picture:
    """One decoded or source picture.

    ``planes``: one [H, W] array per component, uint8 for 8 bit, uint16 above, in the order Y, Cb, Cr or R, G, B.
    """

    format: PictureFormat
    planes: tuple[np.ndarray, ...]

    def __post_init__(self) -> None:
        shapes, dtype = tuple([p.shape for p in self.planes]), np.dtype(self.format.dtype)
        if shapes != self.format.plane_shapes or any([p.dtype != dtype for p in self.planes]):
            raise ValueError(f"planes {shapes} do not fit {self.format}")

    def tobytes(self) -> bytes:
        """Raw planar bytes, little-endian above 8 bit: what hashes and .yuv files are made of (spec 6.6)."""
        return b"".join(
            np.ascontiguousarray(p.astype(p.dtype.newbyteorder("<"), copy=False)).tobytes() for p in self.planes
        )
