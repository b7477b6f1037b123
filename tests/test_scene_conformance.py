"""Every scene among the conformance streams: levels, kernels, feeding, cutting, parts alone, truncation, faults."""

from __future__ import annotations

import random
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest

from pgsvc.container import DATA_TYPES
from pgsvc.cut import cut
from pgsvc.errors import BadStream, PgsError
from pgsvc.limits import LEVELS
from pgsvc.scene.digest import md5_of
from pgsvc.stream import Stream

ROOT = Path(__file__).resolve().parent.parent / "conformance"
sys.path.insert(0, str(ROOT.parent / "tools"))

from check_scene import check_scene  # noqa: E402

MANIFEST = tomllib.loads((ROOT / "manifest.toml").read_text(encoding="utf-8"))
VALID = {e["id"]: e for e in MANIFEST["valid"] if e["profile"] == "scene"}
FAULTY = [e for e in MANIFEST["faulty"] if e.get("profile") == "scene"]
TRUNCATED = [e for e in MANIFEST["truncated"] if e["stream"] in VALID]
PREFIXES = 40


@cache
def data_of(name: str) -> bytes:
    return (ROOT / VALID[name]["file"]).read_bytes()


def parsed(data: bytes, *, step: int | None = None, **options) -> Stream:
    stream = Stream(**options)
    stream.keep_chunks = True
    for i in range(0, len(data), step or len(data)):
        stream.feed(data[i : i + (step or len(data))])
    stream.close()
    return stream


@pytest.mark.parametrize("name", VALID)
@pytest.mark.parametrize("how", [{}, {"cpu": "reference"}, {"step": 1}], ids=["native", "reference", "bytes"])
def test_every_level(name: str, how: dict) -> None:
    entry, stream = VALID[name], parsed(data_of(name), **how)
    assert stream.layer_count == entry["layers"] and not stream.truncated
    assert [md5_of(stream.scene(k, check_hash=True)) for k in range(stream.layer_count)] == entry["md5"]


@pytest.mark.parametrize("name", VALID)
def test_cutting_levels_is_decoding_levels(name: str) -> None:
    stream = parsed(data_of(name))
    for level, expected in enumerate(VALID[name]["md5"]):
        part = parsed(cut(stream, level=level))
        assert part.layer_count == level + 1
        assert md5_of(part.scene(check_hash=True)) == expected
        if level:
            assert cut(part, level=level - 1) == cut(stream, level=level - 1)


@pytest.mark.parametrize("name", VALID)
def test_parts_alone(name: str) -> None:
    """A tile or an object alone is what it is in the whole scene."""
    stream = parsed(data_of(name))
    whole = stream.scene().states
    for tile, number in whole:
        alone = stream.scene(tiles={tile}, objects={number}).states
        assert list(alone) == [(tile, number)]
        assert alone[tile, number].tobytes() == whole[tile, number].tobytes()


def test_cutting_objects() -> None:
    stream = parsed(data_of("52-scene-tiles-objects"))
    part = parsed(cut(stream, object_levels={0: 0}))
    whole, left = stream.scene(0), part.scene(0, check_hash=True)
    assert md5_of(left) == md5_of(whole)
    assert part.object_layers == (1, 2) and len(part.scene(1, check_hash=True).splats) > len(left.splats)
    assert part.content is not None and len(part.content.table[0]["tile_levels"]) == 3


def levels_of(stream: Stream, size: int) -> list[int]:
    """Level of each tile of a beginning of a stream, from offsets, addresses and the slices that say they are the last."""
    there = {
        (c.address.segment, c.address.object, c.address.layer, c.address.slice): _is_last(c.type, c.payload)
        for c in stream.chunks
        if c.type in DATA_TYPES and c.offset + len(c.raw) <= size
    }
    out = []
    for tile in range(stream.header["tile_count"]):
        level = -1
        while level + 1 < stream.layer_count and all(
            any(last and (t, o, k) == (tile, number, level + 1) for (t, o, k, _), last in there.items())
            for number, layers in enumerate(stream.object_layers)
            if level + 1 < layers
        ):
            level += 1
        out.append(level)
    return out


