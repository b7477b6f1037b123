#!/usr/bin/env python3
"""Micro-benchmark of the native kernels: nanoseconds per splat-sample pair, for each kernel and instruction set; and of scaling.

The normative sum is also measured on splats like those of real pictures, beside its floor (see ``sum_pictures``). One thread
is measured in CPU time, several by the clock on the wall.

python tools/bench_kernels.py [--threads 2] [--ghz 3.6]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from benchmarking import markdown, save
from splat_generator import GRIDS, float_splats, random_factors, random_splats
from sum_pictures import CASES, STARTED, measure_case

from pgsvc import kernel
from pgsvc.reference import f32_octaves, octave_size

GRID = (1.0, 1.0, 0.5, 0.5)
LAYERS = 3


def best_time(call: Callable[[], object], repeats: int, clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds of the fastest call; the machine is shared, so the minimum is the honest number."""
    times = []
    for _ in range(repeats + 1):  # the first one warms up
        start = clock()
        call()
        times.append(clock() - start)
    return min(times)


def processor_ghz() -> float:
    """What the system says of the clock, which may be the nominal one; 1.0, for cycles, if it says nothing."""
    try:
        lines = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("cpu MHz")]
    except OSError:
        return 1.0
    return float(lines[0].split(":")[1]) / 1000 if lines else 1.0


def sum_table(cases: list[dict], ghz: float) -> str:
    """The sum on real geometry, plane group by plane group."""
    rows = []
    for case in cases:
        for n, g in enumerate(case["groups"]):
            floor = g["floor_cycles_per_pair"] / ghz
            one = case["threads"] == 1
            rows.append(
                [
                    f"{case['case']}, {case['splats']:,} splats" if n == 0 else "",
                    str(case["threads"]),
                    f"{g['components']}",
                    f"{g['pairs'] / 1e6:.2f}",
                    f"{g['columns_per_row']:.0f}",
                    f"{g['lanes_used'] * 100:.0f} %",
                    f"{g['nanoseconds_per_pair']:.2f}",
                    f"{floor:.2f}" if one else "",
                    f"{g['nanoseconds_per_pair'] / floor:.1f}×" if one else "",
                    f"{sum(h['cpu_seconds'] for h in case['groups']) * 1e3:.2f}" if n == 0 else "",
                    f"{case['frames_per_second']:.0f}" if n == 0 else "",
                ]
            )
    head = [
        f"sum_i16, {cases[0]['isa']}",
        "threads",
        "components",
        "million pairs",
        "columns per row",
        "lanes used",
        "ns per pair",
    ]
    return markdown([*head, "floor", "gap", "CPU ms", "frames/s"], rows)


