"""The adaptive range coder (spec 7.9): symbols with tables that learn, and equally likely numbers.

Few splats make short payloads. Tables that begin near what is usual and learn from every symbol cost less there than tables that
are sent. :class:`RangeReader` and :class:`RangeWriter` have the same methods, so that the order of symbols is written down once.
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

from pgsvc import kernel
from pgsvc.errors import BadStream

STEP, LIMIT = 32, 1 << 15
TOP, FULL = 1 << 24, (1 << 32) - 1
LARGEST = 1 << 16  # size of an even choice
ALIGNED = 256  # bits of an array of plain numbers from which the range is made a power of two first
NO_SYMBOL = "the range decoder meets a number that no symbol has"
ZERO_END = "range-coded data ends in a zero byte"
MORE_DATA = "range-coded data goes on behind the last symbol"


class AdaptiveCoder(Protocol):
    """What chunk syntax is written against; ``values`` is ignored when reading and required when writing."""

    def adaptive(self, counts: np.ndarray, context: np.ndarray, values: np.ndarray | None) -> np.ndarray: ...

    def uniform(self, sizes: np.ndarray, values: np.ndarray | None) -> np.ndarray: ...

    def plain(self, widths: np.ndarray, values: np.ndarray | None) -> np.ndarray: ...


def learn(table: list[int], symbol: int, total: int) -> int:
    """What a table keeps of a symbol (spec 7.9), ``total`` being its sum; the new sum."""
    table[symbol] += STEP
    total += STEP
    if total > LIMIT:
        table[:] = [(count + 1) >> 1 for count in table]
        return sum(table)
    return total


class RangeReader:
    """Reads a payload's symbols.

    Args:
        data: the coded bytes, without trailing zeros; kept as uint8 [n].
        native: False: by the numpy twin, which needs no native module.

    Attributes:
        state: uint64 [3]: position, code, range.
        native: whether the native module reads.

    Raises:
        BadStream: the data ends in a zero byte.
    """

    def __init__(self, data: bytes, *, native: bool = True) -> None:
        if data and data[-1] == 0:
            raise BadStream(ZERO_END, clause="7.9")
        self.data = np.frombuffer(data, np.uint8)
        first = int.from_bytes(data[:4].ljust(4, b"\0"), "big")
        self.state = np.array([4, first, FULL], np.uint64)  # position, code, range
        self.native = native

    def adaptive(self, counts: np.ndarray, context: np.ndarray, values: np.ndarray | None = None) -> np.ndarray:
        """One symbol for each context.

        Args:
            counts: uint16 [contexts, alphabet], which learn.
            context: int32 [n], rows of ``counts``.

        Returns:
            int32 [n].
        """
        out = np.zeros(len(context), np.int32)
        if self.native:
            good = kernel.native().range_decode(self.data, self.state, counts, context, out)
        else:
            good = self._symbols(counts, context, out)
        return self._checked(good, out)

    def uniform(self, sizes: np.ndarray, values: np.ndarray | None = None) -> np.ndarray:
        """One number below ``sizes[i]``, 1 … 65536, for each i; int32 [n]."""
        out = np.zeros(len(sizes), np.int32)
        sizes = np.ascontiguousarray(sizes, np.int32)
        native = self.native
        good = kernel.native().range_uniform(self.data, self.state, sizes, out) if native else self._uniform(sizes, out)
        return self._checked(good, out)

    def plain(self, widths: np.ndarray, values: np.ndarray | None = None) -> np.ndarray:
        """One number of ``widths[i]`` bits, 0 … 16, for each i; int32 [n]."""
        if int(widths.sum()) >= ALIGNED:
            span = 1 << int(self.state[2]).bit_length() - 1
            if int(self.state[1]) >= span:
                raise BadStream(NO_SYMBOL, clause="7.9")
            self.state[2] = span
        return self.uniform(1 << widths)

    def finish(self) -> None:
        """Check that the data ends with the symbols.

        Raises:
            BadStream: there is data that no symbol needed.
        """
        if len(self.data) > int(self.state[0]):
            raise BadStream(MORE_DATA, clause="7.9")

    @staticmethod
    def _checked(good: bool, out: np.ndarray) -> np.ndarray:
        if not good:
            raise BadStream(NO_SYMBOL, clause="7.9")
        return out

    def _symbols(self, counts: np.ndarray, context: np.ndarray, out: np.ndarray) -> bool:
        position, code, span = (int(v) for v in self.state)
        for i, row in enumerate(context.tolist()):
            table = counts[row]
            total = int(table.sum())
            unit = span // total
            value = code // unit
            if value >= total:
                return False
            ends = np.cumsum(table, dtype=np.int64)
            s = int(np.searchsorted(ends, value, side="right"))
            size = int(table[s])
            code -= (int(ends[s]) - size) * unit
            span = size * unit
            position, code, span = self._fill(position, code, span)
            learned = table.tolist()
            learn(learned, s, total)
            counts[row] = learned
            out[i] = s
        self.state[:] = position, code, span
        return True

    def _uniform(self, sizes: np.ndarray, out: np.ndarray) -> bool:
        position, code, span = (int(v) for v in self.state)
        for i, size in enumerate(sizes.tolist()):
            span //= size
            out[i] = value = code // span
            if value >= size:
                return False
            position, code, span = self._fill(position, code - value * span, span)
        self.state[:] = position, code, span
        return True

    def _fill(self, position: int, code: int, span: int) -> tuple[int, int, int]:
        while span < TOP:
            code = (code << 8 | (int(self.data[position]) if position < len(self.data) else 0)) & FULL
            position += 1
            span <<= 8
        return position, code, span


class RangeWriter:
    """The inverse of :class:`RangeReader`.

    Args:
        native: False: by the numpy twin.
    """

    def __init__(self, *, native: bool = True) -> None:
        self._coder = kernel.native().RangeWriter() if native else _TwinWriter()

    def adaptive(self, counts: np.ndarray, context: np.ndarray, values: np.ndarray | None) -> np.ndarray:
        assert values is not None and len(values) == len(context)
        values = np.ascontiguousarray(values, np.int32)
        self._coder.adaptive(counts, np.ascontiguousarray(context, np.int32), values)
        return values

    def uniform(self, sizes: np.ndarray, values: np.ndarray | None) -> np.ndarray:
        assert values is not None and len(values) == len(sizes)
        values = np.ascontiguousarray(values, np.int32)
        self._coder.uniform(np.ascontiguousarray(sizes, np.int32), values)
        return values

    def plain(self, widths: np.ndarray, values: np.ndarray | None) -> np.ndarray:
        if int(widths.sum()) >= ALIGNED:
            self._coder.align()
        return self.uniform(1 << widths, values)

    def bits(self) -> float:
        """Bits so far, to tell what costs how much."""
        return self._coder.bits()

    def finish(self) -> bytes:
        """The shortest bytes that are read back as these symbols, with zeros behind them."""
        return self._coder.finish()


class _TwinWriter:
    """The native encoder's twin."""

    def __init__(self) -> None:
        self._low, self._range, self._out = 0, FULL, bytearray()

    def adaptive(self, counts: np.ndarray, context: np.ndarray, values: np.ndarray) -> None:
        rows = context.tolist()
        tables = {row: counts[row].tolist() for row in set(rows)}  # single numbers are slow in arrays
        totals = {row: sum(table) for row, table in tables.items()}
        for row, s in zip(rows, values.tolist(), strict=True):
            table = tables[row]
            unit = self._range // totals[row]
            self._narrow(sum(table[:s]) * unit, table[s] * unit)
            totals[row] = learn(table, s, totals[row])
        for row, table in tables.items():
            counts[row] = table

    def uniform(self, sizes: np.ndarray, values: np.ndarray) -> None:
        for size, value in zip(sizes.tolist(), values.tolist(), strict=True):
            unit = self._range // size
            self._narrow(value * unit, unit)

    def align(self) -> None:
        self._range = 1 << self._range.bit_length() - 1

    def bits(self) -> float:
        return 8.0 * len(self._out) + 32 - math.log2(self._range)

    def finish(self) -> bytes:
        for kept in range(5):
            mask = (1 << (32 - 8 * kept)) - 1
            value = (self._low + mask) & ~mask
            if value < self._low + self._range:
                break
        self._low = value
        for _ in range(4):
            self._shift()
        return bytes(self._out).rstrip(b"\0")

    def _narrow(self, below: int, size: int) -> None:
        self._low += below
        self._range = size
        while self._range < TOP:
            self._shift()
            self._range <<= 8

    def _shift(self) -> None:
        if self._low > FULL:  # a carry: the number written so far goes up by one
            i = len(self._out) - 1
            while self._out[i] == 255:
                self._out[i] = 0
                i -= 1
            self._out[i] += 1
            self._low &= FULL
        self._out.append(self._low >> 24)
        self._low = self._low << 8 & FULL
