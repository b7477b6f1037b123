"""Curves from the rows of the peer benchmarks, and tables of their quality at fixed rates.

A row has ``source``, ``codec``, ``stream``, ``level``, ``levels``, ``bpp`` and the measures. A layered codec gives a curve per
level, over the streams, and a curve per stream, over its levels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]
Curves = dict[str, dict[str, list[tuple[float, float]]]]  # by name, then by picture or clip: (bpp, quality)

FORMATS = {"psnr_rgb": ".2f", "psnr_y": ".2f", "psnr_yuv": ".2f", "ms_ssim": ".4f", "vmaf": ".1f", "lpips": ".3f"}
NAMES = {
    "psnr_rgb": "PSNR-RGB",
    "psnr_y": "PSNR-Y",
    "psnr_yuv": "PSNR-YUV",
    "ms_ssim": "MS-SSIM",
    "vmaf": "VMAF",
    "lpips": "LPIPS",
}


def level_curves(rows: Sequence[Row], measure: str) -> Curves:
    """One curve per codec and level, over its streams; the whole stream of a layered codec has the codec's name alone."""

    def name(row: Row) -> str:
        whole = row["level"] == row["levels"] - 1
        return row["codec"] if whole else f"{row['codec']}, first {row['level'] + 1} of {row['levels']}"

    return _curves(rows, measure, name)


def stream_curves(rows: Sequence[Row], measure: str) -> Curves:
    """One curve per stream of a layered codec, over its levels."""
    layered = [r for r in rows if r["levels"] > 1]
    return _curves(layered, measure, lambda r: f"{r['codec']}, one stream of {r['stream']}")


def _curves(rows: Sequence[Row], measure: str, name: Any) -> Curves:
    curves: Curves = {}
    for row in rows:
        if row.get(measure) is not None:
            by_source = curves.setdefault(name(row), {})
            by_source.setdefault(row["source"], []).append((row["bpp"], row[measure]))
    long = {n: {s: sorted(c) for s, c in by_source.items()} for n, by_source in curves.items()}
    return {n: c for n, c in long.items() if max(len(p) for p in c.values()) > 1}


def at_rate(curve: Sequence[tuple[float, float]], rate: float) -> float | None:
    """Quality at a rate, linear in the logarithm of the rate between neighbouring points; None outside the curve."""
    for (r0, q0), (r1, q1) in zip(curve, curve[1:], strict=False):
        if r0 <= rate <= r1:
            return q0 if r0 == r1 else q0 + (q1 - q0) * math.log(rate / r0) / math.log(r1 / r0)
    return None


def fixed_rate_rows(curves: Curves, sources: Sequence[str], rates: Sequence[float], measure: str) -> list[list[str]]:
    """Cells for a Markdown table: name and the mean over the sources at each rate.

    A cell where not every source reaches the rate says how many do; a curve that fills no cell is left out.
    """
    table = []
    for name, by_source in curves.items():
        cells, filled = [], False
        for rate in rates:
            known = [v for s in sources if (v := at_rate(by_source.get(s, ()), rate)) is not None]
            full = len(known) == len(sources)
            filled |= full
            partial = f"n/a ({len(known)})" if known else "n/a"
            cells.append(f"{math.fsum(known) / len(known):{FORMATS[measure]}}" if full else partial)
        if filled:
            table.append([name, *cells])
    return table


def mean_lines(rows: Sequence[Row], sources: Sequence[str], measure: str) -> list[tuple[str, bool, list]]:
    """(codec, layered, points) for plots: means over the sources of rate and quality of each setting that all have.

    A layered codec gives one line per stream, another codec one line over its streams.
    """
    lines: dict[tuple[str, str], dict[tuple[str, int], list[Row]]] = {}
    for row in rows:
        layered = row["levels"] > 1
        key = (row["codec"], row["stream"] if layered else "")
        lines.setdefault(key, {}).setdefault((row["stream"], row["level"]), []).append(row)
    out = []
    for (codec, stream), settings in lines.items():
        points = []
        for group in settings.values():
            values = [(r["bpp"], r[measure]) for r in group if r.get(measure) is not None and r["source"] in sources]
            if len(values) == len(sources):
                points.append(tuple(math.fsum(v) / len(v) for v in zip(*values, strict=True)))
        out.append((codec, stream != "", sorted(points)))
    return out
