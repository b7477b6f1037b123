"""One segment: fit and freeze its key frame, code its predicted frames, and see what a decoder will see."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from pgsvc.assemble import RawChunk, make_chunk
from pgsvc.container import KEY_FRAME, PREDICTED, Address
from pgsvc.picture import Picture
from pgsvc.planar import dequantise, graded, reconstruct
from pgsvc.planar.graded import GradedSymbols
from pgsvc.planar.splats import SplatSet, covered_samples
from pgsvc.planar.symbols import PredictedSymbols
from pgsvc_encoder.fit.background import background_of
from pgsvc_encoder.fit.objective import Objective
from pgsvc_encoder.fit.optimise import Step
from pgsvc_encoder.fit.splats import Splats
from pgsvc_encoder.fit.train import fit
from pgsvc_encoder.predict.frame import Predictor, join_frames
from pgsvc_encoder.predict.motion import estimate
from pgsvc_encoder.quantise.freeze import FrozenLayer, freeze_key
from pgsvc_encoder.quantise.graded import freeze_graded
from pgsvc_encoder.settings import Settings
from pgsvc_encoder.source.resize import resized
from pgsvc_encoder.write.payload import graded_payload, hash_chunk, key_payload, predicted_payload


@dataclass(frozen=True)
class CodedFrame:
    """What the encoder knows of a frame after coding it.

    Args:
        pictures: decoded pictures of every level.
        sources: what each level approximates, in its own size.
        bytes: coded bytes of each layer's data chunks; predicted frames of one chunk share them evenly.
        seconds: time spent on the frame.
        is_key: whether it is the key frame.
    """

    pictures: list[Picture]
    sources: list[Picture]
    bytes: list[float]
    seconds: float
    is_key: bool


class _Waiting(NamedTuple):
    """A coded predicted frame whose chunk is not complete yet."""

    symbols: list[PredictedSymbols]
    decoded: list[Picture]
    sources: list[Picture]
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
    """

    def __init__(self, number: int, first_frame: int, settings: Settings, on_step: Step) -> None:
        self.number, self.first_frame, self.settings, self.on_step = number, first_frame, settings, on_step
        self.result = CodedSegment([], 0, 0)
        self.rng = np.random.default_rng([settings.seed, number])
        self.generator = torch.Generator().manual_seed(settings.seed * 1_000_003 + number)
        self.effort, self.training = settings.effort(), settings.training()
        self.current = 0  # frame of the segment that is being fitted

    def frames(self, pictures: Sequence[Picture] | Iterator[Picture]) -> Iterator[CodedFrame]:
        """Code the pictures of the segment, key frame first."""
        predictor: Predictor | None = None
        decoded: list[Picture] = []
        waiting: list[_Waiting] = []
        for frame, picture in enumerate(pictures):
            self.current = frame
            began = time.perf_counter()
            f = picture.format
            self.sizes = self.settings.level_sizes(f.width, f.height)
            sources = [resized(picture, *size) for size in self.sizes]
            if predictor is None:
                states, sizes = self._key(sources)
                reached = self._objective(sources).error(Splats.from_sets(states), len(sources) - 1)
                predictor = Predictor(states, self.training, self.effort.difference, self.rng, reached)
                decoded = self._see(states, picture)
                self._hash(0, [decoded])
                yield CodedFrame(decoded, sources, sizes, time.perf_counter() - began, True)
            else:
                objective = self._objective(sources)
                motion = estimate(decoded[-1], picture)
                symbols = predictor.code(objective, self.on_step, starts_chunk=not waiting, motion=motion)
                decoded = self._see(predictor.states, picture)
                waiting.append(_Waiting(symbols, decoded, sources, time.perf_counter() - began))
            if len(waiting) == self.settings.chunk_frames:
                yield from self._flush(predictor, waiting, frame + 1)
                waiting = []
        if waiting and predictor is not None:
            yield from self._flush(predictor, waiting, self.current + 1)

    def _objective(self, sources: list[Picture]) -> Objective:
        return Objective(sources, self.background, self.settings.threads)

    def _key(self, sources: list[Picture]) -> tuple[list[SplatSet], list[float]]:
        picture = sources[-1]
        self.background = background_of(picture)
        objective = self._objective(sources)
        pixels = picture.format.width * picture.format.height
        splats = Splats.unused(self.settings.layer_splats(pixels), picture.format.components)
        fit(self.training, objective, splats, self.effort.schedule, self.generator, self.on_step)
        states, sizes = [], []
        for k, (state, payload) in enumerate(self._freeze(objective, splats)):
            states.append(state)
            sizes.append(self._add(KEY_FRAME, 0, k, payload))
        return states, sizes

    def _freeze(self, objective: Objective, splats: Splats) -> Iterator[tuple[SplatSet, bytes]]:
        """Decoded state and payload of each layer of the fitted key frame."""
        f, effort = objective.format, self.effort
        layers: list[FrozenLayer]
        if self.settings.tools == "main":
            layers = freeze_graded(self.training, objective, splats, effort.grade, self.on_step)
        else:
            layers = freeze_key(self.training, objective, splats, effort.precision, self.rng, self.on_step)
        for k, layer in enumerate(layers):
            header = {
                "first_frame": self.first_frame,
                "splat_count": int(splats.starts[k + 1] - splats.starts[k]),
                "last_slice": 1,
                "background": np.round((self.background if k == 0 else 0 * self.background) * 8192)
                .astype(int)
                .tolist(),
                **layer.fields,
            }
            if isinstance(layer.symbols, GradedSymbols):
                state = graded.key_frame(header, layer.symbols, is_rgb=f.is_rgb)
                yield state, graded_payload(header, layer.symbols, f.width, f.height)
            else:
                state = dequantise.key_frame(header, layer.symbols, f.width, f.height, f.components)
                yield state, key_payload(header, layer.symbols)

    def _flush(self, predictor: Predictor, waiting: list[_Waiting], end: int) -> Iterator[CodedFrame]:
        """Write the waiting predicted frames as one chunk per layer."""
        count = len(waiting)
        start = end - count
        sizes = []
        for k in range(self.settings.layers):
            header = predictor.header(k, count)
            predictor.parameters[k].sent = True
            symbols = join_frames([w.symbols[k] for w in waiting])
            payload = predicted_payload(header, symbols, predictor.states[k].colour.shape[1])
            sizes.append(self._add(PREDICTED, start, k, payload))
        self._hash(start, [w.decoded for w in waiting])
        for w in waiting:
            yield CodedFrame(w.decoded, w.sources, [size / count for size in sizes], w.seconds, False)

    def _add(self, kind: bytes, frame: int, layer: int, payload: bytes) -> float:
        chunk = make_chunk(kind, Address(self.number, frame, layer), payload)
        self.result.chunks.append(chunk)
        self.result.largest_chunk = max(self.result.largest_chunk, len(payload))
        return float(len(chunk.raw))

    def _hash(self, start: int, decoded: list[list[Picture]]) -> None:
        for k in range(self.settings.layers):
            self.result.chunks.append(hash_chunk(self.number, start, k, [levels[k] for levels in decoded]))

    def _see(self, states: list[SplatSet], picture: Picture) -> list[Picture]:
        """Decoded pictures of every level, by the decoder's own integer sum."""
        f = picture.format
        covered = sum(covered_samples(s.factor, f.width, f.height) for s in states)
        self.result.covered = max(self.result.covered, covered)
        return list(reconstruct.levels([[s] for s in states], f, sizes=self.sizes, threads=self.settings.threads))
