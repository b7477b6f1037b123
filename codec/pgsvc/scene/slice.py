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
from pgsvc.scene.orientation import code_rotation
from pgsvc.scene.positions import code_positions
from pgsvc.scene.scales import code_opacity, code_scale
from pgsvc.scene.state import COLOUR_LIMIT, SceneState
from pgsvc.scene.symbols import code_signed_number
from pgsvc.scene.tables import OTHERS, RECENT, SliceTables
from pgsvc.syntax import Record


@dataclass(frozen=True)
class SliceSymbols:
    """What is sent of a slice with N splats besides its boxes; what a writer wants to say, in the order of the boxes.

    Args:
        cells: int64 [N], sorted codes of the splats' cells.
        scale: int64 [N, 3], what the scales are in steps, largest first (absolute, not yet predicted).
        opacity: int64 [N], square roots of alpha in steps.
        axes: float64 [N, 3, 3], directions of the axes, largest first, a right-handed frame.
        position: int64 [N, 3], grid units.
        colour: int64 [N, 3], Q16.
        sh: int64 [N, K, 3], steps.
    """

    cells: np.ndarray
    scale: np.ndarray
    opacity: np.ndarray
    axes: np.ndarray
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
    tables.begin_slice()
    aim = None if wanted is None else wanted.scale
    scale = code_scale(coder, header, side_bits, near, known, tables, aim, unit)
    note("scale")
    aim = None if wanted is None else wanted.opacity
    opacity = code_opacity(coder, header, scale[:, 0], near, known.opacity, tables, aim, unit)
    note("opacity")
    effective = steps.effective_scale(header, scale, unit)
    bits = steps.rotation_bits(header, effective)
    rotation = code_rotation(coder, bits, near, known.rotation, tables, None if wanted is None else wanted.axes)
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
    """Further coefficients: whether a splat has any, then each of those, by the last three and its components before."""
    count = (scene["sh_degree"] + 1) ** 2 - 1
    out = np.zeros((n, count, 3), np.int32)
    all_steps = steps.sh_steps(header)
    if not any(all_steps):
        return out
    sent = np.concatenate([np.full(2 * d + 3, bool(s)) for d, s in enumerate(all_steps)])
    aim = None if wanted is None else wanted.sh * sent[None, :, None]
    some = None if aim is None else (aim != 0).any((1, 2)).astype(np.int32)
    has = np.flatnonzero(coder.adaptive(tables.has_sh, np.zeros(n, np.int32), some))
    size = np.zeros((len(has), count, 3), np.int64)
    recent = np.zeros((3, len(has)), np.int64)
    for c in range(3):
        k = 0
        for degree, of_degree in enumerate(all_steps):
            for _ in range(2 * degree + 3):
                if of_degree:
                    value = None if aim is None else aim[has, k, c]
                    context = RECENT * degree + np.minimum(bit_length(recent.sum(0)), RECENT - 1)
                    others = size[:, k, 0] + 2 * size[:, k, 1]
                    context = OTHERS * context + np.minimum(bit_length(others), OTHERS - 1)
                    value = code_signed_number(coder, tables.sh[c], context, value)
                    out[has, k, c] = np.clip(value * of_degree[c], -COLOUR_LIMIT, COLOUR_LIMIT)
                    size[:, k, c] = np.abs(value)
                    recent = np.concatenate([recent[1:], size[None, :, k, c]])
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
