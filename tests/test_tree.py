"""Positions as a tree of counts (spec 7.10)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pgsvc.errors import BadStream
from pgsvc.planar.symbols import morton
from pgsvc.planar.tree import LARGE_PRIOR, code_cells
from pgsvc.range_coder import RangeReader, RangeWriter


def written(cells: np.ndarray, width: int, height: int, bits: int) -> bytes:
    writer = RangeWriter()
    code_cells(writer, len(cells), width, height, bits, cells)
    return writer.finish()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 200), st.integers(1, 300), st.integers(1, 300), st.integers(0, 6))
def test_round_trip(seed: int, count: int, width: int, height: int, bits: int) -> None:
    rng = np.random.default_rng(seed)
    cells = np.stack([rng.integers(0, -(-side >> bits), count) for side in (width, height)], 1)
    cells = cells[np.argsort(morton(cells), kind="stable")]
    reader = RangeReader(written(cells, width, height, bits))
    assert np.array_equal(code_cells(reader, count, width, height, bits, None), cells)
    reader.finish()


def test_order_costs_nothing() -> None:
    """The bound for N splats anywhere is log2(cells) − log2(N!)/N bits each; even ones cost little more, crowded ones less."""
    rng = np.random.default_rng(1)
    n, cells = 3000, 192 * 128
    bound = np.log2(cells) - np.log2(np.arange(1, n + 1)).mean()
    even = np.stack([rng.integers(0, 192, n), rng.integers(0, 128, n)], 1)
    crowded = np.stack([rng.integers(0, 192, n), (rng.beta(2, 4, n) * 128).astype(np.int64)], 1)
    cost = [8 * len(written(c[np.argsort(morton(c))], 768, 512, 2)) / n for c in (even, crowded)]
    assert cost[0] == pytest.approx(bound, abs=0.15)
    assert cost[1] < bound - 0.1


@pytest.mark.parametrize(("count", "share"), [(13, 7), (14, 15), (1 << 21, 0)])
@pytest.mark.parametrize("native", [True, False])
def test_shares_without_numbers_or_with_too_many(count: int, share: int, *, native: bool) -> None:
    """A sixteenth of 13 or 14 splats may hold no count; more than 2^16 counts are more than the coder can tell apart."""
    writer = RangeWriter()
    writer.adaptive(LARGE_PRIOR.copy(), np.zeros(1, np.int32), np.array([share]))
    with pytest.raises(BadStream, match=r"7\.10"):
        code_cells(RangeReader(writer.finish(), native=native), count, 64, 64, 3, None)
