"""Positions without order: a tree of counts in space (spec 10.4).

A cube is halved again and again, along z, y and x in turn, and each half's share of the splats is coded. Where splats of lower
layers lie, those of the next are likely: their shares choose the tables. A node with one splat is not halved further, unless two
splats of lower layers lie in it too; the rest of its position is sent last, as finely as the splat needs it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from pgsvc.errors import BadStream
from pgsvc.planar.symbols import bit_length
from pgsvc.planar.tree import BUCKETS, MORE_THAN_ALL, NO_NUMBER, SMALL
from pgsvc.range_coder import LARGEST, AdaptiveCoder
from pgsvc.scene.morton import AXES

CLASSES = 5  # shares of the lower splats in the first half
MANY = 8  # lower splats in a node, from which on their shares say more
CONTEXTS = 1 + 2 * CLASSES
ENOUGH = 2  # lower splats that tell where a single splat is likely to lie


def _small_prior() -> np.ndarray:
    """Tables [contexts · 13, 13]: binomial weights of the share that the context tells."""
    out = np.ones((CONTEXTS, SMALL + 1, SMALL + 1), np.uint16)
    for context in range(CONTEXTS):
        tenths = _share(context)
        for n in range(1, SMALL + 1):
            for k in range(n + 1):
                weight = math.comb(n, k) * tenths**k * (10 - tenths) ** (n - k)
                out[context, n, k] = 4 + weight * 384 // 10**n + 128 // (n + 1)
    return out.reshape(CONTEXTS * (SMALL + 1), SMALL + 1)


def _share(context: int) -> int:
    """Tenths of the splats that are expected in the first half."""
    if context == 0:
        return 5
    place = (context - 1) % CLASSES
    return 1 + 2 * place if context > CLASSES else 3 + place


def _large_prior() -> np.ndarray:
    shares = np.arange(BUCKETS)
    even = 8 + 12 * np.minimum(shares + 1, BUCKETS - shares)
    near = [even if c == 0 else 4 + 128 // (1 + abs(20 * shares + 10 - 32 * _share(c)) // 10) for c in range(CONTEXTS)]
    return np.stack(near).astype(np.uint16)


SMALL_PRIOR, LARGE_PRIOR = _small_prior(), _large_prior()


@dataclass(frozen=True)
class Boxes:
    """The nodes of a tree in which splats lie, one for each splat, in the order of their codes.

    Args:
        code: int64 [N], code of the node's first cell of 2^leaf_bits grid units.
        height: int64 [N], halvings that are left down to one cell.
    """

    code: np.ndarray
    height: np.ndarray

    def side_bits(self, leaf_bits: int) -> np.ndarray:
        """log2 of the sides along x, y, z in grid units; int64 [N, 3]."""
        return leaf_bits + (self.height[:, None] + np.array([2, 1, 0])) // AXES


def code_boxes(
    coder: AdaptiveCoder,
    count: int,
    depth: int,
    lower: np.ndarray,
    small: np.ndarray,
    large: np.ndarray,
    cells: np.ndarray | None,
) -> Boxes:
    """The boxes of ``count`` splats.

    Args:
        depth: log2 of the cells along a side of the cube.
        lower: int64 [M], sorted codes of the cells of the splats that are decoded already.
        small, large: tables of shares, which learn.
        cells: int64 [N], sorted codes of the splats' cells, when writing.

    Raises:
        BadStream: half a node would hold more than the whole, or a share has no numbers.
    """
    node = np.zeros(min(count, 1), np.int64)
    size = np.full(len(node), count, np.int64)
    low, high = np.zeros(len(node), np.int64), np.full(len(node), len(lower), np.int64)
    done: list[tuple[np.ndarray, np.ndarray, int]] = []
    for bit in reversed(range(AXES * depth)):
        single = (size == 1) & (high - low < ENOUGH)
        if single.any():
            done.append((node[single] << bit + 1, size[single], bit + 1))
            node, size, low, high = (x[~single] for x in (node, size, low, high))
        if not len(node):
            break
        middle = (node << bit + 1) + (1 << bit)
        between = np.searchsorted(lower, middle)
        first = None
        if cells is not None:
            first = np.searchsorted(cells, middle) - np.searchsorted(cells, node << bit + 1)
        share = _split(coder, size, _context(between - low, high - low), small, large, first)
        node = np.stack([2 * node, 2 * node + 1], 1).reshape(-1)
        size = np.stack([share, size - share], 1).reshape(-1)
        low, high = np.stack([low, between], 1).reshape(-1), np.stack([between, high], 1).reshape(-1)
        used = size > 0
        node, size, low, high = (x[used] for x in (node, size, low, high))
    done.append((node, size, 0))
    code = np.concatenate([c.repeat(n) for c, n, _ in done])
    height = np.concatenate([np.full(int(n.sum()), h, np.int64) for _, n, h in done])
    order = np.argsort(code, kind="stable")
    return Boxes(code[order], height[order])


def _context(first: np.ndarray, all_: np.ndarray) -> np.ndarray:
    """The table that shares of the lower splats choose; int64 [n]."""
    place = (2 * first + 1) * CLASSES // (2 * (all_ + 1))
    return np.where(all_ == 0, 0, 1 + place + np.where(all_ >= MANY, CLASSES, 0))


def _split(
    coder: AdaptiveCoder,
    size: np.ndarray,
    context: np.ndarray,
    small: np.ndarray,
    large: np.ndarray,
    first: np.ndarray | None,
) -> np.ndarray:
    """How many of ``size`` lie in the first half, all small ones before all large ones."""
    out = np.zeros(len(size), np.int64)
    few = size <= SMALL
    rows = np.ascontiguousarray(context[few] * (SMALL + 1) + size[few], np.int32)
    out[few] = coder.adaptive(small, rows, None if first is None else first[few].astype(np.int32))
    n = size[~few]
    part = None if first is None else first[~few]
    bucket = None if part is None else (part * BUCKETS // (n + 1)).astype(np.int32)
    bucket = coder.adaptive(large, context[~few].astype(np.int32), bucket).astype(np.int64)
    low = -(-bucket * (n + 1) // BUCKETS)
    high = -(-(bucket + 1) * (n + 1) // BUCKETS)
    # Nodes may hold more splats than one number can say: two parts, the coarse one first.
    span = high - low
    if (span <= 0).any():
        raise BadStream(NO_NUMBER, clause="10.4")
    shift = np.maximum(0, bit_length(span) - (LARGEST.bit_length() - 1))
    rest = None if part is None else part - low
    coarse = coder.uniform(((span - 1) >> shift) + 1, None if rest is None else rest >> shift).astype(np.int64)
    fine = coder.uniform(1 << shift, None if rest is None else rest & ((1 << shift) - 1)).astype(np.int64)
    out[~few] = low + (coarse << shift) + fine
    if (out > size).any():
        raise BadStream(MORE_THAN_ALL, clause="10.4")
    return out
