"""Slices of a scene by the native module: a SPLT or FINE chunk from its data to its splats in one call (spec 10.4–10.9).

The states are what ``slice`` and ``refine`` make, which stay the way to write and to decode with ``--cpu reference``. Positions by
the tools that are here to be compared with, occupancy and anchors, are read by these, and the native module goes on from there.
"""

from __future__ import annotations

from functools import cache
from itertools import chain

import numpy as np

from pgsvc import kernel
from pgsvc.errors import BadStream
from pgsvc.planar.tree import MORE_THAN_ALL, NO_NUMBER
from pgsvc.range_coder import NO_SYMBOL, RangeReader
from pgsvc.scene import steps
from pgsvc.scene.positions import TREE, code_positions
from pgsvc.scene.refine import ATTRIBUTES, Refinable
from pgsvc.scene.rotation import ANISOTROPY, COSINE
from pgsvc.scene.splats import SceneSplats
from pgsvc.scene.state import SceneState
from pgsvc.scene.symbols import NumberTables
from pgsvc.scene.tables import SliceTables
from pgsvc.syntax import Record

FAULTS = {1: (NO_SYMBOL, "7.9"), 2: (NO_NUMBER, "10.4"), 3: (MORE_THAN_ALL, "10.4")}  # pgs::Fault
NO_CODES, NO_WORDS = np.zeros(0, np.int64), np.zeros(0, np.int16)


class SceneDecoder:
    """The splats of an object in a tile, slice after slice.

    Args:
        count: splats of all slices that will be decoded.
        scene: the stream header.
    """

    def __init__(self, count: int, scene: Record) -> None:
        self._scene, self._filled = scene, 0
        position, scale, colour = (np.empty((count, 3), np.int32) for _ in range(3))
        rotation = np.empty((count, 4), np.int32)
        sh = np.empty((count, (scene["sh_degree"] + 1) ** 2 - 1, 3), np.int32)
        self._room = SceneState(position, scale, rotation, np.empty(count, np.int32), colour, sh)
        self._native = kernel.native().SceneDecoder(_first_tables(), COSINE, ANISOTROPY, *_arrays(self._room))
        self._tables = SliceTables()  # of the other position tools, which keep none

    @property
    def state(self) -> SceneState:
        """All splats so far."""
        return self._rows(0, self._filled)

    def slice(self, reader: RangeReader, header: Record) -> Refinable:
        """The splats of a SPLT chunk.

        Raises:
            BadStream: the data break a rule of chapter 10.
        """
        count, codes = header["splat_count"], NO_CODES
        given = header["position_tool"] != TREE
        if given:
            depth = header["cube_bits"] - header["leaf_bits"]
            codes = code_positions(reader, header, depth, NO_CODES, self._tables, None).code
        words = np.array(header["codewords"], np.int16) if header["codebook_bits"] else NO_WORDS
        numbers = _numbers(header, self._scene)
        _check(self._native.slice(reader.data, reader.state, numbers, words, count, codes, given))
        first, self._filled = self._filled, self._filled + count
        return Refinable(self._rows(first, self._filled), header)

    def refine(self, reader: RangeReader, header: Record, slices: list[Refinable], first: int) -> None:
        """All symbols of a FINE chunk; changes the states of ``slices``, which follow each other from row ``first`` on.

        Raises:
            BadStream: the data break a rule.
        """
        counts = np.array([len(part.state) for part in slices], np.int64)
        rows = np.stack([first + np.cumsum(counts) - counts, counts], 1)
        for number, name in enumerate(ATTRIBUTES):
            if header[f"has_{name}"]:
                thirds = np.stack([(part.steps(name) // 3).reshape(-1) for part in slices]).astype(np.int32)
                _check(self._native.refine(reader.data, reader.state, number, rows, thirds))
                for part in slices:
                    part.times[name] = part.times.get(name, 0) + 1

    def _rows(self, first: int, end: int) -> SceneState:
        return SceneState(*(array[first:end] for array in _arrays(self._room)))


def floats(state: SceneState, grid_exponent: int, out: SceneSplats, threads: int) -> None:
    """What :meth:`SceneState.splats` returns, into arrays."""
    given = (out.position, out.log_scale, out.rotation, out.opacity, out.sh_dc, out.sh_rest)
    unit = float(np.ldexp(1.0, grid_exponent))
    kernel.native().scene_floats(*_arrays(state), unit, *_functions(), *given, threads)


def _check(fault: int) -> None:
    if fault:
        message, clause = FAULTS[fault]
        raise BadStream(message, clause=clause)


def _arrays(state: SceneState) -> tuple[np.ndarray, ...]:
    return state.position, state.scale, state.rotation, state.opacity, state.colour, state.sh


def _numbers(header: Record, scene: Record) -> np.ndarray:
    """pgs::scene::Header; int32 [27]."""
    names = ("position_tool", "prediction", "place_precision", "finest_scale", "usual_scale", "scale_step")
    own = [header[n] for n in (*names, "rotation_precision", "opacity_step", "codebook_bits")]
    sh = [of_degree or [0, 0, 0] for of_degree in steps.sh_steps(header)]
    sh += [[0, 0, 0]] * (3 - len(sh))
    cube = [*header["origin"], header["cube_bits"], header["leaf_bits"]]
    return np.array([*own, scene["grid_exponent"], *steps.colour_steps(header), *chain(*sh), *cube], np.int32)


@cache
def _first_tables() -> np.ndarray:
    """Counts that pgs::scene::Tables begin with; uint16 [n]."""
    t = SliceTables()

    def of(*numbers: NumberTables) -> list[np.ndarray]:
        return [array for n in numbers for array in (n.lengths, n.halves)]

    parts = [
        t.small,
        t.large,
        *of(t.opacity, *t.scale),
        t.less,
        t.thin,
        t.upper,
        t.lift,
        t.choice,
        *of(*t.colour),
        t.has_sh,
        *of(*t.sh),
    ]
    return np.concatenate([p.reshape(-1) for p in parts])


@cache
def _functions() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """pgs::scene::Functions; [65536] each."""
    numbers = np.arange(65536)
    alpha = np.maximum(numbers, 1) / 65536.0
    alpha *= alpha
    angle = numbers * (np.pi / 65536)
    return np.log(alpha / (1 - alpha)).astype(np.float32), np.cos(angle), np.sin(angle)
