"""Positions without order: a tree of counts (spec 7.10).

The picture's square is halved again and again, along y and x in turn, and each half's share of the splats is coded, down to cells
of 2^cell_bits luma samples. What the order of N splats would cost, log2(N!) bits, is never sent; tables that learn how unevenly
splats lie make it cheaper than evenly spread splats would be.
"""

from __future__ import annotations

import math

import numpy as np

from pgsvc.errors import BadStream
from pgsvc.planar.symbols import from_morton, morton
from pgsvc.range_coder import LARGEST, AdaptiveCoder

SMALL = 12  # counts up to this are split by a table of their own
BUCKETS = 16  # larger ones by a share in sixteenths and a rest


def _small_prior() -> np.ndarray:
    """Rows n = 0 … 12: binomial weights, flattened; some 17 symbols' worth."""
    out = np.ones((SMALL + 1, SMALL + 1), np.uint16)
    for n in range(1, SMALL + 1):
        for k in range(n + 1):
            out[n, k] = 4 + (math.comb(n, k) * 384 >> n) + 128 // (n + 1)
    return out


def _large_prior() -> np.ndarray:
    shares = np.arange(BUCKETS)
    return (8 + 12 * np.minimum(shares + 1, BUCKETS - shares)).astype(np.uint16)[None]


NO_NUMBER = "a share of a node in which no number lies, or too many"
MORE_THAN_ALL = "half a node holds more splats than the node"
SMALL_PRIOR, LARGE_PRIOR = _small_prior(), _large_prior()


def code_cells(
    coder: AdaptiveCoder, count: int, width: int, height: int, cell_bits: int, cells: np.ndarray | None
) -> np.ndarray:
    """Cells of ``count`` splats in Morton order; int64 [count, 2], columns and rows.

    Args:
        width, height: of the picture in luma samples; cells that lie outside are not coded.
        cells: in Morton order, when writing.

    Raises:
        BadStream: half a node would hold more than the whole, or a share has no numbers.
    """
    columns, rows = (-(-side >> cell_bits) for side in (width, height))
    depth = max(columns - 1, rows - 1).bit_length()
    small, large = SMALL_PRIOR.copy(), LARGE_PRIOR.copy()
    codes = None if cells is None else morton(cells)
    node = np.zeros(min(count, 1), np.int64)  # Morton prefixes of the nodes that hold splats
    size = np.full(len(node), count, np.int64)
    for bit in reversed(range(2 * depth)):
        first = None
        if codes is not None:
            start = np.searchsorted(codes, node << (bit + 1))
            first = np.searchsorted(codes, (node << (bit + 1)) + (1 << bit)) - start
        second = from_morton((2 * node + 1) << bit)
        inside = (second[:, 0] < columns) & (second[:, 1] < rows)
        share = size.copy()
        share[inside] = _split(coder, size[inside], small, large, None if first is None else first[inside])
        node = np.stack([2 * node, 2 * node + 1], 1).reshape(-1)
        size = np.stack([share, size - share], 1).reshape(-1)
        node, size = node[size > 0], size[size > 0]
    return from_morton(node).repeat(size, 0)


def _split(
    coder: AdaptiveCoder, size: np.ndarray, small: np.ndarray, large: np.ndarray, first: np.ndarray | None
) -> np.ndarray:
    """How many of ``size`` lie in the first half, all small ones before all large ones."""
    out = np.zeros(len(size), np.int64)
    few = size <= SMALL
    out[few] = coder.adaptive(small, size[few].astype(np.int32), None if first is None else first[few].astype(np.int32))
    n = size[~few]
    part = None if first is None else first[~few]
    bucket = None if part is None else (part * BUCKETS // (n + 1)).astype(np.int32)
    bucket = coder.adaptive(large, np.zeros(len(n), np.int32), bucket).astype(np.int64)
    low = -(-bucket * (n + 1) // BUCKETS)
    high = -(-(bucket + 1) * (n + 1) // BUCKETS)
    if ((high <= low) | (high - low > LARGEST)).any():
        raise BadStream(NO_NUMBER, clause="7.10")
    rest = None if part is None else (part - low).astype(np.int32)
    out[~few] = low + coder.uniform((high - low).astype(np.int32), rest)
    if (out > size).any():
        raise BadStream(MORE_THAN_ALL, clause="7.10")
    return out
