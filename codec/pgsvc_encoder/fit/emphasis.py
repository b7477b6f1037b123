"""A region of one picture in which errors count more than elsewhere."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass

import torch
import torch.nn.functional as F


@dataclass(frozen=True)
class Emphasis:
    """Where and how much.

    Args:
        inside: bool [H, W], samples of the reference size.
        weight: of a squared error inside; outside it is 1.
    """

    inside: torch.Tensor
    weight: float

    @staticmethod
    def of(inside: torch.Tensor, gain: float) -> Emphasis:
        """The weight that makes the inside about ``gain`` dB better than the outside.

        The best share of splats for both makes the weighted fall of the error per splat equal. The error falls about like the
        number of splats to the power −0.85, so twice the decibels are needed to get them (foreman: 6 dB give 5, 3 give 2.8).
        """
        return Emphasis(inside, 10 ** (2 * gain / 10))

    def weights(self, width: int, height: int) -> torch.Tensor:
        """Weight of each sample of a plane of any size, float32 [height, width]: that of the part of it that lies inside."""
        share = F.interpolate(self.inside[None, None].float(), (height, width), mode="area")[0, 0]
        return 1 + (self.weight - 1) * share

    def contains(self, position: torch.Tensor) -> torch.Tensor:
        """Whether positions [N, 2], in luma samples of the reference size, lie inside; bool [N]."""
        height, width = self.inside.shape
        x, y = position.floor().long().T
        return self.inside[y.clamp(0, height - 1), x.clamp(0, width - 1)]


class WeightMap:
    """The weights of one sampling grid, float32 [H, W], and their means over boxes of any size."""

    def __init__(self, weights: torch.Tensor) -> None:
        self.weights = weights
        table = torch.zeros(weights.shape[0] + 1, weights.shape[1] + 1, dtype=torch.float64)
        table[1:, 1:] = weights.double().cumsum(0).cumsum(1)
        self._table = table

    def to(self, device: torch.device) -> WeightMap:
        """The same on a device."""
        out = copy(self)
        out.weights, out._table = self.weights.to(device), self._table.to(device)
        return out

    def under(self, geometry: torch.Tensor, grid: tuple[float, float, float, float]) -> torch.Tensor:
        """Mean weight under the squares of splats, float32 [N]: over boxes of the same variance along each axis.

        Args:
            geometry: float32 [N, 5], x, y, A, B, C in luma samples of the picture.
            grid: steps and origins of the samples, likewise.
        """
        step_x, step_y, origin_x, origin_y = grid
        x, y, a, b, c = geometry.double().T
        x0, x1 = _range(x, 1 / a, step_x, origin_x, self.weights.shape[1])
        y0, y1 = _range(y, ((c / (a * b)) ** 2 + 1 / b**2).sqrt(), step_y, origin_y, self.weights.shape[0])
        t = self._table
        total = t[y1, x1] - t[y0, x1] - t[y1, x0] + t[y0, x0]
        return (total / ((x1 - x0) * (y1 - y0))).float()


def _range(
    centre: torch.Tensor, scale: torch.Tensor, step: float, origin: float, size: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """First sample and the one after the last of boxes about centres, int64 [N], at least one sample each.

    (1 − q/4)⁴, the square of a weight, has a third of its scale's square as its variance, a box a third of its half side's.
    """
    first = ((centre - scale - origin) / step + 0.5).clamp(0, size - 1).floor().long()
    last = ((centre + scale - origin) / step + 0.5).clamp(0, size).ceil().long()
    return first, torch.maximum(last, first + 1)
