"""Streams decoded at their levels' own sizes and at others: formats, hashes, limits, cuts, truncation (spec 6.6, 9.1, 9.3, A)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pgsvc.container import HASH, INDEX, SIGNATURE, write_chunk
from pgsvc.cut import cut
from pgsvc.errors import HashMismatch, LimitExceeded, UsageError
from pgsvc.limits import LEVELS
from pgsvc.planar import reconstruct
from pgsvc.states import track_states
from pgsvc.stream import Stream

VALID = Path(__file__).resolve().parent.parent / "conformance" / "valid"
STILL, VIDEO, PLAIN = ((VALID / f"{name}.pgs").read_bytes() for name in
                       ("21-still-level-sizes", "22-video-level-sizes", "09-video-predicted"))  # fmt: skip


def parsed(data: bytes, **options) -> Stream:
    stream = Stream(**options)
    stream.keep_chunks = True
    stream.feed(data)
    stream.close()
    return stream


def size_of(frame) -> tuple[int, int]:
    return frame.picture.format.width, frame.picture.format.height


def test_every_level_has_its_own_size() -> None:
    stream = parsed(STILL)
    assert [stream.level_size(k) for k in range(3)] == [(17, 12), (34, 23), (67, 46)]
    assert stream.level_size() == (67, 46)
    for level in range(3):
        frame = stream.frame(0, level)
        assert size_of(frame) == stream.level_size(level)
        assert frame.picture.format == stream.output_format(level)
        again = stream.frame(0, level, size=stream.level_size(level))
        assert again.picture.tobytes() == frame.picture.tobytes()
    with pytest.raises(UsageError):
        stream.level_size(3)


def test_levels_as_an_encoder_sees_them() -> None:
    stream = parsed(STILL)
    f = stream.format
    segment = stream.segments[0]
    tracks = sorted(segment.tracks.items())
    layers = [[next(track_states(segment, t, f)) for (k, *_), t in tracks if k == layer] for layer in range(3)]
    sizes = [stream.level_size(k) for k in range(3)]
    for level, picture in enumerate(reconstruct.levels(layers, f, sizes=sizes, threads=1)):
        assert picture.tobytes() == stream.frame(0, level).picture.tobytes()


@pytest.mark.parametrize("data", [STILL, VIDEO, PLAIN], ids=["still", "video", "plain"])
def test_any_size_at_any_level(data: bytes) -> None:
    stream = parsed(data)
    for size in ((stream.format.width, stream.format.height), (13, 40), (100, 7)):
        for level in range(stream.layer_count):
            assert {size_of(f) for f in stream.frames(level, size=size)} == {size}
            assert stream.output_format(level, size) == replace(stream.format, width=size[0], height=size[1])


def test_without_level_sizes_the_reference_size_is_the_levels_own() -> None:
    stream = parsed(PLAIN)
    for frame in stream.frames(1, size=(48, 36), check_hash=True):
        assert frame.picture.tobytes() == stream.frame(frame.index, 1).picture.tobytes()


def test_hashes_are_those_of_the_own_size() -> None:
    stream = parsed(STILL)
    with pytest.raises(UsageError, match="of another size"):
        list(stream.frames(0, size=(34, 23), check_hash=True))
    assert len(list(stream.frames(0, size=(17, 12), check_hash=True))) == 1


def test_frames_that_reach_a_lower_level_keep_the_size_of_the_wanted_one() -> None:
    whole = parsed(VIDEO)
    key = next(c for c in whole.chunks if c.type == b"KEYF" and c.address.layer == 1)
    stream = parsed(VIDEO[: key.offset])
    (frame,) = stream.frames(2)
    assert (frame.level, frame.partial, size_of(frame)) == (0, False, (47, 35))
    assert frame.picture.tobytes() == whole.frame(0, 0, size=(47, 35)).picture.tobytes()


def spoiled() -> bytes:
    """The clip without the upper layers of its second segment, whose first hash is wrong."""
    out = bytearray(SIGNATURE)
    for c in parsed(VIDEO).chunks:
        if c.type == INDEX or (c.address.segment == 1 and c.address.layer > 0):
            continue
        if c.type == HASH and c.address[:3] == (1, 0, 0):
            payload = c.payload[:-1] + bytes([c.payload[-1] ^ 1])
            out += write_chunk(HASH, c.address, payload)
        else:
            out += c.raw
    return bytes(out)


@pytest.mark.parametrize(("wanted", "compared"), [(0, True), (1, True), (2, False)])
def test_a_lower_level_is_compared_where_its_size_is_the_one_shown(wanted: int, compared: bool) -> None:
    """Levels 0 and 1 are of one size, level 2 is larger."""
    stream = parsed(spoiled())
    if compared:
        with pytest.raises(HashMismatch):
            list(stream.frames(wanted, check_hash=True))
    else:
        assert [f.level for f in stream.frames(wanted, check_hash=True)] == [2] * 4 + [0] * 4


def test_a_cut_keeps_the_reference_size_and_the_first_sizes() -> None:
    stream = parsed(STILL)
    part = parsed(cut(stream, level=1))
    assert part.header is not None
    assert (part.header["width"], part.header["height"]) == (67, 46)
    assert part.header["level_sizes"] == [
        {"level_width": 17, "level_height": 12},
        {"level_width": 34, "level_height": 23},
    ]
    assert part.frame(0).picture.tobytes() == stream.frame(0, 1).picture.tobytes()
    assert cut(parsed(cut(stream, level=1)), level=0) == cut(stream, level=0)


def test_another_size_is_held_against_the_decoders_own_limits() -> None:
    stream = parsed(PLAIN)  # of limit level 1: at most 2^17 pixels
    assert size_of(stream.frame(0, 0, size=(700, 500))) == (700, 500)
    for allowed in (replace(LEVELS[4], pixels=700 * 500 - 1), replace(LEVELS[4], side=699), LEVELS[1]):
        with pytest.raises(LimitExceeded) as caught:
            parsed(PLAIN, allow=allowed).frame(0, 0, size=(700, 500))
        assert caught.value.clause == "A.1"
    with pytest.raises(LimitExceeded) as caught:
        parsed(PLAIN, allow=replace(LEVELS[4], covered=60_000)).frame(0, 0, size=(700, 500))
    assert caught.value.clause == "A.3"
    assert parsed(PLAIN, allow=replace(LEVELS[4], covered=60_000)).frame(0, 0)
