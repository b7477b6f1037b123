"""The adaptive range coder: what is written is read back, by the native reader and by its twin (spec 7.9)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pgsvc.errors import BadStream
from pgsvc.range_coder import LIMIT, RangeReader, RangeWriter


def tables(contexts: int, size: int) -> np.ndarray:
    return np.full((contexts, size), 16, np.uint16)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 40), st.integers(0, 300), st.sampled_from([0.3, 1.0, 5.0]))
def test_round_trip(seed: int, size: int, count: int, skew: float) -> None:
    rng = np.random.default_rng(seed)
    context = rng.integers(0, 3, count).astype(np.int32)
    values = rng.choice(size, count, p=rng.dirichlet(np.full(size, skew))).astype(np.int32)
    sizes = rng.integers(1, 65537, count).astype(np.int32)
    numbers = rng.integers(0, 1 << 48, count) % sizes
    both = []
    for native in (True, False):
        writer, written = RangeWriter(native=native), tables(3, size)
        writer.adaptive(written, context, values)
        writer.uniform(sizes, numbers)
        writer.adaptive(written, context, values)
        both.append(writer.finish())
    data = both[0]
    assert both[1] == data
    for native in (True, False):
        reader, read = RangeReader(data, native=native), tables(3, size)
        assert np.array_equal(reader.adaptive(read, context), values)
        assert np.array_equal(reader.uniform(sizes), numbers)
        assert np.array_equal(reader.adaptive(read, context), values)
        reader.finish()
        assert np.array_equal(read, written)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.lists(st.tuples(st.integers(0, 120), st.integers(0, 16)), max_size=5))
def test_plain_numbers(seed: int, arrays: list[tuple[int, int]]) -> None:
    """Between other symbols, in arrays of fewer and of more bits than make them plain."""
    rng = np.random.default_rng(seed)
    context = rng.integers(0, 3, 7).astype(np.int32)
    values = rng.integers(0, 9, 7).astype(np.int32)
    widths = [rng.integers(0, most + 1, count) for count, most in arrays]
    numbers = [rng.integers(0, 1 << 16, len(w)) & (1 << w) - 1 for w in widths]
    both = []
    for native in (True, False):
        writer, written = RangeWriter(native=native), tables(3, 9)
        for w, n in zip(widths, numbers, strict=True):
            writer.adaptive(written, context, values)
            writer.plain(w, n)
        both.append(writer.finish())
    assert both[0] == both[1]
    for native in (True, False):
        reader, read = RangeReader(both[0], native=native), tables(3, 9)
        for w, n in zip(widths, numbers, strict=True):
            assert np.array_equal(reader.adaptive(read, context), values)
            assert np.array_equal(reader.plain(w), n)
        reader.finish()


def test_plain_numbers_are_the_bits_behind_the_code() -> None:
    writer, text = (
        RangeWriter(),
        b"Numbers of eight bits each lie in the data as they are, but for the code before them",
    )
    writer.adaptive(tables(1, 9), np.zeros(3, np.int32), np.array([1, 8, 3], np.int32))
    writer.plain(np.full(len(text), 8), np.frombuffer(text, np.uint8))
    data = int.from_bytes(writer.finish(), "big")
    assert any(text[4:-1] in (data << shift).to_bytes(200, "big") for shift in range(8))


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=80), st.integers(2, 20))
def test_readers_agree_on_anything(data: bytes, size: int) -> None:
    data = data.rstrip(b"\0")
    context, sizes = np.arange(40, dtype=np.int32) % 2, 1 + np.arange(40, dtype=np.int32) ** 3
    outcomes = []
    for native in (True, False):
        reader, counts = RangeReader(data, native=native), tables(2, size)
        try:
            symbols = reader.adaptive(counts, context).tolist()
            outcomes.append((symbols, reader.plain(context + 8).tolist(), reader.uniform(sizes).tolist()))
        except BadStream as error:
            outcomes.append(str(error))
    assert outcomes[0] == outcomes[1]


def test_cost_is_the_entropy() -> None:
    rng = np.random.default_rng(1)
    p = np.array([0.7, 0.2, 0.06, 0.04])
    values = rng.choice(4, 20000, p=p).astype(np.int32)
    writer = RangeWriter()
    writer.adaptive(tables(1, 4), np.zeros(20000, np.int32), values)
    assert len(writer.finish()) * 8 / 20000 == pytest.approx(-(p * np.log2(p)).sum(), rel=0.02)


def test_counts_stay_bounded_and_positive() -> None:
    counts = tables(1, 3)
    RangeWriter().adaptive(counts, np.zeros(5000, np.int32), np.zeros(5000, np.int32))
    assert counts.min() >= 1 and counts.sum() <= LIMIT and counts[0, 0] > 15000


def test_carries_run_through() -> None:
    """The likeliest last symbol, again and again, keeps the low end near the top."""
    values = np.full(3000, 3, np.int32)
    values[::97] = 0
    written = []
    for native in (True, False):
        writer = RangeWriter(native=native)
        writer.adaptive(tables(1, 4), np.zeros(3000, np.int32), values)
        written.append(writer.finish())
    assert written[0] == written[1]
    reader = RangeReader(written[0])
    assert np.array_equal(reader.adaptive(tables(1, 4), np.zeros(3000, np.int32)), values)


def test_nothing_is_no_bytes() -> None:
    assert RangeWriter().finish() == b""
    RangeReader(b"").finish()


def test_zero_at_the_end() -> None:
    with pytest.raises(BadStream, match=r"7\.9"):
        RangeReader(b"\x01\x00")


def test_data_behind_the_last_symbol() -> None:
    reader = RangeReader(b"\x01\x02\x03\x04\x05")
    with pytest.raises(BadStream, match=r"7\.9"):
        reader.finish()
