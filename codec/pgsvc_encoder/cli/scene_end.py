"""How pgsvc-enc ends for scenes, captured or trained: every level measured, the report written, the table shown."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pgsvc.cli.common import note

if TYPE_CHECKING:
    from pgsvc_encoder.scene.encode import EncodedScene
    from pgsvc_encoder.scene.progress import StageBar
    from pgsvc_encoder.scene.settings import SceneSettings
    from pgsvc_encoder.scene.source import SceneSource


def measure_and_report(
    a: argparse.Namespace,
    command: Sequence[str],
    source: SceneSource,
    settings: SceneSettings,
    encoded: EncodedScene,
    bar: StageBar,
    seconds: dict[str, float],
    more: Callable[[], dict[str, Any]] = dict,
) -> None:
    """Say what the stream that is written is like, unless nobody would see it.

    Args:
        source: the splats that levels are compared with.
        seconds: by stage; what measuring takes is added.
        more: measures what the report has besides.
    """
    if a.quiet and a.report is None:
        return
    from pgsvc_encoder.scene import report
    from pgsvc_encoder.scene.measure import TEST_VIEWS, level_rows

    with bar.stage("measuring", "level", seconds) as progress:
        views = 0 if a.no_views else TEST_VIEWS
        rows = level_rows(encoded, source.splats, source.format, views=views, threads=a.threads, progress=progress)
        added = more()
    result = report.summary(source, settings, encoded, rows, seconds) | added
    if a.report is not None:
        from pgsvc_encoder.report import write

        write(Path(a.report), list(command), result)
    note(a.quiet, report.format_table(result))
