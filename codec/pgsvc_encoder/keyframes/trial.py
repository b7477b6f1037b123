"""The fits that dynamic key-frame selection asks for: every frame from nothing, and from the splats of the frame before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from pgsvc.picture import Picture
from pgsvc_encoder.fit.background import background_of
from pgsvc_encoder.fit.objective import Objective
from pgsvc_encoder.fit.optimise import Rates, Step
from pgsvc_encoder.fit.splats import Splats
from pgsvc_encoder.fit.train import Schedule, adapt, fit
from pgsvc_encoder.fit.training import Training
from pgsvc_encoder.keyframes.dynamic import DynamicRule, Losses

PREDICTED_RATES = Rates(0.35, 0.1, 0.02)

OnStep = Callable[[int, torch.Tensor], None]  # frame number, error of the fit's one level


@dataclass(frozen=True)
class Model:
    """A fitted frame: splats of one layer, the constant part of the sum (float [C]), and the error, a mean square."""

    splats: Splats
    background: np.ndarray
    error: float


def trial(picture: Picture, start: Model | None, rule: DynamicRule, seed: int, threads: int, on_step: Step) -> Model:
    """One fit of a frame, from nothing or from the model of another frame, which is left as it is."""
    background = background_of(picture) if start is None else start.background
    objective = Objective([picture], background, threads)
    if start is None:
        splats = Splats.unused([rule.splats], picture.format.components)
        fit(Training(), objective, splats, Schedule(rule.key_iterations), torch.Generator().manual_seed(seed), on_step)
    else:
        s = start.splats
        splats = Splats(s.position.clone(), s.shape.clone(), s.colour.clone(), s.starts)
        adapt(Training(), objective, splats, rule.predicted_iterations, PREDICTED_RATES, on_step)
    return Model(splats, background, objective.error(splats, 0))


def measure(
    pictures: Iterable[Picture], rule: DynamicRule, *, seed: int = 0, threads: int = 0, on_step: OnStep | None = None
) -> Losses:
    """Both fits of every frame; one model is kept at a time."""
    key: list[float] = []
    predicted: list[float] = []
    before: Model | None = None
    for frame, picture in enumerate(pictures):

        def step(errors: torch.Tensor, _: Sequence[torch.Tensor], frame: int = frame) -> None:
            if on_step is not None:
                on_step(frame, errors)

        now = trial(picture, None, rule, seed * 1_000_003 + frame, threads, step)
        from_before = now if before is None else trial(picture, before, rule, seed, threads, step)
        key.append(now.error)
        predicted.append(from_before.error)
        before = now
    further = max(0, len(key) - 1)
    iterations = len(key) * rule.key_iterations + further * rule.predicted_iterations
    return Losses(key, predicted, len(key) + further, iterations)
