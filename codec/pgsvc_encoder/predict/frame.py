"""One predicted frame: adapt the decoded splats of the frame before, then freeze the differences step by step.

A splat's position, shape or colour is only sent where that lowers the error by more than a share of the average error per splat;
everything else stays as it was decoded. Splats keep their identity: the n-th splat of a layer is the n-th in every frame.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from pgsvc.picture import Picture
from pgsvc.planar.dequantise import predicted_frames
from pgsvc.planar.splats import SplatSet
from pgsvc.planar.symbols import (
    UPDATE_COLOUR,
    UPDATE_POSITION,
    UPDATE_SHAPE,
    PredictedSymbols,
    float12_join,
    float12_split,
)
from pgsvc_encoder.fit.objective import Objective
from pgsvc_encoder.fit.optimise import Step
from pgsvc_encoder.fit.solve import colour_diagonal, solve_colours
from pgsvc_encoder.fit.splats import Splats
from pgsvc_encoder.fit.train import adapt
from pgsvc_encoder.fit.training import Training
from pgsvc_encoder.predict.augment import Augmentation
from pgsvc_encoder.predict.follow import Pace, follow, rates_at
from pgsvc_encoder.predict.motion import at_positions, estimate
from pgsvc_encoder.quantise import rvq
from pgsvc_encoder.quantise.lsq import UniformQuantiser, learn_quantiser
from pgsvc_encoder.write.payload import predicted_payload


@dataclass(frozen=True)
class DifferencePrecision:
    """How finely differences are coded.

    Args:
        iterations: adaptation to the new frame before anything is frozen, where the pace does not say otherwise.
        adapt_iterations: after each freeze.
        position_unit: differences are multiples of 2^unit / 256 luma samples.
        shape_bits, least_scale: of the signed shape quantisers (P-GSVC: 5 bits).
        stages, codebook_bits: of the colour differences.
        worth: an update must lower the error by this share of the error per splat.
        pace, augmentation: of the first adaptation.
    """

    iterations: int = 60
    adapt_iterations: int = 20
    position_unit: int = 5
    shape_bits: int = 5
    least_scale: float = 0.15
    stages: int = 1
    codebook_bits: int = 6
    worth: float = 0.2
    pace: Pace = Pace()
    augmentation: Augmentation = Augmentation()


EXPLAINED = 0.5  # quantisers that explain less of the differences than this are learned anew, where a chunk begins


@dataclass
class SetParameters:
    """Quantisers of a set's differences, and whether the stream already holds them (``keep_parameters``, spec 6.4)."""

    shape: list[UniformQuantiser]
    books: rvq.Codebooks
    sent: bool = False


