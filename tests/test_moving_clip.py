"""The clips that bench_decode.py makes of a still: splats of the chosen part move, the others rest; or all frames are the still."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "conformance")]

from moving_clip import moving, repeated  # noqa: E402
from synthetic import YUV420, Maker  # noqa: E402

from pgsvc.container import Address  # noqa: E402
from pgsvc.states import track_states  # noqa: E402
from pgsvc.stream import Stream  # noqa: E402


@pytest.fixture(scope="module")
def still() -> bytes:
    maker = Maker(3, 80, 60, YUV420)
    for layer in range(maker.header["layer_count"]):
        maker.graded(Address(0, 0, layer), 40)
    return maker.build()


def opened(data: bytes, threads: int = 1) -> Stream:
    stream = Stream(threads=threads)
    stream.feed(data)
    stream.close()
    return stream


@pytest.mark.parametrize("threads", [1, 2])
def test_key_frames(still: bytes, threads: int) -> None:
    expected = next(opened(still).frames()).picture.tobytes()
    frames = list(opened(repeated(still, 4), threads).frames())
    assert [f.index for f in frames] == [0, 1, 2, 3]
    assert [f.picture.tobytes() for f in frames] == [expected] * 4


def test_part_of_the_splats_moves(still: bytes) -> None:
    stream = opened(moving(still, 0.5, 5))
    assert [f.level for f in stream.frames()] == [stream.layer_count - 1] * 6
    for track in stream.segments[0].tracks.values():
        states = list(track_states(stream.segments[0], track, stream.format))
        left = states[0].position[:, 0] < 0.5 * 80 * 256
        assert 0 < left.sum() < len(left)
        for before, after in zip(states[:-1], states[1:], strict=True):
            assert np.array_equal((before.position != after.position).any(1), left)
            assert np.array_equal(before.colour, after.colour)
