"""Predicted frames in groups (spec 7.12): the last one follows that of the group before, the others lie between the two."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from pgsvc.picture import Picture, PictureFormat
from pgsvc.planar.differences import Chain, DifferenceSymbols, Frame
from pgsvc.planar.motion import group_order
from pgsvc.planar.splats import SplatSet
from pgsvc.syntax import Record
from pgsvc_encoder.fit.objective import Objective
from pgsvc_encoder.fit.optimise import Step
from pgsvc_encoder.fit.splats import Splats
from pgsvc_encoder.fit.training import Training
from pgsvc_encoder.predict.between import InnerFrames
from pgsvc_encoder.predict.field import UNIT, Grid, at, fit_field, rounded
from pgsvc_encoder.predict.graded import DifferenceGrade, FrameFit
from pgsvc_encoder.quantise.grade import header_of
from pgsvc_encoder.write.payload import differences_payload

TIE = 20.0  # bits that a difference of a luma sample between neighbouring vectors must be worth
MOST_PRESSURE = 4.0  # the factor by which a bit is worth more or less at the most
FULL_PACE = 6.0  # gap in dB between a frame as it was and as it should be, at which vectors are fitted with full steps
# How much worse than the frame before a chunk, in dB, its splats may fit the frame 2^bits later, when moved, for groups so long.
# Groups that are too long cost 10 % of the bits where much moves, groups that are too short as much where little does.
LONGEST_GAP = {1: 12.0, 2: 9.0, 3: 0.5}
# How much worse the frames between may fit, in dB, when splats move on a straight way and not with a field for each: for groups of
# more than two frames that are longer than those before, and for others. Where motion bends, long groups cost a fifth of the bits.
LONGER, AS_LONG = 0.3, 0.9
LEAST_FRAMES = 8  # of a chunk that ends because groups of another length suit what follows
VECTOR_BITS = 2.0  # of a vector like its neighbours; and as many for each octave of the difference


@dataclass
class _Chunk:
    """A PRED chunk of all sets that is being made."""

    chains: list[Chain]
    fields: list[np.ndarray | None] = field(default_factory=list)
    symbols: list[list[DifferenceSymbols]] = field(default_factory=list)  # of each frame, of each set
    frames: int = 0


class GroupPredictor:
    """Codes the predicted frames of one segment, group by group.

    Args:
        states: decoded splats of the key frame, set by set.
        key: header of the key frame's base layer; error: mean squared error of the decoded key frame.
        objects: sets of each layer; weight: of squared errors inside object 1.
    """

    def __init__(
        self,
        states: Sequence[SplatSet],
        training: Training,
        grade: DifferenceGrade,
        picture_format: PictureFormat,
        key: Record,
        error: float,
        objects: int = 1,
        weight: float = 1.0,
    ) -> None:
        f = picture_format
        self.objects, self.weight = objects, weight
        self.states, self.training, self.grade, self.format = list(states), training, grade, f
        self.frame = Frame(f.width, f.height, f.components, f.is_rgb)
        self.header = grade.header(f, sum(len(s) for s in states), error, key)
        self.grid = Grid(f.width, f.height, self.header["motion_bits"])
        self.velocity = self.grid.none()  # motion from frame to frame, where the next search begins
        self.reached = self.lasting = error
        self.pressure = 1.0
        self._chunk: _Chunk | None = None
        self._known: list[torch.Tensor] = []  # motion to the next frames, from the choice of the length of their groups

    @property
    def group(self) -> int:
        """Frames that are coded together."""
        return 1 << self.grade.group_bits

    def code(
        self, objectives: Sequence[Objective], last: Picture, on_step: Callable[[int], Step]
    ) -> list[list[SplatSet]]:
        """Code the next frames, one for each objective, as part of the present chunk; the states of each in time order.

        Args:
            last: the decoded frame before; not used here.
            on_step: of the fit of the frame with this number among the objectives.
        """
        if self._chunk is None:
            self.header["group_bits"] = self._group_bits(Splats.from_sets(self.states, self.objects), objectives)
            self._chunk = _Chunk([Chain(h, s, self.frame) for h, s in zip(self._headers(), self.states, strict=True)])
        chunk, size = self._chunk, 1 << self.header["group_bits"]
        known, self._known = self._known, []
        first = chunk.frames
        for start in range(0, len(objectives), size):
            some = objectives[start : start + size]
            self._code_group(chunk, some, lambda i, start=start: on_step(start + i), known if start == 0 else [])
        return [[c.states[f + 1] for c in chunk.chains] for f in range(first, chunk.frames)]

    def ends_chunk(self, objectives: Sequence[Objective]) -> bool:
        """Whether the next frames had better begin a chunk, since groups of another length suit them."""
        chunk = self._chunk
        if chunk is None or chunk.frames < LEAST_FRAMES or len(objectives) < self.group:
            return False
        return self._group_bits(self._splats(chunk, chunk.frames), objectives) != self.header["group_bits"]

    def _code_group(
        self,
        chunk: _Chunk,
        objectives: Sequence[Objective],
        on_step: Callable[[int], Step],
        known: Sequence[torch.Tensor],
    ) -> None:
        first = chunk.frames
        chunk.frames += len(objectives)
        for step in group_order(first, chunk.frames):
            number = step.frame - first - 1
            objective = objectives[number]
            vectors, depth, inner = None, 0, None
            if step.after is None:
                before = self._splats(chunk, step.before)
                vectors = self._motion(before, objectives, known)
                inner = InnerFrames(before, objectives[:-1], self.grade.inner_weight)
            else:
                depth = 1 + self.header["group_bits"] - (step.after - step.before - 1).bit_length()
            predicted = [chain.predicted(step, vectors) for chain in chunk.chains]
            fit = FrameFit(
                self.training, objective, self.grade, self.header, predicted, on_step(number),
                depth=depth, inner=inner, pressure=self._pressure(), objects=self.objects,
            )  # fmt: skip
            symbols = fit.run()
            chunk.fields.append(vectors)
            chunk.symbols.append(symbols)
            for chain, p, s in zip(chunk.chains, predicted, symbols, strict=True):
                chain.advance(len(chunk.symbols), step, p, s)
        self.reached = objectives[-1].error(self._splats(chunk, chunk.frames), -1)

    def _splats(self, chunk: _Chunk, frame: int) -> Splats:
        """Float twins of the decoded splats of a frame of the chunk."""
        return Splats.from_sets([chain.states[frame] for chain in chunk.chains], self.objects)

    def _headers(self) -> list[Record]:
        """Of the chunks of each set, but for ``frame_count``."""
        return [header_of(self.header, i % self.objects, self.weight) for i in range(len(self.states))]

    def finish(self) -> list[bytes]:
        """End the chunk; its payload for each set."""
        chunk = self._chunk
        assert chunk is not None, "a chunk has frames"
        out = []
        for k, (chain, fields) in enumerate(zip(chunk.chains, self._headers(), strict=True)):
            header = {"frame_count": chunk.frames, **fields}
            symbols = [layers[k] for layers in chunk.symbols]
            out.append(
                differences_payload(header, chain.states[0], chunk.fields, symbols, self.frame, has_motion=k == 0)
            )
        self.states = [chain.states[chunk.frames] for chain in chunk.chains]
        self._chunk = None
        return out

    def _group_bits(self, before: Splats, objectives: Sequence[Objective]) -> int:
        """Of the longest groups for which the picture is still enough."""
        if self.grade.group_bits and not self._known:
            self._known = list(self._fields(before, objectives[: self.group]))
        for bits in range(self.grade.group_bits, 0, -1):
            distance = 1 << bits
            if distance <= len(self._known):
                error = objectives[distance - 1].error(self._moved(before, self._known[distance - 1]), -1)
                if self._gap(error) > LONGEST_GAP.get(bits, LONGEST_GAP[3]):
                    continue
                most = AS_LONG if bits <= self.header["group_bits"] else LONGER
                if bits == 1 or self._bend(before, objectives[: distance - 1], self._known[distance - 1]) <= most:
                    return bits
        return 0

    def _bend(self, before: Splats, objectives: Sequence[Objective], vectors: torch.Tensor) -> float:
        """How much worse the frames between fit, in dB, on the straight way of a field than with their own fields."""
        count = len(objectives) + 1
        straight = sum(o.error(self._moved(before, vectors * (i / count)), -1) for i, o in enumerate(objectives, 1))
        own = sum(o.error(self._moved(before, v), -1) for o, v in zip(objectives, self._known, strict=False))
        return 10 * math.log10((straight + 1e-9) / (own + 1e-9))

    def _pressure(self) -> float:
        """Factor of what a bit must save: above 1 where the frame before was better than wanted, below where it was worse."""
        g = self.grade
        wanted = self.lasting * 10 ** (g.fall / 10) * self.pressure  # where a bit must save more, more error is left
        ratio = wanted / (self.reached + 1e-9)
        return self.pressure * min(max(ratio**g.steadiness, 1 / MOST_PRESSURE), MOST_PRESSURE)

    def _gap(self, error: float) -> float:
        """How much worse than the frame before the present chunk or group, in dB."""
        return 10 * math.log10((error + 1e-9) / (self.reached + 1e-9))

    def _fields(self, before: Splats, objectives: Sequence[Objective]) -> Iterator[torch.Tensor]:
        """Motion to each of the frames, found from frame to frame."""
        vectors, tie = self.velocity, TIE * self.grade.bit_worth(self.header, self.format)
        for i, objective in enumerate(objectives):
            pace = min(max(self._gap(objective.error(before, -1)) / FULL_PACE, 0.05), 1.0)
            start = vectors * ((i + 1) / max(1, i))
            iterations = self.grade.motion_iterations
            vectors = fit_field(self.training, objective, before, self.grid, start, iterations, tie, pace)
            yield vectors

    def _moved(self, splats: Splats, vectors: torch.Tensor) -> Splats:
        position = splats.position + at(vectors, *self.grid.corners(splats.position))
        return Splats(position, splats.shape, splats.colour, splats.starts)

    def _motion(
        self, before: Splats, objectives: Sequence[Objective], known: Sequence[torch.Tensor]
    ) -> np.ndarray | None:
        """The field to the last frame of a group; None where it gains less than its bits are worth."""
        vectors = known[len(objectives) - 1] if known else list(self._fields(before, objectives))[-1]
        wanted = rounded(vectors)
        moved = self._moved(before, torch.from_numpy(wanted / UNIT).float())
        gain = objectives[-1].error(before, -1) - objectives[-1].error(moved, -1)
        if gain <= self.grade.bit_worth(self.header, self.format) * _field_bits(wanted):
            self.velocity = self.grid.none()
            return None
        self.velocity = vectors / len(objectives)
        return wanted


def _field_bits(vectors: np.ndarray) -> float:
    """About what a field costs."""
    difference = np.abs(np.diff(vectors, axis=1, prepend=0))
    return float((VECTOR_BITS / 2 + 2 * np.log2(1 + difference)).sum())
