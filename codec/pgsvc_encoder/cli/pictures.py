"""pgsvc-enc for pictures and video."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pgsvc.cli.common import note
from pgsvc_encoder.cli.output import check_output

if TYPE_CHECKING:
    from pgsvc_encoder.cluster.connection import Cluster

NAME = "pgsvc-enc"


def encode_pictures(a: argparse.Namespace, command: Sequence[str]) -> int:
    """Encode as the options say; ``command`` is for the report."""
    from pgsvc_encoder.options import settings_from
    from pgsvc_encoder.start import import_torch

    import_torch()
    settings = settings_from(a)
    from pgsvc_encoder import report
    from pgsvc_encoder.encode import encode
    from pgsvc_encoder.progress import ProgressBar
    from pgsvc_encoder.region import Region
    from pgsvc_encoder.source import open_source

    if a.report is None and (a.quiet or a.preset == "fast"):
        settings = replace(settings, ms_ssim=False)  # nobody would see it, or it would take a quarter of the time
    check_output(a.input, a.output)
    output = Path(a.output)
    with (
        open_source(
            a.input,
            size=a.size,
            pix_fmt=a.pix_fmt,
            depth=a.depth,
            fps=a.fps,
            skip=a.skip,
            frames=a.frames,
            kind=a.input_kind,
        ) as source,
        _connected(a) as cluster,
    ):
        region = None if a.roi is None else Region.from_text(a.roi, source, skip=a.skip)
        bar = ProgressBar(settings, source, quiet=a.quiet)
        try:
            result = encode(
                source,
                output,
                settings,
                region=region,
                resume=a.resume,
                workers=a.workers,
                cluster=cluster,
                progress=bar,
                on_key=bar.key_frame,
                notice=bar.say,
            )
        except KeyboardInterrupt:
            note(
                a.quiet, f"{NAME}: finished segments are kept in {output}.parts; the same command with --resume goes on"
            )
            raise
        finally:
            bar.close()
    if a.report is not None:
        report.write(Path(a.report), list(command), result)
    note(a.quiet, report.format_table(result["levels"], result["seconds"], len(result["frames"])))
    return 0


def _connected(a: argparse.Namespace) -> AbstractContextManager[Cluster | None]:
    """The cluster, if one is asked for; one that is started here has room for what is asked of it."""
    if a.cluster is None:
        return nullcontext()
    from pgsvc.kernel import thread_count
    from pgsvc_encoder.cluster.connection import Cluster

    return Cluster(a.cluster, max(thread_count(), (a.workers or 1) * (a.threads or 1)))
