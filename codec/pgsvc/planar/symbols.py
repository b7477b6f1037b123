"""Which symbols a KEYF or PRED payload holds, and in which order (spec 7.4–7.7), written once for reading and writing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pgsvc.entropy import SymbolCoder
from pgsvc.errors import BadStream
from pgsvc.syntax import Record

CLASSES = 41  # bit lengths 0 … 40 of Morton code differences
UPDATE_POSITION, UPDATE_SHAPE, UPDATE_COLOUR = 1, 2, 4


@dataclass(frozen=True)
class KeySymbols:
    """Symbols of a key frame slice with N splats.

    Args:
        grid: int64 [N, 2], position grid indices in Morton order.
        shape: int32 [N, 3], quantisation indices as unsigned symbols.
        colour: int32 [N, stages], codebook indices.
    """

    grid: np.ndarray
    shape: np.ndarray
    colour: np.ndarray


@dataclass(frozen=True)
class PredictedSymbols:
    """Symbols of n predicted frames of a slice with N splats.

    Args:
        update: int32 [n, N], which of position, shape, colour change (bits 1, 2, 4).
        position: int64 [U, 2], signed 12-bit-float magnitudes in position units, for updates with bit 1, in (n, N) order.
        shape: int32 [V, 3], unsigned symbols, for updates with bit 2.
        colour: int32 [X, stages], for updates with bit 4.
    """

    update: np.ndarray
    position: np.ndarray
    shape: np.ndarray
    colour: np.ndarray


def bit_length(values: np.ndarray) -> np.ndarray:
    """Bit length of non-negative integers below 2^48."""
    return np.frexp(values.astype(np.float64))[1].astype(np.int64)


def spread(values: np.ndarray) -> np.ndarray:
    """Put a zero bit between the bits of numbers below 2^20."""
    x = np.asarray(values, np.int64)
    for shift, mask in ((16, 0x0000FFFF0000FFFF), (8, 0x00FF00FF00FF00FF), (4, 0x0F0F0F0F0F0F0F0F)):
        x = (x | x << shift) & mask
    x = (x | x << 2) & 0x3333333333333333
    return (x | x << 1) & 0x5555555555555555


def gather(values: np.ndarray) -> np.ndarray:
    """The inverse of :func:`spread`; ignores the odd bits."""
    x = np.asarray(values, np.int64) & 0x5555555555555555
    x = (x | x >> 1) & 0x3333333333333333
    x = (x | x >> 2) & 0x0F0F0F0F0F0F0F0F
    for shift, mask in ((4, 0x00FF00FF00FF00FF), (8, 0x0000FFFF0000FFFF), (16, 0x00000000FFFFFFFF)):
        x = (x | x >> shift) & mask
    return x


def morton(grid: np.ndarray) -> np.ndarray:
    """Morton code of grid indices [N, 2] (x in the even bits); the canonical order of splats sorts by it (spec 7.4)."""
    return spread(grid[:, 0]) | spread(grid[:, 1]) << 1


def from_morton(codes: np.ndarray) -> np.ndarray:
    """The inverse of :func:`morton`; int64 [N, 2]."""
    return np.stack([gather(codes), gather(codes >> 1)], 1)


def _optional(values: np.ndarray | None, index: Any) -> np.ndarray | None:
    return None if values is None else values[index]


def code_positions(coder: SymbolCoder, count: int, grid: np.ndarray | None) -> np.ndarray:
    """Positions without order: differences of sorted Morton codes, bit length from a table, the rest raw (spec 7.4)."""
    if count == 0:
        return np.zeros((0, 2), np.int64)
    differences = None if grid is None else np.diff(morton(grid), prepend=0)
    lengths = None if differences is None else bit_length(differences)
    table = coder.table(CLASSES, lengths)
    lengths = coder.symbols(table, count, lengths).astype(np.int64)
    rest = np.maximum(lengths - 1, 0)
    low = coder.raw(rest, None if differences is None else differences & ((1 << rest) - 1))
    codes = np.cumsum(np.where(lengths > 0, 1 << rest | low, 0))
    if int(codes.max()) >= 1 << 40:  # each step is below 2^40, so a sum that wraps passes through this range
        raise BadStream("a position lies outside the Morton code's range", clause="7.4")
    return from_morton(codes)


def code_columns(coder: SymbolCoder, size: int, count: int, columns: int, values: np.ndarray | None) -> np.ndarray:
    """Columns of symbols below ``size``, each with its own table (spec 7.5, 7.6); int32 [count, columns]."""
    out = np.zeros((count, columns), np.int32)
    if count and size > 1:
        for i in range(columns):
            column = _optional(values, np.s_[:, i])
            out[:, i] = coder.symbols(coder.table(size, column), count, column)
    return out


def code_key(coder: SymbolCoder, header: Record, symbols: KeySymbols | None = None) -> KeySymbols:
    """All symbols of a KEYF payload; pass ``symbols`` when writing."""
    count = header["splat_count"]
    grid = code_positions(coder, count, symbols and symbols.grid)
    shape = code_columns(coder, 1 << header["shape_bits"], count, 3, symbols and symbols.shape)
    colour = code_columns(coder, 1 << header["codebook_bits"], count, header["stage_count"], symbols and symbols.colour)
    return KeySymbols(grid, shape, colour)


def float12_split(magnitude: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Exponent and mantissa of exactly representable magnitudes (spec 7.7)."""
    exponent = np.maximum(bit_length(magnitude) - 6, 0)
    mantissa = np.where(exponent > 0, (magnitude >> np.maximum(exponent - 1, 0)) - 64, magnitude)
    return exponent, mantissa


