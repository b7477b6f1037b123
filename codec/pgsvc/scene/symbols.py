"""Numbers as symbols of the adaptive range coder (spec 10.5): bit length by context, two bits behind the leading one, the rest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pgsvc.planar.symbols import bit_length
from pgsvc.range_coder import AdaptiveCoder

LENGTHS = 18  # bit lengths 0 … 17
LARGEST_NUMBER = (1 << LENGTHS - 1) - 1


@dataclass
class NumberTables:
    """What is known of a kind of numbers, which learns.

    Args:
        lengths: uint16 [contexts, 18], of bit lengths.
        halves: uint16 [72, 2], of the two bits behind the leading one, by length and by the first of them.
    """

    lengths: np.ndarray
    halves: np.ndarray

    @staticmethod
    def fresh(contexts: int, typical: int = 3) -> NumberTables:
        """Tables of numbers whose lengths are thought to lie around ``typical``."""
        row = [1 + 96 // (1 + (i - typical) ** 2) for i in range(LENGTHS)]
        return NumberTables(np.tile(np.array(row, np.uint16), (contexts, 1)), np.full((4 * LENGTHS, 2), 64, np.uint16))


def code_number(
    coder: AdaptiveCoder, tables: NumberTables, context: np.ndarray, values: np.ndarray | None
) -> np.ndarray:
    """Numbers 0 … 2^17 − 1 by context; int64 [n]. A writer that wants others gets the nearest."""
    values = None if values is None else np.clip(values, 0, LARGEST_NUMBER)
    length = coder.adaptive(tables.lengths, as_context(context), None if values is None else _int32(bit_length(values)))
    length = length.astype(np.int64)
    out = np.minimum(length, 1)
    for known in (1, 2):  # bits that are known of a number before the next one is sent
        more = length > known
        rest = (length - known - 1)[more]
        bit = None if values is None else _int32(values[more] >> rest & 1)
        rows = (length[more] * 2 + (out[more] & 1)) if known == 2 else 2 * LENGTHS + length[more] * 2
        out[more] = 2 * out[more] + coder.adaptive(tables.halves, as_context(rows), bit)
    rest = np.maximum(length - 3, 0)
    low = coder.uniform(1 << rest, None if values is None else values & ((1 << rest) - 1))
    return out << rest | low


def code_signed_number(
    coder: AdaptiveCoder, tables: NumberTables, context: np.ndarray, values: np.ndarray | None
) -> np.ndarray:
    """Signed numbers by context, −2^17 + 1 … 2^17 − 1; int64 [n]."""
    size = code_number(coder, tables, context, None if values is None else np.abs(values))
    signs = None if values is None else (values < 0).astype(np.int64)
    return np.where(coder.uniform(1 + (size > 0), signs) > 0, -size, size)


def as_context(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values, np.int32)


def _int32(values: np.ndarray) -> np.ndarray:
    return values.astype(np.int32)
