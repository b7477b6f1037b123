"""Fitting a key frame from nothing, and letting splats re-adapt: seed, step, add where the error is, prune what is not needed."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from pgsvc_encoder.device import captured
from pgsvc_encoder.device.resident import resident
from pgsvc_encoder.fit.adam import Adam
from pgsvc_encoder.fit.exchange import exchange
from pgsvc_encoder.fit.initialise import add_by_error, seed_layer, seed_uniform
from pgsvc_encoder.fit.newton import Newton
from pgsvc_encoder.fit.objective import Objective
from pgsvc_encoder.fit.optimise import ADAM, Optimiser, Plateau, Rates, Step, cosine
from pgsvc_encoder.fit.prune import Pruner, Pruning
from pgsvc_encoder.fit.relocate import Relocation, relocate
from pgsvc_encoder.fit.splats import Splats
from pgsvc_encoder.fit.superpixel import seed_superpixels
from pgsvc_encoder.fit.training import Stage, Training

CONTENT, UNIFORM, SUPERPIXELS = "content", "uniform", "superpixels"


@dataclass(frozen=True)
class Schedule:
    """How a key frame is fitted.

    Args:
        iterations: of all stages together.
        start: "content": the base starts where the picture has structure and the rest is added where the error is;
            "superpixels": the base starts with one splat for each SLIC segment; "uniform": everything at once, anywhere
            (GaussianImage, LIG).
        seed_share: share of a layer's splats that the base starts with; other layers start empty.
        rounds: rounds of additions.
        add_until: share of the iterations after which nothing is added.
        final_rate: the step sizes fall along a cosine to this share.
        relocation: splats that matter little move to where the error is, or None.
        pruning: start with more splats and remove those that contribute least, or None.
        newton: share of the iterations after which steps go by curvature, on the CPU alone; 1: never.
        exchange: in the end splats of neighbouring layers change places where the lower level gains.
        patience, least_change: a fit ends early once the mean loss of so many iterations differs from that of as many before by
            less than this share (P-GSVC: 100 iterations).
    """

    iterations: int
    start: str = CONTENT
    seed_share: float = 0.25
    rounds: int = 12
    add_until: float = 0.2
    final_rate: float = 0.02
    rates: Rates = Rates()
    optimiser: str = ADAM
    relocation: Relocation | None = Relocation()
    pruning: Pruning | None = None
    newton: float = 1.0
    exchange: bool = True
    patience: int = 100
    least_change: float = 1e-4


@dataclass
class _Additions:
    """When how many splats of each layer are to be in use."""

    counts: list[int]
    seeded: list[int]
    times: dict[int, int] = field(default_factory=dict)
    rounds: int = 1

    def due(self, iteration: int, layer: int) -> int:
        share = self.times[iteration] / self.rounds
        return self.seeded[layer] + round((self.counts[layer] - self.seeded[layer]) * share)


def fit(
    training: Training,
    objective: Objective,
    splats: Splats,
    schedule: Schedule,
    generator: torch.Generator,
    on_step: Step,
) -> None:
    """Fit unused ``splats`` to the picture, from nothing."""
    for stage in training.stages(objective, splats):
        _fit_stage(stage, schedule, generator, on_step)
    training.settle(objective, splats)
    if schedule.exchange and training.together:
        (stage,) = training.stages(objective, splats)
        exchange(stage.objective, splats)


def _fit_stage(stage: Stage, schedule: Schedule, generator: torch.Generator, on_step: Step) -> None:
    iterations = max(1, round(schedule.iterations * stage.share))
    pruner = None if schedule.pruning is None else Pruner(schedule.pruning, stage)
    splats = stage.splats if pruner is None else pruner.splats
    additions = _start(stage, splats, schedule, iterations, generator)
    optimiser = Optimiser(
        stage,
        splats,
        schedule.rates,
        method=schedule.optimiser,
        contribution=None if pruner is None else pruner.contribution,
    )
    plateau = Plateau(schedule.patience, schedule.least_change)
    moves = set() if schedule.relocation is None else schedule.relocation.times(iterations)
    if pruner is not None:
        pruner.plan(max(additions.times, default=0), iterations)
    newton, change = None, iterations
    if schedule.optimiser == ADAM and pruner is None and not captured.wanted(splats.device):
        change = round(iterations * schedule.newton)  # a graph goes on as it was captured
    settled = max((*additions.times, *moves, *(() if pruner is None else pruner.times)), default=0)
    for i in range(iterations):
        if i in additions.times:
            for k, residual in enumerate(stage.objective.residuals(splats)):
                present = int(splats.in_use()[splats.layer(k)].sum())
                add_by_error(splats, k, max(0, additions.due(i, k) - present), residual, generator)
        if i == change:
            assert isinstance(optimiser.method, Adam)
            optimiser.method = newton = Newton(optimiser.method, stage, splats)
        if newton is not None:
            newton.look(stage.weights(i, i / iterations))
        errors, gradients = optimiser.step(i, cosine(i / iterations, schedule.final_rate), i / iterations)
        on_step(errors, gradients)
        if pruner is not None:
            pruner.after(i)
        if schedule.relocation is not None and i in moves:
            relocate(optimiser, schedule.relocation.share, generator)
            if newton is not None:
                newton.moved()
        if i > settled and plateau(float(errors.nan_to_num().dot(stage.mean_weights))):
            break
    if pruner is not None:
        pruner.finish()


def _start(stage: Stage, splats: Splats, schedule: Schedule, iterations: int, generator: torch.Generator) -> _Additions:
    counts = (splats.starts[1:] - splats.starts[:-1]).tolist()
    if schedule.start == UNIFORM:
        seed_uniform(splats, stage.objective, generator)
        return _Additions(counts, counts)
    seeded = [0] * len(counts)
    if stage.layer == 0 and counts[0]:
        seeded[0] = max(1, round(counts[0] * schedule.seed_share))
        if schedule.start == SUPERPIXELS:
            seeded[0] = seed_superpixels(splats, 0, seeded[0], stage.objective)
        else:
            seed_layer(splats, 0, seeded[0], stage.objective, generator)
    last = max(1, round(iterations * schedule.add_until))
    times = {round((r + 0.5) * last / schedule.rounds): r + 1 for r in range(schedule.rounds)}
    if stage.layer:
        times = {round(r * last / schedule.rounds): r + 1 for r in range(schedule.rounds)}
    return _Additions(counts, seeded, times, schedule.rounds)


def adapt(
    training: Training,
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
    for stage in training.stages(objective, splats):
        with resident(stage) as there:
            optimiser = Optimiser(there, there.splats, rates, frozen=frozen, shape_mask=shape_mask)
            count = round(iterations * stage.share)
            for i in range(count):
                on_step(*optimiser.step(i, cosine(i / count, 0.1)))
