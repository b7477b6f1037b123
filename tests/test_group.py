"""Graded predicted frames of the encoder: common motion is sent once, what is as predicted costs nothing, what is new is born."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="fitting needs the encoder extra")

from test_augment import FORMAT, OBJECT, scene  # noqa: E402
from test_fit import random_splats  # noqa: E402

from pgsvc.picture import Chroma, Picture, PictureFormat  # noqa: E402
from pgsvc.planar import graded  # noqa: E402
from pgsvc.planar.differences import BORN, Frame, code_frames  # noqa: E402
from pgsvc.planar.motion import code_fields, coding_order  # noqa: E402
from pgsvc.planar.splats import LOG_CHOLESKY, SplatSet, clip_colour, clip_position, clip_shape  # noqa: E402
from pgsvc.range_coder import RangeReader  # noqa: E402
from pgsvc_encoder.fit.objective import Objective  # noqa: E402
from pgsvc_encoder.fit.splats import Splats  # noqa: E402
from pgsvc_encoder.fit.train import Schedule, fit  # noqa: E402
from pgsvc_encoder.fit.training import SCALABLE, Training  # noqa: E402
from pgsvc_encoder.predict import born  # noqa: E402
from pgsvc_encoder.predict.between import InnerFrames  # noqa: E402
from pgsvc_encoder.predict.field import UNIT, Grid, at, fit_field, rounded  # noqa: E402
from pgsvc_encoder.predict.graded import RATES, DifferenceGrade, FrameFit  # noqa: E402
from pgsvc_encoder.predict.group import GroupPredictor  # noqa: E402
from pgsvc_encoder.predict.offsets import Offsets  # noqa: E402
from pgsvc_encoder.predict.selective import Selective  # noqa: E402
from pgsvc_encoder.quantise.grade import Grade  # noqa: E402
from pgsvc_encoder.quantise.graded import freeze_graded  # noqa: E402

JOINT = Training("joint")
QUICK = DifferenceGrade(iterations=30, adapt_iterations=6, motion_iterations=12)
FRAME = Frame(FORMAT.width, FORMAT.height, 3, False)


def objective_of(picture: Picture) -> Objective:
    return Objective([picture] * 2, np.array([0.47, 0, 0]), 1)


def shifted(picture: Picture, x: int, y: int) -> Picture:
    planes = [
        np.roll(p, (y * p.shape[0] // FORMAT.height, x * p.shape[1] // FORMAT.width), (0, 1)) for p in picture.planes
    ]
    return Picture(picture.format, tuple(planes))


@cache
def key_frame(name: str = "joint") -> tuple[tuple[SplatSet, ...], dict, float]:
    """Decoded layers of the scene without the object, the header of the base, and the error of the top level."""
    training, objective = Training(name), objective_of(scene(with_object=False))
    splats = Splats.unused([40, 40], 3)
    fit(training, objective, splats, Schedule(200, rounds=4), torch.Generator().manual_seed(1), lambda *_: None)
    layers = freeze_graded(training, objective, splats, Grade(adapt_iterations=8), lambda *_: None)
    states = [
        graded.key_frame({"background": None, **layer.fields}, layer.symbols, is_rgb=False)  # type: ignore[arg-type]
        for layer in layers
    ]
    return tuple(states), dict(layers[0].fields), objective.error(Splats.from_sets(states), 1)


def predictor(grade: DifferenceGrade = QUICK, name: str = "joint") -> GroupPredictor:
    states, header, error = key_frame(name)
    return GroupPredictor(states, Training(name), grade, FORMAT, header, error)


def coded(
    pictures: list[Picture], grade: DifferenceGrade = QUICK, name: str = "joint"
) -> tuple[GroupPredictor, list, list[bytes]]:
    """Predictor, states of the frames, payloads."""
    p = predictor(grade, name)
    states = p.code([objective_of(x) for x in pictures], pictures[0], lambda _: lambda *_: None)
    return p, states, p.finish()


def symbols_in(payloads: list[bytes], header: dict, name: str = "joint") -> tuple[list, list, list]:
    """What a decoder finds behind the headers: fields, and states and symbols of each layer."""
    states, _, _ = key_frame(name)
    fields, out, symbols = [], [], []
    for k, payload in enumerate(payloads):
        reader = RangeReader(payload[8:])
        if k == 0:
            fields = code_fields(reader, header, FORMAT.width, FORMAT.height)
        found = code_frames(reader, header, states[k], fields, FRAME)
        reader.finish()
        out.append(found[0])
        symbols.append(found[1])
    return fields, out, symbols


@pytest.mark.parametrize("name", SCALABLE)
def test_decoder_finds_the_states_that_the_encoder_saw(name: str) -> None:
    still = scene(with_object=False)
    pictures = [shifted(still, 2 * i, i) for i in range(1, 4)] + [scene(with_object=True)]
    p, states, payloads = coded(pictures, name=name)
    _, decoded, _ = symbols_in(payloads, {**p.header, "frame_count": 4}, name)
    for f, layers in enumerate(states):
        for k, state in enumerate(layers):
            for part in ("position", "shape", "colour"):
                np.testing.assert_array_equal(getattr(state, part), getattr(decoded[k][f], part))


def test_still_frames_cost_next_to_nothing() -> None:
    still = scene(with_object=False)
    p, states, payloads = coded([still] * 4)
    assert p.header["group_bits"] == 2  # as long as allowed
    fields, _, symbols = symbols_in(payloads, {**p.header, "frame_count": 4})
    assert fields == [None] * 4
    changed = sum(int((s.update > 0).sum()) for layer in symbols for s in layer)
    assert changed <= 0.1 * 4 * 80
    assert sum(len(x) for x in payloads) < 80


def test_what_moves_fast_makes_short_groups() -> None:
    rng = np.random.default_rng(0)
    noise = [
        Picture(FORMAT, tuple(rng.integers(0, 255, s).astype(np.uint8) for s in FORMAT.plane_shapes)) for _ in range(4)
    ]
    p, states, payloads = coded(noise)
    assert p.header["group_bits"] == 0 and len(states) == 4 and len(payloads) == 2


def test_common_motion_is_found() -> None:
    states, _, _ = key_frame()
    splats = Splats.from_sets(list(states))
    grid = Grid(FORMAT.width, FORMAT.height, 5)
    nxt = objective_of(shifted(scene(with_object=False), 2, 1))
    vectors = fit_field(JOINT, nxt, splats, grid, grid.none(), 60, 0.0)
    inside = ((splats.position > 12) & (splats.position < torch.tensor([40.0, 52.0]))).all(1)
    found = at(vectors, *grid.corners(splats.position[inside]))
    assert (found.median(0).values - torch.tensor([2.0, 1.0])).abs().max() < 0.4
    moved = Splats(splats.position.clone(), splats.shape, splats.colour, splats.starts)
    moved.position += at(torch.from_numpy(rounded(vectors) / UNIT).float(), *grid.corners(splats.position))
    assert nxt.error(moved, -1) < 0.5 * nxt.error(splats, -1)


def test_new_content_is_born() -> None:
    with_object = scene(with_object=True)
    best = {}
    for share in (0.0, 0.1):
        grade = DifferenceGrade(iterations=40, adapt_iterations=8, born_share=share, group_bits=0)
        p, states, payloads = coded([with_object], grade)
        _, _, symbols = symbols_in(payloads, {**p.header, "frame_count": 1})
        rows = [np.nonzero(layer[0].update == BORN)[0] for layer in symbols]
        assert (sum(len(r) for r in rows) > 0) == (share > 0)
        best[share] = objective_of(with_object).error(Splats.from_sets(states[0]), -1)
        if share:
            places = np.concatenate([s.position[r] for s, r in zip(states[0], rows, strict=True)]) / 256
            assert np.abs(places - np.array(OBJECT)).max(1).min() < 6
    assert best[0.1] < best[0.0]


def test_the_pull_leaves_more_splats_as_they_are() -> None:
    states, header, error = key_frame()
    picture = scene(with_object=True)
    changed = []
    for pull in (0.0, 3.0):
        grade = DifferenceGrade(iterations=30, adapt_iterations=6, pull=pull)
        fields = {**grade.header(FORMAT, 80, error, header), "group_bits": 0}
        fit_ = FrameFit(JOINT, objective_of(picture), grade, fields, states, lambda *_: None, depth=1)
        changed.append(sum(int((s.update > 0).sum()) for s in fit_.run()))
    assert changed[1] < 0.7 * changed[0]


def test_only_splats_that_the_pull_does_not_hold_are_fitted() -> None:
    states, header, error = key_frame()
    objective = objective_of(scene(with_object=True))
    fields = DifferenceGrade().header(FORMAT, 80, error, header)
    offsets = Offsets([fields] * len(states), states, is_rgb=False)
    before = offsets.origin
    fixed = torch.arange(len(before)) % 10 == 3
    start = [x.clone() for x in (before.position, before.shape, before.colour)]
    fitted = {}
    for pull in (0.0, 1e-7, 1.0):
        splats = before.copy()
        (stage,) = JOINT.stages(objective, splats)
        fit_ = Selective(stage, offsets, pull, RATES, {0, 1, 2}, fixed, InnerFrames(before, [objective], 0.4))
        for i in range(12):
            if i % 6 == 0:
                fit_.choose()
                fitted[pull] = fit_.rows.clone()
            errors, gradients = fit_.step(1.0)
            assert len(gradients[0]) == int(fit_.rows.sum())
        fit_.settle()
        torch.testing.assert_close(float(errors[1]), objective.error(splats, 1), rtol=0.1, atol=0)
        for values, at_first in zip((splats.position, splats.shape, splats.colour), start, strict=True):
            assert torch.equal(values[~fitted[pull]], at_first[~fitted[pull]])
            assert (values != at_first).any() == bool(fitted[pull].any())
    assert torch.equal(fitted[0.0], ~fixed) and not fitted[1.0].any()
    assert 0 < int(fitted[1e-7].sum()) < int((~fixed).sum())


@pytest.mark.parametrize("is_rgb", [False, True])
def test_offsets_and_their_pull(is_rgb: bool) -> None:
    picture_format = PictureFormat(96, 64, Chroma.YUV444, matrix=0 if is_rgb else 2)
    states, header, error = key_frame()
    fields = DifferenceGrade().header(picture_format, 80, error, header)
    offsets = Offsets([fields] * len(states), states, is_rgb=is_rgb)
    splats = random_splats(picture_format, [len(s) for s in states])
    for group, d in enumerate(offsets.of(splats)):
        copy = Splats(splats.position.clone(), splats.shape.clone(), splats.colour.clone(), splats.starts)
        offsets.place(copy, group, d, torch.ones(len(splats), dtype=torch.bool))
        for part in ("position", "shape", "colour"):
            torch.testing.assert_close(getattr(copy, part), getattr(splats, part), rtol=1e-4, atol=1e-4)
    parts = [x.clone().requires_grad_() for x in (splats.position, splats.shape, splats.colour)]
    total = sum((d.square().sum(1) + 0.05).sqrt().sum() for d in offsets.of(Splats(*parts, splats.starts)))
    for expected, found in zip(torch.autograd.grad(2.5 * total, parts), offsets.pull(splats, 2.5), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_rounded_splats_round_to_themselves() -> None:
    _, header, error = key_frame()
    rng = np.random.default_rng(3)
    n = 60
    position = clip_position(rng.integers(0, [96 * 256, 64 * 256], (n, 2)))
    shape = clip_shape(rng.integers([0, -4000, 0], [14000, 4000, 14000], (n, 3)), LOG_CHOLESKY)
    colour = clip_colour(rng.integers(-3000, 3000, (n, 3)))
    fields = {**DifferenceGrade().header(FORMAT, 80, error, header), "background": None}
    rows, symbols = np.arange(n), []
    splats = Splats.from_sets([SplatSet(position, shape, colour, np.zeros(3, np.int16), LOG_CHOLESKY)])
    for _ in range(2):
        found = born.symbols_of(fields, splats, rows, FORMAT)
        symbols.append(found)
        splats = Splats.from_sets([graded.key_frame(fields, found, is_rgb=False)])
    for part in ("cells", "energy", "shear", "scales", "place"):
        np.testing.assert_array_equal(getattr(symbols[0], part), getattr(symbols[1], part))


def test_groups_end_where_the_chunk_does() -> None:
    steps = coding_order(7, 2)
    assert sorted(s.frame for s in steps) == list(range(1, 8))
    p = predictor()
    still = objective_of(scene(with_object=False))
    for count in (4, 3):
        assert len(p.code([still] * count, scene(with_object=False), lambda _: lambda *_: None)) == count
    payloads = p.finish()
    _, states, _ = symbols_in(payloads, {**p.header, "frame_count": 7})
    assert all(len(s) == 7 for s in states)


def noisy(picture: Picture, seed: int) -> Picture:
    """With the noise of a camera, without which the scene is fitted so well that any motion looks like new content."""
    rng = np.random.default_rng(seed)
    planes = (np.clip(p + rng.normal(0, 2, p.shape).round(), 0, 255).astype(np.uint8) for p in picture.planes)
    return Picture(picture.format, tuple(planes))


def test_where_motion_bends_groups_are_short_and_a_chunk_ends() -> None:
    still = scene(with_object=False)
    straight = [objective_of(noisy(shifted(still, i, 0), i)) for i in (1, 2, 3, 4)]
    bent = [objective_of(noisy(shifted(still, x, 0), x)) for x in (2, 4, 2, 0)]
    careful = DifferenceGrade(iterations=30, adapt_iterations=6, motion_iterations=60)
    found = {}
    for name, objectives in (("straight", straight), ("bent", bent)):
        p = predictor(careful)
        p.reached = objective_of(noisy(still, 9)).error(Splats.from_sets(p.states), -1)
        p.code(objectives, still, lambda _: lambda *_: None)
        found[name] = p.header["group_bits"]
    assert found == {"straight": 2, "bent": 1}
    p = predictor(careful)
    ends = []
    for _ in range(3):
        ends.append(p.ends_chunk(bent))
        p.code([objective_of(still)] * 4, still, lambda _: lambda *_: None)
    assert p.header["group_bits"] == 2 and ends == [False, False, True]
    assert not p.ends_chunk(bent[:3])  # the clip ends there


def test_the_gradient_of_frames_between() -> None:
    """It is that of the error of splats half way between, by those of the later end."""
    before, after = random_splats(FORMAT, [6, 6], 1), random_splats(FORMAT, [6, 6], 2)
    objective, levels = objective_of(scene(with_object=True)), torch.tensor([0.0, 1.0], dtype=torch.float64)
    held = torch.arange(12) != 5
    inner = InnerFrames(before, [objective], 0.5)
    gradients = [torch.zeros_like(x) for x in (after.position, after.shape, after.colour)]
    inner.add_gradient(0, after, levels, held, gradients)
    assert all(not g[5].any() for g in gradients)

    def error() -> float:
        middle = Splats(
            (before.position + after.position) / 2,
            (before.shape + after.shape) / 2,
            (before.colour + after.colour) / 2,
            after.starts,
        )
        return objective.error(middle, 1)

    for values, gradient, step in zip(
        (after.position, after.shape, after.colour), gradients, (0.05, 0.02, 0.01), strict=True
    ):
        row = int(gradient.abs().sum(1).argmax())
        column = int(gradient[row].abs().argmax())
        at_first = float(values[row, column])
        sides = []
        for sign in (1, -1):
            values[row, column] = at_first + sign * step
            sides.append(error())
        values[row, column] = at_first
        assert float(gradient[row, column]) == pytest.approx(0.5 * (sides[0] - sides[1]) / (2 * step), rel=0.05)
