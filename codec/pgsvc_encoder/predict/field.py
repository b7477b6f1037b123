"""Motion fields (spec 7.12) fitted through the renderer: the gradient of all positions, gathered on the grid.

Optical flow tells how the picture moves; what counts is how well the *splats* follow, and of that the kernels give the gradient.
"""

from __future__ import annotations

import numpy as np
import torch

from pgsvc.planar.motion import VECTOR_SHIFT, field_shape
from pgsvc_encoder.fit.adam import Adam
from pgsvc_encoder.fit.objective import Objective
from pgsvc_encoder.fit.optimise import cosine
from pgsvc_encoder.fit.splats import Splats
from pgsvc_encoder.fit.training import Training

UNIT = 256 >> VECTOR_SHIFT  # vectors are sent in such parts of a luma sample
PEAK = 0.3  # step size at the start, luma samples


class Grid:
    """Bilinear interpolation between the vectors of a field, the float twin of spec 7.12."""

    def __init__(self, width: int, height: int, motion_bits: int) -> None:
        self.shape = field_shape(width, height, motion_bits)
        self.spacing = float(1 << motion_bits)
        self.most = torch.tensor([width, height]) - 1 / 256

    def corners(self, position: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Indices of the four vectors about each position, int64 [4, N], and their weights, float32 [4, N]."""
        scaled = torch.minimum(position.clamp(min=0), self.most) / self.spacing
        cell = scaled.floor().long()
        fx, fy = (scaled - cell).T
        first = cell[:, 1] * self.shape[1] + cell[:, 0]
        index = torch.stack([first, first + 1, first + self.shape[1], first + self.shape[1] + 1])
        return index, torch.stack([(1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy])

    def none(self) -> torch.Tensor:
        return torch.zeros(*self.shape, 2)


def fit_field(
    training: Training,
    objective: Objective,
    splats: Splats,
    grid: Grid,
    start: torch.Tensor,
    iterations: int,
    tie: float,
    pace: float = 1.0,
) -> torch.Tensor:
    """Vectors, float32 [rows, columns, 2] in luma samples, that move the splats to where the picture wants them.

    Args:
        start: vectors to begin with.
        tie: weight of the differences between neighbouring vectors, in error per luma sample.
        pace: of the step sizes; a still picture is only shaken by full ones.
    """
    index, weight = grid.corners(splats.position)
    vectors = start.clone()
    optimiser = Adam([{"params": [vectors]}], eps=1e-8)
    moved = Splats(splats.position, splats.shape, splats.colour, splats.starts)
    for i in range(iterations):
        moved.position = splats.position + at(vectors, index, weight)
        gradient = torch.zeros_like(vectors)
        first = 0
        for stage in training.stages(objective, moved):
            rows = slice(first, first + len(stage.splats))
            first = rows.stop
            by_position = stage.objective.evaluate(stage.splats, stage.weights(i, 1.0))[1][:, :2]
            for corner, share in zip(index[:, rows], weight[:, rows], strict=True):
                gradient.view(-1, 2).index_add_(0, corner, by_position * share[:, None])
        for axis in (0, 1):
            step = vectors.diff(dim=axis)
            step = tie * step / (step.norm(dim=2, keepdim=True) + 0.1)
            gradient.narrow(axis, 1, step.shape[axis]).add_(step)
            gradient.narrow(axis, 0, step.shape[axis]).sub_(step)
        vectors.grad = gradient
        for group in optimiser.param_groups:
            group["lr"] = PEAK * pace * cosine(i / iterations, 0.1)
        optimiser.step()
    return vectors.detach()


def at(vectors: torch.Tensor, index: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Interpolated vectors, float32 [N, 2]."""
    return (vectors.view(-1, 2)[index] * weight[..., None]).sum(0)


def rounded(vectors: torch.Tensor) -> np.ndarray:
    """As they are sent: int64 [rows, columns, 2]."""
    return np.round(vectors.double().numpy() * UNIT).astype(np.int64)
