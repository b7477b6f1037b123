#!/usr/bin/env python3
"""Rate and quality of every level of the Kodak pictures, beside GaussianImage's published points at the same bytes.

    PGSVC_DATA=… python tools/bench_stills.py [--preset medium] [--splats 9000] [--pictures kodim19,kodim23]

GaussianImage (ECCV 2024): 24 Kodak pictures, rate by the authors' own count (56·N + 1728 bits, no entropy coding), PSNR as read
from figure rd_curve.jpg of its repository; ours are whole files.
"""

from __future__ import annotations

import argparse
import math
import statistics
import tempfile
from pathlib import Path

from benchmarking import data_folder, encode, markdown, save

GAUSSIAN_IMAGE = ((0.118, 24.67), (0.147, 25.03), (0.432, 27.39), (0.716, 28.72), (1.001, 29.65), (1.286, 30.49))


def gaussian_image(bpp: float) -> float | None:
    """PSNR of the published curve, linear in the logarithm of the rate; None outside it."""
    for (r0, p0), (r1, p1) in zip(GAUSSIAN_IMAGE, GAUSSIAN_IMAGE[1:], strict=False):
        if r0 <= bpp <= r1:
            return p0 + (p1 - p0) * math.log(bpp / r0) / math.log(r1 / r0)
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="medium")
    parser.add_argument("--splats", type=int, default=9000)
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--pictures", help="comma-separated names (default: all in the folder)")
    parser.add_argument("--name", default="stills", help="of the result files (default: stills)")
    a = parser.parse_args()
    folder = data_folder() / "kodak"
    names = a.pictures.split(",") if a.pictures else sorted(p.stem for p in folder.glob("*.png"))
    rows, table = [], []
    with tempfile.TemporaryDirectory() as work:
        for name in names:
            arguments = ["--layers", str(a.layers), "--splats", str(a.splats), "--preset", a.preset]
            report = encode(folder / f"{name}.png", Path(work) / f"{name}.pgs", *arguments)
            rows.append({"picture": name, "levels": report["levels"], "seconds": report["seconds"]})
            cells = [f"{r['bpp']:.3f}, {r['psnr']:.2f}, {r['ms_ssim']:.4f}" for r in report["levels"]]
            table.append([name, *cells, f"{report['seconds']:.0f}"])
            print("  ".join(table[-1]), flush=True)
    means, published = ["mean"], ["GaussianImage at these bytes"]
    for k in range(a.layers):
        bpp, psnr, ssim = (statistics.fmean(r["levels"][k][n] for r in rows) for n in ("bpp", "psnr", "ms_ssim"))
        means.append(f"{bpp:.3f}, {psnr:.2f}, {ssim:.4f}")
        theirs = gaussian_image(bpp)
        published.append("–" if theirs is None else f"{theirs:.2f} (ours {psnr - theirs:+.2f} dB)")
    table += [[*means, f"{statistics.fmean(r['seconds'] for r in rows):.0f}"], [*published, ""]]
    head = ["picture", *(f"level {k}: bpp, PSNR, MS-SSIM" for k in range(a.layers)), "seconds"]
    save(a.name, rows, markdown(head, table))


if __name__ == "__main__":
    main()
