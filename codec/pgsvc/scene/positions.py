"""The boxes in which the splats of a slice lie, by the slice's position tool (spec 10.4, 10.12, 10.13)."""

from __future__ import annotations

import numpy as np

from pgsvc.planar.anchors import Curve, code_tree
from pgsvc.range_coder import AdaptiveCoder
from pgsvc.scene.morton import AXES, from_morton3, morton3
from pgsvc.scene.occupancy import code_occupancy
from pgsvc.scene.tables import SliceTables
from pgsvc.scene.tree import Boxes, code_boxes
from pgsvc.syntax import Record

TREE, OCCUPANCY, ANCHORS = 1, 2, 3


def code_positions(
    coder: AdaptiveCoder,
    header: Record,
    depth: int,
    lower: np.ndarray,
    tables: SliceTables,
    cells: np.ndarray | None,
) -> Boxes:
    """Boxes of ``splat_count`` splats; arguments as of :func:`pgsvc.scene.tree.code_boxes`.

    Raises:
        BadStream: as the tool does.
    """
    count = header["splat_count"]
    if header["position_tool"] == TREE:
        return code_boxes(coder, count, depth, lower, tables.small, tables.large, cells)
    if header["position_tool"] == OCCUPANCY:
        codes = code_occupancy(coder, count, depth, cells)
    else:
        codes = code_tree(coder, count, np.full(AXES, 1 << depth), Curve(morton3, from_morton3, "10.13"), cells)
    return Boxes(codes, np.zeros(count, np.int64))
