#!/usr/bin/env python3
"""The coding tools of stills one by one: one fit of each picture, quantised and coded with each tool replaced.

    PGSVC_DATA=… python tools/bench_tools.py [--preset medium] [--splats 1400] [--pictures kodim05,kodim19]

Bytes are those of a whole file. "at equal bytes" converts the difference in bytes into dB with the slope of quality over rate,
2.2 dB per doubling, as kodim05 and kodim19 have it at 0.1 to 0.3 bit/pixel.
"""

from __future__ import annotations

import contextlib
import math
import statistics
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from benchmarking import arguments, data_folder, markdown, save
from measures import rgb_picture
from PIL import Image

from pgsvc.entropy import SymbolWriter
from pgsvc.headers import KEY_FRAME
from pgsvc.planar import graded, graded_counts, reconstruct
from pgsvc.planar.splats import SplatSet
from pgsvc.planar.symbols import code_positions
from pgsvc.range_coder import RangeWriter, learn
from pgsvc.syntax import Record
from pgsvc_encoder import metrics
from pgsvc_encoder.encode_segment import SegmentEncoder
from pgsvc_encoder.fit.background import background_of
from pgsvc_encoder.fit.objective import Objective
from pgsvc_encoder.fit.splats import Splats
from pgsvc_encoder.fit.train import fit
from pgsvc_encoder.settings import MAIN, PAPER, Settings

SLOPE = 2.2  # dB per doubling of the bytes
CONTAINER = (
    87 + 33,
    33,
    33,
)  # bytes around the payloads of three layers: signature, HEAD, ENDS; a KEYF chunk and a hash for each
VARIANTS: dict[str, dict[str, Any]] = {
    "main tools": {},
    "even counts, not trained": {"coding": "even"},
    "Morton differences, not the tree": {"coding": "morton"},
    "anchors of ProGS, not the tree": {"positions": "anchors"},
    "coarseness 13, precision 5 for all": {"overrides": {"grade": {"coarseness": 13, "shape_precision": 5}}},
    "no splats dropped": {"overrides": {"grade": {"least_worth": 0.0}}},
    "no dead zone for chroma": {"overrides": {"grade": {"dead_zone": 0.0}}},
    "no sweeps over the colours": {"overrides": {"grade": {"sweeps": 0}}},
    "ptq": {"quantise": "ptq"},
    "qat": {"quantise": "qat"},
    "paper tools": {"tools": PAPER},
    "paper tools, ptq": {"tools": PAPER, "quantise": "ptq"},
    "paper tools, qat": {"tools": PAPER, "quantise": "qat"},
}


class Meter(RangeWriter):
    """Counts the bits of each call."""

    def __init__(self) -> None:
        super().__init__()
        self.bits: list[float] = []

    def adaptive(self, counts: np.ndarray, context: np.ndarray, values: np.ndarray | None) -> np.ndarray:
        assert values is not None
        bits = 0.0
        for row, symbol in zip(context.tolist(), values.tolist(), strict=True):
            table = counts[row].tolist()
            bits += math.log2(sum(table) / table[symbol])
            learn(table, symbol, sum(table))
            counts[row] = table
        self.bits.append(bits)
        return np.asarray(values, np.int32)

    def uniform(self, sizes: np.ndarray, values: np.ndarray | None) -> np.ndarray:
        self.bits.append(float(np.log2(sizes).sum()))
        return np.asarray(values, np.int32)


def split(header: Record, symbols: graded.GradedSymbols, width: int, height: int) -> dict[str, float]:
    """Bits of a graded payload by what they say."""
    meter = Meter()
    graded.code_graded(meter, header, width, height, 3, symbols)
    ends = {"cells": -22, "colours": -10, "shears": -6, "scales": -2, "places": len(meter.bits)}
    out, begin = {}, 0
    for name, end in ends.items():
        out[name] = math.fsum(meter.bits[begin:end])
        begin = end
    out["headers"] = 8.0 * len(KEY_FRAME.to_bytes({**header, "has_background": 0}, {"components": 3}))
    return out


def even() -> contextlib.ExitStack:
    """All tables begin with eights."""
    stack = contextlib.ExitStack()
    for name in ("ENERGY", "SCALE"):
        tables = tuple(np.full_like(t, 8) for t in getattr(graded, name))
        stack.enter_context(mock.patch.object(graded, name, tables))
    for name in ("SHEAR", "HALF"):
        stack.enter_context(mock.patch.object(graded_counts, name, np.full_like(getattr(graded_counts, name), 8)))
    return stack


