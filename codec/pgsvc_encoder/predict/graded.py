"""One predicted frame with graded tools (spec 7.13): fit against the rate, then freeze group by group.

The splats start where they were predicted and are pulled back there while they follow the frame (see offsets.py); what has moved in
spite of that, and gains more than its bits are worth, is rounded to steps and sent.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from pgsvc.picture import PictureFormat
from pgsvc.planar import graded
from pgsvc.planar.differences import BORN, DifferenceSymbols
from pgsvc.planar.graded import GradedSymbols
from pgsvc.planar.splats import SplatSet
from pgsvc.planar.symbols import UPDATE_COLOUR, UPDATE_POSITION, UPDATE_SHAPE
from pgsvc.syntax import Record
from pgsvc_encoder.fit.objective import Objective
from pgsvc_encoder.fit.optimise import Rates, Step, cosine
from pgsvc_encoder.fit.splats import Splats
from pgsvc_encoder.fit.training import Training
from pgsvc_encoder.fit.view import component_weights
from pgsvc_encoder.predict import born
from pgsvc_encoder.predict.between import InnerFrames
from pgsvc_encoder.predict.offsets import Offsets
from pgsvc_encoder.predict.selective import Selective
from pgsvc_encoder.quantise.grade import energy_step, header_of

RATES = Rates(0.12, 0.03, 0.01)
CHOICES = (0, 10, 30, 60)  # iterations before which the splats that are fitted are chosen
POSITION, SHAPE, COLOUR = range(3)
UPDATES = (UPDATE_POSITION, UPDATE_SHAPE, UPDATE_COLOUR)
BORN_BITS = 40
SPLATS_PER_VECTOR = 8


@dataclass(frozen=True)
class DifferenceGrade:
    """How fine, and what bits are worth.

    Args:
        coarseness: log2 of the step of the energies over the root of the key frame's mean squared error, in eighths.
        shape_precision, position_precision, cell_bits: header fields (spec 6.4).
        group_bits: likewise: frames of a group at the most; 0: low delay.
        motion_bits: likewise: spacing of the motion vectors; None: such that there are some splats for each.
        rate: what a bit is worth: this share of the error that an energy step makes.
        between: factor of the worth of a bit for each halving of a group: on frames between others nothing is built.
        inner_weight: of the errors of the frames between in the fit of the last frame of a group.
        pull: weight of the pull, in bits for each group of numbers.
        price: weight of the bits where a group is sent or not: what is left after the pull is nearly always worth them.
        dead_zone: offsets below are not sent.
        fall: in dB, how much worse than the key frame predicted frames are meant to be: what a bit is worth is scaled by the wanted
            over the last error to the power of ``steadiness``, so that quality neither sinks from group to group nor costs more
            than it must while the key frame still helps.
        born_share: of a layer's splats that may be replaced in the last frame of a group.
        iterations, adapt_iterations: before anything is frozen (twice as many in the last frame of a group), and after each freeze.
        motion_iterations: of the fit of a motion field, for each frame that it reaches further.
    """

    coarseness: int = 17
    shape_precision: int = 6
    position_precision: int = 6
    cell_bits: int = 3
    motion_bits: int | None = None
    group_bits: int = 2
    rate: float = 0.5
    between: float = 2.8
    inner_weight: float = 0.4
    pull: float = 3.0
    price: float = 0.3
    dead_zone: float = 0.6
    fall: float = 2.0
    steadiness: float = 2.0
    born_share: float = 0.05
    iterations: int = 80
    adapt_iterations: int = 20
    motion_iterations: int = 20

    def header(self, picture_format: PictureFormat, splats: int, error: float, key: Record) -> Record:
        """Fields of the PRED header, but for ``frame_count``.

        Args:
            splats: of a frame.
            error: mean squared error of the decoded key frame, samples up to 1; key: header of its base layer.
        """
        f = picture_format
        spacing = math.log2(f.width * f.height * SPLATS_PER_VECTOR / max(1, splats)) / 2
        motion_bits = min(max(round(spacing), 4), 8) if self.motion_bits is None else self.motion_bits
        names = ("group_bits", "cell_bits", "shape_precision", "position_precision")
        return {
            "prediction_tool": 2,
            "motion_bits": motion_bits,
            **{name: getattr(self, name) for name in names},
            "energy_step": energy_step(error, self.coarseness),
            **{name: key[name] for name in ("chroma_steps", "chroma_weight")},
        }

    def bit_worth(self, header: Record, picture_format: PictureFormat) -> float:
        """Error that a bit must save, as a mean square of samples up to 1: a share of what one energy step of a splat makes."""
        f = picture_format
        weight = 1.0 if f.is_rgb else component_weights(f)[0]
        squares = 0.8 * math.pi  # the integral of w² over the plane, in products of the two scales
        step = 2.0 ** (header["energy_step"] / 8) / 8192
        return self.rate * weight * squares * step**2 / (f.width * f.height)


class FrameFit:
    """Fits and freezes one frame.

    Args:
        header: of the PRED chunks of object 0.
        predicted: splats of each set (spec 7.13).
        depth: how often the group was halved to get to the frame; 0 for its last one.
        inner: the frames between, of the last frame of a group.
        pressure: factor of the worth of a bit.
        objects: sets of each layer.
    """

    def __init__(
        self,
        training: Training,
        objective: Objective,
        grade: DifferenceGrade,
        header: Record,
        predicted: Sequence[SplatSet],
        on_step: Step,
        *,
        depth: int,
        inner: InnerFrames | None = None,
        pressure: float = 1.0,
        objects: int = 1,
    ) -> None:
        self.training, self.objective, self.grade, self.header, self.on_step = (
            training,
            objective,
            grade,
            header,
            on_step,
        )
        self.is_anchor, self.inner = depth == 0, inner
        self.headers = [header_of(header, i % objects, objective.emphasis_weight) for i in range(len(predicted))]
        self.offsets = Offsets(self.headers, predicted, is_rgb=objective.format.is_rgb, objects=objects)
        self.splats = self.offsets.origin.copy()
        self.worth = grade.bit_worth(header, objective.format) * grade.between**depth * pressure
        self.fixed = torch.zeros(len(self.splats), dtype=torch.bool)

    def run(self) -> list[DifferenceSymbols]:
        """Symbols of each set."""
        g, s = self.grade, self.splats
        iterations = g.iterations * (2 if self.is_anchor else 1)
        self._follow(iterations, {POSITION, SHAPE, COLOUR}, 1.0, births=self.is_anchor)
        fresh = self._fix_born()
        sent = [self._freeze(POSITION, self.objective.curvature(s)[:, :2])]
        self._follow(g.adapt_iterations, {SHAPE, COLOUR}, 0.5)
        sent.append(self._freeze(SHAPE, self.objective.curvature(s)[:, 2:5]))
        self._follow(g.adapt_iterations, {COLOUR}, 0.5)
        weights = self.training.weights(self.objective.levels)
        sent.append(self._freeze(COLOUR, self.objective.colour_diagonal(s, weights) / 2))
        return self._symbols(sent, fresh)

    def _follow(self, iterations: int, groups: set[int], rate: float, *, births: bool = False) -> None:
        """Steps of the groups of numbers that are not frozen, under the pull."""
        first = 0
        for stage in self.training.stages(self.objective, self.splats):
            rows = slice(first, first + len(stage.splats))
            first = rows.stop
            inner = self.inner if len(stage.splats) == len(self.splats) else None
            pull = self.grade.pull * self.worth
            offsets = self.offsets.part(rows)
            fit = Selective(stage, offsets, pull, RATES, groups, self.fixed[rows], inner)
            count = max(1, round(iterations * stage.share))
            for i in range(count):
                if births and i == count // 2 and self.grade.born_share > 0:
                    fit.settle()
                    offsets.free[born.replace(fit, self.grade.born_share, BORN_BITS * self.worth)] = True
                    fit.choose()
                elif i in CHOICES:
                    fit.choose()
                self.on_step(*fit.step(rate * cosine(i / count, 0.1)))
            fit.settle()

    def _fix_born(self) -> list[GradedSymbols]:
        """Round the splats that are new, in each set; from here on they stay as they are."""
        f, s, out = self.objective.format, self.splats, []
        for k, fields in enumerate(self.headers):
            header = {**fields, "background": [0] * s.colour.shape[1]}
            part = s.set_rows(k)
            rows = np.nonzero(self.offsets.free[part].numpy())[0] + part.start
            symbols = born.symbols_of(header, s, rows, f)
            decoded = Splats.from_sets([graded.key_frame(header, symbols, is_rgb=f.is_rgb)])
            places = torch.from_numpy(rows)
            s.position[places], s.shape[places], s.colour[places] = decoded.position, decoded.shape, decoded.colour
            out.append(symbols)
        self.fixed = self.offsets.free.clone()
        return out

    def _freeze(self, group: int, curvature: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Round one group of offsets: which splats send it, bool [N], and the symbols, int64 [N, …]."""
        g, offsets = self.grade, self.offsets
        d = offsets.of(self.splats)[group]
        q = d.round() * (d.abs() >= g.dead_zone)
        gain = (offsets.curvature_per_step(group, curvature) * (d**2 - (d - q) ** 2)).sum(1)
        bits = 3 + (1.5 + 2 * (1 + q.abs()).log2()).where(q != 0, torch.full_like(q, 0.6)).sum(1)
        sent = (gain > g.price * self.worth * bits) & (q != 0).any(1) & ~offsets.free
        q[~sent] = 0
        offsets.place(self.splats, group, q, ~offsets.free)
        self.splats.clamp(self.objective.format.width, self.objective.format.height)
        return sent.numpy(), q.numpy().astype(np.int64)

    def _symbols(
        self, sent: list[tuple[np.ndarray, np.ndarray]], fresh: list[GradedSymbols]
    ) -> list[DifferenceSymbols]:
        update = sum(bit * chosen.astype(np.int32) for bit, (chosen, _) in zip(UPDATES, sent, strict=True))
        update = np.where(self.offsets.free.numpy(), BORN, update).astype(np.int32)
        out = []
        for k, symbols in enumerate(fresh):
            part = self.splats.set_rows(k)
            values = [q[part][chosen[part]] for chosen, q in sent]
            out.append(DifferenceSymbols(update[part], symbols, *values))
        return out
