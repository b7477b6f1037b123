"""Ways to code positions that are only measured lose nothing, so their bits count (tools/position_codes.py)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

import position_codes as codes  # noqa: E402

from pgsvc.planar.symbols import morton  # noqa: E402
from pgsvc.range_coder import AdaptiveCoder, RangeReader, RangeWriter  # noqa: E402

WAYS = ("occupancy", "occupancy by neighbours", "density", "parents")


def code(
    way: str, coder: AdaptiveCoder, count: int, size: tuple[int, int], lower: np.ndarray, cells: Any
) -> np.ndarray:
    columns, rows, depth = codes.squares(*size, 2)
    if way == "density":
        return codes.by_density(coder, count, columns, rows, depth, lower, cells)
    if way == "parents":
        return codes.by_parents(coder, lower, cells)
    return codes.occupancy(coder, depth, cells, neighbours="neighbours" in way)


def random_cells(rng: np.random.Generator, count: int, size: tuple[int, int]) -> np.ndarray:
    cells = np.stack([rng.integers(0, -(-side >> 2), count) for side in size], 1)
    return cells[np.argsort(morton(cells), kind="stable")]


@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 150), st.integers(1, 300), st.integers(1, 200))
def test_what_is_measured_can_be_read_again(way: str, seed: int, count: int, width: int, height: int) -> None:
    rng, size = np.random.default_rng(seed), (width, height)
    lower, cells = random_cells(rng, 30, size), random_cells(rng, count, size)
    writer = RangeWriter()
    code(way, writer, count, size, lower, cells)
    reader = RangeReader(writer.finish())
    assert np.array_equal(code(way, reader, count, size, lower, None), cells)
    reader.finish()


def test_all_ways_are_in_the_table() -> None:
    pytest.importorskip("torch", reason="the encoder needs its extra")
    import bench_positions as bench

    rng = np.random.default_rng(5)
    layers = [random_cells(rng, n, (700, 500)) for n in (80, 90)]
    bits = bench.cell_bits_of(layers, 700, 500, 2)
    assert list(bits) == list(bench.WAYS) and bits[bench.BOUND] < bits[bench.TREE] < bits["cells in order"]
    assert bits[bench.TREE] < 1.1 * bits[bench.BOUND] and bits[bench.ANCHORS] > 22 * 170
    row = bench.row_of("p", layers, 700, 500, 2, 5.0 * 170)
    even = bench.evenly_spread([80, 90], 700, 500, 2)
    assert even["cells"][bench.TREE] == pytest.approx(even["cells"][bench.BOUND], rel=0.05) and even["places"] == 0
    text = bench.tables([row, even])
    assert text.count("\n|") == 2 + len(bench.RAW) + len(bench.WAYS) + 2
    assert f"| {bits[bench.TREE] / 170 + 5:.2f} |" in text


def test_options_have_the_types_of_their_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarking import arguments

    monkeypatch.setattr(sys, "argv", ["bench", "--splats", "7", "--name", "other"])
    assert vars(arguments("", "tools", preset="fast", splats=5)) == {"preset": "fast", "splats": 7, "name": "other"}
    monkeypatch.setattr(sys, "argv", ["bench", "--splats", "many"])
    with pytest.raises(SystemExit):
        arguments("", "tools", splats=5)
