"""The normative integer sum of splats on a GPU: the bits of the decoder's own kernels (spec 8.5, 8.6).

It lives here and not in the decoder, which stays free of torch. Encoding does not need it: what a decoder sees is taken from the
decoder itself. It is for players and tools that keep pictures on the GPU.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from pgsvc.reference import QMAX, RUN
from pgsvc_encoder.device import kernels_i16
from pgsvc_encoder.device.launch import launch
from pgsvc_encoder.device.lists import TILE, TileLists, tile_lists
from pgsvc_encoder.device.rooms import Rooms

IntegerGrid = tuple[int, int, int, int]


class IntegerSum:
    """Adds splats to accumulators on one device; keeps what it learned about the room for lists."""

    def __init__(self, device: torch.device) -> None:
        self.device, self.rooms = device, Rooms()

    def __call__(
        self,
        acc: torch.Tensor,
        position: torch.Tensor,
        form: torch.Tensor,
        colour: torch.Tensor,
        grid: IntegerGrid,
        *,
        subtract: bool = False,
    ) -> None:
        """Add (or subtract) the splats to ``acc`` int16 [C, H, W], Q13, modulo 2^16.

        Args:
            position: int32 [N, 2], Q8 luma samples; form: int64 [N, 3], P, K, R in Q32, within the ranges of spec 8.8;
                colour: int16 [N, C], Q13. All on the device, as ``acc``.
            grid: step x and y, origin x and y, Q8 luma samples (spec 8.4).
        """
        components, height, width = acc.shape
        step_x, _, origin_x, _ = grid
        if not len(position):
            return
        lists = self._lists(position, form, width, height, grid)
        anchor = torch.div(position[:, 0].long() - origin_x, step_x, rounding_mode="floor") - RUN // 2
        launch(
            kernels_i16.sum_i16,
            (lists.columns * lists.rows,),
            acc,
            position,
            form,
            reach(form),
            anchor,
            colour,
            lists.order,
            lists.first,
            lists.columns,
            width,
            height,
            width * height,
            *grid,
            SUBTRACT=subtract,
            C=components,
            TILE=TILE,
            num_warps=4,
        )

    def _lists(
        self, position: torch.Tensor, form: torch.Tensor, width: int, height: int, grid: IntegerGrid
    ) -> TileLists:
        borders = torch.tensor([0, len(position)], dtype=torch.int32, device=self.device)
        step_x, step_y, origin_x, origin_y = (value / 256 for value in grid)
        geometry = geometry_of(position, form)

        def make(room) -> tuple[TileLists, torch.Tensor]:
            lists = tile_lists(geometry, borders, width, height, (step_x, step_y, origin_x, origin_y), room)
            return lists, lists.needed

        n = len(position)
        return self.rooms.fit((n, width, height), (3 * n + 16, 8 * n + 64), make)


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
        acc: np.ndarray,
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
        there, at, shape, values = (torch.tensor(a).to(whole.device) for a in (acc, position, form, colour))
        whole(there, at, shape, values, (step_x, step_y, origin_x, origin_y), subtract=subtract)
        acc[...] = there.cpu().numpy()

    return sum_i16
