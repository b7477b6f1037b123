#!/usr/bin/env python3
"""Quality and resolution scalability of the trainings on clips: every level beside a model of its own, unquantised and coded.

    PGSVC_DATA=… python tools/bench_scalability.py [--scalability resolution] [--clips foreman] [--frames 10] [--resume]

Budgets are P-GSVC's density: 27,000 splats for a 1080p frame, in three equal layers. With joint training two smaller budgets are
coded too: where a level of one budget has the splats of the next level of another, the difference is the gap at the join (figure
8). monolithic is one model, and one single-layer stream, for each level. Levels are measured against the original in their size.
"""

from __future__ import annotations

import argparse
import math
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarking import data_folder
from peer_rows import Rows, codec_version
from scalability_tables import tables
from trainings import Pictures, counts_and_sizes, fit_frames, quality, read

from pgsvc.picture import Picture
from pgsvc_encoder.encode import encode
from pgsvc_encoder.fit.training import Training
from pgsvc_encoder.settings import PAPER, PRESETS, Settings
from pgsvc_encoder.source.resize import resized

CLIPS = {
    "foreman": ("foreman_352x288_300f.264", "medium"),
    "basketballpass": ("basketballpass_416x240_100f.mkv", "medium"),
    "park_joy": ("park_joy_480x270_10f.y4m", "medium"),
    "street": ("street_1920x1080_54f.264", "fast"),
}
DENSITY = 27000 / (1920 * 1080)
TRAININGS = ("joint", "cyclic", "sequential", "monolithic", "pruning")
SMALLER = (0.5, 2 / 3)
LAYERS = 3


def budget(picture: Picture, share: float = 1.0) -> int:
    """Splats of all layers, a multiple of twice their number so that levels of the budgets have equal counts."""
    return 6 * LAYERS * round(picture.format.width * picture.format.height * DENSITY * share / (6 * LAYERS))


def unquantised(pictures: Sequence[Picture], training: str, scalability: str, preset: str) -> Iterator[dict[str, Any]]:
    counts, sizes = counts_and_sizes(budget(pictures[0]), LAYERS, pictures[0], scalability)
    schedule = PRESETS[preset].schedule
    fitted = [
        (quality(f.sources, f.levels), f.seconds)
        for f in fit_frames(pictures, Training(training), counts, sizes, schedule, preset=preset)
    ]
    for k in range(LAYERS):
        yield {
            "stream": "unquantised",
            "splats": sum(counts),
            "level": k,
            "size": list(sizes[k]),
            **{n: statistics.fmean(f[k][n] for f, _ in fitted) for n in ("psnr", "psnr_yuv")},
            "ms_ssim": _mean([f[k]["ms_ssim"] for f, _ in fitted]),
            "psnr_by_frame": [round(f[k]["psnr"], 3) for f, _ in fitted],
            **_seconds([s for _, s in fitted]),
        }


def coded(
    pictures: Sequence[Picture], training: str, scalability: str, preset: str, splats: int
) -> Iterator[dict[str, Any]]:
    counts, sizes = counts_and_sizes(splats, LAYERS, pictures[0], scalability)
    base: dict[str, Any] = {"preset": preset, "gop": len(pictures), "key_frames": "fixed"}
    if training != "monolithic":
        settings = Settings(
            layers=LAYERS, splats=splats, scalability=scalability, training_name=training, tools=PAPER, **base
        )
        report = _encode(pictures, settings)
        for row in report["levels"]:
            yield _row(row, report, splats, sum(counts[: row["level"] + 1]))
        return
    for k, size in enumerate(sizes):
        alone = [resized(p, *size) for p in pictures]
        report = _encode(alone, Settings(layers=1, splats=sum(counts[: k + 1]), tools=PAPER, **base))
        row = _row(report["levels"][0], report, splats, sum(counts[: k + 1]))
        smaller = math.prod(size) / math.prod(
            sizes[-1]
        )  # rates are per sample of the full size, as those of a layered stream
        yield {**row, "level": k, "bpp": row["bpp"] * smaller}


def _encode(pictures: Sequence[Picture], settings: Settings) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        return encode(Pictures("pictures", pictures, is_still=False), Path(folder) / "o.pgs", settings)


def _row(level: dict[str, Any], report: dict[str, Any], splats: int, in_level: int) -> dict[str, Any]:
    frames = report["frames"]
    return {
        "stream": f"{splats} splats",
        "splats": splats,
        "splats_in_level": in_level,
        **level,
        "psnr_by_frame": [round(f["levels"][level["level"]]["psnr"], 3) for f in frames],
        **_seconds([f["seconds"] for f in frames]),
    }


def _seconds(frames: Sequence[float]) -> dict[str, float]:
    return {"seconds_key": frames[0], "seconds_predicted": statistics.fmean(frames[1:] or frames)}


def _mean(values: list[float | None]) -> float | None:
    return None if any(v is None for v in values) else statistics.fmean(v for v in values if v is not None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scalability", choices=("quality", "resolution"), default="quality")
    parser.add_argument("--clips", default=",".join(CLIPS))
    parser.add_argument("--trainings", default=",".join(TRAININGS))
    parser.add_argument("--frames", type=int, default=10)
    parser.add_argument("--name", help="of the result files (default: scalability_quality or scalability_resolution)")
    parser.add_argument("--resume", action="store_true", help="keep what an interrupted run has measured")
    a = parser.parse_args()
    rows = Rows(a.name or f"scalability_{a.scalability}", a.resume)
    for clip in a.clips.split(","):
        file, preset = CLIPS[clip]
        pictures = read(data_folder() / "video" / file, a.frames)
        settings = {"frames": len(pictures), "scalability": a.scalability, "preset": preset}
        for name in a.trainings.split(","):
            full = budget(pictures[0])
            version = codec_version()
            rows.add(
                clip, name, version, {**settings, "mode": "unquantised"}, _job(unquantised, pictures, name, a, preset)
            )
            rows.add(clip, name, version, {**settings, "splats": full}, _job(coded, pictures, name, a, preset, full))
            for share in SMALLER if name == "joint" and a.scalability == "quality" else ():
                some = budget(pictures[0], share)
                rows.add(
                    clip, name, version, {**settings, "splats": some}, _job(coded, pictures, name, a, preset, some)
                )
    rows.finish(tables(rows.rows))


def _job(function: Any, pictures: Sequence[Picture], name: str, a: argparse.Namespace, preset: str, *more: int) -> Any:
    return lambda: function(pictures, name, a.scalability, preset, *more)


if __name__ == "__main__":
    main()
