"""The tables of tools/bench_scalability.py: every training, its gaps to monolithic models, the joins of budgets, the seconds."""

from __future__ import annotations

from itertools import product
from typing import Any

from benchmarking import markdown

PAPER_SECONDS = 720  # per 1080p frame on an NVIDIA H100, P-GSVC section 4.2


def tables(rows: list[dict[str, Any]]) -> str:
    """All tables, as Markdown."""
    parts = ["Unquantised", _trainings([r for r in rows if r["stream"] == "unquantised"])]
    full = {r["source"]: max(x["splats"] for x in rows if x["source"] == r["source"]) for r in rows}
    coded = [r for r in rows if r["stream"] != "unquantised"]
    parts += ["Coded", _trainings([r for r in coded if r["splats"] == full[r["source"]]])]
    joins = _joins(coded)
    if joins:
        parts += [
            "Joins: a level of one budget beside the next level of another with the same splats, joint, coded",
            joins,
        ]
    parts += [f"Seconds per frame (P-GSVC: about {PAPER_SECONDS} per 1080p frame on an H100)", _times(rows, full)]
    return "\n\n".join(parts)


def _trainings(rows: list[dict[str, Any]]) -> str:
    lines = []
    monolithic = {(r["source"], r["level"]): r for r in rows if r["codec"] == "monolithic"}
    for r in rows:
        own = monolithic.get((r["source"], r["level"]))
        gap = "" if own is None or own is r else f"{r['psnr'] - own['psnr']:+.2f}"
        similarity = "n/a" if r["ms_ssim"] is None else f"{r['ms_ssim']:.4f}"
        bpp = f"{r['bpp']:.4f}" if "bpp" in r else ""
        size = "{}x{}".format(*r["size"])
        lines.append([r["source"], r["codec"], str(r["level"]), size, bpp, f"{r['psnr']:.2f}", similarity, gap])
    return markdown(["clip", "training", "level", "size", "bpp", "PSNR-Y", "MS-SSIM", "to monolithic, dB"], lines)


def _joins(rows: list[dict[str, Any]]) -> str:
    lines = []
    joint = [r for r in rows if r["codec"] == "joint"]
    for low, high in product(joint, joint):
        adjacent = low["source"] == high["source"] and high["level"] == low["level"] + 1
        if adjacent and low["splats_in_level"] == high["splats_in_level"]:
            words = [
                f"level {r['level']} of {r['splats']}: {r['bpp']:.4f} bpp, {r['psnr']:.2f} dB" for r in (low, high)
            ]
            lines.append([low["source"], str(low["splats_in_level"]), *words, f"{high['psnr'] - low['psnr']:+.2f} dB"])
    return markdown(["clip", "splats", "lower", "higher", "gap"], lines) if lines else ""


def _times(rows: list[dict[str, Any]], full: dict[str, int]) -> str:
    lines = []
    for r in rows:
        if r["level"] == 0 and r["splats"] == full[r["source"]] and r["codec"] == "joint":
            both = r["seconds_key"], r["seconds_predicted"]
            what = "fit only" if r["stream"] == "unquantised" else "fit, freeze, code, measure"
            lines.append([r["source"], str(r["splats"]), what, *(f"{s:.2f}" for s in both)])
    return markdown(["clip", "splats", "what", "key frame", "predicted frame"], lines)
