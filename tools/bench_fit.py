#!/usr/bin/env python3
"""What each choice of the fit is worth: level weights, shares of the layers, additions, relocation, pruning, optimiser.

    PGSVC_DATA=… python tools/bench_fit.py [--iterations 800] [--groups weights,tools] [--resume]

One picture of each kind in PGSVC_DATA; nothing is quantised. Every row is the default with one thing changed; gaps are to a
monolithic fit of each level with the default tools and the same iterations.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
from collections.abc import Iterator
from typing import Any

from benchmarking import data_folder, markdown
from peer_rows import Rows, codec_version
from trainings import fit_frames, quality, read

from pgsvc.picture import Picture
from pgsvc_encoder.fit.optimise import ADAN, Rates
from pgsvc_encoder.fit.prune import ENERGY, LEARNED, Pruning
from pgsvc_encoder.fit.relocate import Relocation
from pgsvc_encoder.fit.train import SUPERPIXELS, UNIFORM, Schedule
from pgsvc_encoder.fit.training import Training

PICTURES = {
    "kodim05": ("kodak/kodim05.png", 4500),
    "kodim23": ("kodak/kodim23.png", 4500),
    "foreman": ("video/foreman_352x288_300f.264", 1320),
    "park_joy": ("video/park_joy_480x270_10f.y4m", 1680),
}
EQUAL = (1.0, 1.0, 1.0)


@dataclasses.dataclass(frozen=True)
class Variant:
    """One thing changed."""

    training: Training = Training()
    changes: dict[str, Any] = dataclasses.field(default_factory=dict)
    shares: tuple[float, ...] = EQUAL


def _weights(*w: float) -> Variant:
    return Variant(Training("joint", w))


def _tool(**changes: Any) -> Variant:
    return Variant(changes=changes)


def _rates(factor: float) -> Rates:
    return Rates(*(factor * rate for rate in dataclasses.astuple(Rates())))


GROUPS = {
    "weights": {
        "weights 0.02, 0.05, 1": _weights(0.02, 0.05, 1),
        "weights 0.1, 0.2, 1": _weights(0.1, 0.2, 1),
        "weights 0.2, 0.3, 1": _weights(0.2, 0.3, 1),
        "weights 0.5, 0.5, 1": _weights(0.5, 0.5, 1),
        "weights 1, 1, 1": _weights(1, 1, 1),
    },
    "shares": {
        "shares 0.2, 0.3, 0.5": Variant(shares=(0.2, 0.3, 0.5)),
        "shares 0.45, 0.3, 0.25": Variant(shares=(0.45, 0.3, 0.25)),
    },
    "tools": {
        "no exchange": _tool(exchange=False),
        "no relocation": _tool(relocation=None),
        "no relocation, slow additions": _tool(relocation=None, add_until=0.7, seed_share=0.5),
        "start from superpixels": _tool(start=SUPERPIXELS),
        "no relocation, start from superpixels": _tool(relocation=None, start=SUPERPIXELS),
        "no relocation, random start": _tool(relocation=None, start=UNIFORM),
        "pruning by |w| instead of relocation": _tool(relocation=None, pruning=Pruning(measure=LEARNED)),
        "pruning by energy instead of relocation": _tool(relocation=None, pruning=Pruning(measure=ENERGY)),
        "random start, pruning by |w|": _tool(relocation=None, start=UNIFORM, pruning=Pruning(measure=LEARNED)),
        "relocation in 20 rounds": _tool(relocation=Relocation(rounds=20)),
        "relocation of 0.1 a round": _tool(relocation=Relocation(share=0.1)),
        "half the step sizes": _tool(rates=_rates(0.5)),
        "twice the step sizes": _tool(rates=_rates(2.0)),
        "Adan": _tool(optimiser=ADAN),
        "Adan, half the step sizes": _tool(optimiser=ADAN, rates=_rates(0.5)),
        "Adan, twice the step sizes": _tool(optimiser=ADAN, rates=_rates(2.0)),
    },
}


def measure(picture: Picture, splats: int, variant: Variant, iterations: int) -> Iterator[dict[str, Any]]:
    counts = [round(splats * share / sum(variant.shares)) for share in variant.shares]
    schedule = dataclasses.replace(Schedule(iterations, patience=iterations), **variant.changes)
    sizes = [(picture.format.width, picture.format.height)] * len(counts)
    (fitted,) = fit_frames([picture], variant.training, counts, sizes, schedule)
    for level, row in enumerate(quality(fitted.sources, fitted.levels)):
        yield {"stream": "fit", "level": level, "splats": counts, **row, "seconds": fitted.seconds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--iterations", type=int, default=800)
    parser.add_argument("--groups", default=",".join(GROUPS))
    parser.add_argument("--pictures", default=",".join(PICTURES))
    parser.add_argument("--name", default="fit")
    parser.add_argument("--resume", action="store_true", help="keep what an interrupted run has measured")
    a = parser.parse_args()
    variants = {"default": Variant()} | {k: v for g in a.groups.split(",") for k, v in GROUPS[g].items()}
    rows = Rows(a.name, a.resume)
    for name in a.pictures.split(","):
        path, splats = PICTURES[name]
        (picture,) = read(data_folder() / path)
        jobs = dict(variants)
        for shares in dict.fromkeys(v.shares for v in variants.values()):
            jobs[_monolithic(shares)] = Variant(Training("monolithic"), shares=shares)
        for label, variant in jobs.items():

            def job(variant: Variant = variant, picture: Picture = picture, splats: int = splats) -> Iterator[dict]:
                return measure(picture, splats, variant, a.iterations)

            rows.add(name, label, codec_version(), {"iterations": a.iterations}, job)
    rows.finish(table(rows.rows, variants))


def _monolithic(shares: tuple[float, ...]) -> str:
    return "monolithic" if shares == EQUAL else f"monolithic, shares {', '.join(map(str, shares))}"


def table(rows: list[dict[str, Any]], variants: dict[str, Variant]) -> str:
    """Means over the pictures, and gaps to monolithic fits."""
    names = sorted({r["source"] for r in rows})

    def values(label: str, level: int, measure: str = "psnr") -> list[float]:
        found = {r["source"]: r[measure] for r in rows if r["codec"] == label and r["level"] == level}
        return [found[n] for n in names]

    lines = []
    for label, variant in variants.items():
        means = [f"{statistics.fmean(values(label, k)):.2f}" for k in range(3)]
        gaps = []
        for k in range(3):
            own = values(_monolithic(variant.shares), k)
            gaps.append(f"{statistics.fmean(a - b for a, b in zip(values(label, k), own, strict=True)):+.2f}")
        lines.append([label, *means, *gaps, f"{statistics.fmean(values(label, 0, 'seconds')):.1f}"])
    means = [f"{statistics.fmean(values(_monolithic(EQUAL), k)):.2f}" for k in range(3)]
    lines.append(
        ["monolithic", *means, "", "", "", f"{statistics.fmean(values(_monolithic(EQUAL), 0, 'seconds')):.1f}"]
    )
    head = ["choice", *(f"level {k}, dB" for k in range(3)), *(f"level {k} to monolithic" for k in range(3)), "seconds"]
    return markdown(head, lines) + f"\n\nMeans over {', '.join(names)}; PSNR of R, G, B or of luma."


if __name__ == "__main__":
    main()