def float12_join(exponent: np.ndarray, mantissa: np.ndarray) -> np.ndarray:
    """Magnitude of a 12-bit float without its sign: m below exponent 1, else (64 + m)·2^(e−1) (spec 7.7)."""
    e, m = exponent.astype(np.int64), mantissa.astype(np.int64)
    return np.where(e == 0, m, (64 + m) << np.maximum(e - 1, 0))


def code_differences(coder: SymbolCoder, count: int, values: np.ndarray | None) -> np.ndarray:
    """Position differences as 12-bit floats: sign, 5 bits exponent, 6 bits mantissa (spec 7.7); int64 [count, 2]."""
    if count == 0:
        return np.zeros((0, 2), np.int64)
    flat = None if values is None else values.reshape(-1)
    exponent = mantissa = None
    if flat is not None:
        exponent, mantissa = float12_split(np.abs(flat))
    exponent = coder.symbols(coder.table(32, exponent), 2 * count, exponent)
    out = np.zeros(2 * count, np.int64)
    for chosen in (exponent == 0, exponent > 0):
        part = _optional(mantissa, chosen)
        n = int(chosen.sum())
        if n:
            out[chosen] = float12_join(exponent[chosen], coder.symbols(coder.table(64, part), n, part))
    negative = coder.raw((out > 0).astype(np.int64), None if flat is None else (flat < 0).astype(np.int64))
    return np.where(negative > 0, -out, out).reshape(count, 2)


def code_predicted(
    coder: SymbolCoder, header: Record, count: int, symbols: PredictedSymbols | None = None
) -> PredictedSymbols:
    """All symbols of a PRED payload for a set of ``count`` splats."""
    frames = header["frame_count"]
    if count == 0:
        update = np.zeros((frames, 0), np.int32)
    else:
        flat = symbols and symbols.update.reshape(-1)
        update = coder.symbols(coder.table(8, flat), frames * count, flat).reshape(frames, count)
    sizes = [int(((update & bit) > 0).sum()) for bit in (UPDATE_POSITION, UPDATE_SHAPE, UPDATE_COLOUR)]
    position = code_differences(coder, sizes[0], symbols and symbols.position)
    shape = code_columns(coder, 1 << header["shape_bits"], sizes[1], 3, symbols and symbols.shape)
    colour = code_columns(
        coder, 1 << header["codebook_bits"], sizes[2], header["stage_count"], symbols and symbols.colour
    )
    return PredictedSymbols(update, position, shape, colour)
