#!/usr/bin/env python3
"""Kodak pictures: every level of pgsvc beside JPEG 2000 (layers and single), JPEG, JPEG XL and AVIF, in one table.

    PGSVC_DATA=… python tools/bench_peers_stills.py --splats 850,2300,3600,6400 --layers 3,1
    PGSVC_DATA=… python tools/bench_peers_stills.py --splats "" --pictures kodim19 --name try     peers alone, one picture

Writes tools/results/NAME.json, .md and plots. An interrupted run goes on with --resume.
"""

from __future__ import annotations

import argparse
import itertools
import math
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from benchmarking import data_folder, encode, markdown, run, tool
from bjontegaard_table import METHOD, bjontegaard_rows, bjontegaard_table
from measures import measure_still
from peer_rows import Rows, codec_version
from peers import StillPeer, still_peers
from PIL import Image
from plotting import Line, rate_distortion
from rate_tables import NAMES, Curves, fixed_rate_rows, level_curves, mean_lines, stream_curves

RATES = (0.1, 0.2, 0.3, 0.5, 0.75, 1.0)
ANCHOR = "JPEG 2000 layers"
OURS = "pgsvc"
PLOTTED = (0.04, 1.7)  # bits per pixel


def rgb(path: Path) -> np.ndarray:
    """[H, W, 3] uint8 of a file."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def point(stream: str, level: int, levels: int, size: int, source: np.ndarray, decoded: np.ndarray) -> dict[str, Any]:
    """A row of one decoded picture."""
    rate = 8 * size / (source.shape[0] * source.shape[1])
    head = {"stream": stream, "level": level, "levels": levels, "bytes": size, "bpp": rate}
    return head | measure_still(source, decoded)


def peer_points(peer: StillPeer, picture: np.ndarray) -> Iterator[dict[str, Any]]:
    for p in peer.encode(picture):
        yield point(p.stream, p.level, p.levels, p.size, picture, p.picture)


def pgsvc_points(path: Path, splats: int, settings: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every level of one stream, decoded by the decoder's own command; bytes are those of the stream cut there."""
    source = rgb(path)
    with tempfile.TemporaryDirectory() as work:
        stream, decoded = Path(work) / "s.pgs", Path(work) / "d.png"
        options = [f"--{name}={value}" for name, value in settings.items()]
        levels = encode(path, stream, *options, f"--splats={splats}")["levels"]
        for r in levels:
            run(tool("pgsvc-dec", str(stream), "-q", "-l", str(r["level"]), "-o", str(decoded)))
            yield point(f"{splats} splats", r["level"], len(levels), r["bytes"], source, rgb(decoded))


def coded_by(layers: int, first: int) -> str:
    """Name of the codec with so many layers; the first number of layers goes without saying."""
    return OURS if layers == first else f"{OURS}, {layers} layer{'s' * (layers > 1)}"


def overhead(rows: list[dict[str, Any]]) -> list[str]:
    """What layers cost: whole streams against those with fewer layers at the same quality."""
    text = []
    for measure in ("psnr_rgb", "ms_ssim"):
        curves = level_curves(rows, measure)
        curves = decibel(curves) if measure == "ms_ssim" else curves
        for name in curves:
            if name.startswith(f"{OURS}, ") and name.endswith(("layer", "layers")) and OURS in curves:
                deltas = bjontegaard_table(curves[name], {OURS: curves[OURS]})
                head = [f"against {name}", "BD-rate", f"BD-{NAMES[measure]} in dB", "overlap in dB", "pictures"]
                single = {s: bjontegaard_table({s: c}, {OURS: curves[OURS]})[OURS] for s, c in curves[name].items()}
                by_picture = ", ".join(
                    f"{s} {'n/a' if d['rate'] is None else format(d['rate'], '+.1f') + ' %'}" for s, d in single.items()
                )
                text += ["What layers cost:", "", markdown(head, bjontegaard_rows(deltas)), "", f"{by_picture}.", ""]
    return text


def decibel(curves: Curves) -> Curves:
    """MS-SSIM as -10 log10(1 - x), which is closer to linear for a Bjøntegaard delta."""
    return {
        n: {s: [(r, -10 * math.log10(max(1e-9, 1 - q))) for r, q in c] for s, c in by.items()}
        for n, by in curves.items()
    }


