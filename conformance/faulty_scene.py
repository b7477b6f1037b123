"""Faulty scenes, the last part (spec 5.2, 6.1, 6.6, 6.8 to 6.10, 10.4)."""

from __future__ import annotations

import faulty_progs  # noqa: F401  its streams come first
import numpy as np
from faulty_tools import byte, clip, edited, extended, faulty
from synthetic import join, split
from synthetic_scene import SceneMaker

from pgsvc import headers
from pgsvc.container import HASH, HEAD, KEY_FRAME, REFINEMENT, SPLATS, TILES, Address
from pgsvc.range_coder import RangeWriter
from pgsvc.scene.tables import SliceTables

# bytes of the HEAD payload of a scene without objects, and of a SPLT payload of fewer than 128 splats
FLAGS, DEGREE, AXES, COLOUR_SPACE, GRID, DENOMINATOR, TILE_COUNT = 5, 7, 8, 9, 10, 12, 13
TOOLS, ORIGIN, CUBE, LEAF, SCALE_STEP, OPACITY, COLOUR_STEP, SH_STEPS = 1, 2, 14, 15, 19, 21, 23, 25


def scene(**fields: int) -> SceneMaker:
    """Two layers of five splats, degree 1."""
    m = SceneMaker(130, layer_count=2, sh_degree=1, **fields)
    for k in range(2):
        m.splats(Address(0, 0, k), 5)
    return m


def refined(*names: str, more: int = 0) -> SceneMaker:
    """A layer of splats, one that refines it, and ``more`` announced."""
    m = SceneMaker(131, layer_count=2 + more, sh_degree=1)
    m.splats(Address(), 5)
    m.refinement(Address(0, 0, 1), 0, *(names or ("colour",)))
    return m


def fine(target: int, *names: str, **fields: int) -> bytes:
    """A FINE payload without symbols, for rules that are checked before them."""
    chosen = {f"has_{n}": int(n in names) for n in ("opacity", "colour", "sh", "scale")}
    return headers.REFINEMENT.to_bytes(
        {"target_layer": target, "last_slice": 1, **chosen, "reserved_bits": 0, **fields}
    )


def with_symbols(count: int, data: bytes) -> bytes:
    """The scene, with other range-coded data in its second layer."""
    m = scene()
    header = headers.SPLATS.to_bytes(m.slice_header(count), m.header)
    return edited(m, SPLATS, lambda payload: payload.__setitem__(slice(None), header + data), 1)


def bytes_at(at: int, value: int, size: int) -> object:
    def change(payload: bytearray) -> None:
        payload[at : at + size] = value.to_bytes(size, "big", signed=value < 0)

    return change


# --- HEAD -------------------------------------------------------------------------------------------------------------

for _name, _tests, _at, _value in (
    ("full-range", "a scene with full_range", FLAGS, 0x40),
    ("chroma-format", "a scene with chroma_format 1", FLAGS, 0x01),
    ("sh-degree", "sh_degree 4", DEGREE, 0x40),
    ("kernel", "kernel 3", DEGREE, 0x13),
    ("axes", "axes 8", AXES, 8),
    ("colour-space", "colour_space 2", COLOUR_SPACE, 2),
    ("grid-exponent", "grid_exponent 33", GRID, 33),
    ("metres", "metres_denominator 0", DENOMINATOR, 0),
    ("no-tiles", "tile_count 0", TILE_COUNT, 0),
):
    faulty(f"scene-{_name}", _tests, "6.1")(lambda at=_at, value=_value: edited(scene(), HEAD, byte(at, value)))


@faulty("scene-head-short", "HEAD of a scene ends before tile_count", "6.1")
def _() -> bytes:
    return edited(scene(), HEAD, lambda payload: payload.pop())


# --- addresses and order ----------------------------------------------------------------------------------------------


@faulty("scene-key-frame", "a KEYF chunk in a scene", "5.2")
def _() -> bytes:
    m = scene(tile_count=2)
    m.add(KEY_FRAME, Address(1), b"")
    return m.build(index=False)


@faulty("splats-in-a-video", "a SPLT chunk in a video", "5.2")
def _() -> bytes:
    return extended(clip(), SPLATS, Address(9), b"")


@faulty("scene-frame", "frame 1 in the address of a SPLT chunk", "5.2")
def _() -> bytes:
    m = SceneMaker(132)
    m.splats(Address(0, 1), 5)
    return m.build()


