"""A second entropy decoder, written from chapter 7 of the specification alone, reads what the writer writes.

Uses neither constriction nor numpy arithmetic: integers and lists only.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from pgsvc.entropy import SymbolReader, SymbolWriter
from pgsvc.errors import BadStream
from pgsvc.planar import symbols as planar

CHAPTER = (Path(__file__).parents[1] / "spec" / "07-entropy.md").read_text()


def printed(name: str) -> list[int]:
    return [int(x) for x in re.search(rf"```numbers {name}\n(.*?)```", CHAPTER, re.S)[1].split()]


LEVEL_WEIGHT, AFTER_ZERO, AFTER_OTHER = (printed(n) for n in ("LEVEL_WEIGHT", "AFTER_ZERO", "AFTER_OTHER"))


class Decoder:
    """Clauses 7.1 to 7.4 and 7.8."""

    def __init__(self, data: bytes) -> None:
        assert len(data) % 4 == 0
        self.words = [int.from_bytes(data[i : i + 4], "big") for i in range(0, len(data), 4)]
        assert not self.words or self.words[-1]
        self.state = self.words.pop() if self.words else 0
        if self.words:
            self.state = self.state << 32 | self.words.pop()

    def decode(self, left: list[int]) -> int:
        q = self.state % (1 << 24)
        i = next(i for i in range(len(left) - 1) if q < left[i + 1])
        self.state = (self.state >> 24) * (left[i + 1] - left[i]) + q - left[i]
        assert self.state < 1 << 64
        if self.state < 1 << 32 and self.words:
            self.state = self.state << 32 | self.words.pop()
        return i

    def decode_raw(self, width: int) -> int:
        unit = 24 - width
        q = self.state % (1 << 24)
        self.state = ((self.state >> 24) << unit) + q % (1 << unit)
        if self.state < 1 << 32 and self.words:
            self.state = self.state << 32 | self.words.pop()
        return q >> unit

    def read_table(self, n: int) -> list[int]:
        previous, weights = 0, []
        for _ in range(n):
            previous = (previous + self.decode(edges(AFTER_OTHER if previous else AFTER_ZERO))) % 32
            weights.append(LEVEL_WEIGHT[previous])
        return edges(normalise(weights))

    def symbols(self, n: int, count: int) -> list[int]:
        left = self.read_table(n)
        return [self.decode(left) for _ in range(count)]

    def raw(self, widths: list[int]) -> list[int]:
        values = [0] * len(widths)
        for low in (0, 16, 32):
            for i, w in enumerate(widths):
                if w > low:
                    values[i] += self.decode_raw(min(16, w - low)) << low
        return values

    def at_end(self) -> bool:
        return self.state == 0 and not self.words


def normalise(weights: list[int]) -> list[int]:
    total = sum(weights)
    table = [w * 65536 // total for w in weights]
    table = [1 if f == 0 and w > 0 else f for f, w in zip(table, weights, strict=True)]
    table[table.index(max(table))] += 65536 - sum(table)
    return table


def edges(table: list[int]) -> list[int]:
    n = len(table)
    cumulative = [sum(table[:i]) for i in range(n)]
    left = [((c * ((1 << 24) - n)) >> 16) + i for i, c in enumerate(cumulative)] + [1 << 24]
    assert left[0] == 0 and all(a < b for a, b in zip(left, left[1:], strict=False))
    return left


def test_fixed_tables_follow_from_their_weights():
    assert normalise([96] + [1] * 31) == AFTER_ZERO
    assert normalise([1 << (16 - min(d, 32 - d)) for d in range(32)]) == AFTER_OTHER


def test_nothing():
    assert SymbolWriter().finish() == b""
    assert Decoder(b"").at_end()


@pytest.mark.parametrize("seed", range(24))
def test_random_payloads(seed):
    rng = np.random.default_rng(seed)
    writer, plan = SymbolWriter(), []
    for _ in range(rng.integers(1, 8)):
        count = int(rng.choice([1, 2, 17, 400]))
        if rng.random() < 0.4:
            widths = rng.integers(0, 49, count)
            values = rng.integers(0, 1 << 48, count) & ((np.int64(1) << widths) - 1)
            writer.raw(widths, values)
            plan.append((None, widths.tolist(), values.tolist()))
            continue
        size = int(rng.choice([2, 3, 8, 32, 41, 64, 128, 256]))
        used = rng.choice(size, int(rng.integers(1, size + 1)), replace=False)  # the others have frequency 0
        values = used[np.minimum(rng.geometric(0.2, count) - 1, len(used) - 1)]
        writer.symbols(writer.table(size, values), count, values)
        plan.append((size, count, values.tolist()))
    reader = Decoder(writer.finish())
    for size, how, values in plan:
        assert (reader.raw(how) if size is None else reader.symbols(size, how)) == values
    assert reader.at_end()


@pytest.mark.parametrize("size", [2, 8, 41, 256])
@pytest.mark.parametrize("symbol", ["first", "last"])
def test_one_symbol_only(size, symbol):
    values = np.full(1000, 0 if symbol == "first" else size - 1)
    writer = SymbolWriter()
    writer.symbols(writer.table(size, values), 1000, values)
    reader = Decoder(writer.finish())
    assert reader.symbols(size, 1000) == values.tolist()
    assert reader.at_end()


@pytest.mark.parametrize("seed", range(200))
def test_any_words_decode_alike(seed):
    """Not only what a writer writes: arbitrary words, and symbols of frequency 0."""
    rng = np.random.default_rng(seed)
    data = rng.integers(1, 1 << 32, rng.integers(0, 12)).astype(">u4").tobytes()
    mine, theirs = Decoder(data), SymbolReader(data)
    size = int(rng.choice([2, 41, 64, 256]))
    weights = rng.integers(0, 3, size) ** rng.integers(1, 20)
    weights[rng.integers(size)] += 1
    table = normalise(weights.tolist())
    left = edges(table)
    assert [mine.decode(left) for _ in range(40)] == theirs.symbols(np.array(table), 40).tolist()
    widths = rng.integers(0, 49, 5)
    assert mine.raw(widths.tolist()) == theirs.raw(widths).tolist()
    if mine.at_end():
        theirs.finish()
    else:
        with pytest.raises(BadStream):
            theirs.finish()


def morton_code(x: int, y: int) -> int:
    return sum((x >> b & 1) << 2 * b | (y >> b & 1) << 2 * b + 1 for b in range(20))


@pytest.mark.parametrize("seed", range(4))
def test_key_frame_symbols(seed):
    """Clauses 7.4 to 7.6: the order of arrays in a KEYF payload."""
    rng = np.random.default_rng(seed)
    n, bits, book_bits, stages = int(rng.integers(1, 300)), 6, int(rng.choice([0, 6])), 2
    grid = rng.integers(0, 1 << int(rng.choice([6, 20])), (n, 2))
    codes = sorted(morton_code(int(x), int(y)) for x, y in grid)
    grid = grid[np.argsort(planar.morton(grid), kind="stable")]
    shape = rng.integers(0, 1 << bits, (n, 3)).astype(np.int32)
    colour = rng.integers(0, 1 << book_bits, (n, stages)).astype(np.int32)
    header = {"splat_count": n, "shape_bits": bits, "codebook_bits": book_bits, "stage_count": stages}
    writer = SymbolWriter()
    planar.code_key(writer, header, planar.KeySymbols(grid, shape, colour))
    reader = Decoder(writer.finish())
    classes = reader.symbols(41, n)
    low = reader.raw([max(c - 1, 0) for c in classes])
    code, found = 0, []
    for c, v in zip(classes, low, strict=True):
        code += (1 << (c - 1)) + v if c else 0
        found.append(code)
    assert found == codes
    assert [reader.symbols(1 << bits, n) for _ in range(3)] == shape.T.tolist()
    if book_bits:
        assert [reader.symbols(1 << book_bits, n) for _ in range(stages)] == colour.T.tolist()
    assert reader.at_end()


@pytest.mark.parametrize("seed", range(6))
def test_predicted_symbols(seed):
    """Clause 7.7: the order of arrays in a PRED payload, and the 12-bit floats."""
    rng = np.random.default_rng(seed)
    frames, n, bits, book_bits, stages = 3, int(rng.choice([0, 1, 90])), 5, 6, 1
    update = rng.integers(0, 8, (frames, n)).astype(np.int32)
    counts = [int((update & bit > 0).sum()) for bit in (1, 2, 4)]
    exponent = rng.integers(0, 32 if seed % 2 else 3, (counts[0], 2))
    mantissa = rng.integers(0, 64, (counts[0], 2))
    sign = rng.choice([-1, 1], (counts[0], 2))
    magnitude = [
        [m if e == 0 else (64 + m) << (e - 1) for e, m in zip(*p, strict=True)]
        for p in zip(exponent.tolist(), mantissa.tolist(), strict=True)
    ]
    moves = np.array(magnitude, np.int64).reshape(-1, 2) * sign
    shape = rng.integers(0, 1 << bits, (counts[1], 3)).astype(np.int32)
    colour = rng.integers(0, 1 << book_bits, (counts[2], stages)).astype(np.int32)
    header = {"frame_count": frames, "shape_bits": bits, "codebook_bits": book_bits, "stage_count": stages}
    writer = SymbolWriter()
    planar.code_predicted(writer, header, n, planar.PredictedSymbols(update, moves, shape, colour))
    reader = Decoder(writer.finish())
    if frames * n:
        assert reader.symbols(8, frames * n) == update.reshape(-1).tolist()
    if counts[0]:
        e = reader.symbols(32, 2 * counts[0])
        sizes = [0] * len(e)
        for zero in (True, False):
            chosen = [i for i, x in enumerate(e) if (x == 0) == zero]
            for i, m in zip(chosen, reader.symbols(64, len(chosen)) if chosen else [], strict=True):
                sizes[i] = m if zero else (64 + m) << (e[i] - 1)
        signs = reader.raw([int(s > 0) for s in sizes])
        assert [-s if neg else s for s, neg in zip(sizes, signs, strict=True)] == moves.reshape(-1).tolist()
    for columns, size, values in ((3, 1 << bits, shape), (stages, 1 << book_bits, colour)):
        for k in range(columns if len(values) else 0):
            assert reader.symbols(size, len(values)) == values[:, k].tolist()
    assert reader.at_end()
