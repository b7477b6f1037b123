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

GRID = [0.05 * 2 ** (k / 2) for k in range(11)]  # bits per pixel of mean curves in plots
STEADY = 1.5  # rates of one setting that are nearly the same: the largest is at most so many times the smallest

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
        return row["codec"] if whole else f"{row['codec']}, level {row['level']}"

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


def at_quality(curve: Sequence[tuple[float, float]], quality: float) -> float | None:
    """Rate at a quality, its logarithm linear between neighbouring points; None outside the curve."""
    for (r0, q0), (r1, q1) in zip(curve, curve[1:], strict=False):
        if q0 <= quality <= q1:
            return r0 if q0 == q1 else r0 * (r1 / r0) ** ((quality - q0) / (q1 - q0))
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
    """(codec, layered, points) for plots, means over the sources.

    A layered stream whose levels take nearly the same rate in every picture is a line of its own, through the means of rate and
    quality of its levels. Everything else is a curve at equal rates: means of settings of equal quality would favour codecs that
    spend their bytes on easy pictures. Of one source, the points themselves.
    """
    lines: dict[tuple[str, str], dict[tuple[str, int], list[Row]]] = {}
    for row in rows:
        if row["source"] in sources and row.get(measure) is not None:
            key = (row["codec"], row["stream"] if row["levels"] > 1 else "")
            lines.setdefault(key, {}).setdefault((row["stream"], row["level"]), []).append(row)
    out = []
    for (codec, stream), settings in lines.items():
        groups = [[(r["bpp"], r[measure]) for r in group] for group in settings.values()]
        layered = stream != "" and all(_steady(g, len(sources)) for g in groups)
        if layered or len(sources) == 1:
            points = [tuple(math.fsum(v) / len(v) for v in zip(*g, strict=True)) for g in groups]
        else:
            by_source: dict[str, list] = {}
            for row in (r for group in settings.values() for r in group):
                by_source.setdefault(row["source"], []).append((row["bpp"], row[measure]))
            curves = [sorted(c) for c in by_source.values()]
            found = [(rate, [at_rate(c, rate) for c in curves]) for rate in GRID]
            points = [(r, math.fsum(q) / len(q)) for r, q in found if len(q) == len(sources) and None not in q]
        out.append((codec, layered, sorted(points)))
    return out


def _steady(points: Sequence[tuple[float, float]], count: int) -> bool:
    rates = [r for r, _ in points]
    return len(rates) == count and max(rates) <= STEADY * min(rates)
