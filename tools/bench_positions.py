#!/usr/bin/env python3
"""What the positions of splats cost in one way or another: bits per splat, for fitted and frozen key frames of three layers.

    PGSVC_DATA=… python tools/bench_positions.py [--preset fast] [--splats 2300] [--pictures kodim05,kodim19,kodim23]

A position is a cell of 8x8 luma samples and the place in it. Places are coded alike by all ways but the first two, which send
coordinates as they are. Only the tree of counts, Morton differences and anchors are tools of the format; the others are measured.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Any

import numpy as np
import position_codes as codes
import torch
from bench_tools import Meter, fitted, frozen, split
from benchmarking import arguments, data_folder, markdown, save

from pgsvc.entropy import SymbolWriter
from pgsvc.planar.anchors import code_anchors
from pgsvc.planar.symbols import code_positions
from pgsvc.planar.tree import code_cells
from pgsvc_encoder.settings import Settings

RAW = {"two 32-bit floats": 64.0, "two 12-bit numbers": 24.0}  # whole positions
BOUND = "bound: cells in order less log2(N!), evenly spread"
TREE = "tree of counts (7.10)"
ANCHORS = "anchors of ProGS (7.14)"
OFFSETS = "from the nearest splat of a lower layer, less the order of children"
WAYS = (
    "cells in order",
    "Morton differences (7.4)",
    ANCHORS,
    "occupancy of the quadtree",
    "occupancy, by occupied neighbours",
    TREE,
    "tree of counts, by the lower layers' density",
    OFFSETS,
    BOUND,
)


def log2_factorial(n: int) -> float:
    return math.lgamma(n + 1) / math.log(2)


def cell_bits_of(layers: Sequence[np.ndarray], width: int, height: int, cell_bits: int) -> dict[str, float]:
    """Bits of the cells of all layers together, by way.

    Args:
        layers: cells of each layer's splats in Morton order, base first.
    """
    columns, rows, depth = codes.squares(width, height, cell_bits)
    total = dict.fromkeys(WAYS, 0.0)

    def add(way: str, code: Any) -> None:
        meter = Meter()
        code(meter)
        total[way] += math.fsum(meter.bits)

    for k, cells in enumerate(layers):
        n, lower = len(cells), np.concatenate([np.zeros((0, 2), np.int64), *layers[:k]])
        total["cells in order"] += n * math.log2(columns * rows)
        total[BOUND] += n * math.log2(columns * rows) - log2_factorial(n)
        writer = SymbolWriter()
        code_positions(writer, n, cells)
        total["Morton differences (7.4)"] += 8 * len(writer.finish())
        size = (n, width, height, cell_bits)
        add(ANCHORS, lambda m, size=size, cells=cells: code_anchors(m, *size, cells))
        add("occupancy of the quadtree", lambda m, cells=cells: codes.occupancy(m, depth, cells))
        add(
            "occupancy, by occupied neighbours",
            lambda m, cells=cells: codes.occupancy(m, depth, cells, neighbours=True),
        )
        add(TREE, lambda m, size=size, cells=cells: code_cells(m, *size, cells))
        shape = (n, columns, rows, depth, lower)
        add(
            "tree of counts, by the lower layers' density",
            lambda m, s=shape, cells=cells: codes.by_density(m, *s, cells),
        )
        if k == 0:
            add(OFFSETS, lambda m, size=size, cells=cells: code_cells(m, *size, cells))
        else:
            add(OFFSETS, lambda m, lower=lower, cells=cells: codes.by_parents(m, lower, cells))
            children = np.bincount(codes.nearest(lower, cells))
            total[OFFSETS] -= math.fsum(log2_factorial(c) for c in children.tolist())
    return total


def main() -> None:
    a = arguments(__doc__, "positions", preset="fast", splats=2300, pictures="kodim05,kodim19,kodim23")
    torch.set_num_threads(1)
    rows: list[dict[str, Any]] = []
    for name in a.pictures.split(","):
        picture, objective, model = fitted(data_folder() / "kodak" / f"{name}.png", a.splats, a.preset)
        _, kept = frozen(objective, model, Settings(splats=a.splats, preset=a.preset, threads=1))
        f, layers = picture.format, [s.cells for _, s in kept]
        counts = [len(cells) for cells in layers]
        total = cell_bits_of(layers, f.width, f.height, kept[0][0]["cell_bits"])
        row = {
            "picture": name,
            "splats": counts,
            "cells": {way: bits / sum(counts) for way, bits in total.items()},
            "places": sum(split(*layer, f.width, f.height)["places"] for layer in kept) / sum(counts),
            "order": sum(map(log2_factorial, counts)) / sum(counts),
        }
        rows.append(row)
        print(row, flush=True)
    save(a.name, rows, tables(rows))


def tables(rows: list[dict[str, Any]]) -> str:
    head = ["bits per splat", *(r["picture"] for r in rows), "mean", "with places"]
    places = [r["places"] for r in rows]
    body = [[way, *[""] * (len(rows) + 1), f"{bits:.2f}"] for way, bits in RAW.items()]
    for way in WAYS:
        values = [r["cells"][way] for r in rows]
        both = statistics.fmean(v + p for v, p in zip(values, places, strict=True))
        body.append([way, *(f"{v:.2f}" for v in values), f"{statistics.fmean(values):.2f}", f"{both:.2f}"])
    for label, name in (("places", "places"), ("the order: log2(N!) / N", "order")):
        values = [r[name] for r in rows]
        body.append([label, *(f"{v:.2f}" for v in values), f"{statistics.fmean(values):.2f}", ""])
    splats = ", ".join(f"{r['picture']} {' + '.join(map(str, r['splats']))}" for r in rows)
    notes = (
        "With anchors each node of each level but the first costs 22 bits. In ProGS every node is an anchor, so 22 bits buy a "
        "position; here only the nodes of the last level are splats.\n\nWays without a clause are measured only."
    )
    return f"Cells, in bits per splat. Splats of the layers: {splats}.\n\n{markdown(head, body)}\n\n{notes}"


if __name__ == "__main__":
    main()
