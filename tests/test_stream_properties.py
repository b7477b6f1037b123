"""Reading undoes writing: headers, symbol tables, payload symbols, index and chunks, with values drawn from their declarations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from bitstring import Bits
from hypothesis import given, settings
from hypothesis import strategies as st

from pgsvc import headers
from pgsvc.bits import BitReader
from pgsvc.container import Address, ChunkParser, write_chunk
from pgsvc.entropy import MAX_ALPHABET, TOTAL, SymbolReader, SymbolWriter, frequencies
from pgsvc.errors import BadStream, NeedMoreData
from pgsvc.index import IndexEntry, read_index, write_index
from pgsvc.planar.symbols import (
    KeySymbols,
    PredictedSymbols,
    code_key,
    code_predicted,
    float12_join,
    float12_split,
    gather,
    morton,
    spread,
)
from pgsvc.syntax import Field, Record, Structure
from pgsvc.syntax_reading import EndOfRecord
from pgsvc.syntax_writing import leb128

quick = settings(max_examples=40, deadline=None)

STRUCTURES = [s for s in vars(headers).values() if isinstance(s, Structure)]


# --- strategies from the declarations ---------------------------------------------------------------------------------


def numbers(field: Field) -> st.SearchStrategy[int]:
    """Values that a field may hold."""
    if isinstance(field.allowed, range):
        return st.integers(field.allowed.start, field.allowed.stop - 1)
    if field.allowed is not None:
        return st.sampled_from(list(field.allowed))
    if field.descriptor == "leb":
        return st.integers(0, 32).flatmap(lambda bits: st.integers(0, (1 << bits) - 1))
    assert isinstance(field.descriptor, str)
    bits = int(field.descriptor[1:])
    return (
        st.integers(-(1 << bits - 1), (1 << bits - 1) - 1)
        if field.descriptor[0] == "i"
        else st.integers(0, (1 << bits) - 1)
    )


@st.composite
def records(draw: st.DrawFn, structure: Structure, context: Record) -> Record:
    """A record of the structure that a conforming stream may hold."""
    scope, record = dict(context), {}
    for field in structure.fields:
        if field.when is not None and not field.when(scope):
            value = field.default
        else:
            one = records(field.descriptor, scope) if isinstance(field.descriptor, Structure) else numbers(field)
            count = field.count(scope) if callable(field.count) else field.count
            value = draw(one if count is None else st.lists(one, min_size=count, max_size=count))
        record[field.name] = scope[field.name] = value
    return record


CONTEXTS = st.fixed_dictionaries(
    {"components": st.sampled_from([1, 3]), "codebook_bits": st.integers(0, 6), "sh_degree": st.integers(0, 3)}
)


@pytest.mark.parametrize("structure", STRUCTURES, ids=lambda s: s.name)
@quick
@given(data=st.data(), context=CONTEXTS)
def test_every_structure_reads_what_it_wrote(structure: Structure, data: st.DataObject, context: Record) -> None:
    record = data.draw(records(structure, context))
    written = structure.write(record, context)
    reader = BitReader(written.to_bytes())
    assert structure.read(reader, context) == record
    assert reader.pos == len(written)
    assert len(written) % 8 == 0


@pytest.mark.parametrize("structure", STRUCTURES, ids=lambda s: s.name)
@quick
@given(data=st.data(), context=CONTEXTS)
def test_every_structure_notices_its_early_end(structure: Structure, data: st.DataObject, context: Record) -> None:
    written = structure.to_bytes(data.draw(records(structure, context)), context)
    size = data.draw(st.integers(0, len(written) - 1))
    with pytest.raises(EndOfRecord):
        structure.read(BitReader(written[:size]), context)


@pytest.mark.parametrize("structure", STRUCTURES, ids=lambda s: s.name)
def test_values_out_of_range_are_refused(structure: Structure) -> None:
    for field in structure.fields:
        if field.allowed is None or field.count is not None or field.descriptor == "leb":
            continue
        bits = int(field.descriptor[1:])
        signed = field.descriptor[0] == "i"
        low = -(1 << bits - 1) if signed else 0
        bad = [v for v in range(low, low + (1 << bits)) if v not in field.allowed]
        one = Structure(structure.name, structure.clause, (replace(field, when=None),))
        for value in bad:
            with pytest.raises(BadStream) as caught:
                one.read(BitReader(Bits(f"{field.descriptor}={value}").to_bytes()))
            assert caught.value.clause == structure.clause
            with pytest.raises(ValueError, match="not allowed"):
                one.write({field.name: value})


ONE_LEB = Structure("one", "0", (Field("value", "leb"),))


@quick
@given(st.integers(0, 2**32 - 1))
def test_leb128_is_shortest(value: int) -> None:
    raw = leb128(value)
    assert len(raw) == max(1, (value.bit_length() + 6) // 7)
    assert ONE_LEB.read(BitReader(raw)) == {"value": value}
    padded = raw[:-1] + bytes([raw[-1] | 128, 0])
    with pytest.raises(BadStream) as caught:
        ONE_LEB.read(BitReader(padded))
    assert caught.value.clause == "2.3"


# --- container --------------------------------------------------------------------------------------------------------

ADDRESSES = records(headers.ADDRESS, {}).map(lambda r: Address(**r))
LETTERS = st.text("ABCXYZabcxyz", min_size=4, max_size=4).map(lambda t: (t[:2] + t[2].upper() + t[3]).encode())


@quick
@given(LETTERS, ADDRESSES, st.binary(max_size=300), st.data())
def test_chunks(kind: bytes, address: Address, payload: bytes, data: st.DataObject) -> None:
    raw = write_chunk(kind, address, payload)
    parser = ChunkParser(1000)
    parser.feed(b"\x89PGS\r\n\x1a\n")
    parser.feed(raw[: data.draw(st.integers(0, len(raw) - 1))])
    with pytest.raises(NeedMoreData):
        parser.next_chunk()
    rest = parser.pending
    parser.feed(raw[rest:] + b"x")
    chunk = parser.next_chunk()
    assert (chunk.type, chunk.address, chunk.payload, chunk.raw) == (kind, address, payload, raw)
    assert (parser.pending, parser.offset) == (1, 8 + len(raw))


@quick
@given(st.lists(st.builds(IndexEntry, LETTERS, ADDRESSES, st.integers(0, 2**32 - 1)), max_size=60), st.booleans())
def test_index(entries: list[IndexEntry], repeat: bool) -> None:
    entries = entries * 20 if repeat else entries  # repeated ones compress
    assert read_index(write_index(entries)) == entries


# --- entropy coding ---------------------------------------------------------------------------------------------------


@quick
@given(st.lists(st.integers(0, 1 << 20), min_size=2, max_size=MAX_ALPHABET).filter(any))
def test_frequencies(weights: list[int]) -> None:
    table = frequencies(np.array(weights))
    assert table.sum() == TOTAL
    assert ((table > 0) == (np.array(weights) > 0)).all()


@st.composite
def symbol_runs(draw: st.DrawFn) -> tuple[int, np.ndarray]:
    """An alphabet's size and symbols of it, evenly spread or mostly alike."""
    size = draw(st.sampled_from([2, 3, 8, 32, 41, 64, 128, MAX_ALPHABET]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count = draw(st.sampled_from([0, 1, 2, 50, 3000]))
    values = rng.integers(0, draw(st.integers(1, size)), count)
    alike = rng.random(count) < draw(st.sampled_from([0.0, 0.9, 1.0]))
    return size, np.where(alike, size - 1, values)


WIDTHS = st.lists(st.integers(0, 48), max_size=40)


@quick
@given(st.lists(symbol_runs(), max_size=4), WIDTHS, st.integers(0, 2**32 - 1))
def test_symbols_and_tables(runs: list[tuple[int, np.ndarray]], widths: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    width = np.array(widths, np.int64)
    numbers_ = np.array([int(rng.integers(0, 1 << w)) for w in widths], np.int64)
    writer = SymbolWriter()
    tables = [writer.table(size, values) for size, values in runs]
    for table, (_, values) in zip(tables, runs, strict=True):
        writer.symbols(table, len(values), values)
    writer.raw(width, numbers_)
    reader = SymbolReader(writer.finish())
    for table, (size, _) in zip(tables, runs, strict=True):
        assert (reader.table(size) == table).all()
    for table, (_, values) in zip(tables, runs, strict=True):
        assert (reader.symbols(table, len(values)) == values).all()
    assert (reader.raw(width) == numbers_).all()
    reader.finish()


@quick
@given(st.binary(max_size=80), st.integers(0, 2**32 - 1))
def test_any_words_decode_to_symbols_in_range(data: bytes, seed: int) -> None:
    """No input makes the coder fail: it gives symbols, and the end state tells."""
    data = data[: len(data) & ~3].rstrip(b"\0")
    data += bytes(-len(data) % 4)
    if data and data[-4:] == bytes(4):
        return
    reader = SymbolReader(data)
    size = 2 + seed % 255
    symbols = reader.symbols(frequencies(np.arange(1, size + 1)), 100)
    assert 0 <= symbols.min() <= symbols.max() < size
    assert (reader.raw(np.full(20, 17)) < 1 << 17).all()


# --- payloads ---------------------------------------------------------------------------------------------------------


@quick
@given(st.integers(0, 2**20 - 1), st.integers(0, 2**20 - 1))
def test_morton_codes(x: int, y: int) -> None:
    code = morton(np.array([[x, y]]))
    assert int(code[0]) == sum((x >> i & 1) << 2 * i | (y >> i & 1) << 2 * i + 1 for i in range(20))
    assert (gather(code)[0], gather(code >> 1)[0]) == (x, y)
    assert gather(spread(np.array([x])))[0] == x


@quick
@given(st.integers(0, 31), st.integers(0, 63))
def test_float12(exponent: int, mantissa: int) -> None:
    value = float12_join(np.array([exponent]), np.array([mantissa]))
    e, m = float12_split(value)
    assert (int(e[0]), int(m[0])) == (exponent, mantissa)


COUNTS = st.sampled_from([0, 1, 2, 7, 200])


@quick
@given(COUNTS, st.integers(1, 7), st.integers(0, 6), st.integers(1, 4), st.integers(1, 20), st.integers(0, 2**32 - 1))
def test_key_symbols(count: int, shape_bits: int, codebook_bits: int, stages: int, side: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    header = {"splat_count": count, "shape_bits": shape_bits, "codebook_bits": codebook_bits, "stage_count": stages}
    grid = rng.integers(0, 1 << side, (count, 2))
    symbols = KeySymbols(
        grid[np.argsort(morton(grid), kind="stable")],
        rng.integers(0, 1 << shape_bits, (count, 3)).astype(np.int32),
        rng.integers(0, 1 << codebook_bits, (count, stages)).astype(np.int32),
    )
    writer = SymbolWriter()
    code_key(writer, header, symbols)
    reader = SymbolReader(writer.finish())
    got = code_key(reader, header)
    reader.finish()
    for name in ("grid", "shape", "colour"):
        assert np.array_equal(getattr(got, name), getattr(symbols, name)), name


@quick
@given(
    COUNTS,
    st.integers(1, 5),
    st.integers(1, 7),
    st.integers(0, 6),
    st.integers(1, 4),
    st.integers(1, 32),
    st.integers(0, 2**32 - 1),
)
def test_predicted_symbols(
    count: int, frames: int, shape_bits: int, codebook_bits: int, stages: int, exponents: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    header = {"frame_count": frames, "shape_bits": shape_bits, "codebook_bits": codebook_bits, "stage_count": stages}
    update = np.where(rng.random((frames, count)) < 0.5, 0, rng.integers(0, 8, (frames, count))).astype(np.int32)
    moved, shaped, coloured = (int(((update & bit) > 0).sum()) for bit in (1, 2, 4))
    sign = rng.choice([-1, 1], (moved, 2))
    symbols = PredictedSymbols(
        update,
        sign * float12_join(rng.integers(0, exponents, (moved, 2)), rng.integers(0, 64, (moved, 2))),
        rng.integers(0, 1 << shape_bits, (shaped, 3)).astype(np.int32),
        rng.integers(0, 1 << codebook_bits, (coloured, stages)).astype(np.int32),
    )
    writer = SymbolWriter()
    code_predicted(writer, header, count, symbols)
    reader = SymbolReader(writer.finish())
    got = code_predicted(reader, header, count)
    reader.finish()
    for name in ("update", "position", "shape", "colour"):
        assert np.array_equal(getattr(got, name), getattr(symbols, name)), name