@faulty("scene-tile-number", "tile 1 of one tile", "5.2")
def _() -> bytes:
    m = scene()
    m.splats(Address(1), 5)
    return m.build()


@faulty("scene-layer", "layer 2 of two layers", "5.2")
def _() -> bytes:
    m = scene()
    m.splats(Address(0, 0, 2), 5)
    return m.build()


@faulty("scene-slice-gap", "slice 1 of a layer that has no slice 0", "5.2")
def _() -> bytes:
    m = SceneMaker(133)
    m.splats(Address(0, 0, 0, 0, 1), 5)
    return m.build()


@faulty("scene-slice-after-last", "a FINE chunk after the slice that says it is the last", "5.2")
def _() -> bytes:
    return extended(scene(), REFINEMENT, Address(0, 0, 1, 0, 1), fine(0, "colour"))


@faulty("scene-slices", "65 slices of a layer", "5.2")
def _() -> bytes:
    m = SceneMaker(134)
    for i in range(65):
        m.splats(Address(0, 0, 0, 0, i), 0, last_slice=0)
    return m.build(index=False)


@faulty("scene-order", "layer 1 before layer 0", "5.3")
def _() -> bytes:
    first, a, b, *rest = split(scene().build(index=False))
    return join([first, b, a, *rest])


# --- SPLT -------------------------------------------------------------------------------------------------------------

for _name, _tests, _change in (
    ("prediction", "prediction 3", byte(TOOLS, 0xE1)),
    ("position-tool", "position_tool 0", byte(TOOLS, 0xA0)),
    ("cube-bits", "cube_bits 31", byte(CUBE, 31)),
    ("leaf-bits", "cells larger than the cube", byte(LEAF, 13)),
    ("cells", "cells of a 2^21st of the cube", bytes_at(CUBE, 21 << 8, 2)),
    ("origin-low", "a cube that begins below the grid", bytes_at(ORIGIN, -(1 << 30) - 1, 4)),
    ("origin-high", "a cube that ends above the grid", bytes_at(ORIGIN + 8, (1 << 30) - (1 << 12) + 1, 4)),
    ("scale-step", "scale_step 0", byte(SCALE_STEP, 0)),
    ("opacity-step", "opacity_step 255", bytes_at(OPACITY, 255, 2)),
    ("colour-step", "colour_step 129", byte(COLOUR_STEP, 129)),
    ("sh-steps", "sh_steps 129", byte(SH_STEPS, 129)),
    ("short", "a SPLT header that ends early", lambda payload: payload.__delitem__(slice(20, None))),
):
    faulty(f"splats-{_name}", _tests, "6.8")(lambda change=_change: edited(scene(), SPLATS, change, 1))


@faulty("splats-zero-byte", "symbols of splats that end in a zero byte", "7.9")
def _() -> bytes:
    return edited(scene(), SPLATS, lambda payload: payload.append(0), 1)


@faulty("splats-left-over", "five bytes more than the symbols of splats need", "7.9")
def _() -> bytes:
    return edited(scene(), SPLATS, lambda payload: payload.extend(b"\1\2\3\4\5"), 1)


@faulty("splats-no-symbol", "a number that no share of a node has", "7.9")
def _() -> bytes:
    return with_symbols(5, b"\xff" * 60)


@faulty("splats-more-than-all", "half of a node of five splats holds six", "10.4")
def _() -> bytes:
    writer = RangeWriter()
    writer.adaptive(SliceTables().small, np.array([5], np.int32), np.array([6]))
    return with_prediction_from_nobody(5, writer.finish())


@faulty("splats-share-without-a-number", "the eighth sixteenth of 13 splats, which holds no whole number", "10.4")
def _() -> bytes:
    writer = RangeWriter()
    writer.adaptive(SliceTables().large, np.array([0], np.int32), np.array([7]))
    return with_prediction_from_nobody(13, writer.finish())


def with_prediction_from_nobody(count: int, data: bytes) -> bytes:
    """A scene of one slice with these symbols."""
    m = SceneMaker(135)
    m.add(SPLATS, Address(), headers.SPLATS.to_bytes(m.slice_header(count), m.header) + data)
    return m.build()


@faulty("scene-limit-splats", "2^16 + 1 splats where limit level 1 allows 4 · 2^14", "A.2", "LimitExceeded")
def _() -> bytes:
    m = SceneMaker(136, layer_count=2)
    for k, n in enumerate((1 << 15, (1 << 15) + 1)):
        m.add(SPLATS, Address(0, 0, k), headers.SPLATS.to_bytes(m.slice_header(n), m.header))
    return m.build(index=False)


