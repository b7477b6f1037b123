"""Following a new frame before anything is frozen: at the pace that the frame asks for, with splats going where they are needed."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pgsvc_encoder.fit.objective import Objective
from pgsvc_encoder.fit.optimise import Optimiser, Rates, Step, cosine
from pgsvc_encoder.fit.splats import Splats
from pgsvc_encoder.fit.training import Training
from pgsvc_encoder.predict.augment import Augmentation, augment

# Of a fit: the weights of the levels where it nearly ends. Lower levels follow new content worse than the top does; with a little
# more weight they keep their distance to it (10 frames of three clips).
PROGRESS = 0.97


def rates_at(pace: float) -> Rates:
    return Rates(0.12 * pace, 0.03 * pace, 0.01 * pace)


@dataclass(frozen=True)
class Pace:
    """How far and how long splats follow, by the *gap*: how much worse the start fits the frame than the last one was coded.

    Adam moves every number by its full step, however small the gradient: a frame that hardly changes is shaken out of its optimum,
    and what is not found back costs bits in every splat.

    Args:
        gap: in dB, at which the pace is 1 …
        slowest, fastest: … and the least and greatest pace.
        full: the gap in dB at which the iterations are those of the preset …
        shortest, longest: … and the least and greatest share of them.
    """

    gap: float = 6.0
    slowest: float = 0.2
    fastest: float = 1.5
    full: float = 4.0
    shortest: float = 0.4
    longest: float = 2.0

    def of(self, start: float, reached: float | None) -> tuple[float, float]:
        """Factors of step sizes and iterations.

        Args:
            start: mean squared error of the start, samples up to 1.
            reached: that of the decoded frame before; None: not known, both factors are 1.
        """
        if reached is None:
            return 1.0, 1.0
        gap = 10 * math.log10((start + 1e-9) / (reached + 1e-9))
        pace = min(max(gap / self.gap, self.slowest), self.fastest)
        return pace, min(max(gap / self.full, self.shortest), self.longest)


def follow(
    training: Training,
    objective: Objective,
    old: Splats,
    new: Splats,
    iterations: int,
    pace: float,
    augmentation: Augmentation,
    on_step: Step,
) -> None:
    """Adapt ``new`` to the frame, with step sizes falling to a tenth.

    Args:
        old: the frame before.
        iterations: of all stages.
        pace: factor of the step sizes.
    """
    first = 0
    for stage in training.stages(objective, new):
        origin = old.position[first : first + len(stage.splats)]
        first += len(stage.splats)
        optimiser = Optimiser(stage, stage.splats, rates_at(pace))
        count = round(iterations * stage.share)
        times = augmentation.times(count)
        for i in range(count):
            if i in times:
                augment(optimiser, origin, augmentation.share, augmentation.worth / pace)
            on_step(*optimiser.step(i, cosine(i / count, 0.1), PROGRESS))
