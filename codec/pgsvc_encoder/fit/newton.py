"""Steps by curvature: the mean gradient of each number over its diagonal entry of the Gauss–Newton matrix.

Adam's steps are as long as its rate says, however flat or steep the error is. They are the better ones far from the optimum, and
where there is no curvature yet; near it these get in 120 iterations where Adam gets in 180. Neighbours overlap, so that the whole
step of the diagonal alone would be too long or too short; with a mean over ten gradients, as in Adam, twice of it is best (kodim05,
kodim19). No step is longer than Adam's rate: a splat that is hardly seen has next to no curvature.
"""

from __future__ import annotations

from typing import Any

import torch

from pgsvc_encoder.fit.adam import BETAS, Adam
from pgsvc_encoder.fit.splats import Splats
from pgsvc_encoder.fit.training import Stage

STRIDE = 2.0
EVERY = 10  # steps after which the curvature is measured again
FLOOR = 1e-3  # of the mean curvature, added to each


class Newton:
    """Takes over from Adam, with its groups and what it knows of the gradients; on the CPU.

    Args:
        stage: whose error the gradients are of.
        splats: whose position, shape and colour the groups hold, in this order.
    """

    def __init__(self, adam: Adam, stage: Stage, splats: Splats) -> None:
        self.param_groups: list[dict[str, Any]] = adam.param_groups
        self.state, self.steps = adam.state, adam.steps
        self._stage, self._splats = stage, splats
        self._curvature: list[torch.Tensor] = []
        self._age = 0

    def moved(self) -> None:
        """Splats are elsewhere than where their curvature was measured."""
        self._age = 0

    def look(self, weights: torch.Tensor) -> None:
        """Before each iteration, with the weights of the levels: measure the curvature if that is due."""
        if self._age % EVERY == 0:
            self._curvature = [c + FLOOR * c.mean(0) + 1e-20 for c in self._measured(weights)]
        self._age += 1

    def step(self) -> None:
        """One step from the tensors' gradients."""
        for group, curvature in zip(self.param_groups, self._curvature, strict=True):
            (values,) = group["params"]
            mean = self.state[values]["mean"]
            mean.lerp_(values.grad, 1 - BETAS[0])
            values -= (STRIDE * mean / curvature).clamp(-group["lr"], group["lr"])

    def _measured(self, weights: torch.Tensor) -> list[torch.Tensor]:
        """Curvature of the weighted error by position, shape and colour; by geometry as if all levels had the top's size."""
        objective, s = self._stage.objective, self._splats
        above = weights.flip(0).cumsum(0).flip(0)[s.layer_of()].float()
        geometry = 2 * above[:, None] * objective.curvature(s)
        return [geometry[:, :2], geometry[:, 2:], objective.colour_diagonal(s, weights)]