def _is_last(kind: bytes, payload: bytes) -> bool:
    at = next(i for i, b in enumerate(payload) if b < 128) + 1 if kind == b"SPLT" else 1
    return bool(payload[at] & 128)


def check_prefix(name: str, size: int) -> Stream:
    whole, stream = parsed(data_of(name)), parsed(data_of(name)[:size])
    assert stream.content is not None
    levels = [stream.content.complete_level(t) for t in range(stream.header["tile_count"])]
    assert levels == levels_of(whole, size)
    top = stream.layer_count - 1
    decoded = stream.scene(check_hash=True)
    assert decoded.level == min([top, *levels])
    for tile, level in enumerate(levels):
        if level == top or (level >= 0 and not stream.scene(tiles={tile}).partial):
            found = stream.scene(tiles={tile}).states
            expected = whole.scene(level, tiles={tile}).states
            assert {k: s.tobytes() for k, s in found.items()} == {k: s.tobytes() for k, s in expected.items()}
    return stream


@pytest.mark.parametrize("entry", TRUNCATED, ids=lambda e: e["id"])
def test_truncated(entry: dict) -> None:
    stream = check_prefix(entry["stream"], entry["bytes"])
    assert [stream.content.complete_level(t) for t in range(stream.header["tile_count"])] == entry["levels"]
    assert md5_of(stream.scene()) == entry["md5"]


@pytest.mark.parametrize("name", VALID)
def test_any_beginning_decodes(name: str) -> None:
    rng, head_end = random.Random(name), parsed(data_of(name)).chunks[1].offset
    for size in (rng.randrange(len(data_of(name))) for _ in range(PREFIXES)):
        if size < head_end:
            with pytest.raises(BadStream):
                parsed(data_of(name)[:size] or b"\x89")
        else:
            check_prefix(name, size)


@pytest.mark.parametrize("entry", FAULTY, ids=lambda e: e["id"])
@pytest.mark.parametrize("step", [None, 1], ids=["whole", "bytes"])
@pytest.mark.parametrize("cpu", [None, "reference"])
def test_faulty(entry: dict, step: int | None, cpu: str | None) -> None:
    data = (ROOT / entry["file"]).read_bytes()
    with pytest.raises(PgsError) as caught:
        parsed(data, step=step, allow=LEVELS[4], cpu=cpu).scene(check_hash=True)
    error = caught.value
    assert (type(error).__name__, error.clause) == (entry["error"], entry["clause"])  # type: ignore[attr-defined]
    assert error.exit_code == entry["exit_code"]


def test_every_rule_of_scenes_has_a_faulty_stream() -> None:
    clauses = {e["clause"] for e in FAULTY}
    assert {"4.4", "5.2", "5.3", "6.1", "6.6", "6.8", "6.9", "6.10", "7.9", "10.4", "10.12", "10.13", "A.2"} <= clauses


@pytest.mark.parametrize("name", VALID)
def test_the_tool_that_checks_streams(name: str) -> None:
    held: list[tuple[int, int]] = []
    data = data_of(name)
    check_scene(data, parsed(data), parsed, lambda _, good, total: held.append((good, total)), 5)
    assert len(held) >= 5 and all(good == total for good, total in held)


def test_run_drives_a_command_for_scenes() -> None:
    decoder = f"{sys.executable} -m pgsvc.cli.dec {{input}} --level {{level}} --md5"
    words = [sys.executable, str(ROOT / "run.py"), "--decoder", "false", "--scenes", decoder, "--jobs", "2"]
    for only, count in (("valid/5[0-2]*", 7), ("faulty/17[4-6]*", 3), ("truncated/53*", 5)):
        done = subprocess.run(
            [*words, "--only", only, "--check-messages", "--hash-option=--check-hash"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout == f"{count} passed, 0 failed\n"
