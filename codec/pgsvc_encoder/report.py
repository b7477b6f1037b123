"""What every encode ends with: bytes, rate and quality of every level, measured on the decoded stream, as a table and as JSON."""

from __future__ import annotations

import hashlib
import json
import math
import platform
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch

import pgsvc
from pgsvc.cut import cut
from pgsvc.headers import PROFILES
from pgsvc.output.target import write_whole
from pgsvc.picture import Picture
from pgsvc.stream import Stream
from pgsvc_encoder import metrics

LARGE = 1 << 20  # samples from which levels are measured one by one: MS-SSIM takes some fifteen planes of floats
WITHIN = ("psnr_inside", "psnr_outside")  # of a region of interest


def measure(
    sources: list[Picture],
    decoded: list[Picture],
    inside: np.ndarray | None = None,
    *,
    structure: bool = True,
    threads: int = 1,
) -> list[dict[str, Any]]:
    """PSNR, MS-SSIM and the MD5 of the samples of every level of one frame, against the original in the level's size.

    Args:
        inside: bool [H, W], a region of interest: the PSNR in it and that of the rest come too, None where there is none of it.
        structure: measure MS-SSIM, which takes most of the time.
        threads: levels that are measured at a time, if they are not large.
    """

    def of_level(a: Picture, b: Picture) -> dict[str, Any]:
        row = metrics.psnr(a, b)
        if inside is not None:
            part = _at_size(inside, a.format.width, a.format.height)
            row |= {n: metrics.psnr_within(a, b, p) for n, p in zip(WITHIN, (part, ~part), strict=True)}  # type: ignore[dict-item]
        similarity = metrics.ms_ssim(a, b) if structure else None
        return {**row, "ms_ssim": similarity, "md5": hashlib.md5(b.tobytes()).hexdigest()}

    if max(p.format.width * p.format.height for p in sources) > LARGE:
        return [of_level(a, b) for a, b in zip(sources, decoded, strict=True)]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(of_level, sources, decoded))


def _at_size(inside: np.ndarray, width: int, height: int) -> np.ndarray:
    """A mask at the size of a level: the sample under the middle of each of its samples."""
    rows, columns = (
        (2 * np.arange(new) + 1) * old // (2 * new) for new, old in zip((height, width), inside.shape, strict=True)
    )
    return inside[rows[:, None], columns]


def mean(values: list[float | None]) -> float | None:
    """Mean, None if any value is missing."""
    return None if not values or any(v is None for v in values) else math.fsum(values) / len(values)  # type: ignore[arg-type]


def _mean_of(name: str, values: list[float | None]) -> float | None:
    """Mean of a measure over the frames; of a part of the picture over those frames that have some of it."""
    return mean([v for v in values if v is not None] if name in WITHIN else values)


def level_rows(stream: Stream, frames: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row per level; bits per pixel are those of the whole picture's size, ``bitrate`` of video is in bits per second.

    Args:
        stream: whole, read with ``keep_chunks``; a level's bytes are those of the stream cut at it.
        frames: per frame ``levels`` as from :func:`measure`, ``seconds``, ``is_key``, ``bytes`` per layer.
    """
    count = max(1, len(frames))
    pixels = stream.format.width * stream.format.height * count
    assert stream.header is not None
    is_still = stream.header["profile"] == PROFILES["still"]
    rows = []
    for k in range(stream.layer_count):
        size = len(cut(stream, level=k))
        keys = [name for name in frames[0]["levels"][k] if name != "md5"] if frames else []
        rows.append(
            {
                "level": k,
                "size": list(stream.level_size(k)),
                "bytes": size,
                "bpp": 8 * size / pixels,
                **({} if is_still else {"bitrate": 8 * size / count * float(stream.format.frame_rate)}),
                **{n: _mean_of(n, [f["levels"][k][n] for f in frames]) for n in keys},
            }
        )
    return rows


def add_targets(rows: list[dict[str, Any]], search: dict[str, Any]) -> None:
    """Put what was asked for into the rows, and what was reached into the record of the search."""
    asked = dict(zip(range(len(rows) - len(search["asked"]), len(rows)), search["asked"], strict=True))
    for k, value in asked.items():
        rows[k][f"target_{search['kind']}"] = value
    for k, value in zip(asked, search.get("bitrates", ()), strict=False):
        rows[k]["target_bitrate"] = value
    search["reached"] = [rows[k][search["kind"]] for k in asked]


def splat_rates(frames: list[dict[str, Any]], splats: int) -> dict[str, float]:
    """Bits per splat and frame for key frames and predicted frames."""
    out = {}
    for name, wanted in (("key", True), ("predicted", False)):
        chosen = [sum(f["bytes"]) for f in frames if f["is_key"] == wanted]
        if chosen and splats:
            out[f"bits_per_splat_{name}"] = 8 * math.fsum(chosen) / len(chosen) / splats
    return out


def format_table(rows: list[dict[str, Any]], seconds: float, frames: int) -> str:
    """The rows as text for a terminal."""
    columns = ["level", "bytes", "bit/pixel", "PSNR", "MS-SSIM"]
    if any("psnr_yuv" in r for r in rows):
        columns[3:4] = ["PSNR-Y", "PSNR-YUV"]
    sized = len({tuple(r["size"]) for r in rows}) > 1
    if sized:
        columns.insert(1, "size")
    targets = next((n for n in ("target_bitrate", "target_bpp", "target_psnr") if any(n in r for r in rows)), None)
    in_seconds = targets == "target_bitrate"
    beside = 0
    if in_seconds:
        columns.insert(columns.index("bit/pixel") + 1, "kbit/s")
    if targets is not None:
        beside = columns.index("bit/pixel") + {"target_bpp": 1, "target_psnr": 2, "target_bitrate": 2}[targets]
        columns.insert(beside, "target")
    within = [n for n in WITHIN if any(r.get(n) is not None for r in rows)]
    columns += [n.removeprefix("psnr_") for n in within]
    lines = ["".join(f"{c:>11}" for c in columns)]
    for r in rows:
        similarity = f"{r['ms_ssim']:.4f}" if r.get("ms_ssim") is not None else "n/a"
        cells = [r["level"], r["bytes"], f"{r['bpp']:.4f}", f"{r['psnr']:.2f}", similarity]
        if "psnr_yuv" in r:
            cells[4:4] = [f"{r['psnr_yuv']:.2f}"]
        if in_seconds:
            cells.insert(3, f"{r['bitrate'] / 1000:.1f}")
        if sized:
            cells.insert(1, "{}x{}".format(*r["size"]))
        if targets is not None:
            cells.insert(beside, f"{r[targets] / (1000 if in_seconds else 1):g}" if targets in r else "")
        cells += ["n/a" if r[n] is None else f"{r[n]:.2f}" for n in within]
        lines.append("".join(f"{c:>11}" for c in cells))
    lines.append(f"{frames} frame{'s' * (frames != 1)} in {seconds:.1f} s, {seconds / max(1, frames):.2f} s per frame")
    return "\n".join(lines)


def write(path: Path, command: list[str], result: dict[str, Any]) -> None:
    """The report as JSON, with what is needed to run the command again."""
    result = {
        "command": command,
        "versions": {"pgsvc": pgsvc.__version__, "torch": torch.__version__, "python": platform.python_version()},
        "machine": {"processor": platform.processor() or platform.machine(), "system": platform.platform()},
        **result,
    }
    write_whole(str(path), (json.dumps(_finite(result), indent=1, allow_nan=False) + "\n").encode())


def _finite(value: Any) -> Any:
    """JSON has no infinity: the PSNR of identical pictures becomes null."""
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
