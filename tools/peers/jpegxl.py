"""JPEG XL by libjxl, one stream per distance. Its progressive modes are not reachable from imagecodecs, so none is measured."""

from __future__ import annotations

from collections.abc import Iterator

import imagecodecs
import numpy as np

from peers import Point, StillPeer

DISTANCES = (25.0, 15.0, 10.0, 6.5, 4.0, 2.5, 1.5, 1.0)
EFFORT = 7


def encode(picture: np.ndarray, distance: float) -> bytes:
    """A bare codestream."""
    options = {"effort": EFFORT, "usecontainer": False, "numthreads": 1}
    return bytes(imagecodecs.jpegxl_encode(picture, distance=distance, lossless=False, **options))


def decode(stream: bytes) -> np.ndarray:
    """[H, W, 3] uint8."""
    return np.asarray(imagecodecs.jpegxl_decode(stream, numthreads=1))


def _single(picture: np.ndarray) -> Iterator[Point]:
    for distance in DISTANCES:
        stream = encode(picture, distance)
        yield Point(f"distance {distance:g}", 0, 1, len(stream), decode(stream))


def single() -> StillPeer:
    """One stream per distance."""
    settings = {"effort": EFFORT, "distance": list(DISTANCES), "bytes": "bare codestream", "tuned for": "butteraugli"}
    return StillPeer("JPEG XL", imagecodecs.jpegxl_version(), _single, settings)
