"""Closed-form colours: with fixed geometry every level is linear in colour, so the best colours solve a least-squares problem.

The normal equations are never built: their product with a vector is one forward and one backward sum. Conjugate gradients with
the diagonal as preconditioner (Hestenes and Stiefel 1952).
"""

from __future__ import annotations

import torch

from pgsvc_encoder.fit.objective import Objective
from pgsvc_encoder.fit.splats import Splats


def colour_diagonal(objective: Objective, splats: Splats, weights: torch.Tensor) -> torch.Tensor:
    """Diagonal of the normal matrix, [N, C]: a layer's splats appear in its own level and all above."""
    above = torch.flip(torch.cumsum(torch.flip(weights, [0]), 0), [0]).float()
    return 2 * objective.curvature(splats)[:, 5:] * above[splats.layer_of()][:, None]


def gradient(objective: Objective, splats: Splats, geometry: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Gradient of the weighted error with respect to colour, [N, C]."""
    objective.forward(splats, geometry)
    objective.errors(weights)
    return objective.backward(splats, geometry)[1]


def solve_colours(
    objective: Objective,
    splats: Splats,
    weights: torch.Tensor,
    iterations: int,
    *,
    free: torch.Tensor | None = None,
    ridge: float = 1e-3,
) -> None:
    """Improve ``splats.colour`` in place towards the least-squares optimum.

    Args:
        weights: of the levels, float64 [K].
        free: bool [N], the splats whose colours may change; all when None.
        ridge: pulls changes towards zero, as a share of the diagonal; keeps splats that nearly coincide from drifting apart.
    """
    geometry = splats.geometry()
    diagonal = colour_diagonal(objective, splats, weights)
    mask = torch.ones_like(diagonal) if free is None else free[:, None].float().expand_as(diagonal)
    floor = diagonal.amax() * 1e-6 + 1e-20

    def product(v: torch.Tensor) -> torch.Tensor:
        objective.forward(splats, geometry, v)
        objective.errors(weights, against_target=False)
        return mask * (objective.backward(splats, geometry, v)[1] + ridge * diagonal * v)

    residual = -mask * gradient(objective, splats, geometry, weights)
    preconditioned = residual / (diagonal + floor)
    direction = preconditioned.clone()
    energy = (residual * preconditioned).sum()
    change = torch.zeros_like(diagonal)
    for _ in range(iterations):
        if energy <= 0:
            break
        image = product(direction)
        alpha = energy / (direction * image).sum()
        change += alpha * direction
        residual -= alpha * image
        preconditioned = residual / (diagonal + floor)
        fresh = (residual * preconditioned).sum()
        direction = preconditioned + (fresh / energy) * direction
        energy = fresh
    splats.colour += change
