#!/usr/bin/env python3
"""Kodak pictures in one layered stream for each rate: every level beside layered JPEG 2000 of the same bytes.

    PGSVC_DATA=… python tools/bench_stills.py                                   --bpp 0.1,0.2,0.3,0.5 of the top level
    PGSVC_DATA=… python tools/bench_stills.py --splats 1000,2300 --pictures kodim19,kodim23 --name try

Bytes are whole files, cut at the level. JPEG 2000 (OpenJPEG) gets the bytes of all levels as the ends of the quality layers of
one codestream, without a file format around it. GaussianImage (ECCV 2024): PSNR as read from figure rd_curve.jpg of its repository
over the authors' own count of bytes (56·N + 1728 bits, no entropy coding), means of 24 Kodak pictures.
"""

from __future__ import annotations

import argparse
import math
import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from benchmarking import data_folder, encode, markdown, save
from measures import ms_ssim, rgb_picture
from peers import jpeg2000
from PIL import Image

from pgsvc_encoder import metrics

GAUSSIAN_IMAGE = ((0.118, 24.67), (0.147, 25.03), (0.432, 27.39), (0.716, 28.72), (1.001, 29.65), (1.286, 30.49))


def gaussian_image(bpp: float) -> float | None:
    """PSNR of the published curve, linear in the logarithm of the rate; None outside it."""
    for (r0, p0), (r1, p1) in zip(GAUSSIAN_IMAGE, GAUSSIAN_IMAGE[1:], strict=False):
        if r0 <= bpp <= r1:
            return p0 + (p1 - p0) * math.log(bpp / r0) / math.log(r1 / r0)
    return None


def beside(picture: np.ndarray, sizes: list[int]) -> list[dict[str, Any]]:
    """Bytes and quality of the layers of a JPEG 2000 codestream whose prefixes have about ``sizes`` bytes."""
    pixels = picture.shape[0] * picture.shape[1]
    source, out = rgb_picture(picture), []
    for stream in jpeg2000.prefixes(picture, [8 * size / pixels for size in sizes]):
        decoded = rgb_picture(jpeg2000.decode(stream))
        quality = {"psnr": metrics.psnr(source, decoded)["psnr"], "ms_ssim": ms_ssim(source, decoded)}
        out.append({"bytes": len(stream), "bpp": 8 * len(stream) / pixels, **quality})
    return out


def table(rows: list[dict[str, Any]], budgets: list[str], levels: int) -> str:
    """Means over the pictures of each budget, then what each picture's levels have more than JPEG 2000."""
    means, single = [], []
    for budget in budgets:
        part = [r for r in rows if r["budget"] == budget]
        for k in range(levels):

            def mean(codec: str, name: str, k: int = k, part: list[dict[str, Any]] = part) -> float:
                return statistics.fmean(r[codec][k][name] for r in part)

            ours, theirs = ({n: mean(c, n) for n in ("bpp", "psnr", "ms_ssim")} for c in ("levels", "jpeg2000"))
            published = gaussian_image(ours["bpp"])
            means.append([
                budget, str(k), f"{ours['bpp']:.3f}", f"{ours['psnr']:.2f}", f"{theirs['psnr']:.2f}",
                f"{ours['psnr'] - theirs['psnr']:+.2f}", f"{ours['ms_ssim']:.4f}", f"{theirs['ms_ssim']:.4f}",
                "–" if published is None else f"{published:.2f}",
            ])  # fmt: skip
        for r in part:
            gains = [f"{a['psnr'] - b['psnr']:+.2f}" for a, b in zip(r["levels"], r["jpeg2000"], strict=True)]
            shown = [f"{r['levels'][-1]['bpp']:.3f}", f"{r['levels'][-1]['psnr']:.2f}"]
            single.append([budget, r["picture"], str(r["splats"]), *shown, *gains, f"{r['seconds']:.0f}"])
    head = ["asked", "level", "bpp", "PSNR", "JPEG 2000", "gain", "MS-SSIM", "JPEG 2000", "GaussianImage"]
    names = [f"gain at level {k}" for k in range(levels)]
    first = (
        f"Means of {len({r['picture'] for r in rows})} pictures; PSNR of R, G and B in dB.\n\n{markdown(head, means)}"
    )
    return f"{first}\n\n{markdown(['asked', 'picture', 'splats', 'bpp', 'PSNR', *names, 'seconds'], single)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="medium")
    parser.add_argument("--bpp", default="0.1,0.2,0.3,0.5", help="bits per pixel of the top level, searched for")
    parser.add_argument("--splats", help="numbers of splats in place of --bpp, which needs no search")
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--tools", default="main")
    parser.add_argument("--pictures", help="comma-separated names (default: all in the folder)")
    parser.add_argument("--name", default="stills", help="of the result files (default: stills)")
    a = parser.parse_args()
    folder = data_folder() / "kodak"
    names = a.pictures.split(",") if a.pictures else sorted(p.stem for p in folder.glob("*.png"))
    option, values = ("splats", a.splats) if a.splats else ("bpp", a.bpp)
    budgets = [f"{value} {option}" for value in values.split(",")]
    rows: list[dict[str, Any]] = []
    settings = ["--layers", str(a.layers), "--preset", a.preset, "--tools", a.tools, "--threads", "1"]
    with tempfile.TemporaryDirectory() as work:
        for name in names:
            path = folder / f"{name}.png"
            with Image.open(path) as image:
                picture = np.asarray(image.convert("RGB"))
            for budget in budgets:
                value = budget.split()[0]
                report = encode(path, Path(work) / f"{name}.pgs", f"--{option}", value, *settings)
                peer = beside(picture, [r["bytes"] for r in report["levels"]])
                count = report.get("targets", {}).get("splats", [report["splats"]])[-1]
                row = {"picture": name, "budget": budget, "splats": count, "seconds": report["seconds"]}
                rows.append({**row, "levels": report["levels"], "jpeg2000": peer})
                shown = [f"{x['bpp']:.3f} {x['psnr']:.2f}" for x in (report["levels"][-1], peer[-1])]
                print(name, budget, *shown, flush=True)
            save(a.name, rows, table(rows, budgets, a.layers), quiet=name != names[-1])


if __name__ == "__main__":
    main()
