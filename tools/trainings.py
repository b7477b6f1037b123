"""Fits of pictures and clips by any of the trainings, with the parameters as they come out of the fit: nothing is quantised.

What the encoder does before freezing, for comparisons of trainings alone.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from pgsvc.picture import Picture
from pgsvc_encoder import metrics
from pgsvc_encoder.fit.background import background_of
from pgsvc_encoder.fit.objective import Objective
from pgsvc_encoder.fit.optimise import Step
from pgsvc_encoder.fit.splats import Splats
from pgsvc_encoder.fit.train import Schedule, fit
from pgsvc_encoder.fit.training import Training
from pgsvc_encoder.predict.follow import follow
from pgsvc_encoder.predict.motion import at_positions, estimate
from pgsvc_encoder.settings import PAPER, PRESETS, Settings
from pgsvc_encoder.source import Source, open_source
from pgsvc_encoder.source.resize import resized

Size = tuple[int, int]


@dataclass(frozen=True)
class Fitted:
    """Levels of one frame as pictures, what they approximate, the seconds it took, and the iterations of all models."""

    levels: list[Picture]
    sources: list[Picture]
    seconds: float
    iterations: int


class Pictures(Source):
    """Pictures in memory as a source."""

    def __init__(self, name: str, pictures: Sequence[Picture], *, is_still: bool) -> None:
        from pgsvc_encoder.source.base import Selection

        super().__init__(name, pictures[0].format, len(pictures), Selection())
        self.pictures, self.is_still = pictures, is_still

    def _all_pictures(self, skip: int) -> Iterator[Picture]:
        return iter(self.pictures[skip:])


def read(path: Path, frames: int = 1) -> list[Picture]:
    """The first frames of a file."""
    with open_source(str(path)) as source:
        return list(islice(source, frames))


def counts_and_sizes(splats: int, layers: int, picture: Picture, scalability: str) -> tuple[list[int], list[Size]]:
    """Splats of each layer and size of each level, as the encoder would choose them."""
    settings = Settings(layers=layers, splats=splats, scalability=scalability, tools=PAPER)
    f = picture.format
    return settings.layer_splats(f.width * f.height), settings.level_sizes(f.width, f.height)


def fit_frames(
    pictures: Sequence[Picture],
    training: Training,
    counts: Sequence[int],
    sizes: Sequence[Size],
    schedule: Schedule,
    *,
    preset: str = "medium",
    seed: int = 0,
    on_step: Step = lambda *_: None,
) -> Iterator[Fitted]:
    """Fit a key frame, then each further frame from the one before, for every model that the training needs."""
    torch.set_num_threads(1)
    models: list[Splats] = []
    steps = [0]

    def count(errors: torch.Tensor, gradients: Sequence[torch.Tensor]) -> None:
        steps[0] += 1
        on_step(errors, gradients)

    background = background_of(pictures[0])
    before: list[Picture] = []
    reached: list[float] = []
    for frame, picture in enumerate(pictures):
        began, steps[0] = time.perf_counter(), 0
        sources = [resized(picture, *size) for size in sizes]
        whole = Objective(sources, background)
        plan = training.models(counts)
        objectives = [whole] if len(plan) == 1 else [whole.alone(k) for k in range(len(counts))]
        if frame == 0:
            models = [Splats.unused(m, picture.format.components) for m in plan]
            for objective, splats in zip(objectives, models, strict=True):
                fit(training, objective, splats, schedule, torch.Generator().manual_seed(seed), count)
        else:
            motion = estimate(before[-1], picture)
            for objective, splats, error in zip(objectives, models, reached, strict=True):
                _follow(training, objective, splats, motion, error, preset, count)
        reached = [o.error(s, o.levels - 1) for o, s in zip(objectives, models, strict=True)]
        if len(models) == 1:
            before = [whole.picture(models[0], k) for k in range(whole.levels)]
        else:
            before = [o.picture(s, 0) for o, s in zip(objectives, models, strict=True)]
        yield Fitted(before, sources, time.perf_counter() - began, steps[0])


def _follow(
    training: Training,
    objective: Objective,
    splats: Splats,
    motion: torch.Tensor,
    reached: float,
    preset: str,
    on_step: Step,
) -> None:
    """Adapt the splats of the frame before, as the encoder does before it freezes anything."""
    precision = PRESETS[preset].difference
    old = Splats(splats.position.clone(), splats.shape, splats.colour, splats.starts)
    top = objective.levels - 1
    splats.position += at_positions(motion, splats.position)
    pace, length = precision.pace.of(objective.error(splats, top), reached)
    iterations = max(1, round(precision.iterations * length))
    follow(training, objective, old, splats, iterations, pace, precision.augmentation, on_step)


def quality(sources: Sequence[Picture], levels: Sequence[Picture]) -> list[dict[str, Any]]:
    """PSNR and MS-SSIM of every level."""
    return [{**metrics.psnr(a, b), "ms_ssim": metrics.ms_ssim(a, b)} for a, b in zip(sources, levels, strict=True)]
