"""Ways to code the cells of splats that are only measured, beside those of the format (spec 7.10, 7.14).

All are written once for reading and writing, like the format's own: ``cells`` are given in Morton order when writing, and come out
the same when reading, so a test can show that the bits that are counted are enough.
"""

from __future__ import annotations

import math

import numpy as np

from pgsvc.planar.graded import code_signed
from pgsvc.planar.symbols import from_morton, morton
from pgsvc.planar.tree import BUCKETS, LARGE_PRIOR, SMALL
from pgsvc.range_coder import LARGEST, AdaptiveCoder

MANY = 15  # a number of splats that stands for itself and all above, the rest of which follows
EVEN = 8  # what tables begin with
DENSITY_EDGES = (0.25, 0.42, 0.58, 0.75)  # of the first half's share of the lower layers' splats
DENSITY_SHARES = (0.3, 0.43, 0.5, 0.57, 0.7)  # of this layer's splats that lie there, to begin with


def squares(width: int, height: int, cell_bits: int) -> tuple[int, int, int]:
    """Columns and rows of cells, and how often their square is quartered."""
    columns, rows = (-(-side >> cell_bits) for side in (width, height))
    return columns, rows, max(columns - 1, rows - 1).bit_length()


def occupancy(
    coder: AdaptiveCoder, depth: int, cells: np.ndarray | None = None, *, neighbours: bool = False
) -> np.ndarray:
    """Quadtree: which of a node's four quarters hold splats, by level; at the end how many each cell holds; int64 [N, 2].

    Args:
        neighbours: by how many of the four nodes beside a node hold splats, too.
    """
    codes = None if cells is None else morton(cells)
    node = np.zeros(1, np.int64)
    for level in reversed(range(depth)):
        table = np.full((5, 15), EVEN, np.uint16)
        context = beside(node) if neighbours else np.zeros(len(node), np.int32)
        mask = None
        if codes is not None:
            own = np.unique(codes >> 2 * level)
            mask = np.zeros(len(node), np.int64)
            np.add.at(mask, np.searchsorted(node, own >> 2), 1 << (own & 3))
            mask -= 1
        mask = coder.adaptive(table, context, mask).astype(np.int64) + 1
        held = mask[:, None] >> np.arange(4) & 1
        node = (4 * node[:, None] + np.arange(4))[held > 0]
    size = None if codes is None else np.unique(codes, return_counts=True)[1] - 1
    return from_morton(node.repeat(_numbers(coder, len(node), size) + 1))


def beside(node: np.ndarray) -> np.ndarray:
    """How many of the four squares beside each node are nodes; int32 [n], from sorted Morton codes [n]."""
    place, count = from_morton(node), np.zeros(len(node), np.int32)
    for step in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        other = place + step
        count += (np.isin(morton(np.maximum(other, 0)), node) & (other >= 0).all(1)).astype(np.int32)
    return count


def by_density(
    coder: AdaptiveCoder, count: int, columns: int, rows: int, depth: int, lower: np.ndarray, cells: np.ndarray | None
) -> np.ndarray:
    """The tree of counts (spec 7.10), where tables also know how the splats of lower layers share a node; int64 [N, 2].

    Args:
        lower: cells of all splats of lower layers, [M, 2].
    """
    codes, known = (None if c is None else np.sort(morton(c)) for c in (cells, lower))
    assert known is not None
    small = np.concatenate([_small(p) for p in DENSITY_SHARES])
    large = LARGE_PRIOR.repeat(len(DENSITY_SHARES), 0)
    node, size = np.zeros(min(count, 1), np.int64), np.full(min(count, 1), count, np.int64)
    for bit in reversed(range(2 * depth)):
        first = None if codes is None else _first_half(codes, node, bit)
        second = from_morton((2 * node + 1) << bit)
        split = np.nonzero((second[:, 0] < columns) & (second[:, 1] < rows))[0]
        m = _first_half(known, node[split], bit)
        whole = np.searchsorted(known, node[split] + 1 << bit + 1) - np.searchsorted(known, node[split] << bit + 1)
        kind = np.searchsorted(DENSITY_EDGES, (m + 1) / (whole + 2)).astype(np.int32)
        share = size.copy()
        for few in (True, False):
            rows_of = split[(size[split] <= SMALL) == few]
            kinds = kind[(size[split] <= SMALL) == few]
            wanted = None if first is None else first[rows_of]
            share[rows_of] = (_few if few else _lots)(coder, size[rows_of], kinds, small if few else large, wanted)
        node = np.stack([2 * node, 2 * node + 1], 1).reshape(-1)
        size = np.stack([share, size - share], 1).reshape(-1)
        node, size = node[size > 0], size[size > 0]
    return from_morton(node).repeat(size, 0)


