"""Positions as the anchors of ProGS, in two dimensions (spec 7.14).

ProGS (section III.F) stores the coordinates of a first level of voxels verbatim, and every anchor of a later level as the index of
its parent in the level before, 20 bits, and the octant of it where it lies, here the quadrant. It has five levels. A plane costs 22
bits for each node of each level but the first, so this tool is here to be compared with: the tree of counts takes a fraction.
"""

from __future__ import annotations

import numpy as np

from pgsvc.errors import BadStream, LimitExceeded
from pgsvc.planar.symbols import from_morton, morton
from pgsvc.range_coder import AdaptiveCoder

LEVELS = 5  # of the tree at the most
INDEX_HIGH, INDEX_LOW = 1 << 4, 1 << 16  # an index of 20 bits is sent in two parts
NODES = INDEX_HIGH * INDEX_LOW  # in a level that has another one below


def code_anchors(
    coder: AdaptiveCoder, count: int, width: int, height: int, cell_bits: int, cells: np.ndarray | None
) -> np.ndarray:
    """Cells of ``count`` splats in Morton order, as :func:`pgsvc.planar.tree.code_cells`; int64 [count, 2], columns and rows.

    Args:
        width, height: of the picture in luma samples.
        cells: in Morton order, when writing.

    Raises:
        BadStream: a node lies outside the picture, has a parent that is not there, or is not in order; a level has more nodes
            than there are splats, or one above the last is nobody's parent.
        LimitExceeded: there are more nodes than an index can name, when writing.
    """
    columns, rows = (-(-side >> cell_bits) for side in (width, height))
    levels = min(LEVELS, max(columns - 1, rows - 1).bit_length() + 1)
    codes = None if cells is None else morton(cells)
    nodes = np.zeros(0, np.int64)  # Morton codes of the squares of the level above
    for k in range(levels if count else 0):
        shift = levels - 1 - k  # squares have sides of 2^shift cells
        own = None if codes is None else codes >> 2 * shift
        n = count
        if shift:
            own = None if own is None else np.unique(own)
            n = _code_count(coder, count, own)
        squares = (-(-columns >> shift), -(-rows >> shift))
        nodes = _verbatim(coder, n, squares, own) if k == 0 else _children(coder, n, nodes, own)
        if (from_morton(nodes) >= squares).any():
            raise BadStream("an anchor lies outside the picture", clause="7.14")
        if (np.diff(nodes) < (1 if shift else 0)).any():
            raise BadStream("the anchors of a level are not in order", clause="7.14")
    return from_morton(nodes)


def _code_count(coder: AdaptiveCoder, count: int, own: np.ndarray | None) -> int:
    """Nodes of a level with another one below: 1 … 2^20, at most the splats."""
    if own is not None and len(own) > NODES:
        raise LimitExceeded(f"{len(own)} anchors in a level; an index can name {NODES}", clause="7.14")
    n = 1 + int(_code_index(coder, 1, None if own is None else np.array([len(own) - 1]))[0])
    if n > count:
        raise BadStream("a level has more anchors than there are splats", clause="7.14")
    return n


def _code_index(coder: AdaptiveCoder, n: int, values: np.ndarray | None, more: int = 1) -> np.ndarray:
    """Numbers of 20 bits, each followed by one below ``more``; int64 [n], the product of both ranges."""
    sizes = np.tile(np.array([INDEX_HIGH, INDEX_LOW, more], np.int32), n)
    parts = None
    if values is not None:
        index = values // more
        parts = np.stack([index // INDEX_LOW, index % INDEX_LOW, values % more], 1).reshape(-1)
    high, low, rest = coder.uniform(sizes, parts).astype(np.int64).reshape(n, 3).T
    return (high * INDEX_LOW + low) * more + rest


def _verbatim(coder: AdaptiveCoder, n: int, squares: tuple[int, int], own: np.ndarray | None) -> np.ndarray:
    """Morton codes of the nodes of the first level; int64 [n]."""
    parts = None if own is None else from_morton(own).reshape(-1)
    place = coder.uniform(np.tile(np.array(squares, np.int32), n), parts).astype(np.int64)
    return morton(place.reshape(n, 2))


def _children(coder: AdaptiveCoder, n: int, above: np.ndarray, own: np.ndarray | None) -> np.ndarray:
    """Morton codes of the nodes of a level from those of the level above; int64 [n]."""
    values = None if own is None else 4 * np.searchsorted(above, own >> 2) + (own & 3)
    values = _code_index(coder, n, values, 4)
    parents = values >> 2
    if (parents >= len(above)).any():
        raise BadStream("the parent of an anchor is not there", clause="7.14")
    if not np.bincount(parents, minlength=len(above)).all():
        raise BadStream("an anchor that is nobody's parent, above the last level", clause="7.14")
    return above[parents] << 2 | values & 3
