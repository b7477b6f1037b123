"""Valid streams with positions as anchors; they come after those of valid_objects."""

from __future__ import annotations

from synthetic import GREY, YUV420, YUV444, Maker
from synthetic_predicted import PredictedMaker
from valid_objects import VALID
from valid_streams import valid

from pgsvc.container import Address
from pgsvc.headers import ANCHORS

__all__ = ["VALID"]


@valid(
    "still-graded-anchors",
    "positions as anchors of five levels, RGB, layers beside it with the tree of counts and without splats",
    "6.3",
    "7.14",
    number=40,
)
def _() -> bytes:
    m = Maker(40, 210, 93, YUV444, matrix_coefficients=0, full_range=1, layer_count=4)
    tools = ({"position_tool": ANCHORS}, {}, {"position_tool": ANCHORS}, {"position_tool": ANCHORS, "cell_bits": 1})
    for k, n in enumerate((40, 60, 0, 120)):
        background = [2000, 3000, 2500] if k == 0 else [0, 0, 0]
        m.graded(Address(0, 0, k), n, background=background, energy_step=86 - 4 * k, **tools[k])
    m.hashes()
    return m.build()


@valid(
    "still-graded-anchors-extremes",
    "anchors of one level in a single cell, of two in a row of cells, of five with cells of 1 sample; several splats in a cell",
    "7.14",
)
def _() -> bytes:
    m = Maker(41, 130, 3, YUV420, bit_depth=10, layer_count=3)
    m.graded(Address(0, 0, 0), 12, position_tool=ANCHORS, cell_bits=8)
    m.graded(Address(0, 0, 1), 30, position_tool=ANCHORS, cell_bits=7)
    m.graded(Address(0, 0, 2), 90, position_tool=ANCHORS, cell_bits=0)
    m.hashes()
    return m.build()


@valid(
    "video-motion-anchors",
    "predicted frames of both tools behind key frames with anchors, slices; splats that are born lie in a tree",
    "6.4",
    "7.13",
    "7.14",
)
def _() -> bytes:
    m = PredictedMaker(42, 60, 52, GREY, frame_count=8, layer_count=2)
    for segment in range(2):
        for layer, number, n, last in ((0, 0, 25, 1), (1, 0, 30, 0), (1, 1, 15, 1)):
            address = Address(segment, 0, layer, 0, number)
            background = [3000] if layer == 0 else [0]
            m.graded(address, n, position_tool=ANCHORS, last_slice=last, first_frame=4 * segment, background=background)
            following = Address(segment, 1, layer, 0, number)
            if segment == 0:
                m.differences(following, 3, group_bits=1, births=20)
            else:
                m.predicted(following, 3)
    m.hashes()
    return m.build()
