"""pgsvc-enc for scenes."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from pgsvc.cli.common import note
from pgsvc_encoder.cli.output import check_output
from pgsvc_encoder.cli.scene_end import measure_and_report

if TYPE_CHECKING:
    import numpy as np

    from pgsvc.scene.splats import SceneFormat, SceneSplats
    from pgsvc_encoder.scene.settings import SceneSettings

NAME = "pgsvc-enc"


def encode_scene_file(a: argparse.Namespace, command: Sequence[str]) -> int:
    """Encode as the options say; ``command`` is for the report."""
    settings = settings_from(a)
    from pgsvc.output.target import write_whole
    from pgsvc_encoder.scene.drop import dropped
    from pgsvc_encoder.scene.encode import encode_scene
    from pgsvc_encoder.scene.importance import importance
    from pgsvc_encoder.scene.progress import StageBar
    from pgsvc_encoder.scene.source import open_scene
    from pgsvc_encoder.start import import_torch

    check_output(a.input.rpartition("#")[0] or a.input, a.output)
    began = time.perf_counter()
    source = open_scene(
        a.input,
        repair=settings.repair,
        frame=a.frame,
        kernel=a.kernel,
        metres_per_unit=a.units,
        colour_space=a.colour_space,
        labels=a.labels,
    )
    for repair in source.repairs:
        note(a.quiet, f"{NAME}: {source.name}: {repair}")
    splats, form = source.splats, source.format
    seconds = {"read": time.perf_counter() - began}
    bar = StageBar(source.name, quiet=a.quiet)
    with bar.stage("importance", "view", seconds) as progress:
        weight = importance(splats, form, settings.importance, threads=a.threads, progress=progress)
    if settings.drop or settings.adapt:
        import_torch()
    if settings.drop:
        with bar.stage("dropping", "view", seconds) as progress:
            weight = dropped(splats, form, settings, weight, threads=a.threads, progress=progress)
        note(
            a.quiet,
            f"{NAME}: {int((weight == 0).sum())} of {len(weight)} splats are left out (--drop {settings.drop:g})",
        )
    coded = splats
    if settings.adapt:
        with bar.stage("adapting", "step", seconds) as progress:
            coded = _adapted(splats, form, settings, weight, a.threads, progress)
    with bar.stage("coding", "splat", seconds) as progress:
        encoded = encode_scene(coded, form, settings, weight, progress=progress)
    if settings.growth:
        with bar.stage("growing", "slice", seconds) as progress:
            growth = _growths(encoded.data, splats, form, settings.growth, a.threads, progress)
        if growth:
            encoded = encode_scene(coded, form, settings, weight, growth=growth)
    write_whole(a.output, encoded.data)
    measure_and_report(a, command, source, settings, encoded, bar, seconds)
    return 0


def _adapted(
    splats: SceneSplats,
    form: SceneFormat,
    settings: SceneSettings,
    weight: np.ndarray,
    threads: int,
    progress: Callable[[int, int], None],
) -> SceneSplats:
    from pgsvc_encoder.scene.adapt import VIEW_SIZE, VIEWS, adapt
    from pgsvc_encoder.scene.views import training_views

    cameras = training_views(splats, form, VIEWS, VIEW_SIZE, threads=threads)
    return adapt(splats, form, settings, weight, cameras, threads=threads, progress=progress)


def _growths(
    data: bytes,
    splats: SceneSplats,
    form: SceneFormat,
    views: int,
    threads: int,
    progress: Callable[[int, int], None],
) -> dict[tuple[int, int], tuple[int, int]]:
    from pgsvc_encoder.scene.growth import VIEW_SIZE, growths
    from pgsvc_encoder.scene.views import training_views

    cameras = training_views(splats, form, views, VIEW_SIZE, threads=threads)
    return growths(data, splats, form, cameras, threads=threads, progress=progress)


def settings_from(a: argparse.Namespace) -> SceneSettings:
    """Checked settings.

    Raises:
        UsageError: a value is out of range, or values contradict each other.
    """
    from pgsvc import headers
    from pgsvc.errors import UsageError
    from pgsvc_encoder.scene.settings import SceneSettings

    names = ("quality", "quality_layers", "slices", "tiles", "layering", "importance", "adapt", "growth", "drop")
    chosen: dict[str, Any] = {n: getattr(a, n) for n in names if getattr(a, n) is not None}
    quality_layers = chosen.get("quality_layers", 0)
    splats = None if a.splats is None else _budgets(a.splats)
    if a.layers is not None:
        layers = a.layers
    elif splats is not None and len(splats) > 1:
        layers = len(splats) + quality_layers
    else:
        layers = SceneSettings.layers + quality_layers
    levels = layers - quality_layers
    if splats is not None and len(splats) == 1 and 1 <= levels <= 16:
        splats = tuple(splats[0] >> levels - 1 - k for k in range(levels))
        if splats[0] < 1:
            raise UsageError(f"--splats {a.splats}: too few for {levels} layers of splats")
    if splats is not None and len(splats) != levels:
        raise UsageError(f"--splats {a.splats}: give one number, or one for each of the {levels} layers of splats")
    order = headers.SEGMENT_ORDER if a.order == "segment" else headers.LAYER_ORDER
    return SceneSettings(layers=layers, splats=splats, order=order, repair=a.repair, seed=a.seed, **chosen)


def _budgets(text: str) -> tuple[int, ...]:
    from pgsvc.errors import UsageError

    parts = text.split(",")
    if not all(part.strip().isdecimal() and int(part) for part in parts):
        raise UsageError(f"--splats {text}: whole numbers above 0, separated by commas, are wanted")
    return tuple(map(int, parts))
