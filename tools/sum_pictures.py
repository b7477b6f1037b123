"""The normative sum on splats like those of real streams: time per splat-sample pair, beside what the instructions take.

The floor counts the vector instructions that no sample can do without, for a vector of samples (spec 8.5, 8.6): 4 for q of
every other column (a 32-bit product counts twice), 2 for the others, 2 for s, 1 for its square, 1 for the last shift,
and for each component a product and an addition. A current core starts three instructions of AVX2 in a cycle, each for
sixteen samples, or two of AVX-512, for 32 (Fog, *Instruction tables*; uops.info: Golden Cove, Zen 3). Loads, stores, ends
of rows and lanes behind them come on top.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from splat_generator import GRIDS, picture_splats

from pgsvc import kernel
from pgsvc.reference import OCTAVES, QMAX, octave_grid, octave_of, octave_size

COMMON, PER_COMPONENT = 10, 2
STARTED = {"scalar": 3, "v3": 3, "v4": 2}  # in a cycle; the scalar kernel is held against AVX2
LANES = {"scalar": 16, "v3": 16, "v4": 32}  # of a vector, which two short rows share


@dataclass(frozen=True)
class Case:
    """A kind of picture.

    Args:
        log_size, skew: of its splats, see ``picture_splats``; as the fast preset makes them.
        groups: (grid, components) of each plane group.
        colourless: share of splats without chroma.
    """

    name: str
    width: int
    height: int
    splats: int
    log_size: tuple[float, float]
    skew: float
    groups: tuple[tuple[str, int], ...]
    colourless: float = 0.0


YUV420 = (("luma", 1), ("420-left", 2))
CASES = (
    Case("Kodak, RGB", 768, 512, 9000, (1.55, 0.9), 1.3, (("luma", 3),)),
    Case("CIF, 4:2:0", 352, 288, 800, (2.65, 1.4), 2.1, YUV420, 0.58),
    Case("1080p, 4:2:0", 1920, 1080, 27000, (1.55, 0.95), 0.75, YUV420, 0.59),
)


def floor_cycles(components: int, isa: str) -> float:
    """Cycles per splat-sample pair."""
    return (COMMON + PER_COMPONENT * components) / STARTED[isa] / LANES[isa]


def row_lengths(position: np.ndarray, form: np.ndarray, width: int, height: int, grid: tuple[int, ...]) -> np.ndarray:
    """Columns in each row of each support that has any, in the octave of the splat (in double precision)."""
    octaves = np.array([octave_of(p, r, *grid[:2]) for p, _, r in form.tolist()])
    rows = []
    for octave in range(OCTAVES):
        (down, across), own = octave_size(height, width, octave), octaves == octave
        rows += _row_lengths(position[own], form[own], across, down, octave_grid(grid, octave))
    return np.concatenate(rows)


def _row_lengths(
    position: np.ndarray, form: np.ndarray, width: int, height: int, grid: tuple[int, ...]
) -> list[np.ndarray]:
    step_x, step_y, origin_x, origin_y = grid
    limit, lengths = float((QMAX + 1) << 24), []
    for (cx, cy), (p, k, r) in zip(position.tolist(), form.tolist(), strict=True):
        det = p * r - k * k
        reach = (limit * p / det) ** 0.5
        first = max(0, int((cy - reach - origin_y) // step_y))
        last = min(height - 1, int((cy + reach - origin_y) // step_y) + 1)
        y = origin_y + np.arange(first, last + 1) * float(step_y) - cy
        square = limit * p - det * y * y
        y, half = y[square >= 0], np.sqrt(square[square >= 0]) / p
        middle = k * y / p + cx - origin_x
        begin = np.ceil((middle - half) / step_x).clip(0, width)
        end = np.floor((middle + half) / step_x).clip(-1, width - 1)
        columns = (end - begin + 1).clip(0).astype(np.int64)
        lengths.append(columns[columns > 0])
    return lengths


def measure_case(
    case: Case,
    isa: str,
    threads: int,
    best_time: Callable[[Callable[[], object], int, Callable[[], float]], float],
    repeats: int,
) -> dict:
    """Seconds, pairs and what follows from them, for each plane group and for the picture."""
    native = kernel.native()
    rng = np.random.default_rng(1)
    clock = time.thread_time if threads == 1 else time.perf_counter
    position, form, colour = picture_splats(rng, case.splats, case.width, case.height, 3, case.log_size, case.skew)
    colour[rng.random(case.splats) < case.colourless, 1:] = 0
    groups, start = [], 0
    for name, components in case.groups:
        grid = GRIDS[name]
        width, height = -(-case.width * 256 // grid[0]), -(-case.height * 256 // grid[1])
        part = np.ascontiguousarray(colour[:, start : start + components])
        start += components
        sums = kernel.empty_sums(components, height, width)
        native.fill(sums, np.zeros(components, np.int16))
        used = part.any(1)
        rows = row_lengths(position[used], form[used], width, height, grid)

        def call(sums=sums, part=part, grid=grid) -> None:
            native.sum_i16(sums, position, form, part, *grid, False, kernel.ISA[isa], threads)

        half = LANES[isa] // 2
        seconds, rest = best_time(call, repeats, clock), rows % LANES[isa]
        groups.append(
            {
                "group": name,
                "components": components,
                "pairs": int(rows.sum()),
                "columns_per_row": float(rows.mean()),
                "lanes_used": float(rows.sum() / (rows - rest + (rest + half - 1) // half * half).sum()),
                "nanoseconds_per_pair": seconds / rows.sum() * 1e9,
                "floor_cycles_per_pair": floor_cycles(components, isa),
                "seconds": seconds,
                "cpu_seconds": best_time(call, repeats, time.process_time),
            }
        )
    return {
        "case": case.name,
        "splats": case.splats,
        "threads": threads,
        "isa": isa,
        "frames_per_second": 1 / sum(g["seconds"] for g in groups),
        "groups": groups,
    }
