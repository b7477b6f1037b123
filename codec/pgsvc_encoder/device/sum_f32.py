"""The float sum of splats as a differentiable torch function, by the kernels of any device."""

from __future__ import annotations

from typing import Any

import torch

from pgsvc_encoder.device.kernels import Grid, Kernels


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        geometry: torch.Tensor,
        colour: torch.Tensor,
        starts: torch.Tensor,
        size: tuple[int, int],
        grid: Grid,
        kernels: Kernels,
    ) -> torch.Tensor:
        ctx.save_for_backward(geometry, colour)
        ctx.rest = starts, grid, kernels
        width, height = size
        sums = torch.zeros(len(starts) - 1, colour.shape[1], height, width, device=kernels.device)
        kernels.sums(sums, geometry, colour, starts, grid)
        return sums

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        starts, grid, kernels = ctx.rest
        by_geometry, by_colour = kernels.backward(gradients[0].contiguous(), *ctx.saved_tensors, starts, grid)
        return by_geometry, by_colour, None, None, None, None


def sum_f32(
    geometry: torch.Tensor,
    colour: torch.Tensor,
    starts: torch.Tensor,
    size: tuple[int, int],
    grid: Grid,
    kernels: Kernels,
) -> torch.Tensor:
    """Sums of the layers, float32 [K, C, H, W], with gradients by geometry and colour.

    Args:
        size: width and height in samples; the others as in :mod:`pgsvc_encoder.device.kernels`.
    """
    return _Sum.apply(geometry, colour, starts, size, grid, kernels)  # type: ignore[return-value]
