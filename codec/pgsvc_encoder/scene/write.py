"""Slices of a scene as payloads of SPLT and FINE chunks, with what a receiver makes of them (spec 6.8, 6.9)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from pgsvc import headers
from pgsvc.range_coder import RangeWriter
from pgsvc.scene.morton import SIDE_BITS, morton3
from pgsvc.scene.neighbours import LowerSet
from pgsvc.scene.refine import Refinable, refine
from pgsvc.scene.slice import SliceSymbols, code_slice
from pgsvc.scene.state import SceneState
from pgsvc.scene.steps import sh_steps
from pgsvc.scene.tables import SliceTables
from pgsvc.syntax import Record
from pgsvc_encoder.scene.canonical import Canonical
from pgsvc_encoder.scene.codebook import train_codebook

DEAD_ZONE = 1 / 3  # coefficients round towards 0 up to 2/3 of a step
HIGHEST_LEAF = 14  # cells along a side of a cube, as bits: what is finer is not worth a tree


@dataclass(frozen=True)
class Cube:
    """Where a tile's splats lie, in grid units."""

    origin: tuple[int, int, int]
    cube_bits: int
    leaf_bits: int

    @staticmethod
    def around(position: np.ndarray, grid_exponent: int) -> Cube:
        """The smallest cube around positions [N, 3] in scene units."""
        grid = np.floor(np.ldexp(position, -grid_exponent)).astype(np.int64)
        low, high = (grid.min(0), grid.max(0)) if len(grid) else (np.zeros(3, np.int64),) * 2
        bits = int((high - low).max()).bit_length()
        origin = np.minimum(low, (1 << 30) - (1 << bits))
        return Cube((int(origin[0]), int(origin[1]), int(origin[2])), bits, max(0, bits - HIGHEST_LEAF))


assert HIGHEST_LEAF <= SIDE_BITS


@dataclass
class Written:
    """A payload and what it decodes to.

    Args:
        payload: of the chunk.
        state: decoded splats.
        order: int64 [N], which of the given splats each is.
        bits: by part of the syntax.
    """

    payload: bytes
    state: SceneState
    order: np.ndarray
    bits: dict[str, float]


def write_slice(
    splats: Canonical, cube: Cube, known: SceneState, tables: SliceTables, fields: Record, scene: Record
) -> Written:
    """A SPLT payload.

    Args:
        known: splats of the same tile and object that are decoded before.
        tables: of that object, which learn.
        fields: what the header says besides what follows from the splats: steps, tools, ``last_slice``.
        scene: the stream header.
    """
    unit = scene["grid_exponent"]
    origin = np.array(cube.origin, np.int64)
    grid = np.clip(np.floor(np.ldexp(splats.position, -unit)).astype(np.int64) - origin, 0, (1 << cube.cube_bits) - 1)
    cells = morton3(grid >> cube.leaf_bits)
    order = np.argsort(cells, kind="stable")
    chosen = splats.select(order)
    header: Record = {
        **fields,
        "splat_count": len(order),
        "origin": list(cube.origin),
        "cube_bits": cube.cube_bits,
        "leaf_bits": cube.leaf_bits,
        "usual_scale": _usual(chosen.scale[:, 0], unit),
    }
    lower = LowerSet(known, origin, cube.cube_bits, cube.leaf_bits)
    if header["codebook_bits"]:
        header["codewords"] = train_codebook(chosen.colour, cells[order], lower, header)
    wanted = _symbols(chosen, cells[order], grid[order] + origin, header, scene)
    writer = RangeWriter()
    meter = Meter(writer)
    state = code_slice(writer, header, scene, lower, tables, wanted, meter)
    payload = headers.SPLATS.to_bytes(header, scene)
    meter.bits["header"] = 8.0 * len(payload)
    return Written(payload + writer.finish(), state, order, meter.bits)


class Meter:
    """Told the name of each part behind its last symbol, it keeps what the part took."""

    def __init__(self, writer: RangeWriter) -> None:
        self._writer, self._last = writer, writer.bits()
        self.bits: dict[str, float] = {}

    def __call__(self, part: str) -> None:
        now = self._writer.bits()
        self.bits[part] = self.bits.get(part, 0.0) + now - self._last
        self._last = now


def _usual(scale: np.ndarray, unit: int) -> int:
    """The median scale in quarters of an octave above a grid unit."""
    return int(np.clip(np.round(4 * (np.median(scale) - unit)), 0, 255)) if len(scale) else 0


def _symbols(splats: Canonical, cells: np.ndarray, position: np.ndarray, h: Record, scene: Record) -> SliceSymbols:
    unit = scene["grid_exponent"]
    step = (h["scale_step"] << 6) / 4096
    floor = h["finest_scale"] / 4 + unit
    last = -(-65535 // h["opacity_step"])
    return SliceSymbols(
        cells=cells,
        opacity=np.clip(np.round(np.sqrt(splats.alpha) * 65536 / h["opacity_step"]), 0, last).astype(np.int64),
        scale=np.round(np.maximum(splats.scale, floor) / step).astype(np.int64),
        axes=splats.axes,
        position=position,
        colour=np.round(splats.colour * 65536).astype(np.int64),
        sh=_sh_symbols(splats.sh, h),
    )


def _sh_symbols(sh: np.ndarray, header: Record) -> np.ndarray:
    out = np.zeros(sh.shape, np.int64)
    k = 0
    for degree, of_degree in enumerate(sh_steps(header)):
        n = 2 * degree + 3
        if of_degree:
            x = sh[:, k : k + n] * 65536 / np.array(of_degree)
            out[:, k : k + n] = np.sign(x) * np.floor(np.abs(x) + DEAD_ZONE)
        k += n
    return out


def write_refinement(
    slices: list[Refinable],
    goals: list[Canonical],
    header: Record,
    note: Callable[[RangeWriter], None] = lambda w: None,
) -> bytes:
    """A FINE payload; changes the states of ``slices``.

    Args:
        goals: what the splats of each slice should be, in the order of its state.
        note: told the writer behind the last symbol.
    """
    writer = RangeWriter()
    refine(writer, header, slices, _goals(goals))
    note(writer)
    return headers.REFINEMENT.to_bytes(header) + writer.finish()


def _goals(goals: list[Canonical]) -> Mapping[str, np.ndarray]:
    def all_(name: str, factor: float) -> np.ndarray:
        return np.concatenate([np.round(getattr(g, name) * factor).astype(np.int64) for g in goals])

    return {
        "opacity": np.concatenate([np.round(np.sqrt(g.alpha) * 65536).astype(np.int64) for g in goals]),
        "scale": all_("scale", 4096),
        "colour": all_("colour", 65536),
        "sh": all_("sh", 65536),
    }