def _first_half(codes: np.ndarray, node: np.ndarray, bit: int) -> np.ndarray:
    begin = node << bit + 1
    return np.searchsorted(codes, begin + (1 << bit)) - np.searchsorted(codes, begin)


def _small(share: float) -> np.ndarray:
    """Rows n = 0 … 12 of counts for how many of n lie in a half that holds ``share`` of the splats."""
    out = np.ones((SMALL + 1, SMALL + 1), np.uint16)
    for n in range(1, SMALL + 1):
        for k in range(n + 1):
            p = math.comb(n, k) * share**k * (1 - share) ** (n - k)
            out[n, k] = 4 + int(384 * p) + 128 // (n + 1)
    return out


def _few(
    coder: AdaptiveCoder, n: np.ndarray, kind: np.ndarray, table: np.ndarray, first: np.ndarray | None
) -> np.ndarray:
    return coder.adaptive(table, (kind * (SMALL + 1) + n).astype(np.int32), first)


def _lots(
    coder: AdaptiveCoder, n: np.ndarray, kind: np.ndarray, table: np.ndarray, first: np.ndarray | None
) -> np.ndarray:
    bucket = coder.adaptive(table, kind, None if first is None else first * BUCKETS // (n + 1)).astype(np.int64)
    low = -(-bucket * (n + 1) // BUCKETS)
    high = -(-(bucket + 1) * (n + 1) // BUCKETS)
    return low + coder.uniform((high - low).astype(np.int32), None if first is None else first - low)


def by_parents(coder: AdaptiveCoder, lower: np.ndarray, cells: np.ndarray | None) -> np.ndarray:
    """Each splat from the nearest one of the lower layers: how many children each of those has, and where from it; int64 [N, 2].

    Args:
        lower: cells of all splats of lower layers, [M, 2].
    """
    lower = lower[np.argsort(morton(lower), kind="stable")]
    number = offset = None
    if cells is not None:
        parent = nearest(lower, cells)
        order = np.argsort(parent, kind="stable")
        number = np.bincount(parent, minlength=len(lower))
        offset = (cells - lower[parent])[order]
    number = _numbers(coder, len(lower), number)
    base = lower.repeat(number, 0)
    table = np.full((2, 16), EVEN, np.uint16)
    halves = np.full((16, 2), EVEN, np.uint16)
    moved = [
        code_signed(coder, table, np.full(len(base), i), None if offset is None else offset[:, i], halves)
        for i in (0, 1)
    ]
    found = base + np.stack(moved, 1)
    return found[np.argsort(morton(found), kind="stable")]


def nearest(lower: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Index of the nearest of ``lower`` [M, 2] to each of ``cells`` [N, 2], the first of equal ones; int64 [N]."""
    return np.stack([((lower - c) ** 2).sum(1).argmin() for c in cells]) if len(cells) else np.zeros(0, np.int64)


def _numbers(coder: AdaptiveCoder, n: int, values: np.ndarray | None) -> np.ndarray:
    """Numbers from 0 on, mostly small; int64 [n]."""
    table = np.full((1, MANY + 1), EVEN, np.uint16)
    low = coder.adaptive(table, np.zeros(n, np.int32), None if values is None else np.minimum(values, MANY))
    low = low.astype(np.int64)
    more = low == MANY
    rest = coder.uniform(np.full(int(more.sum()), LARGEST, np.int32), None if values is None else values[more] - MANY)
    low[more] += rest
    return low
