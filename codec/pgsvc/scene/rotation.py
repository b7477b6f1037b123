"""Orientations of ellipsoids (spec 10.6): about where the smallest axis points, how the largest lies about that, and its lift.

An ellipsoid is the same after half a turn about any of its axes, and its axes have no names but their lengths. So the axes are
sorted, the smallest points into one half of space, and the largest has half a turn: 24 quaternions for one orientation.
A turn about the largest axis changes a long ellipsoid less than one about the middle axis. So the smallest axis is said only as
finely as the former matters, and then the largest leaves the plane across it by an angle, the lift, and takes the smallest along.
"""

from __future__ import annotations

import numpy as np

ONE = 1 << 14  # of directions and of table COSINE
COSINE = np.round(ONE * np.cos(np.pi * np.arange(513) / 512)).astype(np.int64)  # over half a turn
# Round(8 · log2(2^f − 2^−f)) in the middle of each quarter of an octave f; from four octaves on 8 · f. f is half of the octaves
# between two axes: what is thin is seen from its edge in few views, and an error of its angle hardly in others.
ANISOTROPY = np.round(8 * np.log2(2 ** (x := (np.arange(16) + 0.5) / 4) - 2**-x)).astype(np.int64)
MOST_BITS = 12


def anisotropy(difference: np.ndarray) -> np.ndarray:
    """Eighths of a bit by which a difference of scales, Q12 octaves, makes the angle between the axes matter; int64 [N]."""
    quarters = np.maximum(difference, 0).astype(np.int64) >> 11
    return np.where(quarters < len(ANISOTROPY), ANISOTROPY[np.minimum(quarters, len(ANISOTROPY) - 1)], 2 * quarters)


def angle_bits(precision: int, difference: np.ndarray) -> np.ndarray:
    """Bits of an angle between axes whose scales differ so much, 0 … 12; int64 [N]."""
    return np.clip((precision + anisotropy(difference)) >> 3, 0, MOST_BITS)


def directions(square: np.ndarray) -> np.ndarray:
    """Unit vectors, z ≥ 0, of places (u, v) in Q15 on the square; Q14, int64 [N, 3]."""
    u, v = square[:, 0].astype(np.int64), square[:, 1].astype(np.int64)
    x, y = (u + v) >> 1, (u - v) >> 1
    z = np.maximum((1 << 15) - np.abs(x) - np.abs(y), 0)
    length = _root(x * x + y * y + z * z)
    return np.stack([(x << 14) // length, (y << 14) // length, (z << 14) // length], 1)


def place_of(direction: np.ndarray) -> np.ndarray:
    """Place on the square, −1 … 1, of directions with z ≥ 0; float64 [N, 2]. The inverse of :func:`directions`."""
    p = direction[:, :2] / np.abs(direction).sum(1, keepdims=True)
    return np.stack([p[:, 0] + p[:, 1], p[:, 0] - p[:, 1]], 1)


def axes(rotation: np.ndarray) -> np.ndarray:
    """Directions of the axes, largest first, of rotations [N, 4] of the state; Q14, int64 [N, 3 (axis), 3 (x, y, z)]."""
    n = directions(rotation[:, :2])
    first, second = _tangents(n)
    half_turns = rotation[:, 2].astype(np.int64) >> 7
    c, s = COSINE[half_turns], COSINE[np.abs(256 - half_turns)]
    flat = (c[:, None] * first + s[:, None] * second) >> 14
    middle = (c[:, None] * second - s[:, None] * first) >> 14
    lift = rotation[:, 3].astype(np.int64) >> 7
    up, s = COSINE[np.abs(lift)], np.sign(lift) * COSINE[256 - np.abs(lift)]
    largest = (up[:, None] * flat + s[:, None] * n) >> 14
    smallest = (up[:, None] * n - s[:, None] * flat) >> 14
    return np.stack([largest, middle, smallest], 1)


def _tangents(n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two directions across n, Q14 [N, 3] with z ≥ 0, that make a right-handed frame with it (Duff et al. 2017)."""
    x, y, z = n.T
    below = ONE + z
    xx, xy, yy = (x * x) // below, (x * y) // below, (y * y) // below
    return np.stack([ONE - xx, -xy, -x], 1), np.stack([-xy, ONE - yy, -y], 1)


def axes_of(rotation: np.ndarray) -> np.ndarray:
    """As :func:`axes`, in floats and to full precision; float64 [N, 3, 3]."""
    n = float_directions(rotation[:, :2])
    first, second = float_tangents(n)
    angle, lift = rotation[:, 2:3] * (np.pi / 65536), rotation[:, 3:] * (np.pi / 65536)
    c, s = np.cos(angle), np.sin(angle)
    flat, middle = c * first + s * second, c * second - s * first
    c, s = np.cos(lift), np.sin(lift)
    return np.stack([c * flat + s * n, middle, c * n - s * flat], 1)


def float_directions(square: np.ndarray) -> np.ndarray:
    """Unit vectors of places (u, v) in Q15 on the square, to full precision; float64 [N, 3]."""
    u, v = (square[:, i] / 32768.0 for i in (0, 1))
    p = np.stack([(u + v) / 2, (u - v) / 2], 1)
    n = np.concatenate([p, 1 - np.abs(p).sum(1, keepdims=True)], 1)
    return n / np.linalg.norm(n, axis=1, keepdims=True)


def float_tangents(n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two directions of spec 10.6 across n, float64 [N, 3] with z ≥ 0."""
    x, y, z = n.T
    a = 1 / (1 + z)
    return np.stack([1 - x * x * a, -x * y * a, -x], 1), np.stack([-x * y * a, 1 - y * y * a, -y], 1)


def quaternions(axes: np.ndarray) -> np.ndarray:
    """Unit quaternions w, x, y, z of right-handed frames; float64 [N, 4].

    Args:
        axes: float64 [N, 3 (axis), 3 (x, y, z)]; axis k is column k of the rotation matrix.
    """
    m = axes.transpose(0, 2, 1)
    diagonal = np.stack([m[:, i, i] for i in range(3)], 1)
    squares = np.stack(
        [1 + diagonal.sum(1), *(1 + 2 * diagonal[:, i] - diagonal.sum(1) for i in range(3))], 1
    )  # 4 w², 4 x², 4 y², 4 z²
    big = squares.argmax(1)
    q = np.empty((len(m), 4))
    sums = {(1, 2): m[:, 1, 0] + m[:, 0, 1], (1, 3): m[:, 0, 2] + m[:, 2, 0], (2, 3): m[:, 2, 1] + m[:, 1, 2]}
    sums |= {(0, 1): m[:, 2, 1] - m[:, 1, 2], (0, 2): m[:, 0, 2] - m[:, 2, 0], (0, 3): m[:, 1, 0] - m[:, 0, 1]}
    for k in range(4):
        which = big == k
        for i in range(4):
            product = squares[:, k] if i == k else sums[min(i, k), max(i, k)]
            q[which, i] = product[which]
    return q / np.linalg.norm(q, axis=1, keepdims=True)


def _root(values: np.ndarray) -> np.ndarray:
    """Floor of the square root of numbers below 2^52, where float64 cannot round up to the next square."""
    return np.sqrt(values.astype(np.float64)).astype(np.int64)
