"""Positions of scenes as an octree of occupied cells (spec 10.12)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pgsvc.errors import UsageError
from pgsvc.range_coder import RangeReader, RangeWriter
from pgsvc.scene.occupancy import MOST_IN_A_CELL, code_occupancy


def check_round_trip(cells: np.ndarray, depth: int) -> None:
    writer = RangeWriter()
    code_occupancy(writer, len(cells), depth, cells)
    reader = RangeReader(writer.finish())
    assert np.array_equal(code_occupancy(reader, len(cells), depth, None), cells)
    reader.finish()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 200), st.integers(0, 20))
def test_round_trip(seed: int, count: int, depth: int) -> None:
    check_round_trip(np.sort(np.random.default_rng(seed).integers(0, 1 << 3 * depth, count)), depth)


def test_as_many_splats_in_a_cell_as_a_number_can_say() -> None:
    cells = np.repeat([3, 5], [MOST_IN_A_CELL, 2])
    check_round_trip(cells, 1)
    with pytest.raises(UsageError, match=r"131073 splats lie in one cell.*spec 10\.12.*more slices"):
        code_occupancy(RangeWriter(), len(cells) + 1, 1, np.append(3, cells))
