"""Positions as anchors (spec 7.14)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pgsvc.errors import BadStream, LimitExceeded
from pgsvc.planar import anchors
from pgsvc.planar.anchors import LEVELS, code_anchors
from pgsvc.planar.symbols import morton
from pgsvc.range_coder import RangeReader, RangeWriter
from pgsvc.stream import Stream

FAULTY = Path(__file__).parents[1] / "conformance" / "faulty"


def ordered(cells: np.ndarray) -> np.ndarray:
    return cells[np.argsort(morton(cells), kind="stable")]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 200), st.integers(1, 300), st.integers(1, 300), st.integers(0, 8))
def test_round_trip(seed: int, count: int, width: int, height: int, bits: int) -> None:
    rng = np.random.default_rng(seed)
    cells = ordered(np.stack([rng.integers(0, -(-side >> bits), count) for side in (width, height)], 1))
    writer = RangeWriter()
    code_anchors(writer, count, width, height, bits, cells)
    for native in (True, False):
        reader = RangeReader(writer.finish(), native=native)
        assert np.array_equal(code_anchors(reader, count, width, height, bits, None), cells)
        reader.finish()


def test_every_node_costs_22_bits() -> None:
    """Those of the first level, 6x4 squares of 128 samples, cost log2(24) bits; levels but the last have a count of 20 bits."""
    rng = np.random.default_rng(2)
    cells = ordered(np.stack([rng.integers(0, 96, 500), rng.integers(0, 64, 500)], 1))
    nodes = [len(np.unique(morton(cells) >> 2 * shift)) for shift in range(1, LEVELS)]
    writer = RangeWriter()
    code_anchors(writer, 500, 768, 512, 3, cells)
    bits = 22 * (500 + sum(nodes[:-1])) + np.log2(24) * nodes[-1] + 20 * len(nodes)
    assert 8 * len(writer.finish()) == pytest.approx(bits, abs=24)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("122-anchors-many", "more anchors than there are splats"),
        ("123-anchors-most", "more anchors than there are splats"),
        ("124-anchors-parent", "is not there"),
        ("125-anchors-childless", "nobody's parent"),
        ("126-anchors-outside", "outside the picture"),
        ("127-anchors-twice", "not in order"),
        ("128-anchors-order", "not in order"),
    ],
)
def test_each_fault_is_named(name: str, words: str) -> None:
    stream = Stream()
    stream.feed((FAULTY / f"{name}.pgs").read_bytes())
    stream.close()
    with pytest.raises(BadStream, match=f"{words}.*7\\.14"):
        list(stream.frames(1))


def test_no_more_places_than_an_index_can_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anchors, "NODES", 3)
    cells = ordered(np.array([[0, 0], [2, 0], [0, 2], [2, 2]]))
    with pytest.raises(LimitExceeded, match=r"7\.14"):
        code_anchors(RangeWriter(), 4, 4, 4, 0, cells)
