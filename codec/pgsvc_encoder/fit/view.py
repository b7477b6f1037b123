"""What the levels of one size look like: their targets, their sums, their errors and the way back to the splats.

The kernels are those of ``pgsvc_encoder.device``; this module prepares their buffers. Targets, sums and their gradients stay on the
kernels' device; splats may be there or elsewhere, and their gradients are given back where the splats are.
"""

from __future__ import annotations

import functools
from copy import copy
from dataclasses import dataclass, replace

import numpy as np
import torch

from pgsvc.picture import Picture, PictureFormat, PlaneGroup
from pgsvc_encoder.device.kernels import Aim, Kernels
from pgsvc_encoder.fit.emphasis import Emphasis, WeightMap
from pgsvc_encoder.fit.scaling import scaled
from pgsvc_encoder.fit.splats import Splats

# Share of luma in the squared error of Y'CbCr pictures, the rest is for Cb and Cr: the 6:1:1 of video coding practice.
LUMA_SHARE = 6 / 8


def component_weights(picture_format: PictureFormat) -> list[float]:
    """Share of each component in the error."""
    if picture_format.components == 1:
        return [1.0]
    if picture_format.is_rgb:
        return [1 / 3] * 3
    return [LUMA_SHARE, (1 - LUMA_SHARE) / 2, (1 - LUMA_SHARE) / 2]


def neutral(picture_format: PictureFormat) -> np.ndarray:
    """Value of an empty sum, per component (spec 8.6); float [C]."""
    if picture_format.components == 1 or picture_format.is_rgb:
        return np.zeros(picture_format.components)
    return np.array([0.0, 0.5, 0.5])


Placed = tuple[torch.Tensor, torch.Tensor]  # geometry [N, 5] and colours [N, C of the group] in a view's samples


@dataclass
class Group:
    """One sampling grid of a view: ``target`` float32 [C, H, W]; ``weight`` float32 [C] of a squared sample error; ``grid`` as the
    kernels take it; ``map``: factors of that weight for each sample, None where all are 1."""

    plane: PlaneGroup
    target: torch.Tensor
    weight: torch.Tensor
    grid: tuple[float, float, float, float]
    map: WeightMap | None = None


