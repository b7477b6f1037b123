"""Reading splats in a thread while frames are summed: same frames, errors in their places, no thread left behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

import pgsvc
from pgsvc import decode
from pgsvc.errors import BadStream
from pgsvc.stream import Stream
from pgsvc.threads import ahead, at_once

VALID = Path(__file__).resolve().parent.parent / "conformance/valid"
FAULTY = Path(__file__).resolve().parent.parent / "conformance/faulty"


def numbers(stop: int, seen: list[int]) -> Iterator[int]:
    for i in range(1, stop):
        seen.append(i)
        yield i
    raise BadStream("no more", clause="0")


def test_items_then_the_error() -> None:
    seen: list[int] = []
    items, got = ahead(numbers(9, seen), 3), []
    with pytest.raises(BadStream, match="no more"):
        for item in items:
            got.append(item)
            assert len(seen) <= item + 3
    assert got == list(range(1, 9))


def test_no_thread_is_left() -> None:
    before = threading.active_count()
    items = ahead(numbers(9, []), 3)
    assert next(items) == 1
    items.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_jobs_at_once(threads: int) -> None:
    def job(number: int) -> int:
        if number in (2, 3):
            raise BadStream(f"job {number}", clause="0")
        return number

    got, before = [], threading.active_count()
    with pytest.raises(BadStream, match="job 2"):
        for value in at_once([partial(job, i) for i in range(5)], threads):
            got.append(value)
    assert got == [0, 1] and threading.active_count() == before


@pytest.mark.parametrize("name", ["09-video-predicted", "30-video-motion-groups", "35-video-objects-motion"])
def test_frames_do_not_depend_on_threads(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(decode, "SIDE_BY_SIDE", 0)
    found = []
    for threads in (1, 2):
        with pgsvc.open(VALID / f"{name}.pgs", threads=threads) as stream:
            frames = list(stream.frames())
            found.append([(f.index, f.level, f.partial, f.picture.tobytes()) for f in frames])
    assert found[0] == found[1] and len(found[0]) > 1


@pytest.mark.parametrize("name", ["95-differences-left-over", "97-differences-no-symbol", "98-born-more-than-all"])
def test_an_error_comes_at_its_frame(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(decode, "SIDE_BY_SIDE", 0)
    found = []
    for threads in (1, 2):
        stream, shown = Stream(threads=threads), []
        stream.feed((FAULTY / f"{name}.pgs").read_bytes())
        with pytest.raises(BadStream) as caught:
            for frame in stream.frames():
                shown.append(frame.picture.tobytes())
        found.append((shown, str(caught.value)))
    assert found[0] == found[1] and found[0][0]
