"""The trainings that P-GSVC compares (sections 3.4 and 4.1), and the one place where they differ.

A training says which models a stream of layers needs and in which stages a model is trained. A stage is an objective, the
splats that move, and the weights of the levels in each iteration; everything else (starts, additions, steps, freezing) is shared.

joint       all levels in every iteration: with an additive sum they cost no more than one
cyclic      the top level and one lower level, lower levels in turn: P-GSVC, equation 9
random      the top level and one lower level drawn at random: figure 5a
sequential  one layer after the other, what lies below is frozen: LIG, LapisGS; equation 6
monolithic  one model for each level: not scalable, the upper bound
pruning     one model trained for the top level, its splats sorted into layers by importance: the naive bound
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch

from pgsvc_encoder.fit.objective import Objective
from pgsvc_encoder.fit.splats import Splats

TRAININGS = ("joint", "cyclic", "random", "sequential", "monolithic", "pruning")
SCALABLE = tuple(name for name in TRAININGS if name != "monolithic")

# At the end of a fit, of the levels below the top, whose weight is 1; the last is that of all further ones. Measured:
# tools/bench_fit.py.
LOWER_WEIGHTS = (0.09, 0.04)


@dataclass(frozen=True)
class Stage:
    """A part of a training.

    Args:
        objective: of the splats that move.
        splats: share memory with the model's.
        weights: of the objective's levels in iteration i at this share of all iterations, float64 [K].
        mean_weights: what the weights come to in the end, on the average, for closed-form solves.
        share: of the iterations.
        layer: of the model, that the first layer of ``splats`` is.
    """

    objective: Objective
    splats: Splats
    weights: Callable[[int, float], torch.Tensor]
    mean_weights: torch.Tensor
    share: float = 1.0
    layer: int = 0

    @staticmethod
    def fixed(objective: Objective, splats: Splats, weights: torch.Tensor, share: float = 1.0, layer: int = 0) -> Stage:
        return Stage(objective, splats, lambda i, progress: weights, weights, share, layer)


@dataclass(frozen=True)
class Training:
    """How layers are trained.

    Args:
        name: one of TRAININGS.
        level_weights: of the levels in joint training, base first; None: the default.
        seed: of the random levels.
    """

    name: str = "joint"
    level_weights: tuple[float, ...] | None = None
    seed: int = 0

    def models(self, counts: Sequence[int]) -> list[list[int]]:
        """Splats of each layer of each model that is needed for layers of ``counts`` splats."""
        if self.name == "monolithic":
            return [[sum(counts[: k + 1])] for k in range(len(counts))]
        return [list(counts)]

    @property
    def together(self) -> bool:
        """Whether the layers are trained for several levels at once, so that each splat could be in another layer as well."""
        return self.name in ("joint", "cyclic", "random")

    def weights(self, levels: int) -> torch.Tensor:
        """Weights of the levels where all are supervised; float64 [K]."""
        if self.level_weights is not None and levels > 1:
            return torch.tensor(self.level_weights, dtype=torch.float64)
        lower = [LOWER_WEIGHTS[min(i, len(LOWER_WEIGHTS) - 1)] for i in reversed(range(levels - 1))]
        return torch.tensor([*lower, 1.0], dtype=torch.float64)

    def stages(self, objective: Objective, splats: Splats) -> Iterator[Stage]:
        """The stages of one model, to be gone through one after the other: each sees what those before have made."""
        levels = objective.levels
        if levels == 1 or self.name in ("joint", "monolithic"):
            yield self._joint(objective, splats)
        elif self.name == "cyclic":
            yield self._pairs(objective, splats, lambda i: i % (levels - 1))
        elif self.name == "random":
            generator = torch.Generator().manual_seed(self.seed)
            yield self._pairs(objective, splats, lambda _: int(torch.randint(levels - 1, (), generator=generator)))
        elif self.name == "sequential":
            one = torch.ones(1, dtype=torch.float64)
            for k in range(levels):
                above = objective.alone(k, splats.part(0, k))
                yield Stage.fixed(above, splats.part(k, k + 1), one, 1 / levels, k)
        elif self.name == "pruning":
            yield Stage.fixed(objective.alone(levels - 1), splats.merged(), torch.ones(1, dtype=torch.float64))
        else:
            raise ValueError(f"no training is called {self.name}")

    def _joint(self, objective: Objective, splats: Splats) -> Stage:
        """All levels; they begin as equals, so that lower levels find their shape before the top asks for more."""
        last = self.weights(objective.levels)
        return Stage(objective, splats, lambda i, progress: (1 - progress) + progress * last, last)

    @staticmethod
    def _pairs(objective: Objective, splats: Splats, lower: Callable[[int], int]) -> Stage:
        """The top level and one lower level in each iteration."""
        levels = objective.levels

        def weights(i: int, progress: float) -> torch.Tensor:
            out = torch.zeros(levels, dtype=torch.float64)
            out[lower(i)] = out[-1] = 1
            return out

        mean = torch.full((levels,), 1 / (levels - 1), dtype=torch.float64)
        mean[-1] = 1
        return Stage(objective, splats, weights, mean)

    def settle(self, objective: Objective, splats: Splats) -> None:
        """After the fit of a key frame: pruning sorts the splats into layers, the most important first."""
        if self.name == "pruning":
            top = objective.alone(objective.levels - 1)
            splats.take(torch.argsort(importance(top, splats.merged()), descending=True, stable=True))


def importance(objective: Objective, splats: Splats) -> torch.Tensor:
    """What the picture's squared error is worth of each splat: the energy that it adds to the sum, [N]."""
    weights = torch.ones(objective.levels, dtype=torch.float64)
    return (objective.colour_diagonal(splats, weights) * splats.colour**2).sum(1)
