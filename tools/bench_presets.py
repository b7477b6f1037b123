#!/usr/bin/env python3
"""Presets of the encoder: seconds, bytes and quality of a still, of a clip and of large frames, as a curve of time and quality.

    PGSVC_DATA=… python tools/bench_presets.py [--presets fast,medium] [--jobs kodim19,foreman] [--threads 2] [--resume]

Quality is compared at equal bytes: each preset codes each source twice, with the splats of the job and with SHARE of them, and
its quality at the bytes of "slow" lies on the line between the two, in dB over the logarithm of bytes. Seconds are of the whole
command, with its start; those of key and predicted frames come from its report.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarking import data_folder, markdown, tool
from peer_rows import Rows, codec_version
from plotting import time_quality

from pgsvc_encoder.settings import PRESETS

SHARE = 0.75
AGAINST = "slow"


@dataclass(frozen=True)
class Job:
    """A source in PGSVC_DATA, the splats of its frames, and what else the encoder is told."""

    path: str
    splats: int
    options: tuple[str, ...] = ()


JOBS = {
    "kodim19": Job("kodak/kodim19.png", 9000),
    "kodim05": Job("kodak/kodim05.png", 9000),
    "foreman": Job("video/foreman_352x288_300f.264", 800, ("--frames=17",)),
    "street": Job("video/street_1920x1080_54f.264", 27000, ("--frames=5",)),
}


def measured(job: Job, preset: str, splats: int, threads: int) -> dict[str, Any]:
    """One encode: seconds, CPU seconds, peak memory in MiB, and what its report says."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = tool("pgsvc-enc", str(data_folder() / job.path), str(Path(folder) / "s.pgs"), "-q")
        command += [f"--report={report}", f"--preset={preset}", f"--splats={splats}", f"--threads={threads}"]
        began = time.perf_counter()
        process = subprocess.Popen([*command, *job.options])
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - began
        if process.returncode:
            sys.exit(f"{' '.join(command)} has ended with {process.returncode}")
        said = json.loads(report.read_text())
    top, frames = said["levels"][-1], said["frames"]
    of_kind = {k: [f["seconds"] for f in frames if f["is_key"] == k] for k in (True, False)}
    out = {
        "seconds": seconds,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_mib": usage.ru_maxrss / 1024,
        "bytes": top["bytes"],
        "psnr": top["psnr"] if "psnr" in top else top["psnr_y"],
    }
    names = {True: "seconds_key", False: "seconds_predicted"}
    return out | {names[k]: sum(v) / len(v) for k, v in of_kind.items() if v}


def points(job: Job, preset: str, threads: int) -> Iterator[dict[str, Any]]:
    for splats in (job.splats, round(SHARE * job.splats)):
        yield {"stream": preset, "level": 2, "splats": splats, **measured(job, preset, splats, threads)}


def at_bytes(pair: list[dict[str, Any]], size: int) -> float:
    """PSNR on the line through two encodes, over the logarithm of bytes."""
    (x0, y0), (x1, y1) = ((math.log(p["bytes"]), p["psnr"]) for p in pair)
    return y0 + (y1 - y0) * (math.log(size) - x0) / (x1 - x0)


def table(rows: list[dict[str, Any]], name: str) -> str:
    """One row for each source and preset, and the plot."""
    lines, panels = [], {}
    for source in dict.fromkeys(r["source"] for r in rows):
        pairs = {p: [r for r in rows if (r["source"], r["stream"]) == (source, p)] for p in PRESETS}
        pairs = {p: pair for p, pair in pairs.items() if pair}
        reference = pairs.get(AGAINST, next(iter(pairs.values())))[0]
        curve = []
        for preset, pair in pairs.items():
            first = pair[0]
            gap = at_bytes(pair, reference["bytes"]) - reference["psnr"]
            curve.append((first["seconds"], reference["psnr"] + gap, preset))
            cells = [f"{first[k]:.1f}" for k in ("seconds", "cpu_seconds")]
            cells += [f"{first[k]:.2f}" if k in first else "" for k in ("seconds_key", "seconds_predicted")]
            cells += [f"{first['peak_mib']:.0f}", str(first["bytes"]), f"{first['psnr']:.2f}"]
            cells.append(f"{gap:+.2f}" if AGAINST in pairs else "n/a")
            lines.append([source, preset, *cells])
        panels[source] = curve
    head = ["source", "preset", "s", "CPU s", "s a key frame", "s a predicted frame", "peak MiB", "bytes", "PSNR"]
    written = time_quality(name, panels)
    plot = "\n".join(f"![{p.stem}]({p.name})" for p in written if p.suffix == ".svg")
    return markdown([*head, f"dB at the bytes of {AGAINST}"], lines) + f"\n\n{plot}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presets", default=",".join(PRESETS), help="(default: all)")
    parser.add_argument("--jobs", default=",".join(JOBS), help="(default: all)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--name", default="presets", help="of the result files (default: presets)")
    parser.add_argument("--resume", action="store_true", help="keep what an earlier run has measured")
    a = parser.parse_args()
    rows, version = Rows(a.name, a.resume), codec_version()
    for source in a.jobs.split(","):
        job = JOBS[source]
        for preset in a.presets.split(","):
            settings = {"splats": job.splats, "options": list(job.options), "threads": a.threads}
            rows.add(source, preset, version, settings, lambda j=job, p=preset: points(j, p, a.threads))
    rows.finish(table(rows.rows, a.name))


if __name__ == "__main__":
    main()
