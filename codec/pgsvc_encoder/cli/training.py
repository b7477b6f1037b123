"""pgsvc-enc for posed pictures: a layered scene is trained, then coded."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pgsvc.cli.common import note
from pgsvc_encoder.cli.output import check_output
from pgsvc_encoder.cli.scene_end import measure_and_report

if TYPE_CHECKING:
    from pgsvc_encoder.scene.posed import View
    from pgsvc_encoder.scene.train import TrainingSettings

NAME = "pgsvc-enc"
SPLATS = 20_000  # of the top level, if nothing is said


def encode_posed_pictures(a: argparse.Namespace, command: Sequence[str]) -> int:
    """Train and encode as the options say; ``command`` is for the report."""
    from pgsvc_encoder.start import import_torch

    import_torch()
    from pgsvc.output.target import write_whole
    from pgsvc_encoder.cli.scene import settings_from
    from pgsvc_encoder.scene.encode import encode_scene
    from pgsvc_encoder.scene.layers import budgets
    from pgsvc_encoder.scene.posed import HOLD, open_posed
    from pgsvc_encoder.scene.progress import StageBar
    from pgsvc_encoder.scene.source import SceneSource
    from pgsvc_encoder.scene.train import train_views
    from pgsvc_encoder.scene.train.bar import TrainingBar

    check_output(a.input, a.output)
    settings = settings_from(a)
    levels = settings.splats or tuple(budgets(SPLATS, settings.layers - settings.quality_layers, None))
    settings = replace(settings, splats=None, adapt=0)
    how = training_from(a)
    began = time.perf_counter()
    pictures = open_posed(
        a.input, downscale=a.downscale or 1, test=a.test, hold=HOLD if a.hold is None else a.hold, images=a.images
    )
    checkpoint = Path(f"{a.output}.training")
    if checkpoint.exists() and not a.resume:
        checkpoint.unlink()
    bar = TrainingBar(Path(a.input).name, len(levels) - 1, quiet=a.quiet)
    try:
        trained = train_views(pictures, levels, how, resume=checkpoint, progress=bar)
    except KeyboardInterrupt:
        note(a.quiet, f"{NAME}: what is trained is kept in {checkpoint}; the same command with --resume goes on")
        raise
    finally:
        bar.close()
    seconds = {"training": time.perf_counter() - began}
    source = SceneSource(trained.splats, trained.format, Path(a.input).name, [])
    bar = StageBar(source.name, quiet=a.quiet)
    with bar.stage("coding", "splat", seconds) as progress:
        encoded = encode_scene(
            trained.splats, trained.format, settings, trained.importance, layer=trained.layer, progress=progress
        )
    write_whole(a.output, encoded.data)
    checkpoint.unlink(missing_ok=True)

    def more() -> dict[str, Any]:
        tests = _tests(encoded.data, pictures.test, how.background, a.threads)
        return {"training": trained.report, "tests": tests}

    measure_and_report(a, command, source, settings, encoded, bar, seconds, more)
    return 0


def _tests(data: bytes, views: Sequence[View], background: str, threads: int) -> list[dict[str, Any]]:
    """Every decoded level beside pictures that nothing was trained with; none without pictures."""
    from pgsvc.stream import Stream
    from pgsvc_encoder.scene.train.evaluate import evaluate

    if not views:
        return []
    stream = Stream(threads=threads)
    stream.feed(data)
    rows = []
    for level in range(stream.layer_count):
        decoded = stream.scene(level)
        told = evaluate(decoded.splats, decoded.format, views, background, threads)
        rows.append({"level": level, "pictures": len(views), **told})
    return rows


def training_from(a: argparse.Namespace) -> TrainingSettings:
    """Checked settings.

    Raises:
        UsageError: a value is out of range.
    """
    from pgsvc_encoder.scene.train import TrainingSettings

    names = ("method", "iterations", "sh_degree", "background")
    chosen: dict[str, Any] = {n: getattr(a, n) for n in names if getattr(a, n) is not None}
    device = "cuda" if a.device == "cuda" else "cpu"  # a GPU is for those who ask: none has run it yet
    return TrainingSettings(**chosen, threads=a.threads, device=device, seed=a.seed, kernel=a.kernel or "classic")
