"""Closed-form colours: with fixed geometry every level is linear in colour, so the best colours solve a least-squares problem.

The normal equations are never built: their product with a vector is one forward and one backward sum. Conjugate gradients with
the diagonal as preconditioner (Hestenes and Stiefel 1952).
"""

from __future__ import annotations

import torch

from pgsvc_encoder.fit.objective import Objective
from pgsvc_encoder.fit.splats import Splats
from pgsvc_encoder.fit.training import Training

CONVERGED = 1e-12  # of the energy of the first residual: what float32 sums can tell


def colour_diagonal(training: Training, objective: Objective, splats: Splats) -> torch.Tensor:
    """Diagonal of the normal matrices of all stages, [N, C]."""
    stages = training.stages(objective, splats)
    return torch.cat([s.objective.colour_diagonal(s.splats, s.mean_weights) for s in stages])


def colour_gradient(training: Training, objective: Objective, splats: Splats) -> torch.Tensor:
    """Gradient of each stage's weighted error by its colours, [N, C]."""
    stages = training.stages(objective, splats)
    return torch.cat([s.objective.evaluate(s.splats, s.mean_weights)[2] for s in stages])


def solve_colours(
    training: Training,
    objective: Objective,
    splats: Splats,
    iterations: int,
    *,
    free: torch.Tensor | None = None,
    ridge: float = 1e-3,
) -> None:
    """Improve ``splats.colour`` in place towards the least-squares optimum of each stage of the training.

    Args:
        iterations: of each stage's solve.
        free: bool [N], the splats whose colours may change; all when None.
        ridge: pulls changes towards zero, as a share of the diagonal; keeps splats that nearly coincide from drifting apart.
    """
    first = 0
    for stage in training.stages(objective, splats):
        part = None if free is None else free[first : first + len(stage.splats)]
        if part is None or part.any():
            _solve(stage.objective, stage.splats, stage.mean_weights, iterations, part, ridge)
        first += len(stage.splats)


def _solve(
    objective: Objective,
    splats: Splats,
    weights: torch.Tensor,
    iterations: int,
    free: torch.Tensor | None,
    ridge: float,
) -> None:
    """One least-squares problem."""
    geometry = splats.geometry()
    diagonal = objective.colour_diagonal(splats, weights)
    mask = torch.ones_like(diagonal) if free is None else free[:, None].float().expand_as(diagonal)
    floor = diagonal.amax() * 1e-6 + 1e-20

    def product(v: torch.Tensor) -> torch.Tensor:
        image = objective.evaluate(splats, weights, geometry=geometry, colour=v, against_target=False)[2]
        return mask * (image + ridge * diagonal * v)

    residual = -mask * objective.evaluate(splats, weights, geometry=geometry)[2]
    preconditioned = residual / (diagonal + floor)
    direction = preconditioned.clone()
    energy = (residual * preconditioned).sum()
    change = torch.zeros_like(diagonal)
    least = CONVERGED * float(energy)
    for _ in range(iterations):
        if energy <= least:
            break
        image = product(direction)
        curvature = (direction * image).sum()
        if curvature <= 0:  # only rounding is left
            break
        alpha = energy / curvature
        change += alpha * direction
        residual -= alpha * image
        preconditioned = residual / (diagonal + floor)
        fresh = (residual * preconditioned).sum()
        direction = preconditioned + (fresh / energy) * direction
        energy = fresh
    splats.colour += change
