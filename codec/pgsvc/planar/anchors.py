"""Positions as the anchors of ProGS, in two dimensions (spec 7.14) and three (10.13).

ProGS (section III.F) stores the coordinates of a first level of voxels verbatim, and every anchor of a later level as the index of
its parent in the level before, 20 bits, and the octant of it where it lies, in a plane the quadrant. It has five levels. Each node
of each level but the first costs 22 bits in a plane and 23 in space, so this tool is here to be compared with: the tree of counts
takes a fraction.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

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
    cells_each_way = np.array([-(-side >> cell_bits) for side in (width, height)])
    codes = None if cells is None else morton(cells)
    return from_morton(code_tree(coder, count, cells_each_way, Curve(morton, from_morton, "7.14"), codes))


class Curve(NamedTuple):
    """How cells are ordered, in two dimensions or three.

    Args:
        code: from cells int64 [N, D] to codes int64 [N] whose last D bits say where a cell lies in one of twice its side.
        cells: the inverse.
        clause: of the specification, for errors.
    """

    code: Callable[[np.ndarray], np.ndarray]
    cells: Callable[[np.ndarray], np.ndarray]
    clause: str


def code_tree(
    coder: AdaptiveCoder, count: int, cells_each_way: np.ndarray, curve: Curve, codes: np.ndarray | None
) -> np.ndarray:
    """Sorted codes of the cells of ``count`` splats; arguments and errors as of :func:`code_anchors`.

    Args:
        cells_each_way: int [D], the cells along each axis.
    """
    axes = len(cells_each_way)
    levels = min(LEVELS, int(cells_each_way.max() - 1).bit_length() + 1)
    nodes = np.zeros(0, np.int64)  # codes of the nodes of the level above
    for k in range(levels if count else 0):
        shift = levels - 1 - k  # nodes have sides of 2^shift cells
        own = None if codes is None else codes >> axes * shift
        n = count
        if shift:
            own = None if own is None else np.unique(own)
            n = _code_count(coder, count, curve, own)
        each_way = -(-cells_each_way >> shift)
        nodes = _verbatim(coder, n, each_way, curve, own) if k == 0 else _children(coder, n, axes, nodes, curve, own)
        if (curve.cells(nodes) >= each_way).any():
            raise BadStream("an anchor lies outside the picture", clause=curve.clause)
        if (np.diff(nodes) < (1 if shift else 0)).any():
            raise BadStream("the anchors of a level are not in order", clause=curve.clause)
    return nodes


def _code_count(coder: AdaptiveCoder, count: int, curve: Curve, own: np.ndarray | None) -> int:
    """Nodes of a level with another one below: 1 … 2^20, at most the splats."""
    if own is not None and len(own) > NODES:
        raise LimitExceeded(f"{len(own)} anchors in a level; an index can name {NODES}", clause=curve.clause)
    n = 1 + int(_code_index(coder, 1, None if own is None else np.array([len(own) - 1]))[0])
    if n > count:
        raise BadStream("a level has more anchors than there are splats", clause=curve.clause)
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


def _verbatim(coder: AdaptiveCoder, n: int, each_way: np.ndarray, curve: Curve, own: np.ndarray | None) -> np.ndarray:
    """Codes of the nodes of the first level; int64 [n]."""
    parts = None if own is None else curve.cells(own).reshape(-1)
    place = coder.uniform(np.tile(each_way.astype(np.int32), n), parts).astype(np.int64)
    return curve.code(place.reshape(n, len(each_way)))


def _children(
    coder: AdaptiveCoder, n: int, axes: int, above: np.ndarray, curve: Curve, own: np.ndarray | None
) -> np.ndarray:
    """Codes of the nodes of a level from those of the level above; int64 [n]."""
    places = 1 << axes
    values = None if own is None else places * np.searchsorted(above, own >> axes) + (own & places - 1)
    values = _code_index(coder, n, values, places)
    parents = values >> axes
    if (parents >= len(above)).any():
        raise BadStream("the parent of an anchor is not there", clause=curve.clause)
    if not np.bincount(parents, minlength=len(above)).all():
        raise BadStream("an anchor that is nobody's parent, above the last level", clause=curve.clause)
    return above[parents] << axes | values & places - 1
