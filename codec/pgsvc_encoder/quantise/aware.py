"""Quantisation-aware training: a while of steps that see quantised splats and move unquantised ones (straight-through estimator).

As P-GSVC trains with LSQ+ in the loop. Here scales, offsets and codebooks follow the splats in closed form, every few steps; what
is written is the rounding of the splats that come out. It is here to be compared with: freezing in steps is better
(``--quantise``, tools/results/tools.md).
"""

from __future__ import annotations

from collections.abc import Callable

from pgsvc_encoder.fit.objective import Objective
from pgsvc_encoder.fit.optimise import Optimiser, Rates, Step, cosine
from pgsvc_encoder.fit.splats import Splats
from pgsvc_encoder.fit.training import Training

AWARE_RATES = Rates(0.2, 0.06, 0.012)


def train_aware(
    training: Training,
    objective: Objective,
    splats: Splats,
    iterations: int,
    quantise: Callable[[int], None],
    on_step: Step,
) -> None:
    """Move ``splats`` so that what ``quantise`` makes of them fits.

    Args:
        quantise: rounds the splats in place, in their order; told the number of the step.
    """
    values = (splats.position, splats.shape, splats.colour)
    for stage in training.stages(objective, splats):
        optimiser = Optimiser(stage, stage.splats, AWARE_RATES)
        count = round(iterations * stage.share)
        for i in range(count):
            free = [v.clone() for v in values]
            quantise(i)
            rounded = [v.clone() for v in values]
            on_step(*optimiser.step(i, cosine(i / count, 0.1)))
            for v, kept, seen in zip(values, free, rounded, strict=True):
                v += kept - seen
    splats.clamp(objective.format.width, objective.format.height)
