#!/usr/bin/env python3
"""Speed of the CPU's scene rasteriser: milliseconds per picture and nanoseconds per pair of splat and pixel, forward and backward.

Pairs are those that were blended: the support of every splat that is seen, up to where a pixel has no light left. Backward has the
projection and the lists of tiles in it once more. One thread is measured in CPU time, several by the clock on the wall; the
fastest of some pictures counts, from four sides of the scene on the average. Without a file the scene is made of random splats.

python tools/bench_render.py [--scene scene.ply] [--width 640] [--height 480] [--splats 100000] [--degree 3]
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from benchmarking import arguments, markdown, save

from pgsvc import kernel
from pgsvc.scene.camera import Camera, orbit
from pgsvc.scene.render import render, scene_arrays
from pgsvc.scene.splats import KERNELS, SceneFormat, SceneSplats

VIEWS, REPEATS = 4, 5


def random_scene(count: int, degree: int) -> tuple[SceneSplats, SceneFormat]:
    """Splats in a thick shell, about as large as their distances if all were on its surface."""
    rng = np.random.default_rng(1)
    scene_format = SceneFormat(sh_degree=degree)
    direction = rng.normal(size=(count, 3))
    radius = rng.uniform(0.3, 1, (count, 1)) / np.linalg.norm(direction, axis=1, keepdims=True)
    numbers = {
        "position": direction * radius,
        "log_scale": rng.normal(np.log(1.5 / np.sqrt(max(count, 1))), 0.5, (count, 3)),
        "rotation": rng.normal(size=(count, 4)),
        "opacity": rng.normal(0, 2, count),
        "sh_dc": rng.normal(0, 1, (count, 3)),
        "sh_rest": rng.normal(0, 0.2, (count, scene_format.rest_count, 3)),
    }
    return SceneSplats(**{name: values.astype(np.float32) for name, values in numbers.items()}), scene_format


def read_ply(path: Path) -> tuple[SceneSplats, SceneFormat]:
    """A binary little-endian PLY of 3D Gaussian Splatting whose vertices have nothing but floats."""
    data = path.read_bytes()
    end = data.index(b"end_header\n") + len(b"end_header\n")
    lines = [line.split() for line in data[:end].decode("ascii").splitlines()]
    names = [words[2] for words in lines if words[0] == "property"]
    count = next(int(words[2]) for words in lines if words[:2] == ["element", "vertex"])
    table = np.frombuffer(data, "<f4", count * len(names), end).reshape(count, len(names))

    def columns(*wanted: str) -> np.ndarray:
        return np.ascontiguousarray(table[:, [names.index(name) for name in wanted]])

    rest = sum(name.startswith("f_rest_") for name in names) // 3
    coefficients = columns(*(f"f_rest_{i}" for i in range(3 * rest))).reshape(count, 3, rest)
    splats = SceneSplats(
        position=columns("x", "y", "z"),
        log_scale=columns(*(f"scale_{i}" for i in range(3))),
        rotation=columns(*(f"rot_{i}" for i in range(4))),
        opacity=columns("opacity")[:, 0],
        sh_dc=columns(*(f"f_dc_{i}" for i in range(3))),
        sh_rest=np.ascontiguousarray(coefficients.transpose(0, 2, 1)),
    )
    return splats, SceneFormat(sh_degree={0: 0, 3: 1, 8: 2, 15: 3}[rest])


def best_time(call: Callable[[], object], clock: Callable[[], float]) -> float:
    """Seconds of the fastest call; the first one warms up."""
    times = []
    for _ in range(REPEATS + 1):
        start = clock()
        call()
        times.append(clock() - start)
    return min(times[1:])


def measure(splats: SceneSplats, scene_format: SceneFormat, camera: Camera, isa: str, threads: int) -> dict[str, float]:
    """Seconds of one picture, there and back, and its pairs."""
    native, how = kernel.native(), (kernel.ISA[isa], threads)
    arrays = scene_arrays(splats, scene_format)
    view = camera.numbers(), KERNELS.index(scene_format.kernel)
    rgb = np.empty((camera.height, camera.width, 3), np.float32)
    alpha, black = np.empty(rgb.shape[:2], np.float32), np.zeros(3, np.float32)
    gradients = np.ones_like(rgb), np.ones_like(alpha)
    out = [np.empty_like(a) for a in arrays] + [np.empty((len(splats), 2), np.float32)]
    clock = time.thread_time if threads == 1 else time.perf_counter
    hits = render(splats, scene_format, camera, weights=True, cpu=isa).hits
    assert hits is not None
    return {
        "pairs": int(hits.sum(dtype=np.int64)),
        "forward_s": best_time(
            lambda: native.scene_render(*arrays, *view, black, rgb, alpha, None, None, None, *how), clock
        ),
        "backward_s": best_time(
            lambda: native.scene_backward(*arrays, *view, rgb, alpha, *gradients, *out, *how), clock
        ),
    }


def main() -> None:
    defaults = {"scene": "", "width": 640, "height": 480, "splats": 100_000, "degree": 3}
    args = arguments(__doc__, "render", **defaults)
    scene = read_ply(Path(args.scene)) if args.scene else random_scene(args.splats, args.degree)
    cameras = orbit(scene[0], VIEWS, args.width, args.height, frame=scene[1].frame)
    records = []
    for isa in kernel.native().isa_levels():
        for threads in (1, 2):
            views = [measure(*scene, camera, isa, threads) for camera in cameras]
            mean = {name: float(np.mean([v[name] for v in views])) for name in views[0]}
            records.append({"isa": isa, "threads": threads, **mean})
    title = Path(args.scene).name if args.scene else "random splats"
    facts = {"scene": title, "splats": len(scene[0]), "degree": scene[1].sh_degree}
    facts |= {"width": args.width, "height": args.height, "measured": records}
    rows = []
    for r in records:
        row = [r["isa"], str(r["threads"])]
        for way in ("forward_s", "backward_s"):
            row += [f"{r[way] * 1e3:.1f}", f"{r[way] / r['pairs'] * 1e9:.2f}", f"{r['pairs'] / r[way] / 1e6:.0f}"]
        rows.append(row)
    head = ["kernels", "threads", "ms", "ns per pair", "million pairs/s", "back: ms", "ns per pair", "million pairs/s"]
    pairs = f"{records[0]['pairs'] / 1e6:.1f} million pairs"
    about = (
        f"{title}, {len(scene[0]):,} splats of degree {scene[1].sh_degree}, {args.width}×{args.height}, {pairs}:\n\n"
    )
    save(args.name, facts, about + markdown(head, rows))


if __name__ == "__main__":
    main()
