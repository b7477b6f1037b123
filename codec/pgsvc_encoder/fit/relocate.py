"""Relocation: while a fit runs, the splats that matter least go where the error is largest.

The budget stays as it is. Where P-GSVC's augmentation and pruning start with too many splats and end with fewer, this keeps
moving a few; the idea is that of 3DGS as Markov chain Monte Carlo (Kheradmand et al. 2024), the measure of what matters is ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from pgsvc_encoder.fit.initialise import add_by_error
from pgsvc_encoder.fit.optimise import Optimiser
from pgsvc_encoder.fit.splats import AWAY
from pgsvc_encoder.fit.training import importance


@dataclass(frozen=True)
class Relocation:
    """When and how much.

    Args:
        rounds: spread evenly over the iterations.
        share: of each layer's splats that move in a round.
        begin, end: of the rounds, as shares of the iterations.
    """

    rounds: int = 60
    share: float = 0.05
    begin: float = 0.2
    end: float = 0.7

    def times(self, iterations: int) -> set[int]:
        """Iterations after which splats move."""
        span = (self.end - self.begin) / max(1, self.rounds - 1)
        return {round(iterations * (self.begin + r * span)) for r in range(self.rounds)}


def relocate(optimiser: Optimiser, share: float, generator: torch.Generator) -> torch.Tensor:
    """Move the least important ``share`` of every layer of the optimiser's splats; the rows that moved, int64."""
    s, objective = optimiser.splats, optimiser.stage.objective
    value, used = importance(objective, s), s.in_use()
    moved = []
    for k, residual in enumerate(objective.residuals(s)):
        part = s.layer(k)
        present = torch.nonzero(used[part])[:, 0] + part.start
        gone = present[torch.argsort(value[present], stable=True)[: round(len(present) * share)]]
        s.position[gone] = AWAY
        add_by_error(s, k, len(gone), residual, generator)
        moved.append(gone)
    rows = torch.cat(moved)
    optimiser.forget(rows)
    return rows
