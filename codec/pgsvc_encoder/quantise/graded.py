"""Freeze a fitted key frame for the graded tools (spec 7.11): each number to the step that its splat's energy asks for.

The order is that of freeze.py: positions, shear, scales, colours, what is still free re-adapting in between. Steps come from
energies, which are only known when colours are; so steps are chosen by the energies of the fit, and for the last time by those of
the frozen colours.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from pgsvc.planar import graded
from pgsvc.planar.graded import GradedSymbols
from pgsvc.planar.symbols import morton
from pgsvc.syntax import Record
from pgsvc_encoder.fit.objective import Objective
from pgsvc_encoder.fit.optimise import Step
from pgsvc_encoder.fit.prune import drop_weak
from pgsvc_encoder.fit.solve import colour_diagonal, colour_gradient, solve_colours
from pgsvc_encoder.fit.splats import Splats
from pgsvc_encoder.fit.train import adapt
from pgsvc_encoder.fit.training import Training
from pgsvc_encoder.quantise import nearest
from pgsvc_encoder.quantise.aware import train_aware
from pgsvc_encoder.quantise.freeze import ADAPT_RATES, FrozenSet, split_region
from pgsvc_encoder.quantise.grade import Grade, header_of


class Freeze:
    """The state of a freeze: splats that move to decodable values step by step."""

    def __init__(self, training: Training, objective: Objective, splats: Splats, grade: Grade, on_step: Step) -> None:
        self.training, self.objective, self.splats = training, objective, splats
        self.grade, self.on_step = grade, on_step
        error = objective.error(splats, objective.levels - 1)
        self.header: Record = grade.header(objective.format, error, len(splats))
        self.headers = [
            header_of(self.header, i % splats.objects, objective.emphasis_weight) for i in range(splats.set_count)
        ]
        self.is_rgb = objective.format.is_rgb
        self.steps = (2.0 ** (np.stack([graded.energy_steps(h) for h in self.headers]) / 8) / 8192)[
            splats.set_of().numpy()
        ]
        self.bits = graded.energy_bits(self.header, self.energy())

    def energy(self) -> np.ndarray:
        """Nearest energy symbols of the present colours; int64 [N, C]."""
        shape, colour = self.splats.shape.double().numpy(), self.splats.colour.double().numpy()
        return nearest.energies(colour, shape, self.steps, is_rgb=self.is_rgb, dead_zone=self.grade.dead_zone)

    def shape(self) -> np.ndarray:
        """The present shapes in Q12, int64 [N, 3]."""
        return np.round(self.splats.shape.double().numpy() * 4096).astype(np.int64)

    def colours(self, energy: np.ndarray) -> torch.Tensor:
        """Float twins of decoded colours."""
        shape, parts = self.shape(), []
        for i, header in enumerate(self.headers):
            rows = self.splats.set_rows(i)
            parts.append(graded.colours(header, energy[rows], shape[rows], is_rgb=self.is_rgb))
        decoded = np.concatenate(parts)
        return torch.from_numpy(np.clip(decoded, -32768, 32767) / 8192).float()

    def adapt(self, shape_mask: tuple[float, float, float] | None = None) -> None:
        mask = None if shape_mask is None else torch.tensor(shape_mask)
        iterations = self.grade.adapt_iterations
        adapt(
            self.training, self.objective, self.splats, iterations, ADAPT_RATES, self.on_step,
            frozen=frozenset({"position"}), shape_mask=mask,
        )  # fmt: skip

    def round_positions(self) -> tuple[np.ndarray, np.ndarray]:
        """Cells and places; positions move to their centres."""
        f, s, cell_bits = self.objective.format, self.splats, self.grade.cell_bits
        shape = self.shape()
        widths = graded.place_bits(self.header, self.bits, graded.slant_bits(shape[:, 1]), shape)
        cells, place = nearest.cells_and_places(s.position.double().numpy(), widths, cell_bits, (f.width, f.height))
        s.position.copy_(torch.from_numpy(graded.positions(cells, place, widths, cell_bits) / 256).float())
        return cells, place

    def round_shear(self) -> np.ndarray:
        e = graded.shear_exponent(self.header, self.bits)
        symbols = nearest.shears(self.splats.shape[:, 1].double().numpy(), e)
        self.splats.shape[:, 1] = torch.from_numpy(graded.shear_value(symbols, e) / 4096).float()
        return symbols

    def round_scale(self, column: int) -> np.ndarray:
        slant = graded.slant_bits(self.shape()[:, 1])
        e = graded.scale_exponent(self.header, self.bits, slant)
        symbols = nearest.scales(self.splats.shape[:, column].double().numpy(), e)
        self.splats.shape[:, column] = torch.from_numpy(symbols * 2.0**e + graded.A_LOW / 4096).float()
        f = self.objective.format
        self.splats.clamp(f.width, f.height)
        return symbols

    def fix_colours(self, graded_for: np.ndarray | None = None) -> np.ndarray:
        """Fix colours in groups, larger splats first, the free ones solved again each time; the energy symbols.

        Args:
            graded_for: the steps of the geometry are made for these symbols; others are only taken if they ask for the same steps.
        """
        s, g = self.splats, self.grade
        solve_colours(self.training, self.objective, s, 2 * g.solve_iterations)
        diagonal = colour_diagonal(self.training, self.objective, s).sum(1)
        symbols = np.zeros(s.colour.shape, np.int64)
        free = torch.ones(len(s), dtype=torch.bool)
        for group in torch.chunk(torch.argsort(diagonal, descending=True), g.colour_groups):
            rows = group.numpy()
            wanted = self.energy()
            if graded_for is not None:
                wanted = self._kept(wanted, graded_for)
            symbols[rows] = wanted[rows]
            s.colour[group] = self.colours(symbols)[group]
            free[group] = False
            if free.any():
                solve_colours(self.training, self.objective, s, g.solve_iterations, free=free)
        return symbols

    def sweep_colours(self, symbols: np.ndarray, graded_for: np.ndarray, parts: int = 8) -> None:
        """Re-choose energy symbols in place: each part moves to its own optimum while the others stay."""
        s = self.splats
        diagonal = colour_diagonal(self.training, self.objective, s) + 1e-12
        for _ in range(self.grade.sweeps):
            for part in range(min(parts, len(s))):
                rows = torch.arange(part, len(s), parts)
                s.colour[rows] -= (colour_gradient(self.training, self.objective, s) / diagonal)[rows]
                symbols[rows] = self._kept(self.energy(), graded_for)[rows]
                s.colour[rows] = self.colours(symbols)[rows]

    def _kept(self, wanted: np.ndarray, graded_for: np.ndarray) -> np.ndarray:
        """Symbols near ``wanted`` that ask for the steps that the geometry has, else those that it was made for."""
        out = wanted.copy()
        for _ in range(16):
            above = graded.energy_bits(self.header, out) - self.bits
            wrong = np.nonzero(above)[0]
            if not len(wrong):
                break
            column = np.where(above[wrong] > 0, np.abs(out[wrong]).argmax(1), 0)
            sign = np.where(out[wrong, column] < 0, -1, 1)
            out[wrong, column] -= sign * np.sign(above[wrong])
        wrong = graded.energy_bits(self.header, out) != self.bits
        out[wrong] = graded_for[wrong]
        return out


def _rounding(
    training: Training, objective: Objective, splats: Splats, grade: Grade, on_step: Step
) -> Callable[[int], None]:
    """A function that rounds all splats in place, to steps of energies that stay what they are now."""
    f = Freeze(training, objective, splats, grade, on_step)

    def round_all(i: int) -> None:
        f.bits = graded.energy_bits(f.header, f.energy())
        f.round_positions()
        f.round_shear()
        f.round_scale(0)
        f.round_scale(2)
        splats.colour.copy_(f.colours(f.energy()))

    return round_all


def freeze_graded(
    training: Training, objective: Objective, splats: Splats, grade: Grade, on_step: Step
) -> list[FrozenSet]:
    """Quantise all sets of a key frame. ``splats`` ends up at the decoded values, in canonical order."""
    drop_weak(objective, splats, grade.least_worth)
    if grade.aware_iterations:
        round_all = _rounding(training, objective, splats, grade, on_step)
        train_aware(training, objective, splats, grade.aware_iterations, round_all, on_step)
    split_region(objective, splats)
    f = Freeze(training, objective, splats, grade, on_step)
    f.round_positions()
    f.adapt()
    f.round_shear()
    f.adapt((1.0, 0.0, 1.0))
    f.round_scale(0)
    f.adapt((0.0, 0.0, 1.0))
    f.round_scale(2)
    symbols = f.fix_colours()
    f.bits = graded.energy_bits(f.header, symbols)
    shear = f.round_shear()
    scales = np.stack([f.round_scale(0), f.round_scale(2)], 1)
    cells, place = f.round_positions()
    made_for, symbols = symbols, f.fix_colours(symbols)
    f.sweep_colours(symbols, made_for)
    out = []
    for i in range(splats.set_count):
        part = splats.set_rows(i)
        order = np.argsort(morton(cells[part]), kind="stable")
        rows = order + part.start
        coded = GradedSymbols(cells[rows], symbols[rows], shear[rows], scales[rows], place[rows])
        out.append(FrozenSet(f.headers[i], coded))
        for values in (splats.position, splats.shape, splats.colour):
            values[part] = values[torch.from_numpy(rows)]
    return out
