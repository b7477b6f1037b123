"""Plots of the benchmarks, as PNG and SVG under tools/results: rate–quality curves, and loss and gradient of trainings.

The same numbers give the same files: no dates, a fixed salt for identifiers, one backend.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

RESULTS = Path(__file__).resolve().parent / "results"
OURS = "pgsvc"  # has a look of its own
COLOURS = ("#d62728", "#1f77b4", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b", "#e377c2", "#7f7f7f", "#000000")
MARKERS = "osD^vP*X<>"
STYLE = {
    "svg.hashsalt": "pgsvc",
    "svg.fonttype": "none",
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "lines.linewidth": 1.5,
    "lines.markersize": 5,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
TICKS = [m * 10.0**e for e in range(-4, 3) for m in (1, 2, 5)]


@dataclass(frozen=True)
class Line:
    """Connected points of one curve or one layered stream.

    Lines of one ``family`` share a colour, a marker and one entry of the legend; ``layered`` streams are drawn heavier, with open
    markers on all but the last point.
    """

    family: str
    points: Sequence[tuple[float, float]]
    layered: bool = False


def rate_distortion(
    name: str,
    panels: Mapping[str, Sequence[Line]],
    quality: str | Mapping[str, str] = "PSNR in dB",
    *,
    title: str | None = None,
    rate: str = "bits per pixel",
    columns: int = 2,
    folder: Path = RESULTS,
) -> list[Path]:
    """Draw one panel of rate–quality lines per entry and write NAME.png and NAME.svg.

    Args:
        panels: lines by the panel's title; empty panels are left out.
        quality: label of the vertical axis, or one per panel.
    """
    panels = {t: [line for line in lines if line.points] for t, lines in panels.items()}
    panels = {t: lines for t, lines in panels.items() if lines}
    found = dict.fromkeys(line.family for lines in panels.values() for line in lines)
    families = sorted(found, key=lambda family: family != OURS)
    columns = min(columns, max(1, len(panels)))
    count = -(-len(panels) // columns)
    with matplotlib.rc_context(STYLE):
        figure = Figure(
            figsize=(5.2 * columns, 3.9 * count + 0.5 + 0.25 * -(-len(families) // 4)), layout="constrained"
        )
        for index, (text, lines) in enumerate(panels.items()):
            axes = figure.add_subplot(count, columns, index + 1)
            for line in sorted(lines, key=lambda item: item.layered):
                _draw(axes, line, _look(line.family, families))
            _log_rate(axes, [p[0] for line in lines for p in line.points])
            labels = quality if isinstance(quality, str) else quality[text]
            axes.set(title=text, xlabel=rate, ylabel=labels)
        entries = [Line2D([], [], label=family, **_look(family, families)) for family in families]
        figure.legend(handles=entries, loc="outside lower center", ncols=min(4, len(entries)), frameon=False)
        if title:
            figure.suptitle(title)
        return save_figure(figure, name, folder)


def training(
    name: str,
    runs: Mapping[str, Mapping[str, Sequence[float]]],
    *,
    title: str | None = None,
    marks: Iterable[float] = (),
    folder: Path = RESULTS,
) -> list[Path]:
    """Draw loss over gradient norm, both logarithmic, against iterations, and write NAME.png and NAME.svg.

    Args:
        runs: by label ``loss`` and ``gradient`` and, unless they count from 0, ``iteration``; a missing list is left out.
        marks: iterations with a vertical line, such as changes of phase.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.5, 6.5), layout="constrained")
        upper = figure.add_subplot(2, 1, 1)
        lower = figure.add_subplot(2, 1, 2, sharex=upper)
        for axes, key, label in ((upper, "loss", "loss"), (lower, "gradient", "gradient norm")):
            for index, run in enumerate(runs.values()):
                values = run.get(key, ())
                steps = run.get("iteration", range(len(values)))
                axes.plot(steps[: len(values)], values, color=COLOURS[index % len(COLOURS)], linewidth=1.3)
            for mark in marks:
                axes.axvline(mark, color="#999999", linewidth=0.8, linestyle="--")
            axes.set(ylabel=label, yscale="log")
        upper.tick_params(labelbottom=False)
        lower.set_xlabel("iteration")
        entries = [Line2D([], [], color=COLOURS[i % len(COLOURS)], label=label) for i, label in enumerate(runs)]
        figure.legend(handles=entries, loc="outside lower center", ncols=min(4, max(1, len(entries))), frameon=False)
        if title:
            figure.suptitle(title)
        return save_figure(figure, name, folder)


def time_quality(
    name: str, panels: Mapping[str, Sequence[tuple[float, float, str]]], folder: Path = RESULTS
) -> list[Path]:
    """Draw quality in dB against seconds, logarithmic, and write NAME.png and NAME.svg.

    Args:
        panels: by title, points with their labels.
    """
    columns = min(2, max(1, len(panels)))
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(5.2 * columns, 3.6 * -(-len(panels) // columns)), layout="constrained")
        for index, (text, points) in enumerate(panels.items()):
            axes = figure.add_subplot(-(-len(panels) // columns), columns, index + 1)
            xs, ys, labels = zip(*sorted(points), strict=True)
            axes.plot(xs, ys, **_look(OURS, [OURS]))
            for x, y, label in zip(xs, ys, labels, strict=True):
                axes.annotate(label, (x, y), textcoords="offset points", xytext=(6, -10))
            _log_rate(axes, xs)
            axes.set(title=text, xlabel="seconds", ylabel="PSNR in dB at equal bytes")
        return save_figure(figure, name, folder)


def save_figure(figure: Figure, name: str, folder: Path = RESULTS) -> list[Path]:
    """Write NAME.png and NAME.svg without dates; returns both paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}.png", folder / f"{name}.svg"]
    with matplotlib.rc_context(STYLE):
        figure.savefig(paths[0], dpi=110, metadata={"Software": None})
        figure.savefig(paths[1], metadata={"Date": None, "Creator": None})
    return paths


def _look(family: str, families: Sequence[str]) -> dict[str, Any]:
    others = [f for f in families if f != OURS]
    index = 0 if family == OURS else 1 + others.index(family) % (len(COLOURS) - 1)
    return {"color": COLOURS[index % len(COLOURS)], "marker": MARKERS[index % len(MARKERS)]}


def _draw(axes: Any, line: Line, look: dict[str, Any]) -> None:
    xs, ys = zip(*line.points, strict=True)
    if not line.layered:
        axes.plot(xs, ys, **look)
        return
    axes.plot(xs, ys, linewidth=2.2, alpha=0.85, **{**look, "marker": ""})
    axes.plot(xs[:-1], ys[:-1], linestyle="", markerfacecolor="white", **look)
    axes.plot(xs[-1:], ys[-1:], linestyle="", **look)


def _log_rate(axes: Any, rates: Sequence[float]) -> None:
    axes.set_xscale("log")
    low, high = min(rates) / 1.1, max(rates) * 1.1
    axes.set_xlim(low, high)
    axes.xaxis.set_major_locator(FixedLocator([t for t in TICKS if low <= t <= high]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
