"""Octaves on a device (spec 8.5, 8.7): which one a splat is summed in, and how the sums of one become part of the next finer one.

All in plain torch, without atomics, so that each run gives the same bits, and without reading anything back, as captured CUDA
graphs need. Sums are float, or int16 modulo 2^16 with the bits of :func:`pgsvc.reference.joined`. torch's own interpolation is not
used: on CUDA its backward pass adds in any order.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import EllipsisType

import torch

from pgsvc.reference import OCTAVES

Grid = tuple[float, float, float, float]  # step x and y, origin x and y of the samples, in luma samples


def grid_in(grid: Grid, octave: int) -> Grid:
    """As :func:`pgsvc.reference.octave_grid`, in luma samples."""
    step_x, step_y, origin_x, origin_y = grid
    scale = 1 << octave
    between = (scale - 1) / 2
    return step_x * scale, step_y * scale, origin_x + between * step_x, origin_y + between * step_y


def octaves_of(geometry: torch.Tensor, grid: Grid) -> torch.Tensor:
    """The octave of each splat, int64 [N]; of shapes that are none, 0.

    Args:
        geometry: [N, 5], x, y, A, B, C in luma samples.
    """
    step_x, step_y, *_ = grid
    _, _, a, b, c = geometry.unbind(1)
    return _last_within((a * a + c * c) * step_x**2 + b * b * step_y**2, [0.5 * 0.25**j for j in range(1, OCTAVES)])


def integer_octaves_of(form: torch.Tensor, step_x: int, step_y: int) -> torch.Tensor:
    """As :func:`pgsvc.reference.octave_of` for each form P, K, R, int64 [N, 3]; the trace is below 2^63 (spec 8.8)."""
    p, _, r = form.unbind(1)
    return _last_within(p * step_x**2 + r * step_y**2, [1 << (47 - 2 * j) for j in range(1, OCTAVES)])


def _last_within(trace: torch.Tensor, limits: Sequence[float]) -> torch.Tensor:
    """How many of the limits, which fall, each trace does not exceed."""
    return torch.stack([trace <= limit for limit in limits]).sum(0)


def scale_of(octaves: torch.Tensor) -> torch.Tensor:
    """How many samples of octave 0 lie between two of each octave, along an axis; int64."""
    return torch.ones_like(octaves) << octaves


def counts_of(count: int, octaves: torch.Tensor) -> torch.Tensor:
    """Rows or columns of each octave, int64, where octave 0 has so many."""
    scale = scale_of(octaves)
    return (scale + (count - 1)) // scale


def in_samples(geometry: torch.Tensor, octaves: torch.Tensor, grid: Grid) -> torch.Tensor:
    """x, y, A, B, C of each splat, [N, 5], in samples of its octave: the first sample is at 0, the next at 1."""
    step_x, step_y, origin_x, origin_y = grid
    x, y, a, b, c = geometry.unbind(1)
    scale = scale_of(octaves).to(geometry.dtype)
    between = (scale - 1) / 2
    x, y = (x - origin_x - between * step_x) / (scale * step_x), (y - origin_y - between * step_y) / (scale * step_y)
    return torch.stack([x, y, a * scale * step_x, b * scale * step_y, c * scale * step_x], 1)


def enlarged(sums: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Twice as many rows and columns of sums [..., H, W], as far as these many (spec 8.7)."""
    return _doubled(_doubled(sums, -2, height), -1, width)


def _doubled(sums: torch.Tensor, axis: int, size: int) -> torch.Tensor:
    first, last = sums[_along(axis, 0, 1)], sums[_along(axis, -1, None)]
    before = torch.cat([first, sums[_along(axis, 0, -1)]], axis)
    after = torch.cat([sums[_along(axis, 1, None)], last], axis)
    both = torch.stack([_between(sums, before), _between(sums, after)], axis)
    return both.flatten(axis - 1, axis)[_along(axis, 0, size)]


def _between(own: torch.Tensor, near: torch.Tensor) -> torch.Tensor:
    """A quarter of the way from ``own`` to ``near``."""
    if own.is_floating_point():
        return torch.lerp(own, near, 0.25)
    line = (near - own).int()  # a difference of 16 bits, which has wrapped
    return own + ((line + 2) >> 2).short()


def gathered(gradient: torch.Tensor) -> torch.Tensor:
    """The adjoint of :func:`enlarged`: from the gradient by enlarged sums [..., H, W] that by the sums, which are half the size."""
    return _halved(_halved(gradient, -1), -2).contiguous()


def _halved(gradient: torch.Tensor, axis: int) -> torch.Tensor:
    even, odd = gradient[_along(axis, 0, None, 2)], gradient[_along(axis, 1, None, 2)]
    count, pairs = even.shape[axis], odd.shape[axis]
    out = 0.75 * even
    out[_along(axis, 0, pairs)] += 0.75 * odd
    out[_along(axis, 0, 1)] += 0.25 * even[_along(axis, 0, 1)]  # which has no sample before it but itself
    out[_along(axis, 0, -1)] += 0.25 * even[_along(axis, 1, None)]
    out[_along(axis, 1, None)] += 0.25 * odd[_along(axis, 0, count - 1)]
    if pairs == count:
        out[_along(axis, -1, None)] += 0.25 * odd[_along(axis, -1, None)]
    return out


def _along(axis: int, first: int, last: int | None, step: int = 1) -> tuple[EllipsisType | slice, ...]:
    """An index of a slice of the last axis, −1, or the one before, −2."""
    return (..., slice(first, last, step), *[slice(None)] * (-1 - axis))


def joined(sums: Sequence[torch.Tensor]) -> torch.Tensor:
    """The sum of all octaves, [..., H, W] of the size of octave 0, which comes first (spec 8.7)."""
    *finer, total = sums
    for own in reversed(finer):
        total = own + enlarged(total, *own.shape[-2:])  # int16 wraps
    return total
