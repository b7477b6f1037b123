"""Pictures in other sizes: the ground truth of levels with a size of their own.

Pillow's bicubic filter, widened for reduction, with the chroma planes resampled where their samples lie, so that nothing shifts
(its box and Hamming filters move edges by up to half a sample where the ratio is not a whole number).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image

from pgsvc.picture import Picture

PADDING = 2  # samples around a plane, so that a shifted window stays inside


def resized(picture: Picture, width: int, height: int) -> Picture:
    """The picture at another luma size, not larger in either direction; itself if the size is its own."""
    f = picture.format
    if (width, height) == (f.width, f.height):
        return picture
    small = replace(f, width=width, height=height)
    planes: list[np.ndarray] = []
    for old, new in zip(f.plane_groups, small.plane_groups, strict=True):
        windows = []
        for ratio, start, step, count in (
            (f.width / width, old.origin_x, old.step_x, new.width),
            (f.height / height, old.origin_y, old.step_y, new.height),
        ):
            # Sample i of the plane covers [i, i + 1]; luma position x is plane position (x − origin) / step + 1/2.
            first = (start - step / 2) / 256 * ratio  # luma position where the new plane's first sample begins
            begin = (first * 256 - start) / step + 0.5
            windows.append((begin, begin + ratio * count))
        for c in range(old.components.start, old.components.stop):
            planes.append(_resample(picture.planes[c], windows[0], windows[1], new.width, new.height, f.bit_depth))
    return Picture(small, tuple(p.astype(small.dtype) for p in planes))


def _resample(
    plane: np.ndarray, across: tuple[float, float], down: tuple[float, float], width: int, height: int, depth: int
) -> np.ndarray:
    far = [max(0, int(np.ceil(end - size))) for (_, end), size in zip((down, across), plane.shape, strict=True)]
    padded = np.pad(plane.astype(np.float32), [(PADDING, PADDING + extra) for extra in far], mode="edge")
    box = (across[0] + PADDING, down[0] + PADDING, across[1] + PADDING, down[1] + PADDING)
    out = np.asarray(Image.fromarray(padded).resize((width, height), Image.Resampling.BICUBIC, box=box))
    return np.clip(np.round(out), 0, (1 << depth) - 1)