def measure(args: argparse.Namespace) -> tuple[dict, float]:
    """{kernel: {isa: ns per pair}} and the pairs per sample."""
    native = kernel.native()
    width, height, count, components = args.width, args.height, args.splats, 3
    rng = np.random.default_rng(1)
    position, form, colour = random_splats(rng, count, width, height, components, sigma=args.sigma)
    geometry, colour_f = float_splats(np.random.default_rng(1), count, width, height, components, args.sigma)
    order = np.argsort(position[:, 1] // 8192 * 4096 + position[:, 0] // 256, kind="stable")  # neighbours together
    position, form, colour = position[order], form[order], colour[order]
    geometry, colour_f = geometry[order], colour_f[order]
    starts = np.linspace(0, count, LAYERS + 1).astype(np.int32)
    layers = np.zeros((LAYERS, components, height, width), np.float32)
    target, weight = (
        rng.normal(size=layers.shape[1:]).astype(np.float32),
        np.full((LAYERS, components), 1e-3, np.float32),
    )
    sse, curvature = np.zeros((LAYERS, components)), np.zeros((count, 6), np.float32)
    grad_geometry, grad_colour = np.zeros_like(geometry), np.zeros_like(colour_f)
    sums, luma = kernel.empty_sums(components, height, width), np.ascontiguousarray(colour[:, :1])
    native.fill(sums, np.zeros(components, np.int16))
    sums_of_one = tuple(acc[:1] for acc in sums)
    channel = np.ones(components, np.float32)

    pairs = count_pairs(geometry, width, height)
    clock = time.thread_time if args.threads == 1 else time.perf_counter
    grid8, levels = GRIDS["luma"], native.isa_levels()
    results: dict = {}
    for isa in levels:
        how = (kernel.ISA[isa], args.threads)
        calls = {
            "sum_i16 (3 components)": lambda how=how: native.sum_i16(
                sums, position, form, colour, *grid8, False, *how),
            "sum_i16 (1 component)": lambda how=how: native.sum_i16(
                sums_of_one, position, form, luma, *grid8, False, *how),
            "f32_sums": lambda how=how: native.f32_sums(layers, geometry, colour_f, starts, *GRID, *how),
            "f32_step (sums, errors, gradients)": lambda how=how: native.f32_step(
                geometry, colour_f, starts, target, weight, None, None, sse, grad_geometry, grad_colour, *GRID, *how),
            "f32_curvature": lambda how=how: native.f32_curvature(
                geometry, colour_f, curvature, width, height, channel, *GRID, *how),
        }  # fmt: skip
        for name, call in calls.items():
            results.setdefault(name, {})[isa] = best_time(call, args.repeats, clock) / pairs * 1e9
    return results, pairs / (width * height)


def measure_scaling(args: argparse.Namespace) -> float:
    """Nanoseconds per splat of three components to half the size; not for each instruction set."""
    splats = random_factors(np.random.default_rng(1), args.splats, args.width, args.height, 3, sigma=args.sigma)
    old, new = (args.width, args.height), (args.width // 2, args.height // 2)
    return best_time(lambda: kernel.scale_splats(*splats, old, new, 256, 256), args.repeats) / args.splats * 1e9


def count_pairs(geometry: np.ndarray, width: int, height: int) -> int:
    """Samples in the support of all splats, in their octaves (a pair is one of them), extrapolated from some 300 splats."""
    chosen = geometry[:: max(1, len(geometry) // 300)]
    total = 0
    for (x, y, a, b, c), octave in zip(chosen, f32_octaves(chosen, 1.0, 1.0).tolist(), strict=True):
        rows, columns = octave_size(height, width, octave)
        px, py = (np.arange(columns)[None, :] + 0.5) * 2**octave, (np.arange(rows)[:, None] + 0.5) * 2**octave
        total += int(np.count_nonzero((a * (px - x)) ** 2 + (b * (py - y) - c * (px - x)) ** 2 < 4))
    return round(total * len(geometry) / len(chosen))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=768)
    parser.add_argument("--height", type=int, default=512)
    parser.add_argument("--splats", type=int, default=9000)
    parser.add_argument("--sigma", type=float, default=3.4, help="typical standard deviation in samples")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument(
        "--ghz", type=float, default=processor_ghz(), help="clock, for the floor (default: the system's)"
    )
    args = parser.parse_args()
    results, density = measure(args)
    levels = kernel.native().isa_levels()
    scaling = measure_scaling(args)
    isa = kernel.select()
    cases = [measure_case(c, isa, t, best_time, args.repeats) for c in CASES for t in (1, 2)]
    rows = {
        "sum_of_pictures": cases,
        "ghz": args.ghz,
        "pairs_per_sample": density,
        "threads": args.threads,
        "nanoseconds_per_pair": results,
        "nanoseconds_per_scaled_splat": scaling,
    }
    table = markdown(
        ["ns per splat-sample pair", *levels],
        [[n, *(f"{row[isa]:.2f}" for isa in levels)] for n, row in results.items()],
    )
    note = f"{args.splats} splats, {density:.1f} pairs per sample, {args.threads} thread(s)."
    floor = (
        f"The floor is that of {isa} at {args.ghz:.2f} GHz: the vector instructions that each sample needs, {STARTED[isa]} in a "
        "cycle, all lanes used. A pair counts where the splat has colour in the group. Frames/s are of the sum alone."
    )
    text = f"{table}\n\n{note} scale_splats: {scaling:.0f} ns per splat.\n\n{sum_table(cases, args.ghz)}\n\n{floor}"
    save("kernels", rows, text)


if __name__ == "__main__":
    main()
