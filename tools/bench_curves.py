#!/usr/bin/env python3
"""Loss and gradient norm of the six trainings over their iterations, as a plot (figures 2 and 5 of P-GSVC).

    PGSVC_DATA=… python tools/bench_curves.py [--picture kodim19] [--splats 9000] [--iterations 1200]

The loss is the mean squared error of the highest level that the iteration supervises: with sequential training the level that is
being trained, otherwise the top. The norm is that of the gradient by all parameters. monolithic shows the model of the top level.
The start is the random one of the papers with no additions, so that the curves show the trainings and nothing else.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import torch
from benchmarking import data_folder, markdown, save
from plotting import training as plot
from trainings import counts_and_sizes, fit_frames, quality, read

from pgsvc_encoder.fit.train import UNIFORM, Schedule
from pgsvc_encoder.fit.training import TRAININGS, Training


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--picture", default="kodim19")
    parser.add_argument("--splats", type=int, default=9000)
    parser.add_argument("--iterations", type=int, default=1200)
    parser.add_argument("--name", default="curves")
    a = parser.parse_args()
    (picture,) = read(data_folder() / "kodak" / f"{a.picture}.png")
    counts, sizes = counts_and_sizes(a.splats, 3, picture, "quality")
    schedule = Schedule(a.iterations, start=UNIFORM, relocation=None, patience=a.iterations)
    runs: dict[str, dict[str, list[float]]] = {}
    lines, rows = [], []
    for name in TRAININGS:
        losses: list[float] = []
        norms: list[float] = []

        def note(
            errors: torch.Tensor,
            gradients: Sequence[torch.Tensor],
            losses: list[float] = losses,
            norms: list[float] = norms,
        ) -> None:
            losses.append(float(errors[-1]))
            norms.append(float(torch.cat([g.flatten() for g in gradients]).norm()))

        (fitted,) = fit_frames([picture], Training(name), counts, sizes, schedule, on_step=note)
        levels = quality(fitted.sources, fitted.levels)
        first = len(losses) - a.iterations  # monolithic: the last model is that of the top level
        runs[name] = {"loss": losses[first:], "gradient": norms[first:]}
        rows.append({"training": name, "levels": levels, "seconds": fitted.seconds, **runs[name]})
        lines.append([name, *(f"{r['psnr']:.2f}" for r in levels), _roughness(norms[first:])])
        print("  ".join(lines[-1]), flush=True)
    head = ["training", "level 0, dB", "level 1, dB", "level 2, dB", "roughness of the gradient norm"]
    note_below = "\n\nRoughness: mean relative change of the gradient norm from one iteration to the next, second half of the run."
    save(a.name, rows, markdown(head, lines) + note_below)
    plot(a.name, runs, title=f"{a.picture}, {a.splats} splats in three layers")


def _roughness(norms: Sequence[float]) -> str:
    half: Any = norms[len(norms) // 2 :]
    return f"{sum(abs(b - a) / a for a, b in zip(half, half[1:], strict=False)) / (len(half) - 1):.3f}"


if __name__ == "__main__":
    main()
