"""Error of all levels at once and its gradient: one forward and one backward sum for every level of one size (spec 3).

Layers are summed separately, levels are running sums over layers, and the gradient of layer k is the sum of the gradients of
the levels ≥ k. Levels of different sizes (resolution scalability) are separate views of the same splats.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace

import numpy as np
import torch

from pgsvc.picture import Picture, PlaneGroup
from pgsvc_encoder.device.kernels import Kernels, NativeKernels
from pgsvc_encoder.fit.emphasis import Emphasis
from pgsvc_encoder.fit.splats import LN2, Splats
from pgsvc_encoder.fit.view import View, neutral


@dataclass(frozen=True)
class Residual:
    """Target minus level.

    Args:
        planes: float32 [C, H, W] for each plane group.
        groups: their grids, in samples of the level's size.
        ratio: reference size over the level's size, x and y.
        weights: float32 [H, W], factors of squared errors of the first group's samples; None where all are 1.
    """

    planes: list[torch.Tensor]
    groups: list[PlaneGroup]
    ratio: tuple[float, float]
    weights: torch.Tensor | None = None

    def to(self, device: torch.device | str) -> Residual:
        """The same on a device."""
        weights = None if self.weights is None else self.weights.to(device)
        return replace(self, planes=[p.to(device) for p in self.planes], weights=weights)


class Objective:
    """Weighted squared error of the levels of one picture.

    Args:
        pictures: what each level approximates, in the level's own size; sizes do not decrease, the last is the reference size.
        background: float [C], in units of 2^BitDepth code values, part of the sum.
        threads: of the native kernels.
        emphasis: where errors count more, or None.
        kernels: instead of the native ones. What is asked about splats is given back on the splats' device.
    """

    def __init__(
        self,
        pictures: Sequence[Picture],
        background: np.ndarray,
        threads: int = 0,
        emphasis: Emphasis | None = None,
        kernels: Kernels | None = None,
    ) -> None:
        self.original, self.format = pictures[-1], pictures[-1].format
        self.background, self.emphasis = background, emphasis
        self.kernels = kernels or NativeKernels(threads)
        sizes = [(p.format.width, p.format.height) for p in pictures]
        self.views: list[View] = []
        for size in dict.fromkeys(sizes):
            first, last = sizes.index(size), len(sizes) - 1 - sizes[::-1].index(size)
            self.views.append(View(pictures[first], first, last, sizes[-1], background, self.kernels, emphasis))

    @property
    def emphasis_weight(self) -> float:
        """Of a squared error inside the region that counts more; 1 where there is none."""
        return 1.0 if self.emphasis is None else self.emphasis.weight

    @property
    def levels(self) -> int:
        return self.views[-1].last + 1

    def view_of(self, level: int) -> View:
        return next(v for v in self.views if v.first <= level <= v.last)

    def evaluate(
        self,
        splats: Splats,
        weights: torch.Tensor,
        *,
        geometry: torch.Tensor | None = None,
        colour: torch.Tensor | None = None,
        against_target: bool = True,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Errors of the levels and the gradient of their weighted sum.

        Args:
            weights: of the levels, float64 [K]. Views whose levels all have weight 0 are left out; their errors are NaN. With
                weights on the kernels' device no view is left out, and nothing is waited for.
            geometry, colour: instead of the splats' own.
            against_target: False: the target is zero, the sum is linear in colour.

        Returns:
            errors float64 [K] where the weights are, gradient of the geometry [N, 5], gradient of the colour [N, C].
        """
        geometry = splats.geometry() if geometry is None else geometry
        colour = splats.colour if colour is None else colour
        errors = torch.full((self.levels,), float("nan"), dtype=torch.float64, device=weights.device)
        total: tuple[torch.Tensor, torch.Tensor] | None = None
        for v in self.views:
            part = weights[v.first : v.last + 1]
            if part.is_cpu and not part.any():
                continue
            errors[v.first : v.last + 1], *grads = v.gradient(splats, geometry, colour, part, against_target)
            total = (grads[0], grads[1]) if total is None else (total[0] + grads[0], total[1] + grads[1])
        by_geometry, by_colour = total or (torch.zeros_like(geometry), torch.zeros_like(colour))
        return errors, by_geometry, by_colour

    def colour_diagonal(self, splats: Splats, weights: torch.Tensor) -> torch.Tensor:
        """Diagonal of the colours' normal matrix, [N, C]: a layer's splats appear in its own level and all above."""
        geometry, layer = splats.geometry(), splats.layer_of()
        out = torch.zeros_like(splats.colour)
        for v in self.views:
            above = torch.tensor([float(weights[max(k, v.first) : v.last + 1].sum()) for k in range(splats.layers)])
            out += 2 * v.curvature(geometry, splats.colour)[1] * above[layer][:, None].to(out.device)
        return out

    def curvature(self, splats: Splats) -> torch.Tensor:
        """Diagonal of the Gauss–Newton matrix of the mean squared error of the top level by geometry: float32 [N, 5].

        Columns: x, y, a, t, b.
        """
        geometry = splats.geometry()
        raw, _ = self.views[-1].curvature(geometry, splats.colour)
        out = raw.clone()
        out[:, 2] = LN2**2 * (raw[:, 2] * geometry[:, 2] ** 2 + raw[:, 4] * geometry[:, 4] ** 2)
        out[:, 3] = raw[:, 4] * geometry[:, 2] ** 2
        out[:, 4] = LN2**2 * raw[:, 3] * geometry[:, 3] ** 2
        return out

    def error(self, splats: Splats, level: int) -> float:
        """Mean squared error of one level, weighted by the emphasis; −1 is the top."""
        level %= self.levels
        alone = torch.zeros(self.levels, dtype=torch.float64)
        alone[level] = 1.0
        errors, *_ = self.evaluate(splats, alone)  # makes no planes: half the time of sums that do
        return float(errors[level])

    def sums(self, splats: Splats, level: int) -> list[torch.Tensor]:
        """What a level adds to the background: float32 [C, H, W] for each plane group of its size, where the splats are."""
        v = self.view_of(level)
        layers = v.sums(splats, v.place(splats.geometry(), splats.colour))
        return [s[: level - v.first + 1].sum(0).to(splats.device) for s in layers]

    def picture(self, splats: Splats, level: int) -> Picture:
        """A level as a picture of its size: the float sum, rounded and clipped."""
        v = self.view_of(level)
        offset = neutral(v.format) + self.background
        scale, top = 2.0**v.format.bit_depth, (1 << v.format.bit_depth) - 1
        planes = [p.double().cpu().numpy() for group in self.sums(splats, level) for p in group]
        return Picture(
            v.format,
            tuple(
                np.clip(np.round((p + o) * scale), 0, top).astype(v.format.dtype)
                for p, o in zip(planes, offset, strict=True)
            ),
        )

    def target(self, level: int) -> Residual:
        """What a level approximates, less the background; on the kernels' device."""
        v = self.view_of(level)
        first = v.groups[0].map
        weights = None if first is None else first.weights
        return Residual([g.target for g in v.groups], [g.plane for g in v.groups], v.ratio, weights)

    def residual(self, splats: Splats, level: int) -> Residual:
        target = self.target(level).to(splats.device)
        return replace(target, planes=[t - s for t, s in zip(target.planes, self.sums(splats, level), strict=True)])

    def residuals(self, splats: Splats) -> list[Residual]:
        """Residuals of all levels, with one sum for each size."""
        out = []
        geometry = splats.geometry()
        for v in self.views:
            planes = [g.target for g in v.groups]
            for k, layers in enumerate(zip(*v.sums(splats, v.place(geometry, splats.colour)), strict=True)):
                planes = [torch.sub(p, s, out=s) for p, s in zip(planes, layers, strict=True)]
                out.append(replace(self.target(v.first + k), planes=planes).to(splats.device))
        return out

    def alone(self, level: int, given: Splats | None = None) -> Objective:
        """The objective of a single layer that makes this level by itself, or on top of ``given`` splats of lower layers."""
        view = self.view_of(level).narrowed()
        if given is not None and len(given):
            sums = view.sums(given.merged(), view.place(given.geometry(), given.colour))
            view = view.narrowed([g.target - s[0] for g, s in zip(view.groups, sums, strict=True)])
        return self._with([view])

    def around(self, given: Splats) -> Objective:
        """The objective of other splats, on top of ``given`` ones of the same layers that stay as they are."""
        return self._with([v.around(given) for v in self.views])

    def _with(self, views: list[View]) -> Objective:
        out = copy(self)
        out.views = views
        return out