def tables(rows: list[dict[str, Any]], names: list[str]) -> str:
    """The Markdown: quality at fixed rates, then deltas against the anchor."""
    text = []
    for measure in ("psnr_rgb", "ms_ssim", "vmaf", "lpips"):
        cells = fixed_rate_rows(level_curves(rows, measure) | scan_curves(rows, measure), names, RATES, measure)
        if not cells:
            continue
        text += [f"{NAMES[measure]} at bits per pixel, mean of {len(names)} pictures:", ""]
        text += [markdown(["", *map(str, RATES)], cells), ""]
    for measure in ("psnr_rgb", "ms_ssim"):
        curves = level_curves(rows, measure) | stream_curves(rows, measure)
        curves = decibel(curves) if measure == "ms_ssim" else curves
        if ANCHOR not in curves:
            continue
        deltas = bjontegaard_table(curves[ANCHOR], {n: c for n, c in curves.items() if n != ANCHOR})
        unit = f"{NAMES[measure]} in dB"
        head = [f"against {ANCHOR}", "BD-rate", f"BD-{unit}", "overlap in dB", "pictures"]
        text += [f"Bjøntegaard deltas of {unit} ({METHOD}), mean over pictures:", ""]
        text += [markdown(head, bjontegaard_rows(deltas)), ""]
    return "\n".join(text + overhead(rows))


def scan_curves(rows: list[dict[str, Any]], measure: str) -> Curves:
    """The curve of JPEG's scans, of which there is one stream."""
    return {n: c for n, c in stream_curves(rows, measure).items() if n.startswith("JPEG scans")}


def plots(name: str, rows: list[dict[str, Any]], names: list[str]) -> list[Path]:
    """Means over the pictures for three measures, and PSNR of every picture."""

    def lines(measure: str, sources: list[str]) -> list[Line]:
        low, high = PLOTTED
        shown = [
            (c, y, [p for p in points if low <= p[0] <= high]) for c, y, points in mean_lines(rows, sources, measure)
        ]
        return [Line(codec, points, layered) for codec, layered, points in shown]

    title = f"{len(names)} Kodak pictures, means at equal rates"
    labels = {"PSNR-RGB": "PSNR-RGB in dB", "MS-SSIM": "MS-SSIM", "VMAF": "VMAF"}
    means = {text: lines(m, names) for m, text in NAMES.items() if text in labels}
    written = rate_distortion(name, means, labels, title=title, columns=3)
    by_picture = {n: lines("psnr_rgb", [n]) for n in names}
    return written + rate_distortion(f"{name}_pictures", by_picture, "PSNR-RGB in dB", columns=min(4, len(names)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--splats", default="850,2300,3600,6400", help="budgets of pgsvc; empty for peers alone")
    parser.add_argument("--preset", default="medium")
    parser.add_argument(
        "--layers", default="3", help="numbers of layers; those after the first are what it is held against"
    )
    parser.add_argument("--pictures", help="comma-separated names (default: all in the folder)")
    parser.add_argument("--peers", help="comma-separated short names; empty for none (default: all)")
    parser.add_argument("--name", default="peers_stills", help="of the result files (default: peers_stills)")
    parser.add_argument("--resume", action="store_true", help="keep the rows that an earlier run of NAME measured")
    a = parser.parse_args()
    folder = data_folder() / "kodak"
    names = a.pictures.split(",") if a.pictures else sorted(p.stem for p in folder.glob("*.png"))
    peers = still_peers()
    chosen = list(peers) if a.peers is None else [p for p in a.peers.split(",") if p]
    rows, version = Rows(a.name, a.resume), codec_version()
    for name in names:
        path = folder / f"{name}.png"
        picture = rgb(path)
        for short in chosen:
            peer = peers[short]
            rows.add(name, peer.codec, peer.version, peer.settings, lambda p=peer, x=picture: peer_points(p, x))
        budgets, layers = ([int(v) for v in option.split(",") if v] for option in (a.splats, a.layers))
        for count, splats in itertools.product(layers, budgets):
            settings = {"layers": count, "preset": a.preset}
            job, codec = settings | {"splats": splats}, coded_by(count, layers[0])
            rows.add(name, codec, version, job, lambda f=path, n=splats, s=settings: pgsvc_points(f, n, s))
    written = plots(a.name, rows.rows, names)
    pictures = "\n\n".join(f"![{p.stem}]({p.name})" for p in written if p.suffix == ".svg")
    method = "Fixed rates: linear in the logarithm of the rate per picture; n/a (k): only k pictures reach that rate."
    rows.finish("\n".join([tables(rows.rows, names), method, "", pictures, "", *rows.notes()]))


if __name__ == "__main__":
    main()
