#!/usr/bin/env python3
"""Key-frame selection against known cuts: precision, recall, fits and seconds of the difference test and of the dynamic selection.

PGSVC_DATA=… python tools/bench_keyframes.py [--dks-scale 0.1] [--keep FOLDER]

The trial fits of the dynamic selection take most of the time (6 s a frame on two cores); --dks-scale makes splats and iterations
fewer, --no-dks leaves them out, --keep stores their losses and uses them again.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from benchmarking import data_folder, encode, markdown, save
from cut_clips import CutClip, all_kinds, for_trial_fits, load

from pgsvc.output import open_writer
from pgsvc_encoder.keyframes.difference import DifferenceTest, detail, novelty
from pgsvc_encoder.keyframes.dynamic import DynamicRule, Losses, key_frames
from pgsvc_encoder.keyframes.trial import measure


def score(clip: CutClip, found: list[bool]) -> dict[str, Any]:
    """Hits on the exact frame; the first frame is left out. Precision without finds and recall without cuts are None."""
    frames = {i for i, is_key in enumerate(found) if is_key and i > 0}
    hits = len(frames & set(clip.cuts))
    precision = hits / len(frames) if frames else None
    recall = hits / len(clip.cuts) if clip.cuts else None
    f1 = 2 * hits / (len(frames) + len(clip.cuts)) if frames or clip.cuts else None
    counts = {"found": hits, "false": len(frames) - hits, "missed": len(clip.cuts) - hits}
    return {**counts, "precision": precision, "recall": recall, "f1": f1, "keys": sorted(frames)}


def by_difference(clip: CutClip) -> dict[str, Any]:
    test, began = DifferenceTest(), time.perf_counter()
    found = [test(picture) for picture in clip.pictures]
    seconds = time.perf_counter() - began
    details = [detail(picture) for picture in clip.pictures]
    values = [novelty(a, b) for a, b in zip(details[:-1], details[1:], strict=True)]
    at_cuts = [values[i - 1] for i in clip.cuts]
    others = [v for i, v in enumerate(values, 1) if i not in clip.cuts]
    cost = {"fits": 0, "iterations": 0, "seconds": seconds}
    extremes = {"least_at_cuts": min(at_cuts, default=None), "most_elsewhere": max(others, default=None)}
    return {"method": "difference", **score(clip, found), **cost, **extremes}


def by_trial_fits(clip: CutClip, rule: DynamicRule, keep: Path | None, threads: int) -> list[dict[str, Any]]:
    """Both rules, and the first alone, on the same losses."""
    file = None if keep is None else keep / f"{clip.name.replace(' ', '_')}.json"
    if file is not None and file.exists():
        record = json.loads(file.read_text())
    else:
        began = time.perf_counter()
        losses = measure(clip.pictures, rule, threads=threads)
        record = {**asdict(losses), "seconds": time.perf_counter() - began}
        if file is not None:
            file.write_text(json.dumps(record))
    seconds = record.pop("seconds")
    losses = Losses(**record)
    cost = {"fits": losses.fits, "iterations": losses.iterations, "seconds": seconds}
    rules = {"dynamic": rule, "dynamic, first rule only": replace(rule, mean_rule=False)}
    return [{"method": m, **score(clip, key_frames(losses, r)), **cost, "losses": record} for m, r in rules.items()]


def encoded(clip: CutClip, method: str) -> dict[str, Any]:
    """The clip through the encoder: bytes, quality at the top level, key frames, seconds."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.y4m"
        with open_writer(str(path), clip.pictures[0].format) as writer:
            for picture in clip.pictures:
                writer.write(picture)
        arguments = ["--splats", "1500", "--preset", "fast", "--threads", "2", "--key-frames", method]
        report = encode(path, Path(folder) / "clip.pgs", *arguments)
    top, by_frame = report["levels"][-1], [f["levels"][-1]["psnr"] for f in report["frames"]]
    keys = sum(f["is_key"] for f in report["frames"])
    return {
        "method": method,
        "keys": keys,
        "bytes": top["bytes"],
        "psnr": top["psnr"],
        "worst_psnr": min(by_frame),
        "seconds": report["seconds"],
    }


def line(clip: CutClip, row: dict[str, Any]) -> list[str]:
    ratios = ["–" if row[k] is None else f"{row[k]:.2f}" for k in ("precision", "recall", "f1")]
    counts = [str(row[k]) for k in ("found", "false", "missed")]
    cost = [str(row["fits"]), str(row["iterations"]), f"{row['seconds'] / len(clip.pictures):.3f}"]
    return [clip.name, str(len(clip.pictures)), str(len(clip.cuts)), row["method"], *counts, *ratios, *cost]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dks-scale", type=float, default=1.0, help="of splats and iterations of the trial fits")
    parser.add_argument("--no-dks", action="store_true", help="leave the trial fits out")
    parser.add_argument("--keep", metavar="FOLDER", help="keep the losses of the trial fits here, and use them again")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--name", default="keyframes")
    a = parser.parse_args()
    torch.set_num_threads(1)
    keep = None if a.keep is None else Path(a.keep)
    if keep is not None:
        keep.mkdir(exist_ok=True)
    whole = DynamicRule()
    scaled = {k: round(getattr(whole, k) * a.dks_scale) for k in ("splats", "key_iterations", "predicted_iterations")}
    rule = replace(whole, **scaled)
    clips = load(data_folder() / "video")
    short = for_trial_fits(clips)
    rows, table = [], []
    for clip in [*short, *all_kinds(clips)]:
        results = [by_difference(clip)]
        if any(clip is s for s in short) and not a.no_dks:
            results += by_trial_fits(clip, rule, keep, a.threads)
        for row in results:
            rows.append({"clip": clip.name, "frames": len(clip.pictures), "cuts": clip.cuts, **row})
            table.append(line(clip, row))
            print("  ".join(table[-1]), flush=True)
    head = ["clip", "frames", "cuts", "method", "found", "false", "missed", "precision", "recall", "F1"]
    head += ["fits", "iterations", "s/frame"]
    streams = [encoded(short[0], method) for method in ("fixed", "difference")]
    second = [
        [s["method"], str(s["keys"]), str(s["bytes"]), f"{s['psnr']:.2f}", f"{s['worst_psnr']:.2f}"]
        + [f"{s['seconds']:.0f}"]
        for s in streams
    ]
    text = markdown(head, table) + f"\n\nThe clip “{short[0].name}”, 1,500 splats, preset fast, --gop 32:\n\n"
    text += markdown(["--key-frames", "key frames", "bytes", "PSNR-Y", "worst frame", "s"], second)
    save(a.name, {"trial_fits": asdict(rule), "found": rows, "encoded": streams}, text)


if __name__ == "__main__":
    main()
