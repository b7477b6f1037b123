"""Freeze a fitted key frame in steps, letting what is still free re-adapt: position, shear, scales, colours.

Rounding everything at once costs several dB; freezing in this order with re-adaptation and closed-form colours gets most of it back
(straight-through training at these step sizes was worse than rounding).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from pgsvc.headers import BASIC
from pgsvc.planar.graded import GradedSymbols
from pgsvc.planar.splats import LOG_CHOLESKY
from pgsvc.planar.symbols import KeySymbols, morton
from pgsvc_encoder.fit.objective import Objective
from pgsvc_encoder.fit.optimise import Rates, Step
from pgsvc_encoder.fit.solve import colour_diagonal, colour_gradient, solve_colours
from pgsvc_encoder.fit.splats import Splats
from pgsvc_encoder.fit.train import adapt
from pgsvc_encoder.fit.training import Training
from pgsvc_encoder.quantise import rvq
from pgsvc_encoder.quantise.aware import train_aware
from pgsvc_encoder.quantise.lsq import UniformQuantiser, learn_quantiser

A, T, B = 0, 1, 2
ADAPT_RATES = Rates(0.05, 0.015, 0.006)  # of what is still free while the rest is frozen
GEOMETRY_BITS = 28  # of a splat's position and shape, to weigh the bits of its colour against
# What twice the rate is worth when it is spent on more splats; measured at 0.15 to 0.93 bit/pixel.
DECIBELS_PER_OCTAVE = 2.5


@dataclass(frozen=True)
class Precision:
    """How finely a key frame is coded.

    Args:
        position_fraction_bits: grid of 2^−n luma samples.
        shape_bits: symbols of the shape quantisers.
        least_scale: their finest step: octaves for the scales, ratio for the shear.
        colour_choices: (stages, codebook bits) of the colour quantisers that are tried; the best in rate and distortion is kept.
        colour_groups: colours are fixed in so many groups, largest splats first, the rest solved again after each.
        sweeps: passes of re-choosing colours with their neighbours in view.
        adapt_iterations: after each freeze of geometry.
        solve_iterations: of each colour solve.
        aware_iterations: of training with quantised splats in view, before the freeze.
    """

    position_fraction_bits: int = 2
    shape_bits: int = 7
    least_scale: float = 0.1
    colour_choices: tuple[tuple[int, int], ...] = ((2, 6), (2, 5), (2, 4))
    colour_groups: int = 5
    sweeps: int = 2
    adapt_iterations: int = 150
    solve_iterations: int = 8
    aware_iterations: int = 0

    @property
    def iterations(self) -> int:
        """Of all freezes of geometry, and of the training before."""
        return 3 * self.adapt_iterations + self.aware_iterations


@dataclass(frozen=True)
class FrozenSet:
    """A splat set, a layer or what an object has of it, ready to be written: header fields that the freeze decides, and the
    symbols in canonical order."""

    fields: dict[str, object]
    symbols: KeySymbols | GradedSymbols


def tools(family: int) -> dict[str, object]:
    """Header fields that name the coding tools (spec 6.3)."""
    return {"reserved_bits": 0, **dict.fromkeys(("position_tool", "shape_tool", "colour_tool"), family)}


def freeze_key(
    training: Training,
    objective: Objective,
    splats: Splats,
    precision: Precision,
    rng: np.random.Generator,
    on_step: Step,
) -> list[FrozenSet]:
    """Quantise all sets of a key frame. ``splats`` ends up at the decoded values, in canonical order."""
    if precision.aware_iterations:
        round_all = _rounding(objective, splats, precision, rng)
        train_aware(training, objective, splats, precision.aware_iterations, round_all, on_step)
    split_region(objective, splats)
    grid = freeze_positions(objective, splats, precision)
    adapt(training, objective, splats, precision.adapt_iterations, ADAPT_RATES, on_step, frozen=frozenset({"position"}))
    quantisers, symbols = _shape_tables(splats.set_count), np.zeros((len(splats), 3), np.int64)
    for components, free in (((T,), (1.0, 0.0, 1.0)), ((A,), (0.0, 0.0, 1.0))):
        _freeze_shape(objective, splats, components, precision, quantisers, symbols)
        adapt(
            training,
            objective,
            splats,
            precision.adapt_iterations,
            ADAPT_RATES,
            on_step,
            frozen=frozenset({"position"}),
            shape_mask=torch.tensor(free),
        )
    _freeze_shape(objective, splats, (B,), precision, quantisers, symbols)
    solve_colours(training, objective, splats, 2 * precision.solve_iterations)
    books, indices = _choose_colours(training, objective, splats, precision, rng)
    out = []
    for k in range(splats.set_count):
        part = splats.set_rows(k)
        lowest = np.array([q.lowest for q in quantisers[k]])
        fields = {
            **tools(BASIC),
            "reserved_bit": 0,
            "position_fraction_bits": precision.position_fraction_bits,
            "shape_domain": LOG_CHOLESKY,
            "shape_signed": int(quantisers[k][0].signed),
            "shape_bits": precision.shape_bits,
            "shape_scale": [q.scale for q in quantisers[k]],
            "shape_offset": [q.offset for q in quantisers[k]],
            **books[k].record(),
        }
        out.append(FrozenSet(fields, KeySymbols(grid[part], (symbols[part] - lowest).astype(np.int32), indices[part])))
    return out


def split_region(objective: Objective, splats: Splats) -> None:
    """Splats whose centres lie in the region of interest become object 1; from here on they stay where they are."""
    if objective.emphasis is not None:
        splats.split(objective.emphasis.contains(splats.position))


def _rounding(
    objective: Objective, splats: Splats, precision: Precision, rng: np.random.Generator, every: int = 20
) -> Callable[[int], None]:
    """A function that rounds all splats in place, without a change of order; quantisers follow the splats every few calls."""
    scale = 1 << precision.position_fraction_bits
    quantisers: list[list[UniformQuantiser]] = []
    books: list[rvq.Codebooks] = []

    def round_all(i: int) -> None:
        if i % every == 0:
            quantisers[:] = _shape_tables(splats.layers)
            books.clear()
            weight = colour_diagonal(Training(), objective, splats).sum(1).double().numpy()
            for k in range(splats.layers):
                part = splats.layer(k)
                colours = splats.colour[part].double().numpy()
                books.append(rvq.train(colours, weight[part], *precision.colour_choices[0], rng))
        splats.position.copy_((torch.floor(splats.position * scale) + 0.5) / scale)
        symbols = np.zeros((len(splats), 3), np.int64)
        if i % every == 0:
            _freeze_shape(objective, splats, (T, A, B), precision, quantisers, symbols)
        for k in range(splats.layers):
            part = splats.layer(k)
            for c, q in enumerate(quantisers[k]):
                values = q.dequantise(q.quantise(splats.shape[part, c].double().numpy()))
                splats.shape[part, c] = torch.from_numpy(values).float()
            found = books[k].decode(rvq.encode(books[k], splats.colour[part].double().numpy()))
            splats.colour[part] = torch.from_numpy(found).float()
        splats.clamp(objective.format.width, objective.format.height)

    return round_all


def freeze_positions(objective: Objective, splats: Splats, precision: Precision) -> np.ndarray:
    """Round positions to the grid and put each set in canonical (Morton) order; returns the grid indices [N, 2]."""
    scale = 1 << precision.position_fraction_bits
    size = np.array([objective.format.width, objective.format.height]) * scale
    grid = np.clip(np.floor(splats.position.numpy().astype(np.float64) * scale), 0, size - 1).astype(np.int64)
    parts = [splats.set_rows(k) for k in range(splats.set_count)]
    order = np.concatenate([np.argsort(morton(grid[part]), kind="stable") + part.start for part in parts]).astype(
        np.int64
    )
    index = torch.from_numpy(order)
    splats.shape = splats.shape[index]
    splats.colour = splats.colour[index]
    splats.position = torch.from_numpy(((grid[order] + 0.5) / scale).astype(np.float32))
    return grid[order]


def _shape_tables(sets: int) -> list[list[UniformQuantiser]]:
    placeholder = UniformQuantiser(1, False, 1, 0)
    return [[placeholder] * 3 for _ in range(sets)]


def _freeze_shape(
    objective: Objective,
    splats: Splats,
    components: tuple[int, ...],
    precision: Precision,
    quantisers: list[list[UniformQuantiser]],
    symbols: np.ndarray,
) -> None:
    """Learn quantisers for some shape components of every set and round them.

    The base layer's symbols are unsigned, the others' signed (P-GSVC, section 3.6).
    """
    sensitivity = objective.curvature(splats)[:, 2:5].double().numpy()
    for k in range(splats.set_count):
        part = splats.set_rows(k)
        for c in components:
            values = splats.shape[part, c].double().numpy()
            q = learn_quantiser(
                values,
                sensitivity[part, c],
                precision.shape_bits,
                signed=k >= splats.objects,
                least_scale=precision.least_scale,
            )
            quantisers[k][c] = q
            symbols[part, c] = q.quantise(values)
            splats.shape[part, c] = torch.from_numpy(q.dequantise(symbols[part, c])).float()
    splats.clamp(objective.format.width, objective.format.height)


def _choose_colours(
    training: Training, objective: Objective, splats: Splats, precision: Precision, rng: np.random.Generator
) -> tuple[list[rvq.Codebooks], np.ndarray]:
    """Freeze colours with every choice of codebooks and keep the best: large ones pay where splats are many or colours smooth."""
    start = splats.colour
    best: tuple[float, list[rvq.Codebooks], np.ndarray, torch.Tensor] | None = None
    for stages, bits in precision.colour_choices:
        splats.colour = start.clone()
        books, indices = _freeze_colours(training, objective, splats, precision, rng, stages, bits)
        error = objective.error(splats, objective.levels - 1)
        size = GEOMETRY_BITS * len(splats)
        for k in range(splats.set_count):
            size += rvq.estimated_bits(books[k], indices[splats.set_rows(k)])
        score = -10 * np.log10(max(error, 1e-12)) - DECIBELS_PER_OCTAVE * np.log2(size)
        if best is None or score > best[0]:
            best = (score, books, indices, splats.colour)
    assert best is not None
    splats.colour = best[3]
    return best[1], best[2]


def _freeze_colours(
    training: Training,
    objective: Objective,
    splats: Splats,
    precision: Precision,
    rng: np.random.Generator,
    stages: int,
    bits: int,
) -> tuple[list[rvq.Codebooks], np.ndarray]:
    """Train codebooks, then fix colours group by group, the free ones solved again each time; then sweep."""
    footprint = colour_diagonal(training, objective, splats)
    books = []
    for k in range(splats.set_count):
        part = splats.set_rows(k)
        colours = splats.colour[part].double().numpy()
        books.append(rvq.train(colours, footprint[part].sum(1).double().numpy(), stages, bits, rng))
    indices = np.zeros((len(splats), stages), np.int32)
    choose = colour_chooser(splats, books, indices)
    free = torch.ones(len(splats), dtype=torch.bool)
    for group in torch.chunk(torch.argsort(footprint.sum(1), descending=True), precision.colour_groups):
        choose(group, splats.colour[group])
        free[group] = False
        if free.any():
            solve_colours(training, objective, splats, precision.solve_iterations, free=free)
    sweep_colours(training, objective, splats, footprint, precision.sweeps, rng, choose)
    return books, indices


def colour_chooser(
    splats: Splats, books: list[rvq.Codebooks], indices: np.ndarray
) -> Callable[[torch.Tensor, torch.Tensor], None]:
    """A function that gives some splats the codewords nearest to wanted colours."""
    number = splats.set_of()

    def choose(chosen: torch.Tensor, wanted: torch.Tensor) -> None:
        for k, book in enumerate(books):
            inside = number[chosen] == k
            rows = chosen[inside]
            if len(rows):
                found = rvq.encode(book, wanted[inside].double().numpy())
                indices[rows.numpy()] = found
                splats.colour[rows] = torch.from_numpy(book.decode(found)).float()

    return choose


def sweep_colours(
    training: Training,
    objective: Objective,
    splats: Splats,
    diagonal: torch.Tensor,
    sweeps: int,
    rng: np.random.Generator,
    choose: Callable[[torch.Tensor, torch.Tensor], None],
    parts: int = 8,
) -> None:
    """Re-choose codewords with the neighbours' rounding in view: each part moves to its own optimum while the others stay."""
    for _ in range(sweeps):
        for chosen in np.array_split(rng.permutation(len(splats)), parts):
            rows = torch.from_numpy(chosen)
            step = colour_gradient(training, objective, splats)[rows] / (diagonal[rows] + 1e-12)
            choose(rows, splats.colour[rows] - step)
