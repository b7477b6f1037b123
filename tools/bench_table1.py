#!/usr/bin/env python3
"""Table 1 of P-GSVC in form: joint against sequential training of three equal layers, at equal total iterations, nothing quantised.

    PGSVC_DATA=… python tools/bench_table1.py [--splats 6000,7500,9000] [--iterations 1200] [--pictures kodim19] [--resume]

joint: the default training. sequential: one layer after the other with the same start, additions and relocation; also without
relocation, which came after the paper. LIG: one layer after the other, every layer starts anywhere with all its splats, nothing is
added or moved.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
from collections.abc import Iterator
from typing import Any

from benchmarking import data_folder, markdown
from peer_rows import Rows, codec_version
from trainings import counts_and_sizes, fit_frames, quality, read

from pgsvc.picture import Picture
from pgsvc_encoder.fit.train import UNIFORM, Schedule
from pgsvc_encoder.fit.training import Training

METHODS = {
    "joint": ("joint", {}),
    "sequential": ("sequential", {}),
    "sequential, no relocation": ("sequential", {"relocation": None}),
    "LIG": ("sequential", {"start": UNIFORM, "relocation": None}),
}


def measure(picture: Picture, method: str, splats: int, iterations: int) -> Iterator[dict[str, Any]]:
    training, changes = METHODS[method]
    counts, sizes = counts_and_sizes(splats, 3, picture, "quality")
    schedule = dataclasses.replace(Schedule(iterations, patience=iterations), **changes)
    (fitted,) = fit_frames([picture], Training(training), counts, sizes, schedule)
    for level, row in enumerate(quality(fitted.sources, fitted.levels)):
        yield {
            "stream": f"{splats} splats",
            "splats": splats,
            "level": level,
            **row,
            "seconds": fitted.seconds,
            "iterations": fitted.iterations,
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--splats", default="6000,7500,9000", help="budgets of all layers together")
    parser.add_argument("--iterations", type=int, default=1200)
    parser.add_argument("--pictures", help="comma-separated names (default: all in the folder)")
    parser.add_argument("--name", default="table1")
    parser.add_argument("--resume", action="store_true", help="keep what an interrupted run has measured")
    a = parser.parse_args()
    folder = data_folder() / "kodak"
    names = a.pictures.split(",") if a.pictures else sorted(p.stem for p in folder.glob("*.png"))
    budgets = [int(x) for x in a.splats.split(",")]
    rows = Rows(a.name, a.resume)
    for name in names:
        (picture,) = read(folder / f"{name}.png")
        for budget in budgets:
            for method in METHODS:
                settings = {"splats": budget, "iterations": a.iterations}

                def job(method: str = method, budget: int = budget, picture: Picture = picture) -> Iterator[dict]:
                    return measure(picture, method, budget, a.iterations)

                rows.add(name, method, codec_version(), settings, job)
    rows.finish(table(rows.rows, budgets))


def table(rows: list[dict[str, Any]], budgets: list[int]) -> str:
    """Means over the pictures."""

    def mean(method: str, budget: int, level: int, measure: str) -> float:
        chosen = [r for r in rows if (r["codec"], r["splats"], r["level"]) == (method, budget, level)]
        return statistics.fmean(r[measure] for r in chosen)

    lines = []
    for method in METHODS:
        for level in (2, 1, 0):
            cells = [f"{mean(method, b, level, 'psnr'):.2f}, {mean(method, b, level, 'ms_ssim'):.4f}" for b in budgets]
            lines.append([method, str(level), *cells])
    for method in list(METHODS)[1:]:
        for level in (2, 1, 0):
            gains = [mean("joint", b, level, "psnr") - mean(method, b, level, "psnr") for b in budgets]
            lines.append([f"joint ahead of {method}", str(level), *(f"{g:+.2f} dB" for g in gains)])
    return markdown(["training", "level", *(f"{b} splats: PSNR, MS-SSIM" for b in budgets)], lines)


if __name__ == "__main__":
    main()
