"""Every conformance stream against the whole matrix: levels, kernels, threads, feeding, cutting, truncation, faults."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from pgsvc import kernel
from pgsvc.container import DATA_TYPES, Chunk
from pgsvc.cut import cut
from pgsvc.errors import BadStream, PgsError, UsageError
from pgsvc.headers import HEAD, PREDICTED_FRAMES
from pgsvc.index import read_index
from pgsvc.limits import LEVELS
from pgsvc.stream import Stream

ROOT = Path(__file__).resolve().parent.parent / "conformance"
MANIFEST = tomllib.loads((ROOT / "manifest.toml").read_text(encoding="utf-8"))
VALID = {e["id"]: e for e in MANIFEST["valid"] if e["profile"] != "scene"}  # scenes: test_scene_conformance
FAULTY = [e for e in MANIFEST["faulty"] if "profile" not in e]
TRUNCATED = [e for e in MANIFEST["truncated"] if e["stream"] in VALID]
MULTI_LAYER = [i for i, e in VALID.items() if e["layers"] > 2]
PREFIXES = 40  # random lengths tried of each of these streams:
PREFIX_STREAMS = [i for i in VALID if i[:2] in ("04", "09", "10", "15", "16", "27", "29", "34", "35")]


@cache
def data_of(name: str) -> bytes:
    return (ROOT / VALID[name]["file"]).read_bytes()


def parsed(data: bytes, **options) -> Stream:
    stream = Stream(**options)
    stream.keep_chunks = True
    stream.feed(data)
    stream.close()
    return stream


def md5(stream: Stream, level: int | None = None, **options) -> str:
    total = hashlib.md5()
    for frame in stream.frames(level, **options):
        total.update(frame.picture.tobytes())
    return total.hexdigest()


# --- valid ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", VALID)
def test_every_level_on_every_kernel(name: str) -> None:
    entry, stream = VALID[name], parsed(data_of(name))
    assert (stream.layer_count, stream.frame_count) == (entry["layers"], entry["frames"])
    sizes = entry.get("sizes", [entry["format"].split()[0]] * entry["layers"])
    assert ["{}x{}".format(*stream.level_size(k)) for k in range(stream.layer_count)] == sizes
    for cpu in kernel.levels():
        for threads in (1, 2) if cpu != "reference" else (1,):
            stream.cpu, stream.threads = cpu, threads
            for level, expected in enumerate(entry["md5"]):
                assert md5(stream, level, check_hash=True) == expected, f"level {level}, --cpu {cpu}, {threads} threads"


@pytest.mark.parametrize("name", VALID)
def test_one_frame_alone_is_the_same_as_in_sequence(name: str) -> None:
    stream = parsed(data_of(name))
    frames = list(stream.frames())
    for frame in (frames[0], frames[-1], frames[len(frames) // 2]):
        assert stream.frame(frame.index).picture.tobytes() == frame.picture.tobytes()


@pytest.mark.parametrize("name", VALID)
def test_byte_by_byte(name: str) -> None:
    stream = Stream()
    for value in data_of(name):
        stream.feed(bytes([value]))
    stream.close()
    assert not stream.truncated
    assert md5(stream) == VALID[name]["md5"][-1]


@pytest.mark.parametrize("name", VALID)
def test_the_index_describes_what_follows(name: str) -> None:
    stream = parsed(data_of(name))
    if "without-index" in name:
        assert stream.index is None
        return
    assert stream.index is not None
    assert [(e.type, e.address, e.size) for e in stream.index] == [
        (c.type, c.address, len(c.raw)) for c in stream.chunks[2:]
    ]


# --- sub-streams ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", VALID)
def test_cutting_levels_is_decoding_levels(name: str) -> None:
    stream = parsed(data_of(name))
    for level, expected in enumerate(VALID[name]["md5"]):
        part = parsed(cut(stream, level=level))
        assert part.layer_count == level + 1
        assert not part.truncated
        assert (part.format, part.output_format()) == (stream.format, stream.output_format(level))
        assert md5(part, check_hash=True) == expected


@pytest.mark.parametrize("name", MULTI_LAYER)
def test_cutting_twice_is_cutting_once(name: str) -> None:
    stream = parsed(data_of(name))
    assert cut(parsed(cut(stream, level=2)), level=1) == cut(stream, level=1)


@pytest.mark.parametrize("name", VALID)
def test_cutting_nothing_changes_nothing_but_the_index(name: str) -> None:
    stream = parsed(data_of(name))
    whole = parsed(cut(stream))
    kept = [c.raw for c in stream.chunks if c.type not in (b"iNDX", b"zzZZ")]
    assert [c.raw for c in whole.chunks if c.type != b"iNDX"] == kept


@pytest.mark.parametrize("name", VALID)
def test_cutting_to_a_size(name: str) -> None:
    data = data_of(name)
    stream = parsed(data)
    for tenth in range(1, 11):
        size = len(data) * tenth // 10
        try:
            part = cut(stream, max_bytes=size)
        except UsageError:
            assert tenth < 10
            continue
        assert len(part) <= size
        for frame in parsed(part).frames():
            assert 0 <= frame.level < VALID[name]["layers"]


@pytest.mark.parametrize("name", [i for i, e in VALID.items() if e["profile"] == "video"])
def test_cutting_frames(name: str) -> None:
    stream = parsed(data_of(name))
    frames = {f.index: f.picture.tobytes() for f in stream.frames()}
    count = len(frames)
    for start, stop in ((0, 1), (count // 2, count), (1, count - 1), (count - 1, None)):
        part = parsed(cut(stream, start=start, stop=stop))
        got = {f.index: f.picture.tobytes() for f in part.frames()}
        assert set(range(start, count if stop is None else stop)) <= set(got)
        assert got.items() <= frames.items()


def test_types_that_are_unsafe_to_copy_are_left_out() -> None:
    stream = parsed(data_of("14-still-unknown-ancillary"))
    types = {c.type for c in parsed(cut(stream, level=1)).chunks}
    assert b"teXt" in types
    assert b"zzZZ" not in types


# --- truncated --------------------------------------------------------------------------------------------------------


def predicted_levels(chunks: list[Chunk], size: int, layers: int) -> list[int]:
    """Level of each decodable frame, from nothing but offsets, addresses and headers: what spec 5.4 says of a prefix."""
    from pgsvc.bits import BitReader

    header = HEAD.read(BitReader(chunks[0].payload))
    objects = header["object_layers"] or [layers]
    tracks: dict[int, dict[tuple[int, int, int], int]] = {}
    complete: dict[int, dict[tuple[int, int], int]] = {}  # segment → layer, object → slices, once the last one is known
    for c in chunks:
        if c.type not in DATA_TYPES or c.offset + len(c.raw) > size:
            continue
        a = c.address
        own = tracks.setdefault(a.segment, {})
        if c.type == b"KEYF":
            own[a.layer, a.object, a.slice] = 1
            two = c.payload[_leb(c.payload, _leb(c.payload, 0)) :]
            if two[0] & 128:
                complete.setdefault(a.segment, {})[a.layer, a.object] = a.slice + 1
        else:
            components = 1 if len(chunks[0].payload) and chunks[0].payload[5] & 7 == 0 else 3
            header = PREDICTED_FRAMES.read(BitReader(c.payload), {"components": components})
            own[a.layer, a.object, a.slice] += header["frame_count"]
    levels: list[int] = []
    for segment in sorted(tracks):
        known = complete.get(segment, {})
        ends = [
            min(
                tracks[segment].get((k, o, i), 0) if (k, o) in known else 0
                for o, own_layers in enumerate(objects)
                if k < own_layers
                for i in range(known.get((k, o), 1))
            )
            for k in range(layers)
        ]
        for frame in range(ends[0]):
            levels.append(next((k for k in range(layers) if ends[k] <= frame), layers) - 1)
    return levels


def _leb(data: bytes, at: int) -> int:
    while data[at] & 128:
        at += 1
    return at + 1


def check_prefix(name: str, size: int) -> Stream:
    whole, stream = parsed(data_of(name)), parsed(data_of(name)[:size])
    assert stream.truncated == (size < len(data_of(name)))
    wanted = whole.level_size()  # also where a lower level is reached
    frames = list(stream.frames(check_hash=True))
    assert [f.level for f in frames] == predicted_levels(whole.chunks, size, VALID[name]["layers"])
    for frame in frames:
        if not frame.partial:
            assert frame.picture.tobytes() == whole.frame(frame.index, frame.level, size=wanted).picture.tobytes()
    return stream


@pytest.mark.parametrize("entry", TRUNCATED, ids=lambda e: e["id"])
def test_truncated(entry: dict) -> None:
    stream = check_prefix(entry["stream"], entry["bytes"])
    assert [f.level for f in stream.frames()] == entry["levels"]
    assert md5(stream) == entry["md5"]


def lengths(name: str) -> Iterator[int]:
    rng = random.Random(name)
    for _ in range(PREFIXES):
        yield rng.randrange(len(data_of(name)))


@pytest.mark.parametrize("name", PREFIX_STREAMS)
def test_any_beginning_decodes(name: str) -> None:
    head_end = parsed(data_of(name)).chunks[1].offset
    for size in lengths(name):
        if size < head_end:
            with pytest.raises(BadStream) as caught:
                parsed(data_of(name)[:size])
            assert caught.value.clause == "4.1"
        else:
            check_prefix(name, size)


# --- faulty -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("entry", FAULTY, ids=lambda e: e["id"])
@pytest.mark.parametrize("feeding", ["whole", "bytes"])
def test_faulty(entry: dict, feeding: str) -> None:
    data = (ROOT / entry["file"]).read_bytes()
    with pytest.raises(PgsError) as caught:  # noqa: PT012
        stream = Stream(allow=LEVELS[4])
        for i in range(0, len(data), len(data) if feeding == "whole" else 1):
            stream.feed(data[i : i + 1] if feeding == "bytes" else data)
        stream.close()
        for _ in stream.frames(check_hash=True):
            pass
    error = caught.value
    assert (type(error).__name__, error.clause) == (entry["error"], entry["clause"])  # type: ignore[attr-defined]
    assert error.exit_code == entry["exit_code"]
    assert f"(spec {entry['clause']})" in str(error)


def test_the_faulty_hash_is_only_seen_when_hashes_are_checked() -> None:
    entry = next(e for e in FAULTY if e["error"] == "HashMismatch")
    assert md5(parsed((ROOT / entry["file"]).read_bytes()))


# --- the suite itself -------------------------------------------------------------------------------------------------


def test_files_are_those_of_the_manifest_and_small() -> None:
    entries = MANIFEST["valid"] + MANIFEST["faulty"]
    for entry in entries:
        data = (ROOT / entry["file"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == entry["sha256"], entry["file"]
        assert len(data) == entry["bytes"] < 50_000
    assert sum(e["bytes"] for e in entries) < 1_000_000
    present = {str(p.relative_to(ROOT)) for folder in ("valid", "faulty") for p in (ROOT / folder).iterdir()}
    assert present == {e["file"] for e in entries}


def test_generate_reproduces_the_files() -> None:
    """Byte for byte, without torch; where zstd makes other bytes, the compressed index must at least say the same."""
    code = "import sys; sys.modules['torch'] = None; sys.path.insert(0, 'conformance'); import generate as g\n"
    code += "for n, d in g.generate().items():\n  if (g.HERE / n).read_bytes() != d: print(n)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT.parent, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_the_compressed_index_is_read() -> None:
    stream = parsed(data_of("15-video-compressed-index"))
    assert stream.chunks[1].payload[0] == 1
    assert len(read_index(stream.chunks[1].payload)) == len(stream.chunks) - 2


@pytest.mark.parametrize(
    ("mode", "only", "count"),
    [("file", "truncated/0[34]*", 10), ("file", "faulty/4[1-9]*", 9), ("print", "valid/0[1-3]*", 5)],
)
def test_run_drives_a_command(mode: str, only: str, count: int) -> None:
    decoder = f"{sys.executable} -m pgsvc.cli.dec {{input}} --level {{level}} " + (
        "-o {output}" if mode == "file" else "--md5"
    )
    options = ["--check-messages", "--hash-option=--check-hash", *(["--print-md5"] if mode == "print" else [])]
    words = [sys.executable, str(ROOT / "run.py"), "--decoder", decoder, "--only", only, "--jobs", "2", *options]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.stdout == f"{count} passed, 0 failed\n"
    assert done.returncode == 0


@pytest.mark.parametrize("decoder", ["true", "false", "sh -c 'kill -9 $$'"])
def test_run_notices_a_bad_decoder(decoder: str) -> None:
    words = [sys.executable, str(ROOT / "run.py"), "--decoder", decoder, "--only", "valid/0[1-2]*"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.stdout.endswith("0 passed, 2 failed\n")
    assert done.returncode == 1
