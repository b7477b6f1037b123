"""Faulty streams, part five: positions as anchors (spec 6.3, 7.14)."""

from __future__ import annotations

import numpy as np
from faulty_tools import byte, edited, faulty
from synthetic import YUV420, Maker

from pgsvc import headers
from pgsvc.container import KEY_FRAME, Address
from pgsvc.range_coder import RangeWriter

POSITION_TOOL, SHAPE_TOOL, COLOUR_TOOL = 3, 4, 5  # bytes of the KEYF header where frame and count take one each
SPLATS = 3


def anchors_still() -> Maker:
    """40x24 in cells of 8 samples, 5x3 of them: four levels, of 1x1, 2x1, 3x2 and 5x3 squares."""
    m = Maker(108, 40, 24, YUV420, layer_count=2)
    m.graded(Address(0, 0, 0), 5, background=[2000, 0, 0])
    m.graded(Address(0, 0, 1), SPLATS, position_tool=headers.ANCHORS)
    return m


def with_levels(*levels: list[tuple[int, int]]) -> bytes:
    """The still; its second layer begins with other anchors: (column, row) in the first level, (parent, quadrant) below."""
    writer = RangeWriter()
    for k, level in enumerate(levels):
        if k < 3:
            index(writer, len(level) - 1)
        for first, second in level:
            if k == 0:
                writer.uniform(np.array([1, 1]), np.array([first, second]))
            else:
                index(writer, first)
                writer.uniform(np.array([4]), np.array([second]))
    return replaced(writer.finish())


def index(writer: RangeWriter, value: int) -> None:
    writer.uniform(np.array([1 << 4, 1 << 16]), np.array([value >> 16, value & 0xFFFF]))


def replaced(data: bytes) -> bytes:
    m = anchors_still()
    header = m.graded_header(SPLATS, has_background=0, position_tool=headers.ANCHORS)
    size = len(headers.KEY_FRAME.to_bytes(header, {"components": 3}))
    return edited(m, KEY_FRAME, lambda payload: payload.__setitem__(slice(size, None), data), 1)


@faulty("anchors-mixed-tools", "anchors with shapes and colours of the other family", "6.3", number=120)
def _() -> bytes:
    def change(payload: bytearray) -> None:
        payload[SHAPE_TOOL] = payload[COLOUR_TOOL] = headers.BASIC

    return edited(anchors_still(), KEY_FRAME, change, 1)


@faulty("anchors-tool", "position_tool 4 is not assigned", "6.3")
def _() -> bytes:
    return edited(anchors_still(), KEY_FRAME, byte(POSITION_TOOL, 4), 1)


@faulty("anchors-many", "a level of four anchors for three splats", "7.14")
def _() -> bytes:
    return with_levels([(0, 0)], [(0, 0), (0, 1)], [(0, 0), (0, 1), (0, 2), (0, 3)])


@faulty("anchors-most", "a first level of 2^20 anchors", "7.14")
def _() -> bytes:
    writer = RangeWriter()
    index(writer, (1 << 20) - 1)
    return replaced(writer.finish())


@faulty("anchors-parent", "a parent whose index is the number of anchors above", "7.14")
def _() -> bytes:
    return with_levels([(0, 0)], [(0, 0), (1, 1)])


@faulty("anchors-childless", "an anchor without children above the last level", "7.14")
def _() -> bytes:
    return with_levels([(0, 0)], [(0, 0), (0, 1)], [(1, 0)])


@faulty("anchors-outside", "a quadrant below the last row of squares", "7.14")
def _() -> bytes:
    return with_levels([(0, 0)], [(0, 2)])


@faulty("anchors-twice", "the same square twice above the last level", "7.14")
def _() -> bytes:
    return with_levels([(0, 0)], [(0, 1), (0, 1)])


@faulty("anchors-order", "a cell that comes before the one of the splat before", "7.14")
def _() -> bytes:
    return with_levels([(0, 0)], [(0, 0)], [(0, 0)], [(0, 2), (0, 1), (0, 3)])


@faulty("anchors-left-over", "five bytes more than the symbols need", "7.9")
def _() -> bytes:
    return edited(anchors_still(), KEY_FRAME, lambda payload: payload.extend(b"\1\2\3\4\5"), 1)
