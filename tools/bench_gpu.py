#!/usr/bin/env python3
"""What a GPU does for pgsvc: kernels, encoding to the quality of the CPU's medium preset, decoding; and whether the bits agree.

python tools/bench_gpu.py [--quick]

Frames of 1920×1080 with 27,000 splats in three layers (``--quick``: 352×288 with 2,300), cut from a picture so that it moves. Two
segments of two frames: the second shows what a frame takes once the programs are compiled. Encodes run twice on the GPU and must
give the same file; all streams must decode to their hashes on the CPU, and by the GPU's integer sum. Ends with an error where torch
sees no GPU.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from benchmarking import encode, markdown, save
from splat_generator import GRIDS, float_splats, random_splats

import pgsvc
from pgsvc import kernel, reference
from pgsvc.reference import OCTAVES, octave_size
from pgsvc_encoder.device.choose import chosen, kernels_of
from pgsvc_encoder.device.kernels import Aim, Kernels
from pgsvc_encoder.device.octaves import joined
from pgsvc_encoder.device.sum_i16 import IntegerSum, in_place_of_kernel

GRID, LAYERS, SIGMA = (1.0, 1.0, 0.5, 0.5), 3, 3.4
FRAMES, GOP = 4, 2


def seconds_of(call: Callable[[], object], device: torch.device, repeats: int) -> float:
    """Of the fastest call, with all that it starts on the device."""
    times = []
    for _ in range(repeats + 2):  # the first ones compile and find the room for lists
        began = time.perf_counter()
        call()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - began)
    return min(times[2:])


def kernel_seconds(kernels: Kernels, size: tuple[int, int], count: int, repeats: int) -> dict[str, float]:
    """Of each float kernel, for three components."""
    width, height = size
    splats = float_splats(np.random.default_rng(1), count, width, height, 3, SIGMA)
    geometry, colour = (torch.tensor(s).to(kernels.device) for s in splats)
    starts = torch.linspace(0, count, LAYERS + 1).int()
    sums = torch.zeros(LAYERS, 3, height, width, device=kernels.device)
    target, weight = torch.ones_like(sums[0]), torch.full((LAYERS, 3), 1e-3, device=kernels.device)
    calls = {
        "sums": lambda: kernels.sums(sums, geometry, colour, starts, GRID),
        "backward": lambda: kernels.backward(sums, geometry, colour, starts, GRID),
        "step": lambda: kernels.step(geometry, colour, starts, Aim(target, weight), GRID),
        "curvature": lambda: kernels.curvature(geometry, colour, size, weight[0], GRID),
    }
    return {name: seconds_of(call, kernels.device, repeats) for name, call in calls.items()}


def decode_row(device: torch.device, size: tuple[int, int], count: int, repeats: int) -> dict[str, Any]:
    """Integer sums of a 4:2:0 picture per second on the device and on the CPU, and whether they are the same, joined too."""
    width, height = size
    splats = random_splats(np.random.default_rng(1), count, width, height, 3, sigma=SIGMA)
    planes = [(slice(0, 1), size, GRIDS["luma"]), (slice(1, 3), (width // 2, height // 2), GRIDS["420-left"])]
    whole, jobs, equal = IntegerSum(device), [], True
    for part, (w, h), grid in planes:
        position, form, colour = splats[0], splats[1], np.ascontiguousarray(splats[2][:, part])
        shapes = ((colour.shape[1], *octave_size(h, w, octave)) for octave in range(OCTAVES))
        sums, arrays = tuple(np.zeros(shape, np.int16) for shape in shapes), (position, form, colour)
        there = tuple([torch.tensor(a).to(device) for a in part] for part in (sums, arrays))
        jobs.append((sums, arrays, there, grid))

    def on_device() -> None:
        for _, _, there, grid in jobs:
            sums, splats = there
            for acc in sums:
                acc.zero_()
            whole(sums, *splats, grid)

    def on_cpu() -> None:
        for sums, arrays, _, grid in jobs:
            for acc in sums:
                acc[...] = 0
            kernel.sum_i16(sums, *arrays, *grid)

    fps = {"gpu_fps": 1 / seconds_of(on_device, device, repeats)}
    fps["cpu_fps"] = 1 / seconds_of(on_cpu, torch.device("cpu"), repeats)
    for sums, _, (there, _), _ in jobs:
        equal &= all(bool((got.cpu().numpy() == acc).all()) for got, acc in zip(there, sums, strict=True))
        equal &= bool((joined(there).cpu().numpy() == reference.joined(sums)).all())
    return {**fps, "same_bits": equal}


def clip(path: Path, size: tuple[int, int]) -> None:
    """Raw 4:2:0 video of a smooth picture with edges and texture that moves by a few samples a frame."""
    width, height = size
    data = b""
    for frame in range(FRAMES):
        for step in (1, 2, 2):
            y, x = np.mgrid[0:height:step, 0:width:step].astype(np.float32)
            x, y = x + 3 * frame, y + 2 * frame
            rings = np.sin(np.hypot(x - width / 3, y - height / 2) / 17)
            blocks = np.sign(np.sin(x / 71) * np.sin(y / 53))
            fine = np.sin(x / 3.1) * np.sin(y / 4.3) * (np.sin(x / 190) > 0.3)
            data += (128 + 40 * rings + 30 * blocks + 15 * fine).astype(np.uint8).tobytes()
    path.write_bytes(data)


def encode_row(source: Path, device: str, preset: str, splats: int, folder: Path) -> dict[str, Any]:
    """Seconds per frame of the second segment, quality of the top level, and the hash of the file."""
    out = folder / f"{device}-{preset}.pgs"
    report = encode(
        source, out, "--device", device, "--preset", preset, "--splats", str(splats), "--gop", str(GOP),
        "--key-frames", "fixed",
    )  # fmt: skip
    frames = report["frames"][GOP:]
    psnr = [next(v for k, v in f["levels"][-1].items() if k.startswith("psnr")) for f in report["frames"]]
    return {
        "device": device,
        "preset": preset,
        "key_s": next(f["seconds"] for f in frames if f["is_key"]),
        "predicted_s": next(f["seconds"] for f in frames if not f["is_key"]),
        "psnr": sum(psnr) / len(psnr),
        "sha256": hashlib.sha256(out.read_bytes()).hexdigest(),
    }


def decodes_by(whole: IntegerSum, stream: Path) -> bool:
    """Whether every frame of every level has its hash when the device makes the sums."""
    own, kernel.sum_i16 = kernel.sum_i16, in_place_of_kernel(whole)
    try:
        with pgsvc.open(stream) as s:
            for level in range(s.layer_count):
                for _ in s.frames(level, check_hash=True):
                    pass
    except pgsvc.PgsError:
        return False
    finally:
        kernel.sum_i16 = own
    return True


def encoding(size: tuple[int, int], splats: int, presets: tuple[str, ...]) -> dict[str, Any]:
    """The CPU's medium preset, and presets of the GPU until they have reached its quality."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / f"in_{size[0]}x{size[1]}_30fps.yuv"
        clip(source, size)
        rows = [encode_row(source, "cpu", presets[-1], splats, folder)]
        rows += [encode_row(source, "cuda", preset, splats, folder) for preset in presets]
        again = encode_row(source, "cuda", presets[-1], splats, folder)
        whole = IntegerSum(torch.device("cuda"))
        reached = [r for r in rows[1:] if r["psnr"] >= rows[0]["psnr"] - 0.01]
        return {
            "rows": rows,
            "first_to_reach_cpu": min(reached, key=lambda r: r["key_s"], default=None),
            "same_file_twice": again["sha256"] == rows[-1]["sha256"],
            "decoded_by_gpu": all(decodes_by(whole, p) for p in folder.glob("*.pgs")),
        }


