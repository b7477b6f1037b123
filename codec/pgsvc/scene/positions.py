"""The boxes in which the splats of a slice lie, by the slice's position tool (spec 10.4)."""

from __future__ import annotations

import numpy as np

from pgsvc.range_coder import AdaptiveCoder
from pgsvc.scene.tables import SliceTables
from pgsvc.scene.tree import Boxes, code_boxes
from pgsvc.syntax import Record

TREE = 1


def code_positions(
    coder: AdaptiveCoder,
    header: Record,
    depth: int,
    lower: np.ndarray,
    tables: SliceTables,
    cells: np.ndarray | None,
) -> Boxes:
    """Boxes of ``splat_count`` splats; arguments as of :func:`pgsvc.scene.tree.code_boxes`."""
    return code_boxes(coder, header["splat_count"], depth, lower, tables.small, tables.large, cells)
