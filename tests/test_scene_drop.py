"""Splats that are not worth their bits: losses as removal shows them, what hides, what is worth more at a higher quality."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

from scene_samples import some_splats  # noqa: E402

from pgsvc.scene.camera import Camera  # noqa: E402
from pgsvc.scene.render import render  # noqa: E402
from pgsvc.scene.splats import SceneFormat, SceneSplats  # noqa: E402
from pgsvc.stream import Stream  # noqa: E402
from pgsvc_encoder.scene.drop import losses, worth_sending  # noqa: E402
from pgsvc_encoder.scene.encode import encode_scene  # noqa: E402
from pgsvc_encoder.scene.settings import SceneSettings  # noqa: E402
from pgsvc_encoder.scene.views import training_views  # noqa: E402

FORM = SceneFormat()


def visible(count: int, seed: int = 3) -> SceneSplats:
    """Splats of which each is some pixels large."""
    s = some_splats(count, seed=seed)
    return replace(s, log_scale=np.clip(s.log_scale, -2, 0), opacity=np.clip(s.opacity, -2, 2))


def picture(splats: SceneSplats, camera: Camera) -> np.ndarray:
    return render(splats, FORM, camera, threads=1).rgb.astype(np.float64)


def test_losses_are_those_of_removal() -> None:
    splats = visible(12)
    cameras = training_views(splats, FORM, 2, (48, 48))
    estimates = [losses(splats, FORM, cameras * 40, seed=seed, threads=1)[0] / 40 for seed in range(4)]
    estimate = np.mean(estimates, 0)
    for n in range(len(splats)):
        without = splats.select(np.arange(len(splats)) != n)
        loss = sum(((picture(splats, c) - picture(without, c)) ** 2).sum() for c in cameras)
        assert estimate[n] == pytest.approx(loss, rel=0.35, abs=1e-3), n


def test_same_for_any_number_of_threads() -> None:
    splats = visible(30)
    cameras = training_views(splats, FORM, 3, (40, 40))
    one, two = (losses(splats, FORM, cameras, threads=t) for t in (1, 2))
    for a, b in zip(one, two, strict=True):
        assert np.array_equal(a, b)


def test_what_lies_inside_is_left_out() -> None:
    shell = visible(400, seed=5)
    direction = shell.position / np.linalg.norm(shell.position, axis=1, keepdims=True)
    radius = np.where(np.arange(400) < 380, 3.0, 0.2).astype(np.float32)
    shell = replace(
        shell,
        position=direction * radius[:, None],
        log_scale=np.full((400, 3), -0.7, np.float32),
        opacity=np.full(400, 6, np.float32),
    )
    cameras = training_views(shell, FORM, 12, (64, 64))
    kept = worth_sending(shell, FORM, cameras, 60, 0.1)
    assert kept[:380].mean() > 0.9
    assert not kept[380:].any()


def test_higher_qualities_keep_more() -> None:
    splats = visible(300)
    cameras = training_views(splats, FORM, 4, (64, 64))
    low, high = (worth_sending(splats, FORM, cameras, quality, 0.5) for quality in (5, 40))
    assert 0 < low.sum() < high.sum()
    assert not (low & ~high).any()


def test_encode_leaves_them_out() -> None:
    splats = visible(120)
    settings = SceneSettings(layers=2, quality=10, drop=0.5)
    encoded = encode_scene(splats, FORM, settings)
    stream = Stream()
    stream.feed(encoded.data)
    count = len(stream.scene().splats)
    assert 0 < count < len(splats)
    assert count == (encoded.layer >= 0).sum()
