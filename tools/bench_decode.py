#!/usr/bin/env python3
"""Decoding speed: frames per second and core, where the time goes, cost as the work grows, peers on the same picture.

    PGSVC_DATA=… python tools/bench_decode.py [--repeat 5] [--streams FOLDER]

Streams are encoded with ``--preset fast``; FOLDER keeps them for the next run. In-process times are CPU seconds of the process, the
least of some runs, so that other work on the machine counts little; whole commands and threads are wall time too. The 1080p clips
are one key frame again and again, and a key frame followed by frames in which the splats of a part of the picture move: what such a
clip costs depends on that part alone. OpenJPEG and libwebp decode the Kodak pictures from as many bytes, in process by imagecodecs;
the command of OpenJPEG decodes one of them where it is installed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from benchmarking import arguments, data_folder, encode, markdown, run, save, tool
from moving_clip import moving, repeated
from peers import jpeg2000
from PIL import Image

import pgsvc
from pgsvc import kernel
from pgsvc.stream import Stream

GROUPS = {
    "splats": ("graded_keys", "graded_frames", "motion_fields", "range_decode", "range_uniform"),
    "sum": ("fill", "sum_i16", "scale_splats", "copy_patches"),
    "samples": ("to_samples",),
    "both": ("draw",),
    "geometry": ("geometry", "changed_splats", "mark_patches"),
}
CLIPS = [
    ("foreman", "foreman_352x288_300f.264", "500"),
    ("foreman", "foreman_352x288_300f.264", "800"),
    ("akiyo", "akiyo_352x288_300f.mp4", "500"),
]
MOVING = (10, 30, 100)  # percent of the picture
MOVING_FRAMES, KEYS = 32, 12  # predicted frames behind a key frame, as many as encoders make; key frames
RATE, NEAR = 0.3, 0.03  # of the Kodak pictures, bit/pixel, and how near to it
DECODERS = ("pgsvc", "OpenJPEG", "libwebp")
PEAK = (
    "import resource as r, subprocess as s, sys; s.run(sys.argv[1:]); print(r.getrusage(r.RUSAGE_CHILDREN).ru_maxrss)"
)


def streams(folder: Path) -> dict[str, Path]:
    """The measured streams by name; those that are not there yet are made."""
    data, out = data_folder(), {}

    def made(name: str, source: Path, *options: str) -> Path:
        out[name] = folder / f"{name}.pgs"
        if not out[name].exists():
            encode(source, out[name], "--preset", "fast", *options)
        return out[name]

    made("kodim19-3600", data / "kodak/kodim19.png", "--splats", "3600")
    for clip, file, splats in CLIPS:
        made(f"{clip}-{splats}", data / "video" / file, "--frames", "60", "--splats", splats)
    street = data / "video/street_1920x1080_54f.264"
    key = made("street-27000", street, "--frames", "1", "--splats", "27000")
    out["street-27000-keys"] = folder / "street-27000-keys.pgs"
    if not out["street-27000-keys"].exists():
        out["street-27000-keys"].write_bytes(repeated(key.read_bytes(), KEYS))
    for percent in MOVING:
        name = f"street-27000-moving-{percent}"
        out[name] = folder / f"{name}.pgs"
        if not out[name].exists():
            out[name].write_bytes(moving(key.read_bytes(), percent / 100, MOVING_FRAMES))
    return out


class Timed:
    """The native module with the time of each call noted by function."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._module = kernel.native()

    def __getattr__(self, name: str) -> Any:
        function = getattr(self._module, name)
        if not callable(function):
            return function

        def called(*values: Any, **options: Any) -> Any:
            began = time.process_time()
            result = function(*values, **options)
            self.seconds[name] = self.seconds.get(name, 0) + time.process_time() - began
            return result

        return called


def decoded(data: bytes, level: int | None, threads: int, clock: Callable[[], float]) -> tuple[float, float, int]:
    """Seconds until the stream is taken in, seconds of all, and the frames."""
    began = clock()
    stream = Stream(threads=threads)
    stream.feed(data)
    stream.close()
    opened = clock() - began
    frames = sum(1 for _ in stream.frames(level, reuse=True))
    return opened, clock() - began, frames


