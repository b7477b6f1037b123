"""Faulty scenes, part two: the tools that are there to be compared with (spec 6.8, 10.12, 10.13)."""

from __future__ import annotations

import numpy as np
from faulty_scene import TOOLS
from faulty_tools import byte, edited, faulty
from synthetic_scene import SceneMaker

from pgsvc import headers
from pgsvc.container import SPLATS, Address
from pgsvc.range_coder import RangeWriter
from pgsvc.scene.occupancy import fresh_octants
from pgsvc.scene.positions import ANCHORS, OCCUPANCY
from pgsvc.scene.symbols import NumberTables, code_number

GROWTH, BOOK_BITS = 25, 26  # of a SPLT header of degree 0: where its growth is, and without one its codebook_bits
COUNT = 3  # splats of slices with other symbols
LAST = 3  # of the levels of anchors below


def tool(position_tool: int, **fields) -> SceneMaker:
    """A slice of five splats in a cube of 8 · 8 · 8 cells."""
    m = SceneMaker(139)
    m.splats(Address(), 5, position_tool=position_tool, leaf_bits=9, **fields)
    return m


def with_symbols(position_tool: int, writer: RangeWriter, leaf_bits: int = 9) -> bytes:
    """A slice of three splats with these symbols."""
    m = SceneMaker(140)
    header = m.slice_header(COUNT, position_tool=position_tool, leaf_bits=leaf_bits)
    m.add(SPLATS, Address(), headers.SPLATS.to_bytes(header, m.header) + writer.finish())
    return m.build()


def left_over(payload: bytearray) -> None:
    payload.extend(b"\1\2\3\4\5")


# --- header -----------------------------------------------------------------------------------------------------------


@faulty("splats-position-tool-4", "position_tool 4 is not assigned", "6.8")
def _() -> bytes:
    return edited(tool(OCCUPANCY), SPLATS, byte(TOOLS, 0xA4))


@faulty("splats-codebook-bits", "codebook_bits 9", "6.8")
def _() -> bytes:
    return edited(tool(OCCUPANCY), SPLATS, byte(BOOK_BITS, 9))


@faulty("splats-codewords-short", "a SPLT header that ends inside its codewords", "6.8")
def _() -> bytes:
    m = tool(OCCUPANCY, codebook_bits=1, codewords=[0] * 6)
    return edited(m, SPLATS, lambda payload: payload.__delitem__(slice(BOOK_BITS + 12, None)))


# --- occupancy --------------------------------------------------------------------------------------------------------


def occupied(more: list[int], *octants: int) -> bytes:
    """A slice in 2 · 2 · 2 cells, or 4 · 4 · 4 if octants of nodes are given, too; ``more``: splats of each cell but one."""
    writer, tables = RangeWriter(), fresh_octants()
    for k, o in enumerate(octants):
        above = 0 if k == 0 else octants[0].bit_count()
        writer.adaptive(tables, np.array([above], np.int32), np.array([o - 1], np.int32))
    code_number(writer, NumberTables.fresh(1, 0), np.zeros(len(more)), np.array(more, np.int64))
    return with_symbols(OCCUPANCY, writer, 11 if len(octants) < 2 else 10)


@faulty("occupancy-many", "four cells are occupied by three splats", "10.12")
def _() -> bytes:
    return occupied([], 0b10110010)


@faulty("occupancy-many-below", "two nodes of two octants each for three splats", "10.12")
def _() -> bytes:
    return occupied([], 0b11, 0b101, 0b11000)


@faulty("occupancy-few-splats", "two cells of one splat each for three splats", "10.12")
def _() -> bytes:
    return occupied([0, 0], 0b1001)


@faulty("occupancy-many-splats", "two cells of two splats each for three splats", "10.12")
def _() -> bytes:
    return occupied([1, 1], 0b1001)


@faulty("occupancy-left-over", "five bytes more than the symbols need", "7.9")
def _() -> bytes:
    return edited(tool(OCCUPANCY), SPLATS, left_over)


# --- anchors ----------------------------------------------------------------------------------------------------------


def with_levels(*levels: list[tuple[int, ...]]) -> bytes:
    """A slice in 8 · 8 · 8 cells, so of four levels; coordinates in the first level, (parent, octant) below."""
    writer = RangeWriter()
    for k, level in enumerate(levels):
        if k < LAST:
            index(writer, len(level) - 1)
        for numbers in level:
            if k == 0:
                writer.uniform(np.array([1] * 3), np.array(numbers))
            else:
                index(writer, numbers[0])
                writer.uniform(np.array([8]), np.array([numbers[1]]))
    return with_symbols(ANCHORS, writer)


def index(writer: RangeWriter, value: int) -> None:
    writer.uniform(np.array([1 << 4, 1 << 16]), np.array([value >> 16, value & 0xFFFF]))


ROOT = [(0, 0, 0)]


@faulty("scene-anchors-many", "a level of four anchors for three splats", "10.13")
def _() -> bytes:
    return with_levels(ROOT, [(0, 0), (0, 1), (0, 2), (0, 3)])


@faulty("scene-anchors-most", "a first level of 2^20 anchors", "10.13")
def _() -> bytes:
    writer = RangeWriter()
    index(writer, (1 << 20) - 1)
    return with_symbols(ANCHORS, writer)


@faulty("scene-anchors-parent", "a parent whose index is the number of anchors above", "10.13")
def _() -> bytes:
    return with_levels(ROOT, [(0, 5), (1, 0)])


@faulty("scene-anchors-childless", "an anchor without children above the last level", "10.13")
def _() -> bytes:
    return with_levels(ROOT, [(0, 5), (0, 6)], [(1, 0)])


@faulty("scene-anchors-twice", "the same node twice above the last level", "10.13")
def _() -> bytes:
    return with_levels(ROOT, [(0, 5), (0, 5)])


@faulty("scene-anchors-order", "a cell that comes before the one of the splat before", "10.13")
def _() -> bytes:
    return with_levels(ROOT, [(0, 5)], [(0, 7)], [(0, 2), (0, 1), (0, 3)])


@faulty("scene-anchors-left-over", "five bytes more than the symbols need", "7.9")
def _() -> bytes:
    return edited(tool(ANCHORS), SPLATS, left_over)


# --- growth -----------------------------------------------------------------------------------------------------------


@faulty("splats-growth", "growth 17", "6.8")
def _() -> bytes:
    return edited(tool(OCCUPANCY), SPLATS, byte(GROWTH, 17))
