"""Error of all levels at once and its gradient: one forward and one backward sum for every level (spec 3).

Layers are summed separately, levels are running sums over layers, and the gradient of layer k is the sum of the gradients of
the levels ≥ k. The kernels are those of ``codec/native``; this module only prepares their buffers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from pgsvc import kernel
from pgsvc.picture import Picture, PictureFormat, PlaneGroup
from pgsvc_encoder.fit.splats import Splats

# Share of luma in the squared error of Y'CbCr pictures, the rest is for Cb and Cr: the 6:1:1 of video coding practice.
LUMA_SHARE = 6 / 8


@dataclass
class _Group:
    plane: PlaneGroup
    target: torch.Tensor  # float32 [C, H, W]
    weight: torch.Tensor  # float32 [C], per squared sample error; mean over the picture, summed over components = 1
    layers: torch.Tensor  # float32 [K, C, H, W], work space
    grid: tuple[float, float, float, float]


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


class Objective:
    """Weighted squared error of the levels of one picture.

    Args:
        picture: what is to be approximated.
        layer_count: K.
        background: float [C], in units of 2^BitDepth code values, part of the sum.
        threads: of the kernels.
    """

    def __init__(self, picture: Picture, layer_count: int, background: np.ndarray, threads: int = 0) -> None:
        self.format = picture.format
        self.threads = kernel.thread_count(threads)
        self.isa = kernel.fitting_isa()
        self.native = kernel.native()
        weights = component_weights(self.format)
        offset = neutral(self.format) + background
        self.groups: list[_Group] = []
        for plane in self.format.plane_groups:
            part = range(plane.components.start, plane.components.stop)
            target = np.stack([picture.planes[c] / 2.0**self.format.bit_depth - offset[c] for c in part])
            samples = plane.width * plane.height
            self.groups.append(
                _Group(
                    plane,
                    torch.tensor(target, dtype=torch.float32),
                    torch.tensor([weights[c] / samples for c in part], dtype=torch.float32),
                    torch.zeros(layer_count, len(part), plane.height, plane.width),
                    (plane.step_x / 256, plane.step_y / 256, plane.origin_x / 256, plane.origin_y / 256),
                )
            )

    def forward(self, splats: Splats, geometry: torch.Tensor, colour: torch.Tensor | None = None) -> None:
        """Sum every layer into its work space."""
        values = splats.colour if colour is None else colour
        for g in self.groups:
            g.layers.zero_()
            part = values[:, g.plane.components].contiguous()
            self.native.f32_forward(g.layers, geometry, part, splats.starts, *g.grid, self.isa, self.threads)

    def errors(self, level_weights: torch.Tensor, *, against_target: bool = True) -> torch.Tensor:
        """Mean squared error of each level, float64 [K]; leaves the gradient of each layer in the work space."""
        total = torch.zeros(len(level_weights), dtype=torch.float64)
        for g in self.groups:
            target = g.target if against_target else torch.zeros_like(g.target)
            weight = (level_weights[:, None] * g.weight[None]).float().contiguous()
            sse = torch.zeros(weight.shape, dtype=torch.float64)
            self.native.f32_levels(g.layers, target, weight, sse, self.isa, self.threads)
            total += (sse * g.weight).sum(1)
        return total

    def backward(
        self, splats: Splats, geometry: torch.Tensor, colour: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Gradients of geometry [N, 5] and colour [N, C] from the gradients in the work space."""
        values = splats.colour if colour is None else colour
        grad_geometry = torch.zeros_like(geometry)
        grad_colour = torch.zeros_like(values)
        for g in self.groups:
            part = values[:, g.plane.components].contiguous()
            grad_part = torch.zeros_like(part)
            self.native.f32_backward(
                g.layers, geometry, part, splats.starts, grad_geometry, grad_part, *g.grid, self.isa, self.threads
            )
            grad_colour[:, g.plane.components] = grad_part
        return grad_geometry, grad_colour

    def curvature(self, splats: Splats) -> torch.Tensor:
        """Diagonal of the Gauss–Newton matrix of the mean squared error of the top level: float32 [N, 5 + C].

        Columns: x, y, a, t, b, then each colour component.
        """
        geometry = splats.geometry()
        out = torch.zeros(len(splats), 5 + splats.colour.shape[1])
        raw = torch.zeros(len(splats), 5)
        for g in self.groups:
            part = splats.colour[:, g.plane.components].contiguous()
            six = torch.zeros(len(splats), 6)
            self.native.f32_curvature(
                geometry, part, six, g.plane.width, g.plane.height, g.weight, *g.grid, self.isa, self.threads
            )
            raw += six[:, :5]
            for i, c in enumerate(range(g.plane.components.start, g.plane.components.stop)):
                out[:, 5 + c] = six[:, 5] * g.weight[i]
        out[:, :2] = raw[:, :2]
        ln2 = float(np.log(2.0))
        out[:, 2] = ln2**2 * ((raw[:, 2] * geometry[:, 2] ** 2) + raw[:, 4] * geometry[:, 4] ** 2)
        out[:, 3] = raw[:, 4] * geometry[:, 2] ** 2
        out[:, 4] = ln2**2 * raw[:, 3] * geometry[:, 3] ** 2
        return out

    def residual(self, splats: Splats, level: int) -> list[torch.Tensor]:
        """Target minus level for each plane group, float32 [C, H, W]."""
        self.forward(splats, splats.geometry())
        return [g.target - g.layers[: level + 1].sum(0) for g in self.groups]
