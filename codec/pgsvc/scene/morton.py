"""Codes that order cells of a cube along a curve: bits of x, y and z in turn (spec 10.3)."""

from __future__ import annotations

import numpy as np

AXES = 3
SIDE_BITS = 20  # of a cube whose cells have codes


def morton3(cells: np.ndarray) -> np.ndarray:
    """Codes of cells [N, 3] with coordinates below 2^20; int64 [N], x in bit 0."""
    return _spread(cells[:, 0]) | _spread(cells[:, 1]) << 1 | _spread(cells[:, 2]) << 2


def from_morton3(codes: np.ndarray) -> np.ndarray:
    """The inverse of :func:`morton3`; int64 [N, 3]."""
    return np.stack([_gather(codes), _gather(codes >> 1), _gather(codes >> 2)], 1)


_STEPS = (
    (32, 0x1F00000000FFFF),
    (16, 0x1F0000FF0000FF),
    (8, 0x100F00F00F00F00F),
    (4, 0x10C30C30C30C30C3),
    (2, 0x1249249249249249),
)


def _spread(values: np.ndarray) -> np.ndarray:
    """Put two zero bits between the bits of numbers below 2^21."""
    x = np.asarray(values, np.int64)
    for shift, mask in _STEPS:
        x = (x | x << shift) & mask
    return x


def _gather(codes: np.ndarray) -> np.ndarray:
    """Every third bit."""
    x = np.asarray(codes, np.int64) & _STEPS[-1][1]
    for (shift, _), (_, mask) in zip(reversed(_STEPS), [*reversed(_STEPS[:-1]), (0, 0x1FFFFF)], strict=True):
        x = (x | x >> shift) & mask
    return x