def main() -> None:
    if not torch.cuda.is_available():
        sys.exit(
            "bench_gpu.py: torch sees no CUDA GPU here, so there is nothing to measure; figures of a GPU are missing"
        )
    chosen("cuda")
    quick = "--quick" in sys.argv[1:]
    size, count, repeats = ((352, 288), 2300, 5) if quick else ((1920, 1080), 27000, 30)
    gpu = kernels_of("cuda")
    kernels = {"gpu": kernel_seconds(gpu, size, count, repeats)}
    kernels["cpu"] = kernel_seconds(kernels_of("cpu"), size, count, max(2, repeats // 5))
    decode = decode_row(gpu.device, size, count, repeats)
    found = encoding(size, count, ("fast",) if quick else ("fast", "medium"))
    name = torch.cuda.get_device_name(gpu.device)
    head = {"gpu": name, "triton": metadata.version("triton"), "size": size, "splats": count}
    rows = {**head, "kernel_seconds": kernels, "decode": decode, "encode": found}
    tables = [
        f"{name}; {size[0]}×{size[1]}, {count} splats in {LAYERS} layers.",
        markdown(["ms", *kernels["gpu"]], [[d, *(f"{1e3 * v:.3f}" for v in k.values())] for d, k in kernels.items()]),
        markdown(["integer sum", "pictures/s"], [[d, f"{decode[d + '_fps']:.0f}"] for d in ("gpu", "cpu")]),
        markdown(
            ["device", "preset", "s per key frame", "s per predicted frame", "PSNR"],
            [
                [r["device"], r["preset"], f"{r['key_s']:.2f}", f"{r['predicted_s']:.2f}", f"{r['psnr']:.2f}"]
                for r in found["rows"]
            ],
        ),
        f"Same sums as the CPU: {decode['same_bits']}. Same file twice: {found['same_file_twice']}. "
        f"All hashes by the GPU's sum: {found['decoded_by_gpu']}.",
    ]
    save("gpu_quick" if quick else "gpu", rows, "\n\n".join(tables))
    if not (decode["same_bits"] and found["same_file_twice"] and found["decoded_by_gpu"]):
        sys.exit("the GPU's bits are not what they should be; see above")


if __name__ == "__main__":
    main()
