"""From posed pictures to splats in layers."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pgsvc.errors import UsageError
from pgsvc.scene.splats import SceneFormat, SceneSplats
from pgsvc_encoder.scene.posed import PosedPictures, open_posed
from pgsvc_encoder.scene.train import checkpoint
from pgsvc_encoder.scene.train.one_thread import one_thread
from pgsvc_encoder.scene.train.run import Run
from pgsvc_encoder.scene.train.schedule import Progress
from pgsvc_encoder.scene.train.settings import BACKGROUNDS, TrainingSettings
from pgsvc_encoder.scene.train.stages import stages_of
from pgsvc_encoder.scene.train.survey import survey
from pgsvc_encoder.scene.train.views import TrainingViews


@dataclass(frozen=True)
class TrainedScene:
    """What `pgsvc_encoder.scene.encode.encode_scene` takes, and how it came about.

    Args:
        splats: lower layers first, most important splats of a layer first.
        layer: int64 [N], of each splat.
        importance: float64 [N], what splats add to the pictures, pixels per view.
        report: method, iterations, seconds, pictures, splats of each level, and the PSNR of the top level while it was trained: the
            mean over the last pictures, dB.
    """

    splats: SceneSplats
    format: SceneFormat
    layer: np.ndarray
    importance: np.ndarray
    report: dict[str, Any] = field(default_factory=dict)


def train_scene(
    path: str | os.PathLike[str],
    levels: tuple[int, ...],
    settings: TrainingSettings | None = None,
    *,
    downscale: int = 1,
    test: str | os.PathLike[str] | None = None,
    hold: int = 8,
    images: str | os.PathLike[str] | None = None,
    resume: str | os.PathLike[str] | None = None,
    progress: Callable[[Progress], None] = lambda told: None,
) -> TrainedScene:
    """Reads posed pictures and trains a scene for them.

    Args:
        levels: splats of each level, exactly.
        downscale, test, hold, images: see `pgsvc_encoder.scene.posed.open_posed`.
        resume: a file of a checkpoint: written while the training runs, gone on with if it is there. It stays; the caller
            removes it when the scene is safe.

    Raises:
        UsageError, MissingExtra: see `open_posed` and `train_views`.
    """
    pictures = open_posed(path, downscale=downscale, test=test, hold=hold, images=images)
    return train_views(pictures, levels, settings, resume=resume, progress=progress)


def train_views(
    pictures: PosedPictures,
    levels: tuple[int, ...],
    settings: TrainingSettings | None = None,
    *,
    resume: str | os.PathLike[str] | None = None,
    progress: Callable[[Progress], None] = lambda told: None,
) -> TrainedScene:
    """Trains a scene; on the CPU a seed gives the same splats for any number of threads.

    Raises:
        UsageError: levels that do not grow, no such device, a checkpoint of another training, or a training that diverges.
        MissingExtra: a GPU is asked for and gsplat is not installed.
    """
    how = settings or TrainingSettings()
    if not levels or levels[0] < 1 or any(a >= b for a, b in zip(levels, levels[1:], strict=False)):
        raise UsageError("numbers of splats must grow from level to level, from 1 on")
    if torch.device(how.device).type == "cuda" and not torch.cuda.is_available():
        raise UsageError(f"torch sees no GPU for --device {how.device}; use cpu")
    start = time.perf_counter()
    form = SceneFormat(how.sh_degree, pictures.frame, kernel=how.kernel)
    counts = np.diff(levels, prepend=0).tolist()
    place = None if resume is None else Path(resume)
    recent: list[float] = []

    def told(now: Progress) -> None:
        if now.level == len(counts) - 1:
            recent.append(now.psnr)
            del recent[: -len(pictures.train)]
        progress(now)

    with one_thread():
        views = TrainingViews(pictures.train, BACKGROUNDS[how.background], how.dssim, how.device)
        run = Run(views, form, counts, stages_of(how.method, len(counts), how.iterations), how, pictures.points)
        key = repr(
            (
                levels,
                replace(how, threads=0, checkpoint_interval=0),
                [(str(v.path), v.downscale) for v in pictures.train],
            )
        )
        state = None if place is None else checkpoint.load(place, key)
        if state is not None:
            run.restore(state)
        run.run(told, (lambda: None) if place is None else lambda: checkpoint.save(place, run.state(), key))
        splats, layer = run.layers.numbers()
        everything = run.layers.level(len(counts) - 1, how.sh_degree)
        weight, _ = survey(everything, form, views, range(len(views)), how.threads)
    importance = weight.cpu().numpy().astype(np.float64) / len(views)
    order = np.lexsort((-importance, layer))
    report = {
        "method": how.method,
        "iterations": how.iterations,
        "seconds": round(time.perf_counter() - start, 1),
        "pictures": len(pictures.train),
        "splats": list(levels),
        "psnr_training": round(float(np.mean(recent)), 3) if recent else None,
    }
    return TrainedScene(splats.select(order), form, layer[order], importance[order], report)
