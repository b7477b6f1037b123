"""One segment: fit and freeze its key frame, code its predicted frames, and see what a decoder will see."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import torch

from pgsvc.assemble import RawChunk, make_chunk
from pgsvc.container import KEY_FRAME, PREDICTED, Address
from pgsvc.picture import Picture
from pgsvc.planar import dequantise, graded, reconstruct
from pgsvc.planar.graded import GradedSymbols
from pgsvc.planar.splats import SplatSet, covered_samples
from pgsvc.syntax import Record
from pgsvc_encoder.device.choose import kernels_of
from pgsvc_encoder.fit.background import background_of
from pgsvc_encoder.fit.emphasis import Emphasis
from pgsvc_encoder.fit.objective import Objective
from pgsvc_encoder.fit.optimise import Step
from pgsvc_encoder.fit.splats import Splats
from pgsvc_encoder.fit.train import fit
from pgsvc_encoder.predict.budget import Budget
from pgsvc_encoder.predict.frame import FramePredictor
from pgsvc_encoder.predict.group import GroupPredictor
from pgsvc_encoder.quantise.freeze import FrozenSet, freeze_key
from pgsvc_encoder.quantise.graded import freeze_graded
from pgsvc_encoder.region import Region
from pgsvc_encoder.settings import Settings
from pgsvc_encoder.source.resize import resized
from pgsvc_encoder.write.payload import graded_payload, hash_chunk, key_payload


@dataclass(frozen=True)
class CodedFrame:
    """What the encoder knows of a frame after coding it.

    Args:
        pictures: decoded pictures of every level.
        sources: what each level approximates, in its own size.
        bytes: coded bytes of each layer's data chunks; predicted frames of one chunk share them evenly.
        seconds: time spent on the frame.
        is_key: whether it is the key frame.
        inside: bool [H, W], the region of interest, or None.
    """

    pictures: list[Picture]
    sources: list[Picture]
    bytes: list[float]
    seconds: float
    is_key: bool
    inside: np.ndarray | None = None


INDEXED = 4  # bytes of the index for each chunk, about


class Predictor(Protocol):
    """Codes the predicted frames of a segment; one for each family of coding tools.

    ``pressure`` is the factor of what a bit must save.
    """

    pressure: float

    @property
    def group(self) -> int:
        """Frames that are coded together."""
        ...

    def ends_chunk(self, objectives: Sequence[Objective]) -> bool:
        """Whether the next frames had better begin a new chunk."""
        ...

    def code(
        self, objectives: Sequence[Objective], last: Picture, on_step: Callable[[int], Step]
    ) -> list[list[SplatSet]]:
        """Code the next frames, one for each objective, as part of the present chunk; the states of each frame.

        Args:
            last: the decoded frame before.
            on_step: of the fit of the frame with this number among the objectives.
        """
        ...

    def finish(self) -> list[bytes]:
        """End the chunk; its payload for each set."""
        ...


class _Waiting(NamedTuple):
    """A predicted frame that is not coded yet, or whose chunk is not complete yet."""

    objective: Objective | None  # until it is coded
    inside: np.ndarray | None
    sources: list[Picture]
    decoded: list[Picture]
    seconds: float


@dataclass
class CodedSegment:
    """Chunks of a segment and what the limits need to know of it."""

    chunks: list[RawChunk]
    covered: int
    largest_chunk: int


class SegmentEncoder:
    """Encodes one segment frame by frame; iterate :meth:`frames` to the end, then take :attr:`result`.

    Args:
        number: of the segment; ``first_frame``: stream number of its key frame.
        on_step: called after every iteration of a fit with the errors of the levels.
        expected: frames of the segment as far as is known, for settings with a rate; None: as many as a segment may have.
        region: of interest, which becomes object 1.
    """

    def __init__(
        self,
        number: int,
        first_frame: int,
        settings: Settings,
        on_step: Step,
        expected: int | None = None,
        region: Region | None = None,
    ) -> None:
        self.region, self.objects = region, 1 if region is None else 2
        self.expected = expected or settings.gop
        self.budget: Budget | None = None
        self.number, self.first_frame, self.settings, self.on_step = number, first_frame, settings, on_step
        self.result = CodedSegment([], 0, 0)
        self.spent = 0  # bytes that the budget knows of
        self.rng = np.random.default_rng([settings.seed, number])
        self.generator = torch.Generator().manual_seed(settings.seed * 1_000_003 + number)
        self.effort, self.training = settings.effort(), settings.training()
        self.kernels = kernels_of(settings.device, settings.threads)
        self.base_header: Record = {}  # of the key frame
        self.current = 0  # frame of the segment that is being fitted

    def frames(self, pictures: Sequence[Picture] | Iterator[Picture]) -> Iterator[CodedFrame]:
        """Code the pictures of the segment, key frame first."""
        predictor: Predictor | None = None
        last: list[Picture] = []
        ahead: list[_Waiting] = []
        waiting: list[_Waiting] = []
        for frame, picture in enumerate(pictures):
            self.current = frame
            began = time.perf_counter()
            f = picture.format
            self.sizes = self.settings.level_sizes(f.width, f.height)
            sources = [resized(picture, *size) for size in self.sizes]
            inside = None
            if self.region is not None:
                inside = self.region.at(self.first_frame + frame, f.width, f.height)
            if predictor is None:
                states, sizes = self._key(sources, inside)
                predictor = self._predictor(states, self._objective(sources, inside))
                last = self._see(states, picture)
                self._hash(0, [last])
                if self.settings.rate is not None:
                    self.budget = Budget(self.settings.rate * f.width * f.height * self.expected / 8, self.expected)
                    self._spend(1, is_key=True)
                yield CodedFrame(last, sources, sizes, time.perf_counter() - began, True, inside)
                continue
            objective = self._objective(sources, inside)
            ahead.append(_Waiting(objective, inside, sources, [], time.perf_counter() - began))
            room = self.settings.chunk_frames - len(waiting)
            if len(ahead) == min(predictor.group, room):
                if waiting and predictor.ends_chunk([w.objective for w in ahead if w.objective]):
                    yield from self._flush(predictor, waiting, frame + 1 - len(ahead))
                    waiting = []
                waiting += self._code(predictor, ahead, last[-1])
                last, ahead = waiting[-1].decoded, []
            if len(waiting) == self.settings.chunk_frames:
                yield from self._flush(predictor, waiting, frame + 1)
                waiting = []
        if predictor is not None:
            if ahead:
                waiting += self._code(predictor, ahead, last[-1])
            if waiting:
                yield from self._flush(predictor, waiting, self.current + 1)

    def _predictor(self, states: list[SplatSet], objective: Objective) -> Predictor:
        reached = objective.error(Splats.from_sets(states, self.objects), objective.levels - 1)
        if self.settings.tools == "main":
            grade, weight = self.effort.difference_grade, objective.emphasis_weight
            return GroupPredictor(
                states, self.training, grade, objective.format, self.base_header, reached, self.objects, weight
            )
        return FramePredictor(states, self.training, self.effort.difference, self.rng, reached, objects=self.objects)

    def _code(self, predictor: Predictor, frames: list[_Waiting], last: Picture) -> Iterator[_Waiting]:
        """Frames that are coded together, with what a decoder sees of them; they share the time evenly."""
        began = time.perf_counter()
        first = self.current + 1 - len(frames)

        def on_step(number: int) -> Step:
            self.current = first + number
            return self.on_step

        states = predictor.code([w.objective for w in frames if w.objective], last, on_step)
        self.current = first + len(frames) - 1
        decoded = [self._see(s, w.sources[-1]) for s, w in zip(states, frames, strict=True)]
        seconds = (time.perf_counter() - began) / len(frames)
        for w, pictures in zip(frames, decoded, strict=True):
            yield w._replace(objective=None, decoded=pictures, seconds=w.seconds + seconds)

    def _objective(self, sources: list[Picture], inside: np.ndarray | None) -> Objective:
        emphasis = None if inside is None else Emphasis.of(torch.from_numpy(inside), self.settings.roi_gain)
        return Objective(sources, self.background, emphasis=emphasis, kernels=self.kernels)

    def _key(self, sources: list[Picture], inside: np.ndarray | None) -> tuple[list[SplatSet], list[float]]:
        picture = sources[-1]
        self.background = background_of(picture)
        objective = self._objective(sources, inside)
        pixels = picture.format.width * picture.format.height
        counts, components = self.settings.layer_splats(pixels), picture.format.components
        splats = Splats.unused(counts, components, self.kernels.device)
        fit(self.training, objective, splats, self.effort.schedule, self.generator, self.on_step)
        splats = splats.to("cpu")
        frozen = list(self._freeze(objective, splats))
        return [state for state, _ in frozen], self._add_sets(KEY_FRAME, 0, [payload for _, payload in frozen])

    def _freeze(self, objective: Objective, splats: Splats) -> Iterator[tuple[SplatSet, bytes]]:
        """Decoded state and payload of each set of the fitted key frame."""
        f, effort = objective.format, self.effort
        sets: list[FrozenSet]
        if self.settings.tools == "main":
            sets = freeze_graded(self.training, objective, splats, effort.grade, self.on_step)
        else:
            sets = freeze_key(self.training, objective, splats, effort.precision, self.rng, self.on_step)
        for k, frozen in enumerate(sets):
            rows = splats.set_rows(k)
            header = {
                "first_frame": self.first_frame,
                "splat_count": rows.stop - rows.start,
                "last_slice": 1,
                "background": np.round((self.background if k == 0 else 0 * self.background) * 8192)
                .astype(int)
                .tolist(),
                **frozen.fields,
            }
            if k == 0:
                self.base_header = header
            if isinstance(frozen.symbols, GradedSymbols):
                state = graded.key_frame(header, frozen.symbols, is_rgb=f.is_rgb)
                yield state, graded_payload(header, frozen.symbols, f.width, f.height)
            else:
                state = dequantise.key_frame(header, frozen.symbols, f.width, f.height, f.components)
                yield state, key_payload(header, frozen.symbols)

    def _flush(self, predictor: Predictor, waiting: list[_Waiting], end: int) -> Iterator[CodedFrame]:
        """Write the waiting predicted frames as one chunk per set."""
        count = len(waiting)
        start = end - count
        sizes = self._add_sets(PREDICTED, start, predictor.finish())
        self._hash(start, [w.decoded for w in waiting])
        if self.budget is not None:
            self._spend(count)
            predictor.pressure = self.budget.pressure
        for w in waiting:
            yield CodedFrame(w.decoded, w.sources, [size / count for size in sizes], w.seconds, False, w.inside)

    def _spend(self, frames: int, *, is_key: bool = False) -> None:
        """Tell the budget what the latest frames have taken, hashes included."""
        assert self.budget is not None
        size = sum(len(c.raw) + INDEXED for c in self.result.chunks)
        self.budget.spend(size - self.spent, frames, is_key=is_key)
        self.spent = size

    def _add_sets(self, kind: bytes, frame: int, payloads: Sequence[bytes]) -> list[float]:
        """A chunk for each set; the bytes of each layer."""
        sizes = [0.0] * (len(payloads) // self.objects)
        for i, payload in enumerate(payloads):
            layer, number = divmod(i, self.objects)
            chunk = make_chunk(kind, Address(self.number, frame, layer, number), payload)
            self.result.chunks.append(chunk)
            self.result.largest_chunk = max(self.result.largest_chunk, len(payload))
            sizes[layer] += len(chunk.raw)
        return sizes

    def _hash(self, start: int, decoded: list[list[Picture]]) -> None:
        for k in range(self.settings.layers):
            self.result.chunks.append(hash_chunk(self.number, start, k, [levels[k] for levels in decoded]))

    def _see(self, states: list[SplatSet], picture: Picture) -> list[Picture]:
        """Decoded pictures of every level, by the decoder's own integer sum."""
        f = picture.format
        covered = sum(covered_samples(s.factor, f.width, f.height) for s in states)
        self.result.covered = max(self.result.covered, covered)
        layers = [states[i : i + self.objects] for i in range(0, len(states), self.objects)]
        return list(reconstruct.levels(layers, f, sizes=self.sizes, threads=self.settings.threads))
