"""What the encoder measures of scenes: the largest errors of levels, and the importance of splats."""

from __future__ import annotations

import numpy as np
import pytest
from scene_samples import some_splats

from pgsvc.scene.splats import SceneFormat, SceneSplats
from pgsvc.stream import Stream
from pgsvc_encoder.scene.encode import encode_scene
from pgsvc_encoder.scene.importance import blend_weights, importance, volumes
from pgsvc_encoder.scene.measure import errors, level_rows
from pgsvc_encoder.scene.settings import SceneSettings
from pgsvc_encoder.scene.views import inside_share


def test_largest_errors_are_those_of_the_decoded_stream() -> None:
    splats = some_splats(150, 2, seed=9)
    form = SceneFormat(2)
    encoded = encode_scene(splats, form, SceneSettings(layers=3, quality_layers=1, tiles=2, importance="volume"))
    rows = level_rows(encoded, splats, form, views=0)
    stream = Stream()
    stream.feed(encoded.data)
    stream.close()
    for row in rows:
        shown = stream.scene(row["level"]).splats
        own = splats.select(encoded.decoded(row["level"]))
        assert row["largest_error"]["position"] == pytest.approx(
            np.linalg.norm(own.position - shown.position, axis=1).max()
        )
        alphas = [1 / (1 + np.exp(-s.opacity)) for s in (own, shown)]
        assert row["largest_error"]["opacity"] == pytest.approx(np.abs(alphas[0] - alphas[1]).max(), abs=1e-6)
        assert row["psnr"] is None
    assert rows[2]["largest_error"]["colour"] < rows[1]["largest_error"]["colour"]
    assert all(value == pytest.approx(0, abs=1e-5) for value in errors(splats, splats).values())


def test_importance() -> None:
    splats = some_splats(300, seed=2)
    form = SceneFormat()
    weight = blend_weights(splats, form, 6, (64, 64))
    assert weight.shape == (300,)
    assert (weight >= 0).all()
    assert np.array_equal(weight, blend_weights(splats, form, 6, (64, 64), threads=1))
    whole = importance(splats, form, "weight", views=6, size=(64, 64))
    assert (whole > 0).all()
    assert np.corrcoef(whole, weight)[0, 1] > 0.99
    assert volumes(splats)[0] == pytest.approx(
        np.exp(splats.log_scale[0].sum()) / (1 + np.exp(-splats.opacity[0])), rel=1e-5
    )
    room, thing = (_shell(fog) for fog in (1.6, 0.4))  # a detailed shell with a blurred one around it, or within
    assert inside_share(room, form) > 0.6
    assert inside_share(thing, form) < 0.4


def _shell(fog: float) -> SceneSplats:
    rng = np.random.default_rng(1)
    splats = some_splats(4000, seed=3)
    way = rng.normal(size=(4000, 3))
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    blurred = np.arange(4000) < 600
    splats.position[:] = way * np.where(blurred, fog, 1.0)[:, None]
    splats.log_scale[:] = np.where(blurred, np.log(0.15 * fog), np.log(0.03))[:, None]
    splats.opacity[:] = 4
    splats.sh_dc[blurred] = 0
    return splats