def fitted(path: Path, splats: int, preset: str) -> tuple[Any, Objective, Splats]:
    with Image.open(path) as image:
        picture = rgb_picture(np.asarray(image.convert("RGB")))
    settings = Settings(splats=splats, preset=preset, tools=MAIN)
    objective = Objective([picture] * 3, background_of(picture), 1)
    model = Splats.unused(settings.layer_splats(picture.format.width * picture.format.height), 3)
    fit(
        settings.training(),
        objective,
        model,
        settings.effort().schedule,
        torch.Generator().manual_seed(0),
        lambda *_: None,
    )
    return picture, objective, model


def frozen(
    objective: Objective, model: Splats, settings: Settings
) -> tuple[list[tuple[SplatSet, bytes]], list[tuple[Record, graded.GradedSymbols]]]:
    """Decoded state and payload of each layer of a fit, and header and symbols of each (main tools; else none)."""
    encoder = SegmentEncoder(0, 0, settings, lambda *_: None)
    encoder.background = objective.background.numpy() if torch.is_tensor(objective.background) else objective.background
    splats = Splats(*(v.clone() for v in (model.position, model.shape, model.colour, model.starts)))
    kept: list[tuple[Record, graded.GradedSymbols]] = []
    code = graded.code_graded

    def keep(coder: Any, header: Record, *rest: Any) -> Any:
        kept.append((header, rest[-1]))
        return code(coder, header, *rest)

    with mock.patch("pgsvc_encoder.write.payload.code_graded", keep):
        return list(encoder._freeze(objective, splats)), kept


def measure(picture: Any, objective: Objective, model: Splats, settings: Settings, coding: str | None) -> Iterator[Any]:
    """Bytes of the file, PSNR of the top level, and the bits by what they say (main tools)."""
    f = picture.format
    with even() if coding == "even" else contextlib.nullcontext():
        layers, kept = frozen(objective, model, settings)
        bits = [split(h, s, f.width, f.height) for h, s in kept]
    states = [state for state, _ in layers]
    size = sum(CONTAINER) + sum(len(payload) for _, payload in layers)
    if coding == "morton":
        for (_, symbols), b in zip(kept, bits, strict=True):
            writer = SymbolWriter()
            code_positions(writer, len(symbols.cells), symbols.cells)
            size += len(writer.finish()) - round(b["cells"] / 8)
    top = list(reconstruct.levels([[s] for s in states], f, sizes=[(f.width, f.height)] * 3, threads=1))[-1]
    total = {n: math.fsum(b[n] for b in bits) for n in bits[0]} if bits else {}
    yield size, metrics.psnr(picture, top)["psnr"], total, sum(len(s) for s in states)


def main() -> None:
    a = arguments(__doc__, "tools", preset="medium", splats=1400, pictures="kodim05,kodim19")
    torch.set_num_threads(1)
    rows: list[dict[str, Any]] = []
    for name in a.pictures.split(","):
        picture, objective, model = fitted(data_folder() / "kodak" / f"{name}.png", a.splats, a.preset)
        for label, changes in VARIANTS.items():
            base = Settings(splats=a.splats, preset=a.preset, tools=MAIN, threads=1)
            settings = replace(base, **{k: v for k, v in changes.items() if k != "coding"})
            for size, psnr, bits, count in measure(picture, objective, model, settings, changes.get("coding")):
                print(name, label, size, f"{psnr:.2f}", flush=True)
                rows.append(
                    {"picture": name, "variant": label, "bytes": size, "psnr": psnr, "splats": count, "bits": bits}
                )
    save(a.name, rows, tables(rows))


def tables(rows: list[dict[str, Any]]) -> str:
    base = {r["picture"]: r for r in rows if r["variant"] == "main tools"}
    cells = []
    for label in VARIANTS:
        part = [r for r in rows if r["variant"] == label]
        more = [math.log2(r["bytes"] / base[r["picture"]]["bytes"]) for r in part]
        gain = [r["psnr"] - base[r["picture"]]["psnr"] for r in part]
        equal = statistics.fmean(g - SLOPE * m for g, m in zip(gain, more, strict=True))
        means = [statistics.fmean(r[n] for r in part) for n in ("bytes", "psnr")]
        change = 100 * (2 ** statistics.fmean(more) - 1)
        cells.append([label, f"{means[0]:.0f}", f"{change:+.1f} %", f"{means[1]:.2f}", f"{equal:+.2f}"])
    text = markdown(["", "bytes", "against main", "PSNR", "dB at equal bytes"], cells)
    names = list(next(iter(base.values()))["bits"])
    parts = [[p, *(f"{r['bits'][n] / r['splats']:.2f}" for n in names)] for p, r in base.items()]
    return f"{text}\n\nBits per splat of the main tools:\n\n{markdown(['picture', *names], parts)}"


if __name__ == "__main__":
    main()
