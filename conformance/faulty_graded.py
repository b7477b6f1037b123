"""Faulty streams, part three: graded tools (spec 6.3, 7.9 to 7.11)."""

from __future__ import annotations

import numpy as np
from faulty_tools import byte, edited, faulty
from synthetic import YUV420, Maker

from pgsvc import headers
from pgsvc.container import KEY_FRAME, Address
from pgsvc.planar.tree import SMALL_PRIOR
from pgsvc.range_coder import RangeWriter

COLOUR_TOOL, CELL_BITS, ENERGY_STEP = 5, 6, 8  # bytes of the KEYF header where frame and count take one each


def graded_still(count: int = 5) -> Maker:
    m = Maker(106, 16, 12, YUV420, layer_count=2)
    m.graded(Address(0, 0, 0), 5, background=[2000, 0, 0])
    m.graded(Address(0, 0, 1), count)
    return m


def with_symbols(count: int, data: bytes) -> bytes:
    """The still, with other range-coded data in its second layer."""
    m = graded_still(count)
    header = headers.KEY_FRAME.to_bytes(m.graded_header(count, has_background=0), {"components": 3})
    return edited(m, KEY_FRAME, lambda payload: payload.__setitem__(slice(len(header), None), data), 1)


@faulty("graded-mixed-tools", "a colour tool of the other family", "6.3")
def _() -> bytes:
    return edited(graded_still(), KEY_FRAME, byte(COLOUR_TOOL, headers.BASIC), 1)


@faulty("graded-cell-bits", "cell_bits 9", "6.3")
def _() -> bytes:
    return edited(graded_still(), KEY_FRAME, byte(CELL_BITS, 9 << 4), 1)


@faulty("graded-energy-step", "energy_step 129", "6.3")
def _() -> bytes:
    return edited(graded_still(), KEY_FRAME, byte(ENERGY_STEP, 129), 1)


@faulty("graded-zero-byte", "range-coded data that ends in a zero byte", "7.9")
def _() -> bytes:
    return edited(graded_still(), KEY_FRAME, lambda payload: payload.append(0), 1)


@faulty("graded-left-over", "five bytes more than the symbols need", "7.9")
def _() -> bytes:
    return edited(graded_still(), KEY_FRAME, lambda payload: payload.extend(b"\1\2\3\4\5"), 1)


@faulty("graded-no-symbol", "a number that no symbol has", "7.9")
def _() -> bytes:
    return with_symbols(5, b"\xff" * 40)


@faulty("graded-more-than-all", "half of a node of five splats holds six", "7.10")
def _() -> bytes:
    writer = RangeWriter()
    writer.adaptive(SMALL_PRIOR.copy(), np.array([5], np.int32), np.array([6]))
    return with_symbols(5, writer.finish())
