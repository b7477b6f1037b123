"""One slice of splats: all its symbols, in their order, and the state that they set (spec 10.5 to 10.8)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pgsvc.errors import BadStream
from pgsvc.planar.symbols import bit_length
from pgsvc.range_coder import AdaptiveCoder
from pgsvc.scene import steps
from pgsvc.scene.colour import code_colour
from pgsvc.scene.morton import SIDE_BITS, from_morton3
from pgsvc.scene.neighbours import LowerSet, Neighbours
from pgsvc.scene.positions import code_positions
from pgsvc.scene.state import SceneState, clip_scale
from pgsvc.scene.symbols import as_context, code_number, code_signed_number
from pgsvc.scene.tables import SliceTables, spread_context
from pgsvc.syntax import Record


@dataclass(frozen=True)
class SliceSymbols:
    """What is sent of a slice with N splats besides its boxes; what a writer wants to say, in the order of the boxes.

    Args:
        cells: int64 [N], sorted codes of the splats' cells.
        opacity: int64 [N], square roots of alpha in steps.
        scale: int64 [N, 3], what the scales are in steps, largest first (absolute, not yet predicted).
        direction: float64 [N, 2], place of the smallest axis on the square, −1 … 1.
        angle: float64 [N], of the largest axis in half turns, 0 … 1.
        position: int64 [N, 3], grid units.
        colour: int64 [N, 3], Q16.
        sh: int64 [N, K, 3], steps.
    """

    cells: np.ndarray
    opacity: np.ndarray
    scale: np.ndarray
    direction: np.ndarray
    angle: np.ndarray
    position: np.ndarray
    colour: np.ndarray
    sh: np.ndarray


def code_slice(
    coder: AdaptiveCoder,
    header: Record,
    scene: Record,
    lower: LowerSet,
    tables: SliceTables,
    wanted: SliceSymbols | None = None,
    note: Callable[[str], None] = lambda part: None,
) -> SceneState:
    """All symbols of a SPLT payload; pass ``wanted`` when writing. Returns the state, which a writer gets just as a reader does.

    Args:
        scene: the stream header.
        lower: the splats that are decoded already.
        tables: of the object in this tile, which learn.
        note: told the name of each part behind its last symbol.

    Raises:
        BadStream: the data break a rule of chapter 10.
    """
    unit = scene["grid_exponent"]
    origin = np.array(header["origin"], np.int64)
    depth = header["cube_bits"] - header["leaf_bits"]
    boxes = code_positions(coder, header, depth, lower.codes, tables, None if wanted is None else wanted.cells)
    note("boxes")
    side_bits = boxes.side_bits(header["leaf_bits"])
    corner = from_morton3(boxes.code) << header["leaf_bits"]
    shift = max(0, header["cube_bits"] - SIDE_BITS)
    centre = (corner + (1 << side_bits >> 1)) >> shift
    near = lower.neighbours(boxes.code, centre) if header["prediction"] else _nobody(len(boxes.code))
    known = lower.state
    opacity = _code_opacity(coder, header, near, known, tables, wanted)
    note("opacity")
    scale = _code_scale(coder, header, near, known, tables, wanted, unit)
    note("scale")
    effective = steps.effective_scale(header, scale, unit)
    rotation = _code_rotation(coder, header, effective, near, known, tables, wanted)
    note("rotation")
    exponents = steps.place_exponents(header, effective, rotation, unit)
    position = _code_place(coder, exponents, side_bits, origin + corner, wanted)
    note("position")
    colour = code_colour(coder, header, near, known.colour, tables, None if wanted is None else wanted.colour)
    note("colour")
    sh = _code_sh(coder, header, scene, tables, len(boxes.code), wanted)
    note("sh")
    return SceneState(position, scale, rotation, opacity, colour, sh).clipped()


def _nobody(n: int) -> Neighbours:
    return Neighbours(np.zeros((n, 0), np.int64), np.zeros((n, 0), np.int64))


def _code_opacity(
    coder: AdaptiveCoder,
    header: Record,
    near: Neighbours,
    known: SceneState,
    tables: SliceTables,
    wanted: SliceSymbols | None,
) -> np.ndarray:
    """Square roots of alpha, evenly: what is nearly transparent is seen only where it is large."""
    last = -(-65535 // header["opacity_step"])
    context = near.mean(known.opacity) >> 14 if near.exist else np.full(len(near.index), 4)
    below = code_number(coder, tables.opacity, context, None if wanted is None else last - wanted.opacity)
    return np.maximum(last - below, 0) * header["opacity_step"]


def _code_scale(
    coder: AdaptiveCoder,
    header: Record,
    near: Neighbours,
    known: SceneState,
    tables: SliceTables,
    wanted: SliceSymbols | None,
    unit: int,
) -> np.ndarray:
    """Scales, largest first: the first against the neighbours' or the usual one, each other against the one before."""
    step = header["scale_step"] << 6
    usual = (header["usual_scale"] << 10) + (unit << 12)
    n = len(near.index)
    guess = near.mean(known.scale[:, 0]) if near.exist else np.full(n, usual, np.int64)
    guess = (guess + step // 2) // step
    aim = None if wanted is None else wanted.scale
    spread = near.spread(known.scale[:, 0], guess * step) // step if near.exist else None
    context = spread_context(n, spread)
    first = guess + code_signed_number(coder, tables.scale[0], context, None if aim is None else aim[:, 0] - guess)
    second = code_number(coder, tables.scale[1], np.zeros(n), None if aim is None else aim[:, 0] - aim[:, 1])
    context = np.minimum(bit_length(second), 5)
    third = code_number(coder, tables.scale[2], context, None if aim is None else aim[:, 1] - aim[:, 2])
    return clip_scale(np.stack([first, first - second, first - second - third], 1) * step)


def _code_rotation(
    coder: AdaptiveCoder,
    header: Record,
    effective: np.ndarray,
    near: Neighbours,
    known: SceneState,
    tables: SliceTables,
    wanted: SliceSymbols | None,
) -> np.ndarray:
    """Directions by the nearest's where both have two bits or more: first the two upper bits of u and v, then the rest."""
    tilt, turn = steps.rotation_bits(header, effective)
    aim = None
    if wanted is not None:
        aim = np.floor((wanted.direction + 1) / 2 * (1 << tilt)[:, None]).astype(np.int64)
        aim = np.clip(aim, 0, (1 << tilt)[:, None] - 1)
    n = len(tilt)
    upper = np.zeros((n, 2), np.int64)
    coarse = tilt >= 2
    context = np.full(n, 16, np.int64)
    if near.exist:
        u, v = ((near.nearest(known.rotation[:, i]).astype(np.int64) + 32768) >> 14 for i in (0, 1))
        context = 4 * u + v
    rest = np.where(coarse, tilt - 2, tilt)
    part = None if aim is None else aim >> rest[:, None]
    both = None if part is None else (4 * part[:, 0] + part[:, 1])[coarse].astype(np.int32)
    both = coder.adaptive(tables.upper, as_context(context[coarse]), both).astype(np.int64)
    upper[coarse] = np.stack([both >> 2, both & 3], 1)
    place = np.empty((n, 2), np.int64)
    for i in (0, 1):
        low = None if aim is None else aim[:, i] & ((1 << rest) - 1)
        index = upper[:, i] << rest | coder.uniform(1 << rest, low)
        place[:, i] = ((2 * index + 1) << 15 - tilt) - 32768
    goal = None
    if wanted is not None:
        goal = np.clip(np.floor(wanted.angle * (1 << turn)).astype(np.int64), 0, (1 << turn) - 1)
    angle = coder.uniform(1 << turn, goal).astype(np.int64)
    return np.concatenate([place, ((2 * angle + 1) << 15 - turn)[:, None]], 1)


def _code_place(
    coder: AdaptiveCoder,
    exponents: np.ndarray,
    side_bits: np.ndarray,
    corner: np.ndarray,
    wanted: SliceSymbols | None,
) -> np.ndarray:
    """Positions inside the boxes, x, y and z one after the other; grid units."""
    widths = steps.place_bits(exponents, side_bits)
    rest = side_bits - widths
    out = np.empty_like(corner)
    for i in range(3):
        aim = None if wanted is None else (wanted.position[:, i] - corner[:, i]) >> rest[:, i]
        place = coder.uniform(1 << widths[:, i], aim).astype(np.int64)
        out[:, i] = corner[:, i] + (place << rest[:, i]) + (1 << rest[:, i] >> 1)
    return out


def _code_sh(
    coder: AdaptiveCoder, header: Record, scene: Record, tables: SliceTables, n: int, wanted: SliceSymbols | None
) -> np.ndarray:
    """Further coefficients: whether a splat has any, then each of those, by how many of the last three were not 0."""
    count = (scene["sh_degree"] + 1) ** 2 - 1
    out = np.zeros((n, count, 3), np.int64)
    all_steps = steps.sh_steps(header)
    if not any(all_steps):
        return out
    sent = np.concatenate([np.full(2 * d + 3, bool(s)) for d, s in enumerate(all_steps)])
    aim = None if wanted is None else wanted.sh * sent[None, :, None]
    some = None if aim is None else (aim != 0).any((1, 2)).astype(np.int32)
    has = np.flatnonzero(coder.adaptive(tables.has_sh, np.zeros(n, np.int32), some))
    recent = np.zeros((3, len(has)), np.int64)
    for c in range(3):
        k = 0
        for degree, of_degree in enumerate(all_steps):
            for _ in range(2 * degree + 3):
                if of_degree:
                    value = None if aim is None else aim[has, k, c]
                    value = code_signed_number(coder, tables.sh[c], 4 * degree + recent.sum(0), value)
                    out[has, k, c] = value * of_degree[c]
                    recent = np.concatenate([recent[1:], (value != 0)[None].astype(np.int64)])
                k += 1
    return out


def check_header(header: Record) -> None:
    """Rules of spec 6.8 that concern several fields.

    Raises:
        BadStream: one is broken.
    """
    if not header["leaf_bits"] <= header["cube_bits"] <= header["leaf_bits"] + SIDE_BITS:
        raise BadStream("the cells of a slice do not fit its cube", clause="6.8")
    if any(not -(1 << 30) <= o <= (1 << 30) - (1 << header["cube_bits"]) for o in header["origin"]):
        raise BadStream("the cube of a slice reaches out of the grid", clause="6.8")
