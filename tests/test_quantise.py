"""Quantisers, and the freeze: what the encoder believes is what the decoder reconstructs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="quantisation needs the encoder extra")

from test_fit import FORMATS, random_splats, smooth_picture  # noqa: E402

from pgsvc.planar import dequantise, reconstruct  # noqa: E402
from pgsvc.planar.splats import (  # noqa: E402
    LOG_CHOLESKY,
    SplatSet,
    clip_colour,
    clip_position,
    clip_shape,
)
from pgsvc.planar.symbols import float12_join, float12_split, morton  # noqa: E402
from pgsvc_encoder.fit.objective import Objective  # noqa: E402
from pgsvc_encoder.fit.optimise import Rates  # noqa: E402
from pgsvc_encoder.fit.splats import Splats  # noqa: E402
from pgsvc_encoder.fit.train import adapt  # noqa: E402
from pgsvc_encoder.fit.training import Training  # noqa: E402
from pgsvc_encoder.predict.frame import DifferencePrecision, FramePredictor, float12_split_rounded  # noqa: E402
from pgsvc_encoder.quantise import rvq  # noqa: E402
from pgsvc_encoder.quantise.freeze import Precision, freeze_key  # noqa: E402
from pgsvc_encoder.quantise.graded import freeze_graded  # noqa: E402
from pgsvc_encoder.quantise.lsq import learn_quantiser  # noqa: E402
from pgsvc_encoder.settings import PRESETS, QUANTISE, rounding  # noqa: E402
from pgsvc_encoder.source.resize import resized  # noqa: E402


@pytest.mark.parametrize("signed", [False, True])
def test_learned_quantiser_beats_min_max_where_values_have_tails(signed: bool) -> None:
    rng = np.random.default_rng(3)
    values = np.concatenate([rng.normal(2, 0.5, 2000), [30.0]])
    weight = np.ones(2001)
    weight[-1] = 1e-6
    q = learn_quantiser(values, weight, 4, signed=signed, least_scale=1e-3)
    error = ((q.dequantise(q.quantise(values)) - values) ** 2)[:-1].mean()
    step = (values.max() - values.min()) / 15
    assert error < step**2 / 12 / 20
    symbols = q.quantise(values)
    assert symbols.min() >= q.lowest and symbols.max() <= q.lowest + 15
    assert q.signed == signed and (q.lowest < 0) == signed


def test_fixed_offset_keeps_zero_exact() -> None:
    rng = np.random.default_rng(4)
    q = learn_quantiser(rng.laplace(0, 0.3, 500), np.ones(500), 5, signed=True, least_scale=0.01, offset=0.0)
    assert q.dequantise(q.quantise(np.zeros(1)))[0] == 0.0


def test_residual_quantiser_gains_with_stages() -> None:
    rng = np.random.default_rng(5)
    colours = rng.normal(0, 0.2, (800, 3))
    errors = []
    for stages in (1, 2, 3):
        books = rvq.train(colours, np.ones(800), stages, 4, rng)
        errors.append(float(((books.decode(rvq.encode(books, colours)) - colours) ** 2).mean()))
    assert errors[0] > 2 * errors[1] > 4 * errors[2]
    kept = rvq.train(colours, np.ones(800), 2, 4, rng, zero_entry=True)
    assert not kept.entries[:, 0].any()


def test_float12() -> None:
    magnitudes = np.arange(0, 5000)
    rounded = float12_join(*float12_split_rounded(magnitudes))
    assert (rounded <= magnitudes).all() and (magnitudes - rounded <= magnitudes / 64).all()
    exponent, mantissa = float12_split(rounded)
    assert (mantissa >= 0).all() and (mantissa < 64).all() and exponent.max() < 32


@pytest.mark.parametrize("training", [Training(name) for name in ("joint", "cyclic", "sequential", "pruning")])
@pytest.mark.parametrize("name", ["rgb", "420-10", "grey"])
def test_freeze_and_prediction_end_at_decoded_values(name: str, training: Training) -> None:
    picture_format = FORMATS[name]
    components = picture_format.components
    objective = Objective([smooth_picture(picture_format)] * 2, np.zeros(components))
    splats = random_splats(picture_format, [12, 9])
    precision = Precision(adapt_iterations=5, colour_choices=((1, 2), (2, 3)), aware_iterations=3)
    layers = freeze_key(training, objective, splats, precision, np.random.default_rng(0), lambda *_: None)
    states = []
    for k, layer in enumerate(layers):
        codes = morton(layer.symbols.grid)
        assert (np.diff(codes) >= 0).all()
        header = {"background": [0] * components, "splat_count": len(codes), **layer.fields}
        state = dequantise.key_frame(header, layer.symbols, picture_format.width, picture_format.height, components)
        part = splats.layer(k)
        np.testing.assert_allclose(state.position / 256, splats.position[part], atol=1e-6)
        np.testing.assert_allclose(state.shape / 4096, splats.shape[part], atol=1e-5)
        np.testing.assert_allclose(state.colour / 8192, splats.colour[part], atol=1e-6)
        states.append(state)
    nxt = Objective([smooth_picture(picture_format, seed=1)] * 2, np.zeros(components))
    rng = np.random.default_rng(0)
    predictor = FramePredictor(list(states), training, DifferencePrecision(iterations=5, adapt_iterations=2), rng)
    before = list(states)
    symbols = predictor.code_frame(nxt, lambda *_: None, starts_chunk=True)
    assert any(s.update.any() for s in symbols)
    for k, (coded, old) in enumerate(zip(symbols, before, strict=True)):
        (expected,) = dequantise.predicted_frames(predictor.header(k, 1), coded, old)
        assert np.array_equal(expected.position, predictor.states[k].position)
        assert np.array_equal(expected.shape, predictor.states[k].shape)
        assert np.array_equal(expected.colour, predictor.states[k].colour)
        unchanged = coded.update[0] == 0
        assert np.array_equal(expected.colour[unchanged], old.colour[unchanged])


@pytest.mark.parametrize("tools", ["paper", "main"])
def test_ways_to_quantise(tools: str) -> None:
    """Freezing in steps comes nearer to the picture than rounding at once; the training with rounded splats in view runs."""
    picture_format = FORMATS["rgb"]
    picture = smooth_picture(picture_format)
    fitted, training = random_splats(picture_format, [14, 10]), Training()
    objective = Objective([picture] * 2, np.zeros(3))
    adapt(training, objective, fitted, 150, Rates(), lambda *_: None)
    errors = {}
    for method in QUANTISE:
        preset = rounding(PRESETS["fast"], method)
        splats = Splats(*(v.clone() for v in (fitted.position, fitted.shape, fitted.colour, fitted.starts)))
        if tools == "main":
            freeze_graded(training, objective, splats, replace(preset.grade, coarseness=8), lambda *_: None)
        else:
            precision = replace(preset.precision, least_scale=0.3, colour_choices=((1, 4),))
            freeze_key(training, objective, splats, precision, np.random.default_rng(0), lambda *_: None)
        errors[method] = sum(objective.error(splats, k) for k in range(2))
    assert errors["freeze"] < errors["ptq"], errors


@pytest.mark.parametrize("sizes", [None, [(21, 14), (41, 27)], [(30, 13), (41, 27)]])
@pytest.mark.parametrize("name", ["420", "grey"])
def test_float_levels_are_what_the_decoder_renders(name: str, sizes: list[tuple[int, int]] | None) -> None:
    picture_format = replace(FORMATS[name], width=41, height=27)
    components = picture_format.components
    sizes = sizes or [(41, 27)] * 2
    picture = smooth_picture(picture_format)
    objective = Objective([resized(picture, *size) for size in sizes], np.zeros(components))
    rng = np.random.default_rng(3)
    sets = [
        SplatSet(
            clip_position(rng.integers(0, (41 * 256, 27 * 256), (15, 2))),
            clip_shape(rng.integers((0, -6000, 0), (12000, 6000, 12000), (15, 3)), LOG_CHOLESKY),
            clip_colour(rng.integers(0, 2000, (15, components))),
            np.zeros(components, np.int16),
            LOG_CHOLESKY,
        )
        for _ in range(2)
    ]
    decoded = list(reconstruct.levels([[s] for s in sets], picture_format, sizes=sizes))
    splats = Splats.from_sets(sets)
    for level, shown in enumerate(decoded):
        ours = objective.picture(splats, level)
        assert ours.format.plane_shapes == shown.format.plane_shapes
        for a, b in zip(ours.planes, shown.planes, strict=True):
            assert int(b.max()) - int(b.min()) > 40
            assert int(np.abs(a.astype(int) - b).max()) <= 1