# --- FINE -------------------------------------------------------------------------------------------------------------


@faulty("refinement-of-itself", "target_layer is the layer of the chunk", "6.9")
def _() -> bytes:
    return edited(refined(), REFINEMENT, byte(0, 1))


@faulty("refinement-target", "target_layer 15", "6.9")
def _() -> bytes:
    return edited(refined(), REFINEMENT, byte(0, 15))


@faulty("refinement-reserved", "a reserved bit of a FINE chunk is set", "6.9")
def _() -> bytes:
    return edited(refined(), REFINEMENT, byte(1, 0xA1))


@faulty("refinement-short", "a FINE header of one byte", "6.9")
def _() -> bytes:
    return edited(refined(), REFINEMENT, lambda payload: payload.__delitem__(slice(1, None)))


@faulty("refinement-of-incomplete", "a refinement of a layer whose last slice is missing", "6.9")
def _() -> bytes:
    m = SceneMaker(137, layer_count=2)
    m.splats(Address(), 5, last_slice=0)
    m.add(REFINEMENT, Address(0, 0, 1), fine(0, "colour"))
    return m.build()


@faulty("refinement-of-refinements", "a refinement of a layer that has no splats of its own", "6.9")
def _() -> bytes:
    return extended(refined(more=1), REFINEMENT, Address(0, 0, 2), fine(1, "colour"))


@faulty("refinement-of-nothing", "a FINE chunk that refines no attribute", "6.9")
def _() -> bytes:
    return edited(refined(), REFINEMENT, lambda payload: payload.__setitem__(slice(None), fine(0)))


@faulty("refinement-twice", "two FINE chunks of a layer refine colours of the same layer", "6.9")
def _() -> bytes:
    m = SceneMaker(138, layer_count=2)
    m.splats(Address(), 5)
    m.refinement(Address(0, 0, 1), 0, "colour", "scale", last=0)
    m.refinement(Address(0, 0, 1, 0, 1), 0, "opacity", "colour")
    return m.build()


@faulty("refinement-left-over", "five bytes more than the symbols of a refinement need", "7.9")
def _() -> bytes:
    return edited(refined(), REFINEMENT, lambda payload: payload.extend(b"\1\2\3\4\5"))


# --- hASH and tILe ----------------------------------------------------------------------------------------------------


def hashed(address: Address, frame_count: int = 1) -> bytes:
    payload = headers.HASH.to_bytes({"frame_count": frame_count, "crc32": 0})
    return extended(scene(), HASH, address, payload)


@faulty("scene-hash", "the hash of a tile does not fit", "6.6", "HashMismatch")
def _() -> bytes:
    return hashed(Address(0, 0, 1))


@faulty("scene-hash-object", "a hash of one object of a scene", "6.6")
def _() -> bytes:
    return hashed(Address(0, 0, 1, 1))


@faulty("scene-hash-frames", "a hash of two frames in a scene", "6.6")
def _() -> bytes:
    return hashed(Address(0, 0, 1), 2)


@faulty("scene-hash-frame", "a hash of frame 1 of a scene", "6.6")
def _() -> bytes:
    return hashed(Address(0, 1, 1))


def tabled() -> SceneMaker:
    m = scene(tile_count=2)
    m.table()
    return m


TILE_BYTES, LEVEL_COUNT = 38, 25  # of an entry of two levels; where its level_count is


@faulty("tiles-order", "the same tile twice in the table", "6.10")
def _() -> bytes:
    return edited(tabled(), TILES, byte(TILE_BYTES, 0))


@faulty("tiles-number", "tile 2 of two tiles in the table", "6.10")
def _() -> bytes:
    return edited(tabled(), TILES, byte(TILE_BYTES, 2))


@faulty("tiles-levels", "level_count 0", "6.10")
def _() -> bytes:
    return edited(tabled(), TILES, byte(LEVEL_COUNT, 0))


@faulty("tiles-short", "a table that ends inside an entry", "6.10")
def _() -> bytes:
    return edited(tabled(), TILES, lambda payload: payload.pop())


@faulty("tiles-twice", "two tables of tiles", "4.4")
def _() -> bytes:
    return extended(tabled(), TILES, Address(), b"")
