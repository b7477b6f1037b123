"""Joint training of all layers in one pass: every level is supervised in every iteration.

P-GSVC (section 3.4) supervises the top level and one cycling lower level; with an additive sum all levels cost no more than one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

from pgsvc_encoder.fit.initialise import add_by_error, seed_layer
from pgsvc_encoder.fit.objective import Objective
from pgsvc_encoder.fit.splats import Splats

Step = Callable[[torch.Tensor], None]  # called with the mean squared error of each level after an iteration


@dataclass(frozen=True)
class Rates:
    """Adam step sizes: position in luma samples, shape in octaves (a, b) and ratio (t), colour in code values / 2^BitDepth."""

    position: float = 0.35
    shape: float = 0.1
    colour: float = 0.02


@dataclass(frozen=True)
class Schedule:
    """How a key frame is fitted.

    Args:
        iterations: Adam iterations.
        seed_share: share of a layer's splats that the base starts with; other layers start empty.
        rounds: rounds of additions.
        add_until: share of the iterations after which nothing is added.
        final_rate: the step sizes fall along a cosine to this share.
    """

    iterations: int
    seed_share: float = 0.5
    rounds: int = 12
    add_until: float = 0.7
    final_rate: float = 0.02
    rates: Rates = Rates()


def level_weights(layers: int) -> torch.Tensor:
    """Weights of the levels' errors: the top counts most (0.1 / 0.2 / 1 lost least against fits of one level); float64 [K]."""
    return torch.tensor(([0.1] * layers + [0.2, 1.0])[-layers:], dtype=torch.float64)


class Optimiser:
    """torch's Adam over the tensors of splats, fed with the kernels' gradients; some of them can be frozen."""

    def __init__(self, splats: Splats, rates: Rates, *, frozen: frozenset[str] = frozenset()) -> None:
        self.splats = splats
        named = {"position": rates.position, "shape": rates.shape, "colour": rates.colour}
        self.names = [name for name in named if name not in frozen]
        groups = [{"params": [getattr(splats, name)], "lr": named[name], "peak": named[name]} for name in self.names]
        self.adam = torch.optim.Adam(groups, betas=(0.9, 0.99), eps=1e-15, fused=True)
        self.shape_mask: torch.Tensor | None = None  # float [3], zero for frozen shape components

    def step(self, objective: Objective, weights: torch.Tensor, rate: float) -> torch.Tensor:
        """One iteration; returns the error of each level before it."""
        s = self.splats
        geometry = s.geometry()
        objective.forward(s, geometry)
        errors = objective.errors(weights)
        grad_geometry, grad_colour = objective.backward(s, geometry)
        grad_position, grad_shape = s.chain(geometry, grad_geometry)
        if self.shape_mask is not None:
            grad_shape = grad_shape * self.shape_mask
        for name, grad in (("position", grad_position), ("shape", grad_shape), ("colour", grad_colour)):
            getattr(s, name).grad = grad.contiguous() if name in self.names else None
        for group in self.adam.param_groups:
            group["lr"] = group["peak"] * rate
        self.adam.step()
        s.clamp(objective.format.width, objective.format.height)
        return errors


def cosine(progress: float, final: float) -> float:
    return final + (1 - final) * 0.5 * (1 + math.cos(math.pi * progress))


def fit(objective: Objective, splats: Splats, schedule: Schedule, generator: torch.Generator, on_step: Step) -> None:
    """Fit all layers to the picture, from nothing: seed, train, add where the error is."""
    counts = (splats.starts[1:] - splats.starts[:-1]).tolist()
    seeded = [max(1, round(counts[0] * schedule.seed_share)) if counts[0] else 0] + [0] * (len(counts) - 1)
    if seeded[0]:
        seed_layer(splats, 0, seeded[0], objective, generator)
    optimiser = Optimiser(splats, schedule.rates)
    weights = level_weights(len(counts))
    last = max(1, round(schedule.iterations * schedule.add_until))
    times = {round((r + 0.5) * last / schedule.rounds): r + 1 for r in range(schedule.rounds)}
    for i in range(schedule.iterations):
        if i in times:
            for k, count in enumerate(counts):
                due = seeded[k] + round((count - seeded[k]) * times[i] / schedule.rounds)
                present = int(splats.in_use()[splats.layer(k)].sum())
                add_by_error(splats, k, max(0, due - present), objective, generator)
        on_step(optimiser.step(objective, weights, cosine(i / schedule.iterations, schedule.final_rate)))


def adapt(
    objective: Objective,
    splats: Splats,
    iterations: int,
    rates: Rates,
    on_step: Step,
    *,
    frozen: frozenset[str] = frozenset(),
    shape_mask: torch.Tensor | None = None,
) -> None:
    """Let what is not frozen re-adapt, with step sizes falling to a tenth."""
    optimiser = Optimiser(splats, rates, frozen=frozen)
    optimiser.shape_mask = shape_mask
    weights = level_weights(splats.layers)
    for i in range(iterations):
        on_step(optimiser.step(objective, weights, cosine(i / max(1, iterations), 0.1)))
