"""The six trainings, pruning, relocation and the stop at convergence."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="fitting needs the encoder extra")

from test_fit import FORMATS, objective_of, random_splats  # noqa: E402

from pgsvc.picture import Chroma, Picture, PictureFormat  # noqa: E402
from pgsvc_encoder.fit.adam import BETAS, Adam  # noqa: E402
from pgsvc_encoder.fit.exchange import exchange  # noqa: E402
from pgsvc_encoder.fit.initialise import add_by_error  # noqa: E402
from pgsvc_encoder.fit.objective import Objective  # noqa: E402
from pgsvc_encoder.fit.optimise import ADAN, Plateau  # noqa: E402
from pgsvc_encoder.fit.prune import ENERGY, LEARNED, Pruning  # noqa: E402
from pgsvc_encoder.fit.relocate import Relocation  # noqa: E402
from pgsvc_encoder.fit.splats import Splats  # noqa: E402
from pgsvc_encoder.fit.train import UNIFORM, Schedule, adapt, fit  # noqa: E402
from pgsvc_encoder.fit.training import SCALABLE, Training, importance  # noqa: E402

SCHEDULE = Schedule(150, rounds=4, relocation=Relocation(rounds=6))


def fitted(training: Training, schedule: Schedule = SCHEDULE, sizes: list | None = None) -> tuple[list[float], Splats]:
    """Errors of the levels after a fit of 30 splats in three layers, and the splats."""
    objective = objective_of(FORMATS["420"], 3, sizes)
    splats = Splats.unused([10, 10, 10], 3)
    fit(training, objective, splats, schedule, torch.Generator().manual_seed(1), lambda *_: None)
    assert bool(splats.in_use().all())
    inside = (splats.position > 0).all() and (splats.position < torch.tensor([41.0, 27.0])).all()
    assert bool(inside)
    return [objective.error(splats, k) for k in range(3)], splats


@pytest.mark.parametrize("name", SCALABLE)
def test_every_training_improves_with_every_level(name: str) -> None:
    errors, _ = fitted(Training(name))
    nothing = objective_of(FORMATS["420"], 3).error(Splats.unused([1, 1, 1], 3), 2)
    assert errors[2] < errors[1] < errors[0]
    assert errors[2] < 0.02 * nothing


@pytest.mark.parametrize("name", SCALABLE)
def test_every_training_with_sizes(name: str) -> None:
    errors, _ = fitted(Training(name), sizes=[(20, 13), (30, 20), (41, 27)])
    nothing = objective_of(FORMATS["420"], 3).error(Splats.unused([1, 1, 1], 3), 2)
    assert errors[2] < 0.02 * nothing


def test_monolithic_needs_one_model_for_each_level() -> None:
    assert Training("monolithic").models([3, 4, 5]) == [[3], [7], [12]]
    assert Training("joint").models([3, 4, 5]) == [[3, 4, 5]]


def test_sequential_freezes_what_lies_below() -> None:
    objective = objective_of(FORMATS["420"], 3)
    splats = random_splats(FORMATS["420"], [6, 6, 6])
    moved = []
    for stage in Training("sequential").stages(objective, splats):
        before = splats.colour.clone()
        stage.splats.colour.add_(0.1)
        moved.append([bool((splats.colour[splats.layer(k)] != before[splats.layer(k)]).any()) for k in range(3)])
        # what a stage sees is what its level sees with everything below it
        assert objective.error(splats, stage.layer) == pytest.approx(stage.objective.error(stage.splats, 0), rel=1e-5)
    assert moved == [[True, False, False], [False, True, False], [False, False, True]]


def test_cyclic_and_random_supervise_the_top_and_one_lower_level() -> None:
    objective = objective_of(FORMATS["grey"], 3)
    splats = random_splats(FORMATS["grey"], [3, 3, 3])
    (cyclic,) = Training("cyclic").stages(objective, splats)
    assert [cyclic.weights(i, 0.5).tolist() for i in range(3)] == [[1, 0, 1], [0, 1, 1], [1, 0, 1]]
    (drawn,) = Training("random", seed=4).stages(objective, splats)
    seen = {tuple(drawn.weights(i, 0.5).tolist()) for i in range(40)}
    assert seen == {(1, 0, 1), (0, 1, 1)}


def test_joint_begins_with_equal_levels() -> None:
    objective = objective_of(FORMATS["grey"], 3)
    (joint,) = Training().stages(objective, random_splats(FORMATS["grey"], [3, 3, 3]))
    assert joint.weights(0, 0.0).tolist() == [1, 1, 1]
    assert joint.weights(0, 1.0).tolist() == joint.mean_weights.tolist() == [0.04, 0.09, 1]
    assert joint.weights(0, 0.5).tolist() == pytest.approx([0.52, 0.545, 1])


def test_pruning_training_puts_the_most_important_splats_first() -> None:
    objective = objective_of(FORMATS["rgb"], 3)
    splats = random_splats(FORMATS["rgb"], [5, 5, 5])
    Training("pruning").settle(objective, splats)
    value = importance(objective.alone(2), splats.merged())
    assert bool((value[:-1] >= value[1:] * (1 - 1e-5)).all())


def test_error_in_one_spot_does_not_explode() -> None:
    """All splats that are added or moved go to the one dot of a flat picture; their sum must not exceed the residual."""
    f = FORMATS["grey"]
    plane = np.full((f.height, f.width), 100, np.uint8)
    plane[10, 20] = 255
    objective = Objective([Picture(f, (plane,))], np.array([100 / 256]))
    nothing = Splats.unused([200], 1)
    before = objective.error(nothing, 0)
    add_by_error(nothing, 0, 200, objective.residuals(nothing)[0], torch.Generator().manual_seed(1))
    assert objective.error(nothing, 0) < before
    splats = Splats.unused([200], 1)
    schedule = Schedule(200, rounds=4, relocation=Relocation(rounds=40), patience=200)
    fit(Training(), objective, splats, schedule, torch.Generator().manual_seed(1), lambda *_: None)
    assert objective.error(splats, 0) < 0.1 * before


@pytest.mark.parametrize("sizes", [None, [(20, 13), (30, 20), (41, 27)]])
def test_exchange_lowers_lower_levels_and_leaves_the_top(sizes: list | None) -> None:
    objective = objective_of(FORMATS["420"], 3, sizes)
    splats = random_splats(FORMATS["420"], [12, 12, 12])
    before, rows = [objective.error(splats, k) for k in range(3)], splats.position.sum(1).sort().values
    exchange(objective, splats)
    after = [objective.error(splats, k) for k in range(3)]
    assert after[0] < before[0] and after[1] < before[1]
    assert after[2] == pytest.approx(before[2], rel=1e-4)
    assert torch.equal(splats.position.sum(1).sort().values, rows)


def test_exchange_swaps_the_right_splats() -> None:
    """A base that holds the splat which belongs above, and the other way round, is set right."""
    _, good = fitted(Training("sequential"))
    objective = objective_of(FORMATS["420"], 3)
    best = [objective.error(good, k) for k in range(3)]
    errors, above = [], torch.tensor([15])
    for n in range(*good.starts[:2].tolist()):
        good.swap(torch.tensor([n]), above)
        errors.append(objective.error(good, 0))
        good.swap(torch.tensor([n]), above)
    good.swap(torch.tensor([int(np.argmax(errors))]), above)  # the one that is missed most
    assert objective.error(good, 0) > 1.2 * best[0]
    exchange(objective, good)
    assert objective.error(good, 0) < 1.01 * best[0]


def test_level_weights() -> None:
    assert Training().weights(1).tolist() == [1]
    assert Training().weights(2).tolist() == [0.09, 1]
    assert Training().weights(4).tolist() == [0.04, 0.04, 0.09, 1]
    assert Training("joint", (0.5, 1.0)).weights(2).tolist() == [0.5, 1]
    assert Training("joint", (0.5, 1.0)).weights(1).tolist() == [1]


@pytest.mark.parametrize("relocation", [None, Relocation(rounds=6)])
@pytest.mark.parametrize("measure", [LEARNED, ENERGY])
def test_pruning_ends_at_the_budget(measure: str, relocation: Relocation | None) -> None:
    schedule = dataclasses.replace(SCHEDULE, relocation=relocation, pruning=Pruning(every=5, measure=measure))
    errors, splats = fitted(Training(), schedule)
    assert splats.starts.tolist() == [0, 10, 20, 30]
    assert errors[2] < errors[1] < errors[0]


def test_uniform_start_is_worse_than_content() -> None:
    short = dataclasses.replace(SCHEDULE, iterations=60, relocation=None)
    content, _ = fitted(Training(), short)
    uniform, _ = fitted(Training(), dataclasses.replace(short, start=UNIFORM))
    assert content[2] < uniform[2]


def test_adam_is_that_of_torch() -> None:
    g = torch.Generator().manual_seed(3)
    ours, theirs = ([torch.ones(5, 2), torch.ones(4)] for _ in range(2))
    group = [{"params": [p], "lr": rate} for p, rate in zip(ours, (0.1, 0.02), strict=True)]
    twin = [{"params": [p], "lr": rate} for p, rate in zip(theirs, (0.1, 0.02), strict=True)]
    adam, reference = Adam(group), torch.optim.Adam(twin, betas=BETAS, eps=1e-15)
    for i in range(8):
        for a, b in zip(ours, theirs, strict=True):
            a.grad = torch.randn(a.shape, generator=g) if i != 2 else torch.zeros(a.shape)
            b.grad = a.grad.clone()
        adam.step()
        reference.step()
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


def test_adan_is_another_method() -> None:
    pytest.importorskip("pytorch_optimizer", reason="Adan needs the bench extra")
    errors, _ = fitted(Training(), dataclasses.replace(SCHEDULE, optimiser=ADAN))
    other, _ = fitted(Training())
    assert errors != other
    assert errors[2] < errors[0]


def test_plateau() -> None:
    plateau = Plateau(5, 1e-3)
    assert not any(plateau(loss) for loss in (10.0, 9, 8, 7, 6, 5, 4, 3, 2, 1))
    flat = [plateau(1.0) for _ in range(9)]
    assert flat == [False] * 8 + [True]


def test_a_flat_picture_ends_early() -> None:
    objective = objective_of(FORMATS["grey"], 1)
    for group in objective.views[0].groups:
        group.target[:] = 0
    splats = Splats.unused([4], 1)
    steps: list[int] = []
    schedule = Schedule(2000, rounds=2, relocation=None, patience=20)
    fit(Training(), objective, splats, schedule, torch.Generator().manual_seed(0), lambda *_: steps.append(1))
    assert len(steps) < 1000


def test_adapt_leaves_frozen_things_alone() -> None:
    objective = objective_of(FORMATS["rgb"], 2)
    splats = random_splats(FORMATS["rgb"], [6, 5])
    position, shear = splats.position.clone(), splats.shape[:, 1].clone()
    mask = torch.tensor([1.0, 0.0, 1.0])
    for name in ("joint", "sequential"):
        frozen = frozenset({"position"})
        adapt(Training(name), objective, splats, 6, SCHEDULE.rates, lambda *_: None, frozen=frozen, shape_mask=mask)
    assert torch.equal(splats.position, position)
    assert torch.equal(splats.shape[:, 1], shear)


def test_start_from_superpixels() -> None:
    """Two halves of different colour: a splat on each segment, as large as it, with its colour."""
    pytest.importorskip("skimage", reason="superpixels need scikit-image")
    from pgsvc_encoder.fit.initialise import START_COLOUR
    from pgsvc_encoder.fit.superpixel import seed_superpixels

    plane = np.full((40, 60), 40, np.uint8)
    plane[:, 30:] = 200
    picture = Picture(PictureFormat(60, 40, Chroma.GREY), (plane,))
    objective = Objective([picture], np.array([0.25]), 1)
    splats = Splats.unused([12], 1)
    count = seed_superpixels(splats, 0, 12, objective)
    assert 4 <= count <= 12 and int(splats.in_use().sum()) == count
    used = splats.in_use()
    left = splats.position[used, 0] < 30
    expected = torch.where(left, 40 / 256 - 0.25, 200 / 256 - 0.25) * START_COLOUR
    assert (splats.colour[used, 0] - expected).abs().median() < 0.02
    area = math.pi * torch.exp2(splats.shape[used, 0] + splats.shape[used, 2])
    assert 0.5 * 2400 / count < 4 * float(area.mean()) < 2 * 2400 / count