@dataclass
class FramePredictor:
    """Codes the predicted frames of one segment, one after the other.

    ``states`` are the decoded splat sets of the latest frame, those of so many ``objects`` in each layer; ``reached`` is its mean
    squared error (top level).
    """

    states: list[SplatSet]
    training: Training
    precision: DifferencePrecision
    rng: np.random.Generator
    reached: float | None = None
    parameters: list[SetParameters] = field(default_factory=list)
    waiting: list[list[PredictedSymbols]] = field(default_factory=list)  # of each frame of the chunk, of each set
    pressure: float = 1.0  # factor of what a bit must save
    objects: int = 1
    group = 1  # frames that are coded together

    def header(self, number: int, frame_count: int) -> dict[str, object]:
        """Header of a PRED chunk (spec 6.4) of the set with this number; quantisers that an earlier chunk has sent are kept."""
        p = self.parameters[number]
        return {
            "frame_count": frame_count,
            "keep_parameters": int(p.sent),
            "reserved_bits": 0,
            "position_unit": self.precision.position_unit,
            "prediction_tool": 1,
            "reserved_bits_2": 0,
            "shape_bits": self.precision.shape_bits,
            "shape_scale": [q.scale for q in p.shape],
            "shape_offset": [q.offset for q in p.shape],
            **p.books.record(),
        }

    def ends_chunk(self, objectives: Sequence[Objective]) -> bool:
        """Chunks are as long as the settings say."""
        return False

    def code(
        self, objectives: Sequence[Objective], last: Picture, on_step: Callable[[int], Step]
    ) -> list[list[SplatSet]]:
        """Code the next frame as part of the present chunk; its states.

        Args:
            objectives: of that frame alone.
            last: the decoded frame before, from which motion is estimated.
            on_step: of its fit, for number 0.
        """
        (objective,) = objectives
        motion = estimate(last, objective.original)
        self.waiting.append(self.code_frame(objective, on_step(0), starts_chunk=not self.waiting, motion=motion))
        return [list(self.states)]

    def finish(self) -> list[bytes]:
        """End the chunk; its payload for each set."""
        out = []
        for k, state in enumerate(self.states):
            header = self.header(k, len(self.waiting))
            self.parameters[k].sent = True
            symbols = join_frames([layers[k] for layers in self.waiting])
            out.append(predicted_payload(header, symbols, state.colour.shape[1]))
        self.waiting = []
        return out

    def code_frame(
        self, objective: Objective, on_step: Step, *, starts_chunk: bool, motion: torch.Tensor | None = None
    ) -> list[PredictedSymbols]:
        """Fit the next frame and quantise the differences; advances ``states`` and returns the symbols of each set.

        Args:
            starts_chunk: the frame is the first of its chunk, so quantisers may be learned anew.
            motion: where the fit starts, from :func:`pgsvc_encoder.predict.motion.estimate`; None: where the splats were.
        """
        old = Splats.from_sets(self.states, self.objects)
        new = old.copy()
        if motion is not None:
            new.position += at_positions(motion, old.position)
        losses: list[float] = []

        def track(errors: torch.Tensor, gradients: Sequence[torch.Tensor]) -> None:
            losses.append(float(errors[-1]))
            on_step(errors, gradients)

        p = self.precision
        top = objective.levels - 1
        pace, length = p.pace.of(objective.error(new, top), self.reached)
        iterations = max(1, round(p.iterations * length))
        follow(self.training, objective, old, new, iterations, pace, p.augmentation, track)
        threshold = p.worth * self.pressure * losses[-1] / max(1, len(new))
        update = np.zeros(len(new), np.int32)
        moves = self._freeze_positions(objective, old, new, threshold, update)
        adapt(
            self.training, objective, new, p.adapt_iterations, rates_at(pace), on_step, frozen=frozenset({"position"})
        )
        if starts_chunk:
            self._learn_shape(objective, old, new)
        shapes = self._freeze_shapes(objective, old, new, threshold, update)
        solve_colours(self.training, objective, new, 6)
        diagonal = colour_diagonal(self.training, objective, new)
        if starts_chunk:
            self._learn_colours(old, new, diagonal)
        colours = self._freeze_colours(objective, old, new, diagonal, threshold, update)
        self.reached = objective.error(new, top)
        return self._finish(moves, shapes, colours, update, new)

    def _freeze_positions(
        self, objective: Objective, old: Splats, new: Splats, threshold: float, update: np.ndarray
    ) -> np.ndarray:
        """Round the moves to 12-bit floats in position units; int64 [N, 2]."""
        unit = 2.0**self.precision.position_unit / 256
        curvature = objective.curvature(new)[:, :2].double().numpy()
        wanted = (new.position - old.position).double().numpy()
        q = np.round(wanted / unit).astype(np.int64)
        q = np.sign(q) * float12_join(*float12_split_rounded(np.abs(q)))
        gain = (curvature * (wanted**2 - (wanted - q * unit) ** 2)).sum(1)
        sent = (gain > threshold) & q.any(1)
        q[~sent] = 0
        update[sent] |= UPDATE_POSITION
        new.position = old.position + torch.from_numpy(q * unit).float()
        return q

    def _learn_shape(self, objective: Objective, old: Splats, new: Splats) -> None:
        """Shape quantisers of the sets whose present ones explain too little of the differences."""
        curvature = objective.curvature(new)[:, 2:5].double().numpy()
        difference = (new.shape - old.shape).double().numpy()
        p = self.precision
        for k in range(new.set_count):
            change, weight = difference[new.set_rows(k)], curvature[new.set_rows(k)]
            if k < len(self.parameters):
                known = self.parameters[k].shape
                decoded = np.stack([q.dequantise(q.quantise(change[:, c])) for c, q in enumerate(known)], 1)
                if explained(change, decoded, weight) >= EXPLAINED:
                    continue
            quantisers = [
                learn_quantiser(
                    change[:, c], weight[:, c], p.shape_bits, signed=True, least_scale=p.least_scale, offset=0.0
                )
                for c in range(3)
            ]
            if k < len(self.parameters):
                if quantisers != self.parameters[k].shape:
                    self.parameters[k].shape, self.parameters[k].sent = quantisers, False
            else:
                none = np.zeros((p.stages, 1 << p.codebook_bits, new.colour.shape[1]), np.int32)
                self.parameters.append(SetParameters(quantisers, rvq.Codebooks(none, (0,) * p.stages)))

    def _learn_colours(self, old: Splats, new: Splats, diagonal: torch.Tensor) -> None:
        """Codebooks of the sets whose present ones explain too little of the differences."""
        for k, p in enumerate(self.parameters):
            part = new.set_rows(k)
            change = (new.colour[part] - old.colour[part]).double().numpy()
            weight = diagonal[part].double().numpy()
            if explained(change, p.books.decode(rvq.encode(p.books, change)), weight) >= EXPLAINED:
                continue
            stages, bits = self.precision.stages, self.precision.codebook_bits
            p.books = rvq.train(change, weight.sum(1), stages, bits, self.rng, zero_entry=True)
            p.sent = False

    def _freeze_shapes(
        self, objective: Objective, old: Splats, new: Splats, threshold: float, update: np.ndarray
    ) -> np.ndarray:
        """Round shape differences; int64 [N, 3], signed symbols."""
        curvature = objective.curvature(new)[:, 2:5].double().numpy()
        wanted = (new.shape - old.shape).double().numpy()
        symbols = np.zeros((len(new), 3), np.int64)
        for k in range(new.set_count):
            part = new.set_rows(k)
            change = np.zeros_like(wanted[part])
            for c, q in enumerate(self.parameters[k].shape):
                symbols[part, c] = q.quantise(wanted[part, c])
                change[:, c] = q.dequantise(symbols[part, c])
            gain = (curvature[part] * (wanted[part] ** 2 - (wanted[part] - change) ** 2)).sum(1)
            sent = (gain > threshold) & symbols[part].any(1)
            symbols[part][~sent] = 0
            update[part][sent] |= UPDATE_SHAPE
            change[~sent] = 0
            new.shape[part] = old.shape[part] + torch.from_numpy(change).float()
        new.clamp(objective.format.width, objective.format.height)
        return symbols

    def _freeze_colours(
        self,
        objective: Objective,
        old: Splats,
        new: Splats,
        diagonal: torch.Tensor,
        threshold: float,
        update: np.ndarray,
    ) -> np.ndarray:
        """Fix colour differences in groups, larger splats first, the free ones solved again each time.

        Returns int32 [N, stages], codebook indices.
        """
        indices = np.zeros((len(new), self.precision.stages), np.int32)
        number = new.set_of().numpy()
        free = torch.ones(len(new), dtype=torch.bool)
        for rows in torch.chunk(torch.argsort(diagonal.sum(1), descending=True), 3):
            wanted = (new.colour[rows] - old.colour[rows]).double().numpy()
            weight = diagonal[rows].double().numpy() / 2
            for k, p in enumerate(self.parameters):
                inside = number[rows] == k
                chosen = rows.numpy()[inside]
                found = rvq.encode(p.books, wanted[inside])
                change = p.books.decode(found)
                gain = (weight[inside] * (wanted[inside] ** 2 - (wanted[inside] - change) ** 2)).sum(1)
                sent = (gain > threshold) & change.any(1)
                indices[chosen] = found
                update[chosen[sent]] |= UPDATE_COLOUR
                change[~sent] = 0
                new.colour[chosen] = old.colour[chosen] + torch.from_numpy(change).float()
            free[rows] = False
            if free.any():
                solve_colours(self.training, objective, new, 4, free=free)
        return indices

    def _finish(
        self, moves: np.ndarray, shapes: np.ndarray, colours: np.ndarray, update: np.ndarray, new: Splats
    ) -> list[PredictedSymbols]:
        """Symbols per set, and the decoded states that follow from them."""
        out = []
        for k in range(new.set_count):
            part = new.set_rows(k)
            mask = update[part]
            symbols = PredictedSymbols(
                mask[None],
                moves[part][mask & UPDATE_POSITION > 0],
                (shapes[part][mask & UPDATE_SHAPE > 0] + (1 << self.precision.shape_bits >> 1)).astype(np.int32),
                colours[part][mask & UPDATE_COLOUR > 0],
            )
            out.append(symbols)
            (self.states[k],) = predicted_frames(self.header(k, 1), symbols, self.states[k])
        return out


def explained(values: np.ndarray, decoded: np.ndarray, weight: np.ndarray) -> float:
    """Share of the weighted energy of [N, C] that quantisation keeps; 1 where there is none."""
    energy = float((weight * values**2).sum())
    return 1.0 if energy <= 0 else 1.0 - float((weight * (values - decoded) ** 2).sum()) / energy


def float12_split_rounded(magnitude: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Exponent and mantissa of the nearest 12-bit float at or below each magnitude."""
    exponent, _ = float12_split(magnitude)
    keep = np.maximum(exponent - 1, 0)
    return float12_split(magnitude >> keep << keep)


def join_frames(frames: list[PredictedSymbols]) -> PredictedSymbols:
    """Symbols of consecutive frames of one layer as one payload's."""
    return PredictedSymbols(
        *(np.concatenate([getattr(f, n) for f in frames]) for n in ("update", "position", "shape", "colour"))
    )
