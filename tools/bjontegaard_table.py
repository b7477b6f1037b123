"""Bjøntegaard deltas of rate–quality curves against an anchor, by the package bjontegaard."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import NamedTuple

Curve = Sequence[tuple[float, float]]  # (rate, quality) of every point, in any order

METHOD = "pchip"
MIN_OVERLAP = 0.5  # of the shorter of the two ranges of quality
MIN_POINTS = 3


class Delta(NamedTuple):
    """One curve against the anchor.

    ``rate`` in percent, ``quality`` in the unit of the curve, over ``low`` … ``high`` of quality; None with a ``reason``.
    """

    rate: float | None
    quality: float | None
    low: float | None = None
    high: float | None = None
    reason: str | None = None


def thinned(curve: Curve) -> list[tuple[float, float]]:
    """The points in order of rate, without those that cost more than another and are not better."""
    kept: list[tuple[float, float]] = []
    for rate, quality in sorted(curve, key=lambda p: (p[0], -p[1])):
        if math.isfinite(quality) and (not kept or quality > kept[-1][1]):
            kept.append((rate, quality))
    return kept


def bjontegaard(anchor: Curve, curve: Curve, method: str = METHOD, min_overlap: float = MIN_OVERLAP) -> Delta:
    """BD-rate and BD-quality of a curve; n/a where they overlap too little to say."""
    from bjontegaard import bd_psnr, bd_rate

    a, c = thinned(anchor), thinned(curve)
    if len(a) < MIN_POINTS or len(c) < MIN_POINTS:
        return Delta(None, None, reason=f"fewer than {MIN_POINTS} rising points")
    low, high = max(a[0][1], c[0][1]), min(a[-1][1], c[-1][1])
    if high - low < min_overlap * min(a[-1][1] - a[0][1], c[-1][1] - c[0][1]):
        return Delta(None, None, low, high, "the ranges of quality overlap too little")
    arguments = [[p[0] for p in a], [p[1] for p in a], [p[0] for p in c], [p[1] for p in c], method]
    options = {"require_matching_points": False, "min_overlap": 0}
    shared = min(a[-1][0], c[-1][0]) > max(a[0][0], c[0][0])  # of rate; BD-quality integrates over it
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gain = float(bd_psnr(*arguments, **options)) if shared else None
        return Delta(float(bd_rate(*arguments, **options)), gain, low, high)


def bjontegaard_table(
    anchor: Mapping[str, Curve],
    curves: Mapping[str, Mapping[str, Curve]],
    method: str = METHOD,
    min_overlap: float = MIN_OVERLAP,
) -> dict[str, dict[str, object]]:
    """BD-rate and BD-quality of every curve, the means over pictures (or clips).

    Args:
        anchor: the anchor's curve of every picture.
        curves: by name, the curve of every picture.

    Returns:
        by name ``rate`` (percent), ``quality``, ``low``, ``high`` (means of the ends of the overlap), ``method``,
        ``pictures`` (those with a value), ``of``, ``reason``. The numbers are None unless every picture of the anchor has one.
    """
    table = {}
    for name, by_picture in curves.items():
        deltas = [bjontegaard(anchor[p], by_picture.get(p, ()), method, min_overlap) for p in anchor]
        good = [d for d in deltas if d.rate is not None]
        row: dict[str, object] = dict.fromkeys(("rate", "quality", "low", "high"))
        if deltas and len(good) == len(deltas):
            row = {n: _mean([getattr(d, n) for d in good]) for n in row}
        reason = next((d.reason for d in deltas if d.reason), None)
        table[name] = {**row, "method": method, "pictures": len(good), "of": len(deltas), "reason": reason}
    return table


def bjontegaard_rows(table: Mapping[str, Mapping[str, object]]) -> list[list[str]]:
    """Cells for a Markdown table: name, BD-rate, BD-quality, overlap, pictures."""
    rows = []
    for name, r in table.items():
        if r["rate"] is None:
            rows.append([name, "n/a", "n/a", str(r["reason"]), f"{r['pictures']} of {r['of']}"])
            continue
        gain = "n/a" if r["quality"] is None else f"{r['quality']:+.2f}"
        rows.append([name, f"{r['rate']:+.1f} %", gain, f"{r['low']:.1f}–{r['high']:.1f}", f"{r['of']} of {r['of']}"])
    return rows


def _mean(values: Sequence[float | None]) -> float | None:
    return None if any(v is None for v in values) else math.fsum(values) / len(values)  # type: ignore[arg-type]
