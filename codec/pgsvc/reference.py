"""The slow twin of the native kernels: scaling and summing splats as the specification writes it (spec 8.4 to 8.7).

Kept obvious and never optimised; every native kernel must give the same bits as the integer functions. The float function is
the same model in double precision, the yardstick of the training kernels.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isqrt

import numpy as np

from pgsvc.sizes import Size

QMAX = 2**26 - 2**12  # Q24: the support is the ellipse q < 4, less what second differences may be off by
RUN = 64  # samples evaluated by second differences from one start
OCTAVES = 4  # planes of each component, each with half as many rows and columns as the one before (spec 8.5)

Grid = tuple[int, int, int, int]  # step x, step y, origin x, origin y, Q8 luma samples (spec 8.4)
Sums = tuple[np.ndarray, ...]  # int16 [C, H, W] of each octave, Q13


def octave_grid(grid: Grid, octave: int) -> Grid:
    """The sampling grid of an octave of the plane group with this one: its samples lie amid 2^octave x 2^octave samples."""
    step_x, step_y, origin_x, origin_y = grid
    between = (1 << octave) - 1
    return step_x << octave, step_y << octave, origin_x + (between * step_x >> 1), origin_y + (between * step_y >> 1)


def octave_size(height: int, width: int, octave: int) -> tuple[int, int]:
    """Rows and columns of an octave."""
    return -(-height >> octave), -(-width >> octave)


def octave_of(p: int, r: int, step_x: int, step_y: int) -> int:
    """The octave that a splat of this form is summed in: the last one in which it is not too small (spec 8.5)."""
    trace = p * step_x * step_x + r * step_y * step_y  # Q48
    return max(j for j in range(OCTAVES) if j == 0 or trace << 2 * j <= 1 << 47)


def scale_splats(
    position: np.ndarray,
    factor: np.ndarray,
    colour: np.ndarray,
    old_size: Size,
    new_size: Size,
    step_x: int,
    step_y: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Splats of a picture of ``old_size`` as a plane group of a picture of ``new_size`` sees them (spec 8.4).

    Args:
        position: int32 [N, 2], centre cx, cy in Q8 (spec 8.1).
        factor: int32 [N, 3], A, B, C in Q20 (spec 8.3).
        colour: int16 [N, C], Q13.
        step_x, step_y: of the group's sampling grid, Q8 luma samples.

    Returns:
        position, form int64 [N, 3] and colour in samples of the new size. Even where both sizes are equal the form is
        not that of spec 8.3: its rounding differs.
    """
    (w, h), (w2, h2) = old_size, new_size
    vx = max(0, 2**16 * step_x**2 * (w**2 - w2**2) // (6 * w**2))
    vy = max(0, 2**16 * step_y**2 * (h**2 - h2**2) // (6 * h**2))
    positions, forms, colours = np.empty_like(position), np.empty((len(position), 3), np.int64), np.empty_like(colour)
    for n, ((cx, cy), (a, b, c), values) in enumerate(
        zip(position.tolist(), factor.tolist(), colour.tolist(), strict=True)
    ):
        positions[n] = (2 * cx * w2 + w) // (2 * w), (2 * cy * h2 + h) // (2 * h)
        a, b = 2**12 * a * w // w2, 2**12 * b * h // h2
        c = _div(2**12 * c * w, w2)
        alpha = 2**32 + (vx * a * a >> 64)
        beta = 2**32 + (vy * b * b >> 64)
        d = (alpha * beta + (vx * c * c >> 32)) >> 30
        forms[n] = (
            (a * a * beta + c * c * 2**32) // (2**30 * d) + 1,
            _div(4 * b * c, d),
            b * b * alpha // (2**30 * d) + 1,
        )
        root = isqrt(d)
        colours[n] = [(2**18 * value + root) // (2 * root) for value in values]
    return positions, forms, colours


def _div(a: int, b: int) -> int:
    """Division truncating toward zero; b positive."""
    return a // b if a >= 0 else -(-a // b)


def weight(q: np.ndarray) -> np.ndarray:
    """(1 - q/4)^2 in Q15 of q in Q24, at most QMAX + 2^11 (spec 8.5); int64 in and out."""
    s = (2**26 - 2**11 - q) >> 10
    return (s * s) >> 17


def _covering(limit: int, centre: int, origin: int, step: int, size: int) -> np.ndarray:
    """Indices of the samples within ``limit`` (Q8) of the centre along one axis."""
    first = -((limit - centre + origin) // step)  # Ceil((centre - limit - origin) / step)
    last = (centre + limit - origin) // step
    return np.arange(max(first, 0), min(last, size - 1) + 1, dtype=np.int64)


def sum_i16(
    sums: Sums,
    position: np.ndarray,
    form: np.ndarray,
    colour: np.ndarray,
    step_x: int,
    step_y: int,
    origin_x: int,
    origin_y: int,
    subtract: bool = False,
) -> None:
    """Add (or subtract) the contribution of every splat to the octave that it belongs to, modulo 2^16 (spec 8.5, 8.6).

    Args:
        sums: int16 [C, H, W] of each octave, Q13, changed in place.
        position: int32 [N, 2], centre cx, cy in Q8 luma samples (spec 8.1).
        form: int64 [N, 3], P, K, R in Q32 (spec 8.3).
        colour: int16 [N, C], Q13.
        step_x, step_y, origin_x, origin_y: the sampling grid of octave 0, Q8 luma samples (spec 8.4).
        subtract: remove the very same rounded contributions.
    """
    octaves = np.array([octave_of(p, r, step_x, step_y) for p, _, r in form.tolist()], np.int64)
    for octave, acc in enumerate(sums):
        rows = octaves == octave
        grid = octave_grid((step_x, step_y, origin_x, origin_y), octave)
        _sum_in_octave(acc, position[rows], form[rows], colour[rows], grid, subtract)


def _sum_in_octave(
    acc: np.ndarray, position: np.ndarray, form: np.ndarray, colour: np.ndarray, grid: Grid, subtract: bool
) -> None:
    step_x, step_y, origin_x, origin_y = grid
    _, height, width = acc.shape
    limit = (QMAX + 1) << 24  # value >> 24 <= QMAX if and only if value < limit
    for (cx, cy), (p, k, r), values in zip(position.tolist(), form.tolist(), colour, strict=True):
        det = p * r - k * k
        if p <= 0 or det <= 0:
            continue  # not a splat; cannot happen within the ranges of spec 8.8
        # The exact bounding box of the ellipse: within it every intermediate fits 64 bits (spec 8.8).
        i = _covering(isqrt(limit * r // det), cx, origin_x, step_x, width)
        j = _covering(isqrt(limit * p // det), cy, origin_y, step_y, height)
        if not (i.size and j.size):
            continue
        x = origin_x + i[None, :] * step_x - cx
        y = origin_y + j[:, None] * step_y - cy
        support = (p * x * x - 2 * k * x * y + r * y * y) >> 24 <= QMAX

        # The start of every run may lie far outside the ellipse: Python integers (dtype object) do not overflow.
        centre_column = (cx - origin_x) // step_x
        first_column = centre_column - RUN // 2 + RUN * ((i - (centre_column - RUN // 2)) // RUN)
        x0 = (origin_x + first_column[None, :] * step_x - cx).astype(object)
        yy = y.astype(object)
        q0 = (p * x0 * x0 - 2 * k * x0 * yy + r * yy * yy + (1 << 23)) >> 24
        d1 = (p * (2 * x0 * step_x + step_x * step_x) - 2 * k * step_x * yy + (1 << 23)) >> 24
        d2 = (2 * p * step_x * step_x + (1 << 23)) >> 24
        n = (i - first_column).astype(object)[None, :]
        q = (q0 + n * d1 + n * (n - 1) // 2 * d2) % 2**32
        q = q.astype(np.int64)
        q = np.where(q >= 2**31, q - 2**32, q)

        w = np.where(support, weight(np.where(support, q, 0)), 0)
        box = np.ix_(j, i)
        for plane, value in zip(acc, values.tolist(), strict=True):
            part = (value * w + (1 << 14)) >> 15
            total = plane[box].astype(np.int64) + (-part if subtract else part)
            plane[box] = (total & 0xFFFF).astype(np.uint16).view(np.int16)


def enlarged(sums: np.ndarray, height: int, width: int) -> np.ndarray:
    """Twice as many rows and columns of sums, int16 [C, H, W] modulo 2^16, as far as these many (spec 8.7)."""
    return _twice(_twice(sums, 1, height, _between), 2, width, _between)


def _twice(v: np.ndarray, axis: int, size: int, between: Callable[..., np.ndarray]) -> np.ndarray:
    """Two values for each one along an axis, towards either neighbour; the first and the last go on beyond the border."""
    n = v.shape[axis]
    left, right = (v.take((np.arange(n) + k).clip(0, n - 1), axis) for k in (-1, 1))
    both = np.stack([between(v, left), between(v, right)], axis + 1)
    return both.reshape(*v.shape[:axis], 2 * n, *v.shape[axis + 1 :]).take(range(size), axis)


def _between(own: np.ndarray, near: np.ndarray) -> np.ndarray:
    """A quarter of the way from ``own`` to ``near``; int16, modulo 2^16."""
    line = (near - own).astype(np.int32)  # the difference has wrapped
    return (own + ((line + 2) >> 2)).astype(np.int16)


def joined(sums: Sums) -> np.ndarray:
    """The sum of all octaves, int16 [C, H, W] of the size of octave 0 (spec 8.7)."""
    *finer, total = sums
    for acc in reversed(finer):
        total = acc + enlarged(total, *acc.shape[1:])  # wraps
    return total


def to_samples(sums: Sums, bit_depth: int, dtype: type) -> np.ndarray:
    """Join the octaves of sums, round and clip to samples of ``bit_depth`` bits (spec 8.7)."""
    samples = (joined(sums).astype(np.int32) + (1 << (12 - bit_depth))) >> (13 - bit_depth)
    return np.clip(samples, 0, (1 << bit_depth) - 1).astype(dtype)


def f32_forward(
    layers: np.ndarray,
    geometry: np.ndarray,
    colour: np.ndarray,
    starts: np.ndarray,
    step_x: float,
    step_y: float,
    origin_x: float,
    origin_y: float,
) -> None:
    """The model of spec 8.5 to 8.7 in double precision: add the splats of each layer to ``layers`` [K, C, H, W].

    ``geometry`` [N, 5] is x, y, A, B, C in luma samples; layer k has the splats starts[k] … starts[k+1]-1.
    """
    *_, height, width = layers.shape
    for layer, first, last in zip(layers, starts[:-1], starts[1:], strict=True):
        rows = geometry[first:last].astype(float), colour[first:last].astype(float)
        octaves = f32_octaves(rows[0], step_x, step_y)
        total = np.zeros((len(layer), *octave_size(height, width, OCTAVES)))
        for octave in reversed(range(OCTAVES)):
            scale = 1 << octave
            size = octave_size(height, width, octave)
            x = origin_x + step_x * ((scale - 1) / 2 + scale * np.arange(size[1])[None, :])
            y = origin_y + step_y * ((scale - 1) / 2 + scale * np.arange(size[0])[:, None])
            total = _twice(_twice(total, 1, size[0], _f32_between), 2, size[1], _f32_between)
            for g, values in zip(*(r[octaves == octave] for r in rows), strict=True):
                total += values[:, None, None] * _f32_weight(g, x, y)
        layer += total


def f32_octaves(geometry: np.ndarray, step_x: float, step_y: float) -> np.ndarray:
    """int64 [N], the octave of each splat: x, y, A, B, C in luma samples (spec 8.5)."""
    a, b, c = geometry[:, 2], geometry[:, 3], geometry[:, 4]
    trace = (a * a + c * c) * step_x**2 + b * b * step_y**2
    return sum(((trace * 4**j <= 0.5).astype(np.int64) for j in range(1, OCTAVES)), np.zeros(len(geometry), np.int64))


def _f32_weight(geometry: np.ndarray, px: np.ndarray, py: np.ndarray) -> np.ndarray:
    x, y, a, b, c = geometry
    u = a * (px - x)
    v = b * (py - y) - c * (px - x)
    return np.maximum(1 - (u * u + v * v) / 4, 0) ** 2


def _f32_between(own: np.ndarray, near: np.ndarray) -> np.ndarray:
    return (3 * own + near) / 4
