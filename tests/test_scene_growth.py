"""Splats of beginnings that are shown larger (spec 10.14): the numbers, what a receiver sees, and what the encoder finds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scene_samples import some_splats

from pgsvc.bits import BitReader
from pgsvc.cut import cut
from pgsvc.errors import BadStream, UsageError
from pgsvc.headers import SPLATS
from pgsvc.scene.digest import md5_of
from pgsvc.scene.growth import grown
from pgsvc.scene.splats import SceneFormat, SceneSplats
from pgsvc.scene.state import SCALE_LIMIT, SceneState
from pgsvc.stream import Stream
from pgsvc_encoder.scene.encode import encode_scene
from pgsvc_encoder.scene.growth import growths
from pgsvc_encoder.scene.layers import even_slices, layers_of, spatial_layers
from pgsvc_encoder.scene.settings import SceneSettings
from pgsvc_encoder.scene.views import training_views

FORM = SceneFormat()
SETTINGS = SceneSettings(layers=2, slices=3, importance="volume")
GROWTH = {(0, 0): (4, 90), (0, 1): (3, 80), (0, 2): (16, 255), (1, 0): (1, 100)}


def with_scales(*rows: tuple[int, int, int]) -> SceneState:
    return replace(SceneState.none(0), scale=np.array(rows, np.int32))


def opened(data: bytes) -> Stream:
    stream = Stream(cpu="reference")
    stream.keep_chunks = True
    stream.feed(data)
    return stream


def wall(count: int) -> SceneSplats:
    """Small round splats close to each other in a plane, all alike: any few of them have holes between them."""
    rng = np.random.default_rng(1)
    side = int(count**0.5)
    place = np.stack([np.arange(count) % side, np.arange(count) // side, np.zeros(count)], 1) / side
    splats = some_splats(count)
    return replace(
        splats,
        position=(place + rng.normal(0, 0.1 / side, (count, 3))).astype(np.float32),
        log_scale=np.full((count, 3), np.log(0.7 / side), np.float32),
        opacity=np.full(count, 2, np.float32),
        sh_dc=np.ones((count, 3), np.float32),
    )


def test_small_splats_grow_more() -> None:
    state = with_scales((4000, 2000, 0), (9000, 7000, -9000), (20000, 20000, 20000))
    out = grown(state, {"growth": 4, "growth_limit": 20}, -2)  # up to 20 · 1024 − 2 · 4096 = 12288
    assert out.scale.tolist() == [[6322, 4322, 2322], [10072, 8072, -7928], [20000, 20000, 20000]]
    assert grown(state, {"growth": 0, "growth_limit": None}, -2) is state


@pytest.mark.parametrize("unit", [-64, 0, 32])
def test_growth_stays_in_range(unit: int) -> None:
    ends = with_scales((SCALE_LIMIT,) * 3, (-SCALE_LIMIT,) * 3, (-SCALE_LIMIT, -SCALE_LIMIT, SCALE_LIMIT))
    for growth in (1, 16):
        for limit in (0, 255):
            scale = grown(ends, {"growth": growth, "growth_limit": limit}, unit).scale
            assert scale.dtype == np.int32
            assert np.abs(scale).max() == SCALE_LIMIT
            assert (scale >= ends.scale).all()


def test_header_bounds_growth() -> None:
    data = encode_scene(some_splats(), FORM, SETTINGS).data
    payload = bytearray(next(c for c in opened(data).chunks if c.type == b"SPLT").payload)
    known = SPLATS.read(BitReader(bytes(payload)), {"sh_degree": 0})
    payload[len(SPLATS.to_bytes(known, {"sh_degree": 0})) - 2] = 17
    with pytest.raises(BadStream, match="growth"):
        SPLATS.read(BitReader(bytes(payload)), {"sh_degree": 0})


def test_beginnings_are_grown_and_nothing_else() -> None:
    splats = some_splats(200)
    plain, shown = (opened(encode_scene(splats, FORM, SETTINGS, growth=g).data) for g in ({}, GROWTH))
    assert md5_of(plain.scene(1)) == md5_of(shown.scene(1, check_hash=True))
    assert md5_of(plain.scene(0)) != md5_of(shown.scene(0, check_hash=True))
    assert plain.content is not None
    assert shown.content is not None
    assert md5_of(plain.content.decode(0)) == md5_of(shown.content.decode(0, is_grown=False))
    at = [c.offset + len(c.raw) for c in shown.chunks if c.type == b"SPLT"]
    ends = [(layer, number) for layer in range(2) for number in range(3)]
    whole = plain.content.decode(1).states[0, 0]
    data = encode_scene(splats, FORM, SETTINGS, growth=GROWTH).data
    for size, end in zip(at, ends, strict=True):
        state = opened(data[:size]).scene().states[0, 0]
        growth, limit = GROWTH.get(end, (0, 0))
        unit = shown.content.header["grid_exponent"]
        expected = grown(whole, {"growth": growth, "growth_limit": limit}, unit).scale[: len(state)]
        np.testing.assert_array_equal(state.scale, expected)


def test_a_cut_stream_shows_its_level() -> None:
    for order in (0, 1):
        settings = replace(SETTINGS, tiles=2, order=order, layers=3)
        whole = opened(encode_scene(some_splats(200), FORM, settings, growth=GROWTH).data)
        for level in range(3):
            part = opened(cut(whole, level=level))
            assert md5_of(part.scene(check_hash=True)) == md5_of(whole.scene(level))


def test_growth_that_is_found_comes_nearer() -> None:
    splats = wall(2500)
    cameras = training_views(splats, FORM, 2, (96, 96))
    data = encode_scene(splats, FORM, SETTINGS).data
    told: list[tuple[int, int]] = []
    found = growths(data, splats, FORM, cameras, progress=lambda done, total: told.append((done, total)))
    assert found[0, 0][1] > found[max(found)][1]
    assert told[0] == (1, 5)
    first = encode_scene(splats, FORM, SETTINGS, growth=found)
    assert len(first.data) - len(data) == len(found)

    def width(stream: bytes) -> float:
        return float(np.exp(opened(stream).scene(0).splats.log_scale.mean()))

    assert width(first.data) > 1.1 * width(data)


def test_a_scene_without_holes_does_not_grow() -> None:
    splats = replace(wall(60), position=np.zeros((60, 3), np.float32), opacity=np.full(60, 8, np.float32))
    cameras = training_views(splats, FORM, 2, (64, 64))
    assert growths(encode_scene(splats, FORM, SETTINGS).data, splats, FORM, cameras) == {}


def test_even_slices() -> None:
    rng = np.random.default_rng(0)
    position, importance = rng.normal(size=(103, 3)), rng.random(103)
    slices = even_slices(position, importance, 4)
    assert sorted(np.concatenate(slices).tolist()) == list(range(103))
    assert [len(s) for s in slices] == [26, 26, 26, 25]
    assert [len(s) for s in even_slices(position[:2], importance[:2], 4)] == [1, 1]
    assert [spatial_layers(name, 5) for name in ("importance", "mixed", "octree")] == [0, 2, 5]


def test_layers() -> None:
    rng = np.random.default_rng(0)
    position, importance = rng.normal(size=(100, 3)), rng.random(100)
    order = np.argsort(-importance)
    for even in range(4):
        layer = layers_of(position, importance, [10, 20, 60], even)
        assert np.bincount(layer + 1).tolist() == [40, 10, 10, 40]
        if 0 < even < 3:
            assert not (layer[order[40:]] == 0).any()
    assert (layers_of(position, importance, [10, 20, 60], 0)[order[:10]] == 0).all()
    one = layers_of(position[:1], importance[:1], [1, 1], 1)
    assert one.tolist() == [0]


def test_settings() -> None:
    with pytest.raises(UsageError, match="growth"):
        SceneSettings(growth=-1)
