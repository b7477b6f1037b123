"""The kernels of the float sum, behind one interface: native C++ on the CPU, or Triton on a GPU.

All arrays are torch tensors on the kernels' device. ``grid`` is step x, step y, origin x, origin y of the samples in luma samples;
``starts`` int32 [K + 1], on the CPU, has the splats of each layer; ``geometry`` float32 [N, 5] is x, y, A, B, C in luma samples
(spec 8.3), ``colour`` float32 [N, C]. The model is that of spec 8.5 to 8.7 in float:
each splat is summed in its octave, and gradients go the same way back.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch

from pgsvc import kernel

Grid = tuple[float, float, float, float]
Gradients = tuple[torch.Tensor, torch.Tensor]  # by geometry [N, 5] and colour [N, C]


class Aim(NamedTuple):
    """What the levels, the running sums of the layers, are held against.

    Args:
        target: float32 [C, H, W], of every level.
        weight: float32 [K, C], of the levels' squared errors in what the gradient is of.
        factor: float32 [H, W], of each squared error; None: 1.
        given: float32 [K, C, H, W], sums on top of which the splats come; None: 0.
    """

    target: torch.Tensor
    weight: torch.Tensor
    factor: torch.Tensor | None = None
    given: torch.Tensor | None = None


class Kernels(Protocol):
    """What fitting asks of a device; ``device`` is where the tensors are."""

    device: torch.device

    def sums(
        self, planes: torch.Tensor, geometry: torch.Tensor, colour: torch.Tensor, starts: torch.Tensor, grid: Grid
    ) -> None:
        """Add the splats of each layer to ``planes`` float32 [K, C, H, W]."""
        ...

    def backward(
        self, gradient: torch.Tensor, geometry: torch.Tensor, colour: torch.Tensor, starts: torch.Tensor, grid: Grid
    ) -> Gradients:
        """Gradients by geometry and colour from that by the sums, [K, C, H, W]; splats behind ``starts[K]`` get 0."""
        ...

    def step(
        self, geometry: torch.Tensor, colour: torch.Tensor, starts: torch.Tensor, aim: Aim, grid: Grid
    ) -> tuple[torch.Tensor, Gradients]:
        """Squared errors of the levels, float64 [K, C], and the gradients of their weighted sum."""
        ...

    def curvature(
        self, geometry: torch.Tensor, colour: torch.Tensor, size: tuple[int, int], weight: torch.Tensor, grid: Grid
    ) -> torch.Tensor:
        """Gauss–Newton diagonal by x, y, A, B, C with components weighted by ``weight`` [C], and the sum of w²; float32 [N, 6].

        A sample of octave j counts for the 4^j samples that it stands for: close for what is smooth, as these splats are.

        Args:
            size: width and height in samples.
        """
        ...


class NativeKernels:
    """Those of codec/native, on so many threads."""

    def __init__(self, threads: int = 0) -> None:
        self.device = torch.device("cpu")
        self._native, self._how = kernel.native(), (kernel.fitting_isa(), kernel.thread_count(threads))

    def sums(
        self, planes: torch.Tensor, geometry: torch.Tensor, colour: torch.Tensor, starts: torch.Tensor, grid: Grid
    ) -> None:
        n = int(starts[-1])
        self._native.f32_sums(planes, geometry[:n], colour[:n], starts, *grid, *self._how)

    def backward(
        self, gradient: torch.Tensor, geometry: torch.Tensor, colour: torch.Tensor, starts: torch.Tensor, grid: Grid
    ) -> Gradients:
        out, n = (torch.zeros_like(geometry), torch.zeros_like(colour)), int(starts[-1])
        parts = [t[:n] for t in (geometry, colour)], [t[:n] for t in out]
        self._native.f32_backward(gradient, *parts[0], starts, *parts[1], *grid, *self._how)
        return out

    def step(
        self, geometry: torch.Tensor, colour: torch.Tensor, starts: torch.Tensor, aim: Aim, grid: Grid
    ) -> tuple[torch.Tensor, Gradients]:
        """All kernels tile by tile, so that the sums of a tile never leave the cache."""
        sse, n = torch.zeros(aim.weight.shape, dtype=torch.float64), int(starts[-1])
        out = torch.zeros_like(geometry), torch.zeros_like(colour)
        parts = [t[:n] for t in (geometry, colour)], [t[:n] for t in out]
        self._native.f32_step(*parts[0], starts, *aim, sse, *parts[1], *grid, *self._how)
        return sse, out

    def curvature(
        self, geometry: torch.Tensor, colour: torch.Tensor, size: tuple[int, int], weight: torch.Tensor, grid: Grid
    ) -> torch.Tensor:
        six = torch.zeros(len(geometry), 6)
        self._native.f32_curvature(geometry, colour, six, *size, weight, *grid, *self._how)
        return six
