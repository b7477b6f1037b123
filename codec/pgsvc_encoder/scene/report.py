"""What the encode of a scene ends with: every level measured on the decoded stream, as a table and as JSON."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import numpy as np

from pgsvc_encoder.scene.encode import EncodedScene
from pgsvc_encoder.scene.measure import ERRORS
from pgsvc_encoder.scene.settings import SceneSettings
from pgsvc_encoder.scene.source import SceneSource

PARTS = ("boxes", "position", "scale", "rotation", "opacity", "colour", "sh")
"""Parts of the syntax in the order of the table; "position" is what follows the boxes of the tree."""


def summary(
    source: SceneSource,
    settings: SceneSettings,
    encoded: EncodedScene,
    rows: list[dict[str, Any]],
    seconds: dict[str, float],
) -> dict[str, Any]:
    """The whole report as plain data.

    Args:
        rows: of `pgsvc_encoder.scene.measure.level_rows`.
        seconds: by stage.
    """
    objects = source.splats.object_id
    return {
        "input": source.name,
        "splats": len(source.splats),
        "invisible": int((encoded.layer < 0).sum()) if settings.splats is None else None,
        "objects": 1 if objects is None else int(np.max(objects)) + 1,
        "tiles": encoded.header["tile_count"],
        "format": asdict(source.format),
        "settings": asdict(settings),
        "repairs": source.repairs,
        "levels": rows,
        "stages": seconds,
        "seconds": math.fsum(seconds.values()),
    }


def format_table(result: dict[str, Any]) -> str:
    """The report as text for a terminal: sizes and quality, bits by attribute, largest errors, and what test pictures say."""
    rows = result["levels"]
    lines = ["".join(f"{c:>11}" for c in ("level", "splats", "bytes", "bit/splat", "PSNR", "SSIM"))]
    for r in rows:
        bits = 8 * r["bytes"] / max(r["splats"], 1)
        cells = [r["level"], r["splats"], r["bytes"], f"{bits:.1f}", _number(r["psnr"], 2), _number(r["ssim"], 4)]
        lines.append("".join(f"{c:>11}" for c in cells))
    parts = [p for p in PARTS if any(p in r["bits_per_splat"] for r in rows)]
    more = sorted({p for r in rows for p in r["bits_per_splat"]} - {*PARTS, "header"})
    lines += ["", "bits per splat", "".join(f"{c:>11}" for c in ("level", *parts, *map(_short, more)))]
    for r in rows:
        cells = [r["level"], *(f"{r['bits_per_splat'].get(p, 0):.2f}" for p in (*parts, *more))]
        lines.append("".join(f"{c:>11}" for c in cells))
    lines += ["", "largest errors", "".join(f"{c:>11}" for c in ("level", *(e.replace("_", " ") for e in ERRORS)))]
    for r in rows:
        lines.append("".join(f"{c:>11}" for c in (r["level"], *(_significant(r["largest_error"][e]) for e in ERRORS))))
    stages = ", ".join(f"{name} {seconds:.1f}" for name, seconds in result["stages"].items())
    lines += ["", _words(result), f"{result['seconds']:.1f} s ({stages})"]
    for r in result.get("tests", ()):
        quality = f"{r['psnr']:.2f} dB, SSIM {r['ssim']:.4f}"
        lines.append(f"level {r['level']} beside {r['pictures']} test pictures: {quality}")
    return "\n".join(lines)


def _words(result: dict[str, Any]) -> str:
    form = result["format"]
    units = "units of unknown length" if form["metres_per_unit"] is None else f"{form['metres_per_unit']:g} m a unit"
    words = (
        f"{result['splats']} splats of {result['input']}, SH degree {form['sh_degree']}, axes {form['frame']}, {units}"
    )
    return words + (f"; {result['invisible']} are left out" if result["invisible"] else "")


def _short(part: str) -> str:
    """Names of several attributes that a quality layer makes finer together."""
    return part.replace("opacity+", "op.+")


def _number(value: float | None, digits: int) -> str:
    return "n/a" if value is None else f"{value:.{digits}f}"


def _significant(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.3g}"
