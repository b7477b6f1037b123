"""Symbol tables and the entropy coder (spec 7): constriction's ANS over integer frequency tables.

:class:`SymbolReader` and :class:`SymbolWriter` have the same methods, so that the order of symbols in a chunk is written
down once (``planar/symbols.py``) and run in either direction.
"""

from __future__ import annotations

from typing import Any, Protocol

import constriction
import numpy as np

from pgsvc.errors import BadStream

_stream: Any = constriction.stream  # type: ignore[attr-defined]  # a native module without stubs

TOTAL = 1 << 16  # every table's frequencies add up to this
MAX_LEVEL = 31
MAX_ALPHABET = 256
RAW_BITS = 16

# The weight of each frequency level: half an octave a step (spec 7.3). Level 0 means "does not occur".
LEVEL_WEIGHT = np.array([0] + [int(16 * 2 ** ((level - 1) / 2)) for level in range(1, MAX_LEVEL + 1)], np.int64)


def frequencies(weights: np.ndarray) -> np.ndarray:
    """Integer frequencies with the sum 2^16 from weights (spec 7.2).

    Args:
        weights: int64 [n], n ≤ 256, not negative, at least one positive, sum below 2^31.
    """
    weights = np.asarray(weights, np.int64)
    table = weights * TOTAL // int(weights.sum())
    table[(table == 0) & (weights > 0)] = 1
    table[int(np.argmax(table))] += TOTAL - int(table.sum())
    return table


def _level_differences() -> tuple[np.ndarray, np.ndarray]:
    """The two fixed tables for level differences modulo 32: after level 0, and after any other level (spec 7.3)."""
    after_zero = np.full(32, 1, np.int64)
    after_zero[0] = 96
    signed = np.array([min(d, 32 - d) for d in range(32)])
    after_other = np.int64(1) << (16 - signed)
    return frequencies(after_zero), frequencies(after_other)


AFTER_ZERO, AFTER_OTHER = _level_differences()


def model(table: np.ndarray) -> Any:
    """constriction's model of a frequency table; how it arrives at 24-bit probabilities is spec 7.2."""
    return _stream.model.Categorical(table / TOTAL, perfect=False)


class SymbolCoder(Protocol):
    """What chunk syntax is written against; ``values`` is ignored when reading and required when writing."""

    def table(self, size: int, values: np.ndarray | None) -> np.ndarray: ...

    def symbols(self, table: np.ndarray, count: int, values: np.ndarray | None) -> np.ndarray: ...

    def raw(self, widths: np.ndarray, values: np.ndarray | None) -> np.ndarray: ...


class SymbolReader:
    """Reads the entropy-coded part of a payload.

    Args:
        data: whole 32-bit words, big-endian (spec 7.1).

    Raises:
        BadStream: the length is not a multiple of four or the last word is zero.
    """

    def __init__(self, data: bytes) -> None:
        if len(data) % 4:
            raise BadStream("entropy-coded data is not whole words", clause="7.1")
        words = np.frombuffer(data, ">u4").astype(np.uint32)
        if len(words) and words[-1] == 0:
            raise BadStream("entropy-coded data ends in a zero word", clause="7.1")
        self._coder = _stream.stack.AnsCoder(words)

    def table(self, size: int, values: np.ndarray | None = None) -> np.ndarray:
        """Read a frequency table for ``size`` symbols (spec 7.3); int64 [size]."""
        levels = np.zeros(size, np.int64)
        models = (model(AFTER_ZERO), model(AFTER_OTHER))
        previous = 0
        for i in range(size):
            previous = levels[i] = (previous + int(self._coder.decode(models[previous > 0]))) % 32
        if not levels.any():
            raise BadStream("a frequency table without any symbol", clause="7.3")
        return frequencies(LEVEL_WEIGHT[levels])

    def symbols(self, table: np.ndarray, count: int, values: np.ndarray | None = None) -> np.ndarray:
        """Read ``count`` symbols; int32 [count]."""
        if count == 0:
            return np.zeros(0, np.int32)
        return self._coder.decode(model(table), count)

    def raw(self, widths: np.ndarray, values: np.ndarray | None = None) -> np.ndarray:
        """Read one number of ``widths[i]`` bits (0 … 48) for each i (spec 7.4); int64 [n]."""
        values = np.zeros(len(widths), np.int64)
        for low in range(0, int(widths.max(initial=0)), RAW_BITS):
            part = np.clip(widths - low, 0, RAW_BITS)
            used = part > 0
            sizes = (1 << part[used]).astype(np.int32)
            values[used] |= self._coder.decode(_UNIFORM, sizes).astype(np.int64) << low
        return values

    def finish(self) -> None:
        """Check the end state (spec 7.8).

        Raises:
            BadStream: symbols and data do not end together.
        """
        if not self._coder.is_empty():
            raise BadStream("the entropy decoder does not end in its initial state", clause="7.8")


_UNIFORM = _stream.model.Uniform()


class SymbolWriter:
    """The inverse of :class:`SymbolReader`: collects symbols, then codes them backwards as ANS needs it."""

    def __init__(self) -> None:
        self._steps: list[tuple[np.ndarray, object, np.ndarray | None]] = []

    def table(self, size: int, values: np.ndarray | None) -> np.ndarray:
        """Choose and write the frequency table for ``values`` (symbols below ``size``); returns it."""
        assert values is not None and size <= MAX_ALPHABET
        counts = np.bincount(np.asarray(values, np.int64), minlength=size)
        levels = frequency_levels(counts)
        models = (model(AFTER_ZERO), model(AFTER_OTHER))
        previous = 0
        for level in levels:
            step = np.array([(level - previous) % 32], np.int32)
            self._steps.append((step, models[previous > 0], None))
            previous = int(level)
        return frequencies(LEVEL_WEIGHT[levels])

    def symbols(self, table: np.ndarray, count: int, values: np.ndarray | None) -> np.ndarray:
        assert values is not None and len(values) == count
        symbols = np.ascontiguousarray(values, np.int32)
        if count:
            self._steps.append((symbols, model(table), None))
        return symbols

    def raw(self, widths: np.ndarray, values: np.ndarray | None) -> np.ndarray:
        assert values is not None
        for low in range(0, int(widths.max(initial=0)), RAW_BITS):
            part = np.clip(widths - low, 0, RAW_BITS)
            used = part > 0
            piece = (values[used] >> low & ((1 << part[used]) - 1)).astype(np.int32)
            self._steps.append((piece, _UNIFORM, (1 << part[used]).astype(np.int32)))
        return values

    def finish(self) -> bytes:
        """The coded words, big-endian."""
        coder = _stream.stack.AnsCoder()
        for symbols, entropy_model, sizes in reversed(self._steps):
            if sizes is None:
                coder.encode_reverse(symbols, entropy_model)
            else:
                coder.encode_reverse(symbols, entropy_model, sizes)
        return coder.get_compressed().astype(">u4").tobytes()


def frequency_levels(counts: np.ndarray) -> np.ndarray:
    """Levels 0 … 31 whose weights follow the counts as closely as half-octave steps allow; at least one is positive."""
    levels = np.zeros(len(counts), np.int64)
    used = counts > 0
    if not used.any():
        levels[0] = 1
        return levels
    steps = np.round(2 * np.log2(counts[used]))
    levels[used] = np.maximum(steps + min(1, MAX_LEVEL - steps.max()), 1)
    return levels
