#!/usr/bin/env python3
"""Speed-up by several workers: one process, processes (--workers), a Ray cluster on this machine (--cluster local).

    PGSVC_DATA=… python tools/bench_workers.py [--frames 8] [--gop 2] [--splats 300] [--repeat 3]

Needs the extra cluster. Every worker has one thread. The ways are taken in turn, so that a load by others meets all of them alike;
the best of each counts. All files must have the same hash, also when the workers of the cluster are killed once on the way.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarking import arguments, below, data_folder, markdown, save, tool

ONE, CLUSTER = "1 process", "local cluster, 2 workers"
KILLED = f"{CLUSTER}, all killed once"
WAYS = {  # in each a worker has one thread: processes share them, on a cluster each segment has them
    ONE: ["--workers", "1", "--threads", "1"],
    "2 processes": ["--workers", "2", "--threads", "2"],
    CLUSTER: ["--cluster", "local", "--workers", "2", "--threads", "1"],
}


def encode(command: list[str], stream: Path, *, kill: bool = False) -> dict[str, Any]:
    """Seconds of a whole command and of the encode in it, without start and connection; the file's hash, and what was killed.

    Args:
        kill: all workers of the cluster, once a segment is finished.
    """
    report, parts = stream.with_suffix(".json"), stream.with_name(stream.name + ".parts")
    began = time.perf_counter()
    process = subprocess.Popen([*command, "--report", str(report)], stderr=subprocess.PIPE, text=True)
    killed = 0
    while kill and process.poll() is None:
        if len(list(parts.glob("*.json"))) > 1:  # settings and one segment
            for pid in below(process.pid, "ray::code"):
                os.kill(pid, signal.SIGKILL)
                killed += 1
            kill = not killed
        time.sleep(0.05)
    errors = process.communicate()[1]
    wall = time.perf_counter() - began
    if process.returncode:
        sys.exit(errors)
    lost = sum("another begins them again" in line for line in errors.splitlines())
    digest = hashlib.sha256(stream.read_bytes()).hexdigest()
    return {
        "wall_s": wall,
        "encode_s": json.loads(report.read_text())["seconds"],
        "sha256": digest,
        "killed": killed,
        "lost": lost,
    }


def main() -> None:
    a = arguments(__doc__, "workers", clip="foreman_352x288_300f.264", frames=8, gop=2, splats=300, repeat=3)
    os.environ |= {"OMP_NUM_THREADS": "1"}
    clip = data_folder() / "video" / a.clip
    runs: dict[str, list[dict[str, Any]]] = {way: [] for way in (*WAYS, KILLED)}
    with tempfile.TemporaryDirectory() as scratch:
        stream = Path(scratch) / "o.pgs"
        numbers = ["--frames", str(a.frames), "--gop", str(a.gop), "--splats", str(a.splats)]
        command = tool("pgsvc-enc", str(clip), str(stream), *numbers, "--key-frames", "fixed", "--preset", "fast")
        for _ in range(a.repeat):
            for way, options in WAYS.items():
                runs[way].append(encode([*command, *options], stream))
        runs[KILLED].append(encode([*command, *WAYS[CLUSTER]], stream, kill=True))
    if len({r["sha256"] for rows in runs.values() for r in rows}) > 1:
        sys.exit(f"files differ: {json.dumps(runs, indent=1)}")
    best = {way: {t: min(r[t] for r in rows) for t in ("wall_s", "encode_s")} for way, rows in runs.items()}
    table = []
    for way, seconds in best.items():
        ratios = [f"{best[ONE][t] / seconds[t]:.2f}" for t in ("wall_s", "encode_s")]
        lost = str(sum(r["lost"] for r in runs[way]))
        table.append([way, *(f"{s:.1f}" for s in seconds.values()), *ratios, lost])
    head = ["way", "command s", "encode s", "speed-up of command", "of encode", "workers lost"]
    segments = -(-a.frames // a.gop)
    note = f"{a.clip}, {a.frames} frames in {segments} segments, {a.splats} splats; best of {a.repeat}, but the last once. "
    note += f"All files have SHA-256 {runs[ONE][0]['sha256'][:16]}…\n\n"
    save(a.name, runs, note + markdown(head, table))


if __name__ == "__main__":
    main()
