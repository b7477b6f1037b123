"""Selective optimisation of a predicted frame: only splats that the pull towards the prediction does not hold are fitted.

Most splats of a frame stay where they were predicted, and the pull tells which: a group of numbers without an offset cannot move
while the length of the error's gradient by its steps is below the weight of the pull, the optimality condition of the group lasso
(Yuan and Lin 2006). Such splats are summed once; iterations cost what the others cost. Every so often the gradients of all splats
are looked at again, since what moves changes them (the strong rules of Tibshirani et al. 2012, with their check of what was left
out). The idea is that of "Neural Video Compression using 2D Gaussian Splatting" (2025), which optimises splats near changed pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from pgsvc_encoder.fit.optimise import Optimiser, Rates
from pgsvc_encoder.fit.splats import Splats
from pgsvc_encoder.fit.training import Stage
from pgsvc_encoder.predict.between import InnerFrames
from pgsvc_encoder.predict.offsets import Offsets

NAMES = ("position", "shape", "colour")
# The pull counts as holding a splat up to so many times its weight. Exact is 1; splats between the two gain less than their bits
# cost: with 2 and HOME 1, three clips need 2 to 4 % fewer bytes than with all splats in all iterations, at equal quality.
HELD = 2.0
HOME = 1.0  # steps within which an offset that the pull holds is dropped


class Selective:
    """Fits the splats of a stage that move, under the pull.

    Args:
        offsets: of the stage's splats.
        pull: weight of the pull.
        groups: numbers that are not frozen, of position 0, shape 1 and colour 2.
        fixed: bool [N], splats that stay as they are.
        inner: frames between that are fitted as well, or None.
    """

    def __init__(
        self,
        stage: Stage,
        offsets: Offsets,
        pull: float,
        rates: Rates,
        groups: set[int],
        fixed: torch.Tensor,
        inner: InnerFrames | None,
    ) -> None:
        self.stage, self.splats, self.offsets, self.pull, self.rates = stage, stage.splats, offsets, pull, rates
        self.groups, self.fixed, self.inner = sorted(groups), fixed, inner
        self.levels = stage.weights(0, 1.0)
        self.rows = torch.zeros(len(self.splats), dtype=torch.bool)
        self._memory = [torch.zeros_like(t) for g in self.groups for t in [self._numbers(self.splats)[g]] * 2]
        self._steps = 0
        self._optimiser: Optimiser | None = None

    def forget(self, rows: torch.Tensor) -> None:
        """Drop what was learned about these splats before they moved; between :meth:`settle` and :meth:`choose`."""
        for memory in self._memory:
            memory[rows] = 0

    def step(self, rate: float) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """One iteration of the splats that were chosen; the errors of the levels before it, and their gradients."""
        assert self._optimiser is not None, "choose() comes first"
        out = self._optimiser.step(self._steps, rate)
        self._steps += 1
        return out

    def choose(self) -> None:
        """Choose the splats to fit from the gradients of all."""
        self.settle()
        s, rows = self.splats, self._moving()
        self.rows = rows
        part, rest = s.chosen(rows), s.chosen(~rows)
        stage = self.stage
        around = Stage(stage.objective.around(rest), part, stage.weights, stage.mean_weights, stage.share, stage.layer)
        offsets = self.offsets.part(rows)
        inner = None if self.inner is None else self.inner.around(s, rows)

        def adjust(splats: Splats, gradients: list[torch.Tensor]) -> None:
            if inner is not None:
                inner.add_gradient(self._steps, splats, self.levels, ~offsets.free, gradients)
            for gradient, pull in zip(gradients, offsets.pull(splats, self.pull), strict=True):
                gradient += pull

        frozen = frozenset(name for g, name in enumerate(NAMES) if g not in self.groups)
        self._optimiser = Optimiser(around, part, self.rates, frozen=frozen, adjust=adjust)
        self._optimiser.recall(self._steps, [m[rows] for m in self._memory])

    def settle(self) -> None:
        """Put what was fitted among the splats of the stage."""
        if self._optimiser is None:
            return
        part, rows = self._optimiser.splats, self.rows
        for values, fitted in zip(self._numbers(self.splats), self._numbers(part), strict=True):
            values[rows] = fitted
        for memory, learned in zip(self._memory, self._optimiser.memory(), strict=True):
            memory[rows] = learned
        self._optimiser = None

    def _moving(self) -> torch.Tensor:
        """bool [N], the splats that the pull does not hold; what it holds goes back to where it was predicted."""
        s, o = self.splats, self.offsets
        geometry = s.geometry()
        _, by_geometry, by_colour = self.stage.objective.evaluate(s, self.stage.mean_weights, geometry=geometry)
        gradients = [*s.chain(geometry, by_geometry), by_colour]
        if self.inner is not None:
            for i in range(len(self.inner.objectives)):
                self.inner.add_gradient(i, s, self.levels, ~o.free, gradients, 1 / len(self.inner.objectives))
        held = torch.ones(len(s), dtype=torch.bool)
        distance, slope = o.of(s), o.per_step(gradients)
        for g in self.groups:
            held &= (slope[g].norm(dim=1) < HELD * self.pull) & (distance[g].norm(dim=1) < HOME)
        held &= ~o.free
        for g in self.groups:
            o.place(s, g, torch.zeros_like(distance[g]), held & ~self.fixed)
        return ~held & ~self.fixed

    @staticmethod
    def _numbers(splats: Splats) -> Sequence[torch.Tensor]:
        return splats.position, splats.shape, splats.colour
