"""Predicted frames with graded tools: what is common is predicted, what is left is sent where it pays (spec 7.13).

Every splat is predicted from one decoded frame, moved by the motion field, or lies between two. Then a symbol per splat says which
of its numbers are sent as differences to that, or that another splat takes its place. Steps of differences follow from the
predicted splat as those of a key frame follow from its energies, so precision costs no bits here either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pgsvc.planar import graded
from pgsvc.planar.graded import LENGTHS, MOST, GradedSymbols, code_graded, code_signed
from pgsvc.planar.motion import Step, coding_order, vectors
from pgsvc.planar.splats import LOG_CHOLESKY, SplatSet, clip_colour, clip_position, clip_shape, exp2
from pgsvc.planar.symbols import UPDATE_COLOUR, UPDATE_POSITION, UPDATE_SHAPE
from pgsvc.range_coder import AdaptiveCoder
from pgsvc.syntax import Record

BORN = 8  # another splat takes the place
FINEST_MOVE, COARSEST_MOVE = -3, 3  # exponents of the steps of moves, luma samples
CLASSES = 3  # of energies, in the contexts of the updates


@dataclass(frozen=True)
class Frame:
    """What of the stream differences need to know: the size in luma samples, the components, and whether they are R, G, B."""

    width: int
    height: int
    components: int
    is_rgb: bool


@dataclass(frozen=True)
class DifferenceSymbols:
    """Symbols of one set of N splats in one predicted frame.

    Args:
        update: int32 [N], UPDATE_POSITION + UPDATE_SHAPE + UPDATE_COLOUR, or BORN.
        born: of the splats that are new, in the order of the places that they take.
        position: int64 [P, 2], of splats with UPDATE_POSITION; multiples of the splat's steps.
        shape: int64 [S, 3], likewise, of (a, t, b).
        energy: int64 [E, C], likewise, of the energies.
    """

    update: np.ndarray
    born: GradedSymbols
    position: np.ndarray
    shape: np.ndarray
    energy: np.ndarray

    @staticmethod
    def none(count: int, components: int) -> DifferenceSymbols:
        """A frame that is as predicted."""
        position, shape, energy = (np.zeros((0, c), np.int64) for c in (2, 3, components))
        return DifferenceSymbols(np.zeros(count, np.int32), GradedSymbols.none(components), position, shape, energy)


@dataclass(frozen=True)
class Steps:
    """Steps of the differences to predicted splats (spec 7.13).

    Args:
        bits: int64 [N], bit length of the squared energies.
        position: int64 [N, 2], log2 of the steps in luma samples.
        shape: int64 [N, 3], log2 of the steps of (a, t, b) in octaves.
    """

    bits: np.ndarray
    position: np.ndarray
    shape: np.ndarray

    @staticmethod
    def of(header: Record, state: SplatSet, *, is_rgb: bool) -> Steps:
        bits = graded.energy_bits(header, energies(header, state, is_rgb=is_rgb))
        slant = graded.slant_bits(state.shape[:, 1])
        scale, shear = graded.scale_exponent(header, bits, slant), graded.shear_exponent(header, bits)
        position = np.clip(graded.position_exponents(header, bits, slant, state.shape), FINEST_MOVE, COARSEST_MOVE)
        return Steps(bits, position, np.stack([scale, shear, scale], 1))


def energies(header: Record, state: SplatSet, *, is_rgb: bool) -> np.ndarray:
    """Magnitudes of the energies of decoded splats in steps of their components; int64 [N, C] (spec 7.13)."""
    colour = state.colour.astype(np.int64)
    if is_rgb:
        r, g, b = colour.T
        colour = np.stack([r + 2 * g + b, 2 * (r - b), 2 * g - r - b], 1) >> 2
    x = graded.colour_exponent(header, state.shape)
    shift = 20 - (x >> 12)
    return np.minimum((np.abs(colour) << np.maximum(shift, 0)) // (exp2(x & 4095) << np.maximum(-shift, 0)), MOST)


def applied(header: Record, state: SplatSet, symbols: DifferenceSymbols, frame: Frame) -> SplatSet:
    """The splats of a frame from the predicted ones."""
    steps = Steps.of(header, state, is_rgb=frame.is_rgb)
    position, shape = state.position.astype(np.int64), state.shape.astype(np.int64)
    colour = state.colour.astype(np.int64)
    rows = [np.nonzero(symbols.update & bit)[0] for bit in (UPDATE_POSITION, UPDATE_SHAPE, UPDATE_COLOUR)]
    position[rows[0]] += symbols.position << 8 + steps.position[rows[0]]
    shape[rows[1]] += symbols.shape << 12 + steps.shape[rows[1]]
    colour[rows[2]] += graded.colours(header, symbols.energy, state.shape[rows[2]], is_rgb=frame.is_rgb)
    position, shape, colour = clip_position(position), clip_shape(shape, LOG_CHOLESKY), clip_colour(colour)
    places = np.nonzero(symbols.update == BORN)[0]
    if len(places):
        fresh = graded.key_frame({**header, "background": [0] * frame.components}, symbols.born, is_rgb=frame.is_rgb)
        position[places], shape[places], colour[places] = fresh.position, fresh.shape, fresh.colour
    return SplatSet(position, shape, colour, state.background, LOG_CHOLESKY)


class Chain:
    """The decoded states of a chunk's frames, and for each splat of each the step at which it was born.

    Args:
        start: the state of the frame before the chunk.
    """

    def __init__(self, header: Record, start: SplatSet, frame: Frame) -> None:
        self.header, self.frame = header, frame
        self.states: dict[int, SplatSet] = {0: start}
        self.births: dict[int, np.ndarray] = {0: np.zeros(len(start), np.int64)}
        self.updated: dict[int, np.ndarray] = {0: np.zeros(len(start), np.int64)}  # 1: updated; frame 0: none

    def predicted(self, step: Step, field: np.ndarray | None) -> SplatSet:
        """What a frame is expected to be (spec 7.13)."""
        state = self.states[step.before]
        self.births[step.frame] = self.births[step.before]
        if step.after is not None:
            state = self._between(step, step.after)
        if field is None:
            return state
        f = self.frame
        move = vectors(field, state.position, f.width, f.height, self.header["motion_bits"])
        position = clip_position(state.position + move)
        return SplatSet(position, state.shape, state.colour, state.background, state.domain)

    def _between(self, step: Step, after: int) -> SplatSet:
        a, b, births = self.states[step.before], self.states[after], (self.births[step.before], self.births[after])
        left, right = after - step.frame, step.frame - step.before
        same = (births[0] == births[1])[:, None]
        nearest = a if right <= left else b
        self.births[step.frame] = births[0] if right <= left else births[1]

        def mixed(x: np.ndarray, y: np.ndarray, near: np.ndarray) -> np.ndarray:
            total = x.astype(np.int64) * left + y.astype(np.int64) * right
            return np.where(same, (total + (left + right >> 1)) // (left + right), near).astype(x.dtype)

        return SplatSet(
            mixed(a.position, b.position, nearest.position),
            clip_shape(mixed(a.shape, b.shape, nearest.shape), LOG_CHOLESKY),
            mixed(a.colour, b.colour, nearest.colour),
            a.background,
            LOG_CHOLESKY,
        )

    def advance(self, number: int, step: Step, predicted: SplatSet, symbols: DifferenceSymbols) -> SplatSet:
        """Take the symbols of a frame, the ``number``-th in coding order, from 1."""
        self.states[step.frame] = applied(self.header, predicted, symbols, self.frame)
        self.births[step.frame] = np.where(symbols.update == BORN, number, self.births[step.frame])
        self.updated[step.frame] = (symbols.update > 0).astype(np.int64)
        return self.states[step.frame]


# Initial counts: of the updates in outer frames where the splat was not updated in the outer frame before or was, in inner frames
# where it was in none, one or both of the ends; then, for outer and inner frames, of bit lengths.
# Like what clips show that no figure of this project is measured on.
FIRST_UPDATE = (
    (264, 44, 20, 16, 28, 12, 8, 12, 6),
    (112, 60, 32, 40, 48, 24, 24, 52, 12),
    (420, 4, 2, 1, 1, 1, 1, 1, 1),
    (376, 24, 8, 5, 8, 3, 1, 3, 1),
    (308, 44, 20, 16, 16, 8, 6, 12, 1),
)
FIRST_LENGTH = (152, 168, 60, 16, 4)
FIRST_ENERGY = ((8, 184, 168, 36, 8), (352, 40, 6, 2))
FIRST_HALF = 32


def _counts(first: Sequence[int], size: int) -> np.ndarray:
    return np.array([*first, *[1] * (size - len(first))], np.uint16)


class Tables:
    """Tables of the updates and differences of a chunk (spec 7.13).

    ``update`` by (kind of FIRST_UPDATE, class), ``lengths`` of each kind by interpolated, those of the chroma apart.
    """

    def __init__(self) -> None:
        rows = [first for first in FIRST_UPDATE for _ in range(CLASSES)]
        self.update = np.array(rows, np.uint16)
        kinds = {"position": FIRST_LENGTH, "scale": FIRST_LENGTH, "shear": FIRST_LENGTH}
        kinds |= {"energy": FIRST_ENERGY[0], "chroma": FIRST_ENERGY[1]}
        self.lengths = {kind: np.tile(_counts(first, LENGTHS), (2, 1)) for kind, first in kinds.items()}
        self.halves = {kind: np.full((LENGTHS, 2), FIRST_HALF, np.uint16) for kind in kinds}

    def arrays(self) -> list[np.ndarray]:
        """All tables in turn: of the updates, the lengths, the bits below the leading one."""
        return [self.update, *self.lengths.values(), *self.halves.values()]


def code_frames(
    coder: AdaptiveCoder,
    header: Record,
    start: SplatSet,
    fields: Sequence[np.ndarray | None],
    frame: Frame,
    symbols: Sequence[DifferenceSymbols] | None = None,
) -> tuple[list[SplatSet], list[DifferenceSymbols]]:
    """States of a chunk's frames in time order, and their symbols in coding order.

    Args:
        fields: of the frames in coding order, from :func:`pgsvc.planar.motion.code_fields`.
        symbols: when writing.

    Raises:
        BadStream: the coded data break a rule.
    """
    if not len(start):
        count = header["frame_count"]
        return [start] * count, [DifferenceSymbols.none(0, frame.components)] * count
    chain, tables, out = Chain(header, start, frame), Tables(), []
    for i, step in enumerate(coding_order(header["frame_count"], header["group_bits"])):
        predicted = chain.predicted(step, fields[i])
        found = _code_frame(coder, tables, chain, step, predicted, None if symbols is None else symbols[i])
        chain.advance(i + 1, step, predicted, found)
        out.append(found)
    return [chain.states[f + 1] for f in range(header["frame_count"])], out


def _code_frame(
    coder: AdaptiveCoder,
    tables: Tables,
    chain: Chain,
    step: Step,
    predicted: SplatSet,
    symbols: DifferenceSymbols | None,
) -> DifferenceSymbols:
    f, header = chain.frame, chain.header
    inner = int(step.after is not None)
    steps = Steps.of(header, predicted, is_rgb=f.is_rgb)
    energy_class = np.clip((steps.bits - 4) >> 1, 0, CLASSES - 1)
    kind = chain.updated[step.before] + (0 if step.after is None else 2 + chain.updated[step.after])
    context = kind * CLASSES + energy_class
    update = coder.adaptive(tables.update, np.ascontiguousarray(context, np.int32), symbols and symbols.update)
    count = int((update == BORN).sum())
    born = GradedSymbols.none(f.components)
    if count:
        fields = {**header, "splat_count": count}
        born = code_graded(coder, fields, f.width, f.height, f.components, symbols and symbols.born)

    def columns(bit: int, kinds: Sequence[str], values: np.ndarray | None) -> np.ndarray:
        n = int(((update & bit) > 0).sum())
        if n == 0:
            return np.zeros((0, len(kinds)), np.int64)
        coded = []
        for c, kind in enumerate(kinds):
            where = np.full(n, inner)
            column = None if values is None else values[:, c]
            coded.append(code_signed(coder, tables.lengths[kind], where, column, tables.halves[kind]))
        return np.stack(coded, 1)

    position = columns(UPDATE_POSITION, ("position",) * 2, symbols and symbols.position)
    shape = columns(UPDATE_SHAPE, ("scale", "shear", "scale"), symbols and symbols.shape)
    energy = columns(UPDATE_COLOUR, ("energy", "chroma", "chroma")[: f.components], symbols and symbols.energy)
    return DifferenceSymbols(update, born, position, shape, energy)