def split(data: bytes, repeat: int) -> dict[str, float]:
    """CPU milliseconds per frame of one thread by part of the decoder, of the fastest run."""
    real, best = kernel.native, None
    for _ in range(repeat):
        timed = Timed()
        kernel.native = lambda timed=timed: timed  # type: ignore[assignment]
        try:
            opened, whole, frames = decoded(data, None, 1, time.process_time)
        finally:
            kernel.native = real
        if best is None or whole < best[1]:
            best = opened, whole, frames, timed.seconds
    assert best is not None
    opened, whole, frames, seconds = best
    parts = {group: sum(seconds.get(name, 0) for name in names) for group, names in GROUPS.items()}
    parts = {"container, headers": opened, **parts}
    parts["Python, memory"] = whole - sum(parts.values())
    return {part: 1000 * s / frames for part, s in parts.items()}


def best(job: Callable[[], float], repeat: int) -> float:
    return min(job() for _ in range(repeat))


def in_process(path: Path, repeat: int) -> dict[str, Any]:
    """Cost of one stream: levels, threads, parts."""
    data = path.read_bytes()
    with pgsvc.open(path, threads=1) as stream:
        levels, frames = stream.layer_count, stream.frame_count
        splats = sum(t.key.header["splat_count"] for s in stream.segments.values() for t in s.tracks.values())
    cpu = [best(lambda k=k: decoded(data, k, 1, time.process_time)[1], repeat) / frames for k in range(levels)]
    cores = kernel.thread_count()
    wall = {t: best(lambda t=t: decoded(data, None, t, time.perf_counter)[1], repeat) / frames for t in (1, cores)}
    return {
        "stream": path.stem,
        "splats": splats,
        "frames": frames,
        "bytes": len(data),
        "cpu_ms_per_frame_by_level": [1000 * s for s in cpu],
        "wall_ms_per_frame_by_threads": {t: 1000 * s for t, s in wall.items()},
        "parts_ms_per_frame": split(data, repeat),
    }


def at_rate(picture: Path, folder: Path) -> Path:
    """The stream of a picture at about `RATE`, made if it is not there: the number of splats is corrected at most twice."""
    kept = folder / f"{picture.stem}-{RATE}bpp.pgs"
    if kept.exists():
        return kept
    with Image.open(picture) as image:
        samples = image.width * image.height
    splats = 4000
    for _ in range(3):
        encode(picture, kept, "--preset", "fast", "--splats", str(splats))
        off = 8 * kept.stat().st_size / samples / RATE
        if abs(off - 1) < NEAR:
            break
        splats = round(splats / off)
    return kept


def peers(picture: Path, stream: Path, repeat: int) -> dict[str, Any]:
    """A picture beside OpenJPEG and libwebp, in process, which have as many bytes as the stream."""
    import imagecodecs

    with Image.open(picture) as image:
        pixels = np.asarray(image.convert("RGB"))
    data = stream.read_bytes()
    rate = 8 * len(data) / (pixels.shape[0] * pixels.shape[1])
    jp2 = jpeg2000.encode(pixels, [rate])
    webps = (imagecodecs.webp_encode(pixels, level=q, lossless=False) for q in range(1, 100))
    webp = next(w for w in webps if len(w) >= len(data))
    jobs: dict[str, tuple[int, Callable[[], object]]] = {
        "pgsvc": (len(data), lambda: decoded(data, None, 1, time.process_time)),
        "OpenJPEG": (len(jp2), lambda: imagecodecs.jpeg2k_decode(jp2, numthreads=1)),
        "libwebp": (len(webp), lambda: imagecodecs.webp_decode(webp)),
    }
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(4 * repeat):  # in turns, so that other work on the machine hinders all alike
        for name, (_, work) in jobs.items():
            began = time.process_time()
            work()
            times[name].append(1000 * (time.process_time() - began))
    found = {
        name: {"bytes": size, "cpu_ms": min(times[name]), "median_cpu_ms": median(times[name])}
        for name, (size, _) in jobs.items()
    }
    return {"picture": picture.stem, "bpp": rate, "decoders": found}


def command(words: list[str], repeat: int, folder: Path) -> dict[str, float]:
    """Least wall and CPU seconds and the most memory of a command; compiled modules are kept as in an installation.

    Memory is seen by a small process between, as a child begins with the peak of its parent.
    """
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(folder / "pyc")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    walls, cpus = [], []
    for _ in range(repeat + 1):
        began = time.perf_counter()
        process = subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            sys.exit(f"{' '.join(words)} failed")
        walls.append(time.perf_counter() - began)
        cpus.append(usage.ru_utime + usage.ru_stime)
    watcher = [sys.executable, "-S", "-c", PEAK, *words]
    peak = subprocess.run(watcher, env=environment, capture_output=True, text=True, check=True).stdout.split()[-1]
    return {"wall_s": min(walls), "cpu_s": min(cpus), "peak_mib": int(peak) / 1024}