class View:
    """Consecutive levels that share one size.

    Args:
        picture: what these levels approximate, at their size.
        first, last: the levels, inclusive. Layers up to ``first`` are summed as one.
        reference: width and height of the splats' coordinates.
        background: float [C], in units of 2^BitDepth code values, part of the sum.
        kernels: the sums and their gradients.
        emphasis: where errors count more, or None.
    """

    def __init__(
        self,
        picture: Picture,
        first: int,
        last: int,
        reference: tuple[int, int],
        background: np.ndarray,
        kernels: Kernels,
        emphasis: Emphasis | None = None,
    ) -> None:
        self.format, self.first, self.last, self.kernels = picture.format, first, last, kernels
        self.ratio = (reference[0] / picture.format.width, reference[1] / picture.format.height)
        shares = component_weights(self.format)
        offset = neutral(self.format) + background
        self.groups: list[Group] = []
        for plane in self.format.plane_groups:
            part = range(plane.components.start, plane.components.stop)
            target = np.stack([picture.planes[c] / 2.0**self.format.bit_depth - offset[c] for c in part])
            weight = torch.tensor([shares[c] / (plane.width * plane.height) for c in part], dtype=torch.float32)
            grid = (plane.step_x / 256, plane.step_y / 256, plane.origin_x / 256, plane.origin_y / 256)
            weights = None
            if emphasis is not None:
                weights = WeightMap(emphasis.weights(plane.width, plane.height)).to(kernels.device)
            placed = torch.tensor(target, dtype=torch.float32).to(kernels.device)
            self.groups.append(Group(plane, placed, weight.to(kernels.device), grid, weights))
        self._given: list[torch.Tensor] | None = None  # sums of splats that are always there, where sums begin

    def around(self, given: Splats) -> View:
        """The same view for other splats, on top of ``given`` ones of the same layers."""
        out = copy(self)
        out._given = None
        out._given = out.sums(given, out.place(given.geometry(), given.colour))
        return out

    def narrowed(self, targets: list[torch.Tensor] | None = None) -> View:
        """The same size with one level made of one layer, perhaps with other targets."""
        out = copy(self)
        out.first = out.last = 0
        out._given = None
        if targets is not None:
            out.groups = [replace(g, target=t) for g, t in zip(self.groups, targets, strict=True)]
        return out

    def starts(self, splats: Splats) -> torch.Tensor:
        """Splat ranges of the sums: all layers up to ``first``, then one by one; int32."""
        return torch.cat([splats.starts[:1], splats.starts[self.first + 1 : self.last + 2]]).contiguous()

    def place(self, geometry: torch.Tensor, colour: torch.Tensor) -> list[Placed]:
        """Geometry and colours as each group of this size needs them, on the kernels' device."""
        out = []
        geometry, colour = geometry.to(self.kernels.device), colour.to(self.kernels.device)
        for g in self.groups:
            part = colour[:, g.plane.components]
            if self.ratio == (1.0, 1.0):
                out.append((geometry, part.contiguous()))
            else:
                placed, factor = scaled(geometry, self.ratio, (g.grid[0], g.grid[1]))
                out.append((placed, part * factor))
        return out

    def sums(self, splats: Splats, placed: list[Placed]) -> list[torch.Tensor]:
        """Sums of the layers in each group, float32 [layers, C, H, W]."""
        starts, out = self.starts(splats), []
        for i, (g, (geometry, colour)) in enumerate(zip(self.groups, placed, strict=True)):
            given = None if self._given is None else self._given[i]
            out.append(g.target.new_zeros(len(starts) - 1, *g.target.shape) if given is None else given.clone())
            self.kernels.sums(out[-1], geometry, colour, starts, g.grid)
        return out

    def step(
        self, splats: Splats, placed: list[Placed], weights: torch.Tensor, against_target: bool
    ) -> tuple[torch.Tensor, list[Placed]]:
        """Mean squared error of each level of the view, and gradients of their weighted sum by what was placed."""
        starts, out = self.starts(splats), []
        weights = weights.to(self.kernels.device)
        errors = torch.zeros_like(weights, dtype=torch.float64)
        for i, (g, (geometry, colour)) in enumerate(zip(self.groups, placed, strict=True)):
            target = g.target if against_target else torch.zeros_like(g.target)
            weight = (weights[:, None] * g.weight[None]).float().contiguous()
            factor = None if g.map is None else g.map.weights
            given = None if self._given is None else self._given[i]
            sse, grads = self.kernels.step(geometry, colour, starts, Aim(target, weight, factor, given), g.grid)
            errors += (sse * g.weight).sum(1)
            out.append(grads)
        return errors, out

    def gradient(
        self, splats: Splats, geometry: torch.Tensor, colour: torch.Tensor, weights: torch.Tensor, against_target: bool
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Errors of the view's levels and the gradients of their weighted sum by geometry [N, 5] and colour [N, C]."""
        home = geometry.device
        leaves = [t.detach().to(self.kernels.device).requires_grad_() for t in (geometry, colour)]
        with torch.enable_grad():
            placed = self.place(*leaves)
        errors, grads = self.step(splats, [(p.detach(), c.detach()) for p, c in placed], weights, against_target)
        if self.ratio == (1.0, 1.0):
            by_geometry = functools.reduce(torch.add, (g for g, _ in grads))
            return errors, by_geometry.to(home), torch.cat([c for _, c in grads], 1).to(home)
        flat = [t for pair in placed for t in pair], [t for pair in grads for t in pair]
        by_geometry, by_colour = torch.autograd.grad(flat[0], leaves, flat[1])
        return errors, by_geometry.to(home), by_colour.to(home)

    def curvature(self, geometry: torch.Tensor, colour: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Diagonal of the Gauss–Newton matrix of this view's mean squared error: by placed geometry [N, 5], by colour [N, C]."""
        home = geometry.device
        geometry, colour = geometry.to(self.kernels.device), colour.to(self.kernels.device)
        by_geometry, by_colour = geometry.new_zeros(len(geometry), 5), torch.zeros_like(colour)
        gains = self.place(geometry, torch.ones_like(colour))
        for g, (placed, part), (_, gain) in zip(self.groups, self.place(geometry, colour), gains, strict=True):
            six = self.kernels.curvature(placed, part, (g.plane.width, g.plane.height), g.weight, g.grid)
            if g.map is not None:
                six *= g.map.under(placed, g.grid)[:, None]
            by_geometry += six[:, :5]
            by_colour[:, g.plane.components] = six[:, 5:] * g.weight * gain**2
        return by_geometry.to(home), by_colour.to(home)
