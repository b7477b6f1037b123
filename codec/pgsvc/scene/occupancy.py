"""Positions as an octree of occupied cells, breadth first (spec 10.12).

Each occupied node says which of its eight octants are occupied, by how many of its parent's were; in the last level, how many
splats lie in each cell. What octree anchors need besides their octant, the index of the parent, follows from the order.
"""

from __future__ import annotations

import numpy as np

from pgsvc.errors import BadStream, UsageError
from pgsvc.range_coder import AdaptiveCoder
from pgsvc.scene.morton import AXES
from pgsvc.scene.symbols import LARGEST_NUMBER, NumberTables, as_context, code_number

OCTANTS = 1 << AXES
MOST_IN_A_CELL = LARGEST_NUMBER + 1
POPULATION = np.array([i.bit_count() for i in range(1 << OCTANTS)])


def fresh_octants() -> np.ndarray:
    """Tables of which octants of a node are occupied, by how many of its parent's are; uint16 [9, 255]."""
    return np.full((OCTANTS + 1, (1 << OCTANTS) - 1), 4, np.uint16)


def code_occupancy(coder: AdaptiveCoder, count: int, depth: int, cells: np.ndarray | None) -> np.ndarray:
    """Sorted codes of the cells of ``count`` splats; int64 [count].

    Args:
        depth: log2 of the cells along a side of the cube.
        cells: sorted codes, when writing.

    Raises:
        BadStream: there are more cells than splats, or they hold another number of splats.
        UsageError: a cell to be written holds more than 2^17 splats, which no number can say.
    """
    more = None if cells is None else np.unique(cells, return_counts=True)[1] - 1
    if more is not None and more.max(initial=0) >= MOST_IN_A_CELL:
        raise UsageError(
            f"{more.max() + 1} splats lie in one cell, and occupancy codes hold {MOST_IN_A_CELL} at the most (spec 10.12); "
            "take more slices, or the tree for positions"
        )
    tables = fresh_octants()
    node = np.zeros(min(count, 1), np.int64)
    above = np.zeros(len(node), np.int64)  # occupied octants of the parents
    for level in reversed(range(depth)):
        occupied = None
        if cells is not None:
            child = np.unique(cells >> AXES * level)
            occupied = np.zeros(len(node), np.int64)
            np.bitwise_or.at(occupied, np.searchsorted(node, child >> AXES), 1 << (child & OCTANTS - 1))
        symbols = coder.adaptive(tables, as_context(above), None if occupied is None else as_context(occupied - 1))
        octants = symbols.astype(np.int64) + 1
        above = POPULATION[octants]
        if int(above.sum()) > count:
            raise BadStream("more cells are occupied than there are splats", clause="10.12")
        which = (octants[:, None] >> np.arange(OCTANTS) & 1).nonzero()
        node = (node[which[0]] << AXES) + which[1]
        above = above[which[0]]
    sizes = 1 + code_number(coder, NumberTables.fresh(1, 0), np.zeros(len(node)), more)
    if int(sizes.sum()) != count:
        raise BadStream("the cells do not hold as many splats as there are", clause="10.12")
    return node.repeat(sizes)
