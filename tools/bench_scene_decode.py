#!/usr/bin/env python3
"""Decoding speed of scenes: splats per second and core by level, where the time goes, threads, and peers on the same splats.

    python tools/bench_scene_decode.py [--scenes a.ply,b.sog] [--splats 300000] [--layers 4] [--tiles 4] [--repeat 5]

From the bytes of a stream to arrays of floats, in process. Without scenes they are random splats of degree 0, 2 and 3. Times of
one thread are CPU seconds of the process, those of several tiles by the clock on the wall; the least of some runs, in which
everything that is compared takes turns. SPZ is decompressed and read by numpy. LZMA decompresses what a decoder would then have
to read: the integers of the decoded splats, one array after the other.
"""

from __future__ import annotations

import lzma
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from bench_render import random_scene
from benchmarking import arguments, markdown, save

from pgsvc import kernel
from pgsvc.scene.output.spz import spz_bytes
from pgsvc.scene.splats import SceneFormat, SceneSplats
from pgsvc.stream import Stream
from pgsvc_encoder.scene.encode import encode_scene
from pgsvc_encoder.scene.settings import SceneSettings
from pgsvc_encoder.scene.source import open_scene
from pgsvc_encoder.scene.source.spz import read_spz

THREADS = 2
Scene = tuple[SceneSplats, SceneFormat]


class Timed:
    """The native module, or an object of it, with the CPU time of each call noted by function."""

    def __init__(self, inner: Any, seconds: dict[str, float]) -> None:
        self._inner, self._seconds = inner, seconds

    def __getattr__(self, name: str) -> Any:
        function = getattr(self._inner, name)

        def called(*values: Any) -> Any:
            began = time.process_time()
            result = function(*values)
            self._seconds[name] = self._seconds.get(name, 0) + time.process_time() - began
            return Timed(result, self._seconds) if name == "SceneDecoder" else result

        return called


def encoded(scene: Scene, layers: int, tiles: int) -> bytes:
    """With layers by alpha times area, of which no view has to be drawn."""
    splats, form = scene
    largest = np.sort(splats.log_scale.astype(np.float64), 1)[:, 1:].sum(1)
    importance = np.exp(largest) / (1 + np.exp(-splats.opacity.astype(np.float64)))
    return encode_scene(splats, form, SceneSettings(layers=layers, tiles=tiles), importance).data


def decoded(data: bytes, level: int | None = None, threads: int = 1) -> int:
    stream = Stream(threads=threads)
    stream.feed(data)
    return len(stream.scene(level).splats)


def parts(data: bytes) -> dict[str, float]:
    """CPU seconds of one decoding by part."""
    seconds: dict[str, float] = {}
    real, timed = kernel.native, Timed(kernel.native(), seconds)
    kernel.native = lambda: timed  # type: ignore[assignment]
    try:
        began = time.process_time()
        stream = Stream(threads=1)
        stream.feed(data)
        fed = time.process_time() - began
        stream.scene()
        whole = time.process_time() - began
    finally:
        kernel.native = real
    known = {"container, headers": fed, "slices": seconds["slice"], "floats": seconds["scene_floats"]}
    return {**known, "Python, memory": whole - sum(known.values())}


def in_turns(jobs: Mapping[str, tuple[Callable[[], object], Callable[[], float]]], repeat: int) -> dict[str, float]:
    """The least seconds of each job on its clock."""
    best = dict.fromkeys(jobs, float("inf"))
    for _ in range(repeat):
        for name, (job, clock) in jobs.items():
            began = clock()
            job()
            best[name] = min(best[name], clock() - began)
    return best


def measured(name: str, scene: Scene, layers: int, tiles: int, repeat: int) -> dict[str, Any]:
    data, tiled = encoded(scene, layers, 1), encoded(scene, layers, tiles)
    stream = Stream(threads=1)
    stream.feed(data)
    decoding = [stream.scene(k) for k in range(stream.layer_count)]
    packed = lzma.compress(b"".join(state.tobytes() for state in decoding[-1].states.values()))
    spz = {version: spz_bytes(*scene, version) for version in (3, 4)}
    cpu, wall = time.process_time, time.perf_counter
    jobs = {f"level {k}": (lambda k=k: decoded(data, k), cpu) for k in range(stream.layer_count)}
    jobs |= {f"SPZ {v}": (lambda v=v: read_spz(spz[v], name), cpu) for v in spz}
    jobs |= {"LZMA": (lambda: lzma.decompress(packed), cpu)}
    jobs |= {f"{t} threads": (lambda t=t: decoded(tiled, None, t), wall) for t in (1, THREADS)}
    seconds = in_turns(jobs, repeat)
    of_parts = [parts(data) for _ in range(repeat)]
    own = {f"level {k}": len(d.splats) for k, d in enumerate(decoding)}
    return {
        "scene": name,
        "degree": scene[1].sh_degree,
        "splats": len(scene[0]),
        "bytes": {"pgsvc": len(data), "LZMA": len(packed), **{f"SPZ {v}": len(b) for v, b in spz.items()}},
        "splats_per_s": {j: own.get(j, len(scene[0])) / s for j, s in seconds.items()},
        "parts_ns_per_splat": {
            part: 1e9 * min(p[part] for p in of_parts) / len(decoding[-1].splats) for part in of_parts[0]
        },
    }


def tables(rows: list[dict[str, Any]]) -> str:
    """The result in Markdown."""
    columns = list(rows[0]["splats_per_s"])
    speed = [
        [r["scene"], str(r["degree"]), str(r["splats"]), *(f"{r['splats_per_s'][c] / 1e6:.2f}" for c in columns)]
        for r in rows
    ]
    names = list(rows[0]["parts_ns_per_splat"])
    where = [[r["scene"], *(f"{r['parts_ns_per_splat'][n]:.0f}" for n in names)] for r in rows]
    kinds = list(rows[0]["bytes"])
    size = [[r["scene"], *(f"{r['bytes'][k] / r['splats']:.2f}" for k in kinds)] for r in rows]
    return "\n\n".join(
        [
            "Million splats per second and core; with threads, of several tiles by the clock on the wall:",
            markdown(["scene", "degree", "splats", *columns], speed),
            "Where the time goes, CPU ns per splat, top level:",
            markdown(["scene", *names], where),
            "Bytes per splat:",
            markdown(["scene", *kinds], size),
        ]
    )


def scenes(paths: str, splats: int) -> list[tuple[str, Scene]]:
    if not paths:
        return [(f"random, degree {d}", random_scene(splats, d)) for d in (0, 2, 3)]
    sources = [(Path(p).name, open_scene(p, repair=True)) for p in paths.split(",")]
    return [(name, (source.splats, source.format)) for name, source in sources]


def main() -> None:
    a = arguments(__doc__, "scene_decode", scenes="", splats=300_000, layers=4, tiles=4, repeat=5)
    rows = [measured(name, scene, a.layers, a.tiles, a.repeat) for name, scene in scenes(a.scenes, a.splats)]
    save(a.name, rows, tables(rows))


if __name__ == "__main__":
    main()
