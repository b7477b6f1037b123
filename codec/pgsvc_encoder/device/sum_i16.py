"""The normative integer sum of splats on a GPU: the bits of the decoder's own kernels (spec 8.5 to 8.7).

It lives here and not in the decoder, which stays free of torch. Encoding does not need it: what a decoder sees is taken from the
decoder itself. It is for players and tools that keep pictures on the GPU; they join octaves by ``octaves.joined``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from pgsvc.reference import QMAX, RUN, octave_grid
from pgsvc_encoder.device import kernels_i16
from pgsvc_encoder.device.launch import launch
from pgsvc_encoder.device.lists import TILE, TileLists, tile_lists
from pgsvc_encoder.device.octaves import in_samples, integer_octaves_of, scale_of
from pgsvc_encoder.device.rooms import Rooms

IntegerGrid = tuple[int, int, int, int]


class IntegerSum:
    """Adds splats to accumulators on one device; keeps what it learned about the room for lists."""

    def __init__(self, device: torch.device) -> None:
        self.device, self.rooms = device, Rooms()

    def __call__(
        self,
        sums: Sequence[torch.Tensor],
        position: torch.Tensor,
        form: torch.Tensor,
        colour: torch.Tensor,
        grid: IntegerGrid,
        *,
        subtract: bool = False,
    ) -> None:
        """Add (or subtract) each splat to the octave that it belongs to, modulo 2^16.

        Args:
            sums: int16 [C, H, W] of each octave, Q13, contiguous.
            position: int32 [N, 2], Q8 luma samples; form: int64 [N, 3], P, K, R in Q32, within the ranges of spec 8.8;
                colour: int16 [N, C], Q13. All on the device, as ``sums``.
            grid: step x and y, origin x and y of octave 0, Q8 luma samples (spec 8.4).
        """
        if not len(position):
            return
        _, height, width = sums[0].shape
        octaves, ends = integer_octaves_of(form, *grid[:2]), reach(form)
        lists = self._lists(position, form, octaves, (width, height), grid)
        step_x, _, origin_x, _ = grid
        scale = scale_of(octaves)
        first = origin_x + ((scale - 1) * step_x >> 1)  # column of each splat's octave
        anchor = torch.div(position[:, 0].long() - first, scale * step_x, rounding_mode="floor") - RUN // 2
        for octave, acc in enumerate(sums):
            components, height, width = acc.shape
            launch(
                kernels_i16.sum_i16,
                (lists.columns[octave] * lists.rows[octave],),
                acc,
                position,
                form,
                ends,
                anchor,
                colour,
                lists.order,
                lists.first[octave],
                lists.columns[octave],
                width,
                height,
                width * height,
                *octave_grid(grid, octave),
                SUBTRACT=subtract,
                C=components,
                TILE=TILE,
                num_warps=4,
            )

    def _lists(
        self,
        position: torch.Tensor,
        form: torch.Tensor,
        octaves: torch.Tensor,
        size: tuple[int, int],
        grid: IntegerGrid,
    ) -> TileLists:
        borders = torch.tensor([0, len(position)], dtype=torch.int32, device=self.device)
        step_x, step_y, origin_x, origin_y = (value / 256 for value in grid)
        splats = in_samples(geometry_of(position, form), octaves, (step_x, step_y, origin_x, origin_y))

        def make(room) -> tuple[TileLists, torch.Tensor]:
            lists = tile_lists(splats, octaves, borders, size, room)
            return lists, lists.needed

        n = len(position)
        return self.rooms.fit((n, *size), (3 * n + 16, 8 * n + 64), make)


def determinant(form: torch.Tensor) -> torch.Tensor:
    """P R − K² in double, [N]. P R is less than 275 times as large (spec 8.8), so it is good to 2^−43 of itself."""
    p, k, r = form.double().unbind(1)
    return p * r - k * k


def geometry_of(position: torch.Tensor, form: torch.Tensor) -> torch.Tensor:
    """x, y, A, B, C in luma samples of integer splats, float64 [N, 5]: P = A² + C², K = B C, R = B² (spec 8.3), Q32 and Q8."""
    _, k, r = form.double().unbind(1)
    scale, root = 2.0**-16, r.sqrt()
    shape = torch.stack([scale * (determinant(form) / r).sqrt(), scale * root, scale * k / root], 1)
    return torch.cat([position.double() / 256, shape], 1)


def reach(form: torch.Tensor) -> torch.Tensor:
    """Half width and height in Q8 of a box that holds the support, int64 [N, 2].

    At most 1 + 2^−20 of that of the ellipse plus 1. In that box the form is below 2^62, as spec 8.8 finds for the ellipse's own.
    """
    p, _, r = form.double().unbind(1)
    limit = float((QMAX + 1) << 24)
    ends = torch.sqrt(limit * torch.stack([r, p], 1) / determinant(form)[:, None])
    return (ends * (1 + 2.0**-20)).ceil().long()


def in_place_of_kernel(whole: IntegerSum) -> Callable[..., None]:
    """A function with the arguments of :func:`pgsvc.kernel.sum_i16` that sums on the device, to hold a whole decoder against it."""

    def sum_i16(
        sums: tuple[np.ndarray, ...],
        position: np.ndarray,
        form: np.ndarray,
        colour: np.ndarray,
        step_x: int,
        step_y: int,
        origin_x: int,
        origin_y: int,
        subtract: bool = False,
        **_: object,
    ) -> None:
        there = [torch.tensor(acc).to(whole.device) for acc in sums]
        at, shape, values = (torch.tensor(a).to(whole.device) for a in (position, form, colour))
        whole(there, at, shape, values, (step_x, step_y, origin_x, origin_y), subtract=subtract)
        for acc, got in zip(sums, there, strict=True):
            acc[...] = got.cpu().numpy()

    return sum_i16
