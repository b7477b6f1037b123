"""Slices of scenes by the native module, beside their twins in numpy (spec 10.3 to 10.9)."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scene_cases import random_scene

from pgsvc.errors import BadStream
from pgsvc.range_coder import RangeReader
from pgsvc.scene import compiled
from pgsvc.scene.neighbours import LowerSet
from pgsvc.scene.positions import ANCHORS, OCCUPANCY, TREE
from pgsvc.scene.refine import Refinable, refine
from pgsvc.scene.slice import check_header, code_slice
from pgsvc.scene.splats import SceneSplats
from pgsvc.scene.state import SceneState
from pgsvc.scene.tables import SliceTables
from pgsvc.stream import Stream
from pgsvc.syntax import Record
from pgsvc_encoder.scene.encode import encode_scene
from pgsvc_encoder.scene.settings import SceneSettings

quick = settings(max_examples=60, deadline=None)
REFINED: Record = {"has_opacity": 1, "has_scale": 1, "has_colour": 1, "has_sh": 1}


def encoded(seed: int, count: int, degree: int, objects: int = 1, **options: Any) -> bytes:
    splats, form = random_scene(seed, count, degree)
    if objects > 1:
        splats = replace(splats, object_id=(np.arange(count) % objects).astype(np.uint8))
    importance = (np.exp(splats.log_scale.sum(1) / 3) / (1 + np.exp(-splats.opacity))).astype(np.float64)
    return encode_scene(splats, form, SceneSettings(**options), importance).data


def opened(data: bytes, cpu: str | None, threads: int = 1) -> Stream:
    stream = Stream(cpu=cpu, threads=threads)
    stream.feed(data)
    return stream


def numbers(state: SceneState) -> list[Any]:
    return [getattr(state, f.name).tolist() for f in fields(SceneState)]


def slices_of(parts: list[tuple[Record, bytes]], scene: Record, *, native: bool) -> list[Any]:
    """What one way makes of payloads, each a slice or (without a count) a refinement of all before it: states, or the error."""
    done: list[Refinable] = []
    out: list[Any] = []
    total = sum(header.get("splat_count", 0) for header, _ in parts)
    decoder, tables = compiled.SceneDecoder(total, scene), SliceTables()
    rest = (scene["sh_degree"] + 1) ** 2 - 1
    try:
        for header, data in parts:
            reader = RangeReader(data)
            if "splat_count" not in header:
                if native:
                    decoder.refine(reader, header, done, 0)
                else:
                    refine(reader, header, done)
            elif native:
                done.append(decoder.slice(reader, header))
            else:
                known = SceneState.concatenate([SceneState.none(rest), *(r.state for r in done)])
                lower = LowerSet(known, np.array(header["origin"]), header["cube_bits"], header["leaf_bits"])
                done.append(Refinable(code_slice(reader, header, scene, lower, tables), header))
            out.append(([numbers(r.state) for r in done], reader.state.tolist()))
    except BadStream as error:
        out.append(str(error))
    return out


def scene_of(degree: int, grid_exponent: int) -> Record:
    return {"sh_degree": degree, "grid_exponent": grid_exponent}


@st.composite
def slice_headers(draw: st.DrawFn, degree: int, most: int = 40) -> Record:
    def one_of(low: int, high: int) -> int:
        return draw(st.one_of(st.sampled_from([low, high]), st.integers(low, high)))

    leaf = one_of(0, 30)
    cube = min(leaf + one_of(0, 20), 30)
    edge = (1 << 30) - (1 << cube)
    bits = draw(st.sampled_from([0, 0, 1, 8]))
    header: Record = {
        "splat_count": draw(st.sampled_from([0, 1, 2, 13, most])),
        "prediction": draw(st.integers(0, 2)),
        "position_tool": draw(st.sampled_from([TREE] * 4 + [OCCUPANCY, ANCHORS])),
        "origin": [draw(st.sampled_from([-(1 << 30), 0, edge])) for _ in range(3)],
        "cube_bits": cube,
        "leaf_bits": leaf,
        "place_precision": one_of(-128, 127),
        "finest_scale": one_of(0, 255),
        "usual_scale": one_of(0, 255),
        "scale_step": one_of(1, 255),
        "rotation_precision": one_of(-128, 127),
        "opacity_step": one_of(256, 65535),
        "colour_step": one_of(0, 128),
        "chroma_steps": [one_of(0, 15), one_of(0, 15)],
        "sh_steps": [one_of(0, 128) for _ in range(degree)],
        "codebook_bits": bits,
        "codewords": [draw(st.sampled_from([-32768, 5, 32767]))] * (3 << bits) if bits else None,
    }
    check_header({**header, "origin": list(header["origin"])})
    return header


@st.composite
def hostile(draw: st.DrawFn) -> tuple[list[tuple[Record, bytes]], Record]:
    """Some slices and refinements of anything."""
    degree = draw(st.integers(0, 3))
    first = draw(slice_headers(degree))
    parts = []
    for _ in range(draw(st.integers(1, 4))):
        data = draw(st.binary(max_size=300)).rstrip(b"\0")
        kind = draw(st.sampled_from(["same cube", "same cube", "another", "finer"]))
        if kind == "finer" and parts:
            parts.append((REFINED, data))
            continue
        header = draw(slice_headers(degree))
        if kind == "same cube":
            header |= {name: first[name] for name in ("origin", "cube_bits", "leaf_bits")}
        parts.append((header, data))
    return parts, scene_of(degree, draw(st.integers(-64, 32)))


# --- whole streams ----------------------------------------------------------------------------------------------------

CASES = [
    (0, 250, {"layers": 3, "slices": 2}),
    (1, 200, {"layers": 2, "prediction": 0, "tiles": 3}),
    (2, 150, {"layers": 3, "prediction": 2, "quality_layers": 1}),
    (3, 90, {"layers": 4, "prediction": 1, "quality_layers": 2, "slices": 2}),
    (0, 200, {"layers": 2, "codebook_bits": 4, "prediction": 2}),
    (0, 200, {"layers": 2, "positions": "occupancy"}),
    (1, 200, {"layers": 2, "positions": "anchors", "layering": "octree"}),
    (2, 1, {"layers": 1}),
    (0, 3, {"layers": 3, "slices": 4}),
    (1, 150, {"layers": 2, "objects": 3, "tiles": 2, "quality": 95.0}),
]


@pytest.mark.parametrize(("degree", "count", "options"), CASES)
def test_both_ways_decode_alike(degree: int, count: int, options: dict[str, Any]) -> None:
    data = encoded(degree + count, count, degree, **options)
    mine, twin = opened(data, None), opened(data, "reference")
    for level in range(-1, mine.layer_count):
        a, b = (stream.scene(max(level, 0), check_hash=True) for stream in (mine, twin))
        assert {key: numbers(s) for key, s in a.states.items()} == {key: numbers(s) for key, s in b.states.items()}
        for f in fields(SceneSplats):
            x, y = getattr(a.splats, f.name), getattr(b.splats, f.name)
            assert (x is None and y is None) or (x.dtype == y.dtype and x.tobytes() == y.tobytes()), f.name


def test_threads_decode_alike_and_find_the_first_error() -> None:
    data = encoded(5, 400, 1, objects=2, layers=2, tiles=3)
    scenes = [opened(data, None, threads).scene(check_hash=True) for threads in (1, 4)]
    assert list(scenes[0].states) == list(scenes[1].states)
    assert all(numbers(scenes[0].states[k]) == numbers(scenes[1].states[k]) for k in scenes[0].states)
    messages = []
    for threads in (1, 4):
        stream = opened(data, None, threads)
        assert stream.content is not None
        for number, symbols in ((2, b"\xff" * 40), (1, b"\x01\0")):
            tile = stream.content.tiles[number]
            tile.slices[0, 0, 0] = replace(tile.slices[0, 0, 0], symbols=symbols)
        with pytest.raises(BadStream) as caught:
            stream.scene()
        messages.append(str(caught.value))
    assert messages[0] == messages[1]
    assert "zero byte" in messages[0]


# --- anything ---------------------------------------------------------------------------------------------------------


@quick
@given(hostile())
def test_slices_of_anything(case: tuple[list[tuple[Record, bytes]], Record]) -> None:
    mine, twin = (slices_of(*case, native=native) for native in (True, False))
    assert mine == twin


@quick
@given(st.integers(0, 3), st.integers(0, 2), st.data())
def test_mutated_streams(degree: int, prediction: int, data: st.DataObject) -> None:
    options: dict[str, Any] = {"layers": 3, "slices": 2, "prediction": prediction, "quality_layers": 1}
    stream = opened(encoded(degree, 60, degree, **options), None)
    content = stream.content
    assert content is not None
    parts = []
    for _, part in sorted(content.tiles[0].slices.items()):
        symbols = bytearray(part.symbols)
        for _ in range(data.draw(st.integers(0, 2))):
            if symbols:
                symbols[data.draw(st.integers(0, len(symbols) - 1))] ^= data.draw(st.integers(1, 255))
        header = part.header if part.type == b"SPLT" else REFINED
        parts.append((header, bytes(symbols).rstrip(b"\0")))
    mine, twin = (slices_of(parts, content.header, native=native) for native in (True, False))
    assert mine == twin


def test_each_fault_has_its_words() -> None:
    """Every fault of the tree and of the coder is met by some data."""
    rng, seen = np.random.default_rng(3), set()
    header: Record = {
        "splat_count": 60, "prediction": 1, "position_tool": TREE, "origin": [0, 0, 0], "cube_bits": 12, "leaf_bits": 2,
        "place_precision": -8, "finest_scale": 3, "usual_scale": 9, "scale_step": 20, "rotation_precision": 40,
        "opacity_step": 1000, "colour_step": 80, "chroma_steps": [8, 8], "sh_steps": [], "codebook_bits": 0,
    }  # fmt: skip
    for _ in range(600):
        data = rng.integers(0, 256, 60, dtype=np.uint8) | rng.choice(np.array([0, 255], np.uint8), 60, p=[0.3, 0.7])
        case = [(header, data.astype(np.uint8).tobytes().rstrip(b"\0"))], scene_of(0, -9)
        mine, twin = (slices_of(*case, native=native) for native in (True, False))
        assert mine == twin
        seen |= {x for x in mine if isinstance(x, str)}
    assert {message for message, _ in compiled.FAULTS.values()} <= {s.split(" (")[0] for s in seen}


# --- floats -----------------------------------------------------------------------------------------------------------


@quick
@given(st.integers(0, 2**32 - 1), st.integers(0, 3), st.integers(-64, 32))
def test_floats(seed: int, degree: int, grid_exponent: int) -> None:
    rng, n, rest = np.random.default_rng(seed), 200, (degree + 1) ** 2 - 1

    def within(low: int, high: int, *shape: int) -> np.ndarray:
        out = rng.integers(low, high + 1, (n, *shape))
        return (
            np.where(rng.random(out.shape) < 0.2, rng.choice([low, 0, high], out.shape), out)
            .clip(low, high)
            .astype(np.int32)
        )

    rotation = within(-32768, 32767, 4)
    rotation[:, 2] = within(0, 65535)
    state = SceneState(
        within(-(1 << 30), 1 << 30, 3), within(-(31 << 12), 31 << 12, 3), rotation, within(1024, 65535),
        within(-(1 << 24), 1 << 24, 3), within(-(1 << 24), 1 << 24, rest, 3),
    )  # fmt: skip
    out = SceneSplats.empty(n, rest)
    compiled.floats(state, grid_exponent, out, 2)
    twin = state.splats(grid_exponent)
    for f in fields(SceneSplats):
        if getattr(twin, f.name) is not None:
            assert getattr(out, f.name).tobytes() == getattr(twin, f.name).tobytes(), f.name


def test_arrays_that_do_not_fit_are_refused() -> None:
    decoder = compiled.SceneDecoder(3, scene_of(0, 0))._native
    state, none = np.array([4, 0, 1], np.uint64), np.zeros(0, np.int64)
    with pytest.raises(ValueError, match="numbers of another size"):
        decoder.slice(np.zeros(4, np.uint8), state, np.zeros(5, np.int32), np.zeros(0, np.int16), 3, none, False)
    with pytest.raises(ValueError, match="no such splats"):
        thirds = np.ones((1, 1), np.int32)
        decoder.refine(np.zeros(4, np.uint8), state, 0, np.array([[0, 1]]), thirds)
