"""Predicted frames: splats go where new content appears, stay where nothing changes, and follow at the pace of the change."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="fitting needs the encoder extra")

from test_fit import FORMATS, random_splats  # noqa: E402

from pgsvc.picture import Chroma, Picture, PictureFormat  # noqa: E402
from pgsvc.planar import dequantise  # noqa: E402
from pgsvc.planar.splats import SplatSet  # noqa: E402
from pgsvc.planar.symbols import UPDATE_POSITION  # noqa: E402
from pgsvc_encoder.fit.objective import Objective  # noqa: E402
from pgsvc_encoder.fit.optimise import Optimiser, Rates  # noqa: E402
from pgsvc_encoder.fit.splats import Splats  # noqa: E402
from pgsvc_encoder.fit.train import Schedule, fit  # noqa: E402
from pgsvc_encoder.fit.training import SCALABLE, Training  # noqa: E402
from pgsvc_encoder.predict.augment import Augmentation, absence, augment  # noqa: E402
from pgsvc_encoder.predict.follow import Pace  # noqa: E402
from pgsvc_encoder.predict.frame import DifferencePrecision, FramePredictor  # noqa: E402
from pgsvc_encoder.predict.places import find_places  # noqa: E402
from pgsvc_encoder.quantise.freeze import Precision, freeze_key  # noqa: E402

FORMAT = PictureFormat(96, 64, Chroma.YUV420)
OBJECT = (74.0, 46.0)  # luma samples
NONE = Augmentation(rounds=0)


def scene(*, with_object: bool) -> Picture:
    """Texture on the left, nothing on the right, where an object of a few samples may appear."""
    planes = []
    for height, width in FORMAT.plane_shapes:
        step = FORMAT.width / width
        y, x = np.mgrid[:height, :width] * step + (step - 1) / 2
        value = 120 + 40 * np.sin(x / 4) * np.cos(y / 5) * (x < 48)
        if with_object:
            value = value + 100 * np.exp(-((x - OBJECT[0]) ** 2 + (y - OBJECT[1]) ** 2) / (2 * 2.5**2))
        planes.append(np.clip(np.round(value), 0, 255).astype(np.uint8))
    return Picture(FORMAT, tuple(planes))


def objective_of(picture: Picture) -> Objective:
    return Objective([picture] * 2, np.array([0.47, 0, 0]))


@cache
def key_frame(training: Training) -> tuple[tuple[SplatSet, ...], float]:
    """Decoded layers of the scene without the object, and the error of the top level."""
    objective = objective_of(scene(with_object=False))
    splats = Splats.unused([30, 30], 3)
    fit(training, objective, splats, Schedule(150, rounds=4), torch.Generator().manual_seed(1), lambda *_: None)
    precision = Precision(adapt_iterations=5, colour_choices=((2, 6),))
    layers = freeze_key(training, objective, splats, precision, np.random.default_rng(0), lambda *_: None)
    states = []
    for layer in layers:
        header = {"background": [0] * 3, "splat_count": len(layer.symbols.grid), **layer.fields}
        states.append(dequantise.key_frame(header, layer.symbols, FORMAT.width, FORMAT.height, 3))
    return tuple(states), objective.error(Splats.from_sets(states), 1)


def predicted(training: Training, augmentation: Augmentation, *, with_object: bool) -> tuple[float, int]:
    """PSNR of the predicted frame, and how many splats moved further than 10 luma samples."""
    states, reached = key_frame(training)
    nxt = objective_of(scene(with_object=with_object))
    before = [s.position.copy() for s in states]
    precision = DifferencePrecision(augmentation=augmentation)
    predictor = FramePredictor(list(states), training, precision, np.random.default_rng(0), reached)
    symbols = predictor.code_frame(nxt, lambda *_: None, starts_chunk=True)
    far = 0
    for s, old, new in zip(symbols, before, predictor.states, strict=True):
        moved = np.abs(new.position - old).max(1) > 10 * 256
        assert not moved[s.update[0] & UPDATE_POSITION == 0].any()
        far += int(moved.sum())
    return -10 * math.log10(nxt.error(Splats.from_sets(predictor.states), 1)), far


@pytest.mark.parametrize("name", SCALABLE)
def test_new_content_draws_splats(name: str) -> None:
    without, _ = predicted(Training(name), NONE, with_object=True)
    quality, far = predicted(Training(name), Augmentation(), with_object=True)
    assert far > 0
    assert quality > without + 1.0


@pytest.mark.parametrize("name", SCALABLE)
def test_a_still_scene_moves_nothing(name: str) -> None:
    _, far = predicted(Training(name), Augmentation(), with_object=False)
    assert far == 0


@pytest.mark.parametrize("sizes", [[(41, 27)] * 3, [(20, 13), (30, 20), (41, 27)]])
@pytest.mark.parametrize("name", FORMATS)
def test_places_gain_what_they_promise(name: str, sizes: list[tuple[int, int]]) -> None:
    from test_fit import objective_of as levels_of

    objective = levels_of(FORMATS[name], 3, sizes)
    splats = random_splats(FORMATS[name], [6, 6, 6])
    (stage,) = Training().stages(objective, splats)
    for layer in range(3):
        rise, error = absence(stage, splats)
        places = find_places(stage, splats, layer, 3, 0.0)
        assert len(places.gain) and bool((places.gain[:-1] >= places.gain[1:]).all())
        tried = splats.copy()
        row = splats.layer(layer).start
        tried.colour[row] = 0
        _, empty = absence(stage, tried)
        assert empty - error <= float(rise[row]) * 1.01 + 1e-9
        tried.position[row], tried.colour[row] = places.position[0], places.colour[0]
        tried.shape[row] = torch.tensor([1.0, 0.0, 1.0]) * places.scale[0].log2()
        _, filled = absence(stage, tried)
        assert empty - filled > (0.5 if sizes[0] == sizes[2] else 0.0) * float(places.gain[0])


def test_augmentation_moves_at_most_its_share() -> None:
    objective = objective_of(scene(with_object=True))
    splats = Splats.unused([40, 20], 3)
    splats.position[:] = torch.rand(60, 2, generator=torch.Generator().manual_seed(0)) * 60
    (stage,) = Training().stages(objective, splats)
    rows = augment(Optimiser(stage, splats, Rates()), splats.position.clone(), 0.1, 0.5)
    assert 0 < int((rows < 40).sum()) <= 4 and int((rows >= 40).sum()) <= 2
    assert len(set(rows.tolist())) == len(rows)


def test_pace_follows_the_gap() -> None:
    pace = Pace(gap=6, slowest=0.2, fastest=1.5, full=4, shortest=0.4, longest=2)
    assert pace.of(1e-3, None) == (1.0, 1.0)
    assert pace.of(1e-3, 1e-3) == pytest.approx((0.2, 0.4))
    assert pace.of(1e-3, 2.5e-4) == pytest.approx((1.0, 1.5), abs=0.02)
    assert pace.of(1e-1, 1e-4) == (1.5, 2.0)
    assert pace.of(0.0, 0.0) == (0.2, 0.4)
