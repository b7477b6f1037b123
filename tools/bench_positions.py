#!/usr/bin/env python3
"""What the positions of splats cost in one way or another: bits per splat, for fitted and frozen key frames of three layers.

    PGSVC_DATA=… python tools/bench_positions.py [--preset fast] [--splats 2300] [--pictures kodim05,kodim19,kodim23]

A position is a cell of 8x8 luma samples and the place in it. Places are coded alike by all ways but the first two, which send
coordinates as they are. Only the tree of counts, Morton differences and anchors are tools of the format; the others are measured.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import position_codes as codes
import torch
from bench_tools import Meter, fitted, frozen, split
from benchmarking import arguments, data_folder, markdown, save

from pgsvc.entropy import SymbolWriter
from pgsvc.planar.anchors import code_anchors
from pgsvc.planar.symbols import code_positions, morton
from pgsvc.planar.tree import code_cells
from pgsvc_encoder.settings import Settings

RAW = {"two 32-bit floats": 64.0, "two 12-bit numbers": 24.0}  # whole positions
EVEN = "evenly spread"
WAYS = (ORDERED, MORTON, ANCHORS, OCCUPANCY, NEIGHBOURS, TREE, DENSITY, OFFSETS, BOUND) = (
    "cells in order",
    "Morton differences (7.4)",
    "anchors of ProGS (7.14)",
    "occupancy of the quadtree",
    "occupancy, by occupied neighbours",
    "tree of counts (7.10)",
    "tree of counts, by the lower layers' density",
    "from the nearest splat of a lower layer, less the order of children",
    "bound: cells in order less log2(N!), evenly spread",
)


def log2_factorial(n: int) -> float:
    return math.lgamma(n + 1) / math.log(2)


def measured(code: Callable[..., Any], *arguments: Any, **options: Any) -> float:
    """Bits that a way to code takes."""
    meter = Meter()
    code(meter, *arguments, **options)
    return math.fsum(meter.bits)


def cell_bits_of(layers: Sequence[np.ndarray], width: int, height: int, cell_bits: int) -> dict[str, float]:
    """Bits of the cells of all layers together, by way.

    Args:
        layers: cells of each layer's splats in Morton order, base first.
    """
    columns, rows, depth = codes.squares(width, height, cell_bits)
    total = dict.fromkeys(WAYS, 0.0)
    for k, cells in enumerate(layers):
        n, lower = len(cells), np.concatenate([np.zeros((0, 2), np.int64), *layers[:k]])
        size = (n, width, height, cell_bits)
        writer = SymbolWriter()
        code_positions(writer, n, cells)
        total[ORDERED] += n * math.log2(columns * rows)
        total[MORTON] += 8 * len(writer.finish())
        total[ANCHORS] += measured(code_anchors, *size, cells)
        total[OCCUPANCY] += measured(codes.occupancy, depth, cells)
        total[NEIGHBOURS] += measured(codes.occupancy, depth, cells, neighbours=True)
        total[TREE] += measured(code_cells, *size, cells)
        total[DENSITY] += measured(codes.by_density, n, columns, rows, depth, lower, cells)
        total[OFFSETS] += measured(codes.by_parents, lower, cells) if k else measured(code_cells, *size, cells)
        children = np.bincount(codes.nearest(lower, cells)) if k else np.zeros(0, np.int64)
        total[OFFSETS] -= math.fsum(map(log2_factorial, children.tolist()))
        total[BOUND] += n * math.log2(columns * rows) - log2_factorial(n)
    return total


def main() -> None:
    a = arguments(__doc__, "positions", preset="fast", splats=2300, pictures="kodim05,kodim19,kodim23")
    torch.set_num_threads(1)
    rows: list[dict[str, Any]] = []
    for name in a.pictures.split(","):
        picture, objective, model = fitted(data_folder() / "kodak" / f"{name}.png", a.splats, a.preset)
        _, kept = frozen(objective, model, Settings(splats=a.splats, preset=a.preset, threads=1))
        f, layers = picture.format, [s.cells for _, s in kept]
        places = math.fsum(split(*layer, f.width, f.height)["places"] for layer in kept)
        rows.append(row_of(name, layers, f.width, f.height, kept[0][0]["cell_bits"], places))
        print(rows[-1], flush=True)
    rows.append(evenly_spread(rows[-1]["splats"], f.width, f.height, kept[0][0]["cell_bits"]))
    save(a.name, rows, tables(rows))


def evenly_spread(counts: list[int], width: int, height: int, cell_bits: int) -> dict[str, Any]:
    """Splats anywhere, which is what the bound is the entropy of; they have no places."""
    rng = np.random.default_rng(1)
    columns, rows, _ = codes.squares(width, height, cell_bits)
    layers = [np.stack([rng.integers(0, columns, n), rng.integers(0, rows, n)], 1) for n in counts]
    layers = [cells[np.argsort(morton(cells), kind="stable")] for cells in layers]
    return row_of(EVEN, layers, width, height, cell_bits, 0.0)


def row_of(
    name: str, layers: Sequence[np.ndarray], width: int, height: int, cell_bits: int, places: float
) -> dict[str, Any]:
    """Bits per splat; ``places``: bits of all of them."""
    counts = [len(cells) for cells in layers]
    total = cell_bits_of(layers, width, height, cell_bits)
    return {
        "picture": name,
        "splats": counts,
        "cells": {way: bits / sum(counts) for way, bits in total.items()},
        "places": places / sum(counts),
        "order": sum(map(log2_factorial, counts)) / sum(counts),
    }


def texts(values: Sequence[float]) -> list[str]:
    return [f"{v:.2f}" for v in values]


def tables(rows: list[dict[str, Any]]) -> str:
    """The table; the last row is that of :func:`evenly_spread`."""
    *rows, even = rows
    head = ["bits per splat", *(r["picture"] for r in rows), "mean", "with places", EVEN]
    places = [r["places"] for r in rows]
    body = [[way, *[""] * (len(rows) + 1), f"{bits:.2f}", ""] for way, bits in RAW.items()]
    for way in WAYS:
        values = [r["cells"][way] for r in rows]
        both = statistics.fmean(v + p for v, p in zip(values, places, strict=True))
        body.append([way, *texts([*values, statistics.fmean(values), both, even["cells"][way]])])
    for label, name in (("places", "places"), ("the order: log2(N!) / N", "order")):
        values = [r[name] for r in rows]
        body.append([label, *texts([*values, statistics.fmean(values)]), "", *texts([even[name]])])
    splats = ", ".join(f"{r['picture']} {' + '.join(map(str, r['splats']))}" for r in rows)
    notes = (
        "With anchors each node of each level but the first costs 22 bits. In ProGS every node is an anchor, so 22 bits buy a "
        "position; here only the nodes of the last level are splats.\n\nWays without a clause are measured only."
    )
    return f"Cells, in bits per splat. Splats of the layers: {splats}.\n\n{markdown(head, body)}\n\n{notes}"


if __name__ == "__main__":
    main()