def commands(found: dict[str, Path], repeat: int, folder: Path) -> dict[str, dict[str, float]]:
    """Whole commands: start-up, a still, a clip, 1080p, and peers where they are installed."""
    jobs = {"python -c 'import numpy'": [sys.executable, "-c", "import numpy"]}
    jobs["pgsvc-dec --version"] = tool("pgsvc-dec", "--version")
    for name in ("kodim19-3600", "foreman-500", "street-27000", "street-27000-moving-10"):
        jobs[f"pgsvc-dec {name}"] = tool("pgsvc-dec", str(found[name]), "-q", "-o", "null", "--threads", "1")
    if shutil.which("opj_decompress") and shutil.which("opj_compress"):
        picture, jp2 = str(data_folder() / "kodak/kodim19.png"), str(folder / "peer.jp2")
        ratio = 24 * 768 * 512 / 8 / found["kodim19-3600"].stat().st_size
        run(["opj_compress", "-i", picture, "-o", jp2, "-r", f"{ratio:.2f}"])
        jobs["opj_decompress kodim19"] = ["opj_decompress", "-i", jp2, "-o", str(folder / "peer.ppm"), "-threads", "1"]
    return {name: command(words, repeat, folder) for name, words in jobs.items()}


def main() -> None:
    a = arguments(__doc__, "decode", repeat=5, streams="")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(a.streams or scratch)
        folder.mkdir(exist_ok=True, parents=True)
        found = streams(folder)
        rows = [in_process(path, a.repeat) for path in found.values()]
        pictures = sorted((data_folder() / "kodak").glob("*.png"))
        own = [peers(picture, at_rate(picture, folder), a.repeat) for picture in pictures]
        whole = commands(found, a.repeat, Path(scratch))
    save(a.name, {"in_process": rows, "peers": own, "commands": whole}, "\n\n".join(tables(rows, own, whole)))


def tables(rows: list[dict[str, Any]], own: list[dict[str, Any]], whole: dict[str, dict[str, float]]) -> list[str]:
    """The result in Markdown."""
    cores = max(int(t) for t in rows[0]["wall_ms_per_frame_by_threads"])
    head = [
        "stream",
        "splats",
        "frames",
        *(f"level {k}" for k in range(3)),
        "frames/s and core",
        f"frames/s, {cores} threads",
    ]
    lines = []
    for r in rows:
        levels, wall = r["cpu_ms_per_frame_by_level"], r["wall_ms_per_frame_by_threads"]
        speed = [f"{1000 / levels[-1]:.0f}", f"{1000 / wall[cores]:.0f}"]
        lines.append([r["stream"], str(r["splats"]), str(r["frames"]), *(f"{ms:.3f}" for ms in levels), *speed])
    parts = list(rows[0]["parts_ms_per_frame"])
    split_lines = [[r["stream"], *(f"{r['parts_ms_per_frame'][p]:.3f}" for p in parts)] for r in rows]
    peer_lines = [_beside(o["picture"], f"{o['bpp']:.3f}", o["decoders"]) for o in own]
    total = {
        name: {k: sum(o["decoders"][name][k] for o in own) / len(own) for k in ("cpu_ms", "median_cpu_ms")}
        for name in DECODERS
    }
    peer_lines.append(_beside("mean", f"{sum(o['bpp'] for o in own) / len(own):.3f}", total))
    command_lines = [[n, f"{c['wall_s']:.3f}", f"{c['cpu_s']:.3f}", f"{c['peak_mib']:.0f}"] for n, c in whole.items()]
    return [
        "In process, CPU ms per frame with one thread:",
        markdown(head, lines),
        "Where the time goes, CPU ms per frame, top level:",
        markdown(["stream", *parts], split_lines),
        f"Kodak pictures with three layers at about {RATE} bit/pixel, in process, in turns: least CPU ms, in brackets the median, "
        "which lies far above it where the machine was busy.",
        markdown(["picture", "bit/pixel", *DECODERS, "OpenJPEG / pgsvc", "libwebp / pgsvc"], peer_lines),
        "Whole commands, one thread:",
        markdown(["command", "wall s", "CPU s", "peak MiB"], command_lines),
    ]


def _beside(name: str, rate: str, decoders: dict[str, dict[str, float]]) -> list[str]:
    times = [f"{decoders[d]['cpu_ms']:.2f} ({decoders[d]['median_cpu_ms']:.2f})" for d in DECODERS]
    ratios = [f"{decoders[d]['cpu_ms'] / decoders['pgsvc']['cpu_ms']:.2f}" for d in DECODERS[1:]]
    return [name, rate, *times, *ratios]


if __name__ == "__main__":
    main()
