"""The clip that bench_decode.py makes of a still: splats of the chosen part move, the others rest, any thread count decodes it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "conformance")]

from moving_clip import moving  # noqa: E402
from synthetic import YUV420, Maker  # noqa: E402

from pgsvc.container import Address  # noqa: E402
from pgsvc.decode import track_states  # noqa: E402
from pgsvc.stream import Stream  # noqa: E402


def test_part_of_the_splats_moves() -> None:
    still = Maker(3, 80, 60, YUV420)
    for layer in range(still.header["layer_count"]):
        still.graded(Address(0, 0, layer), 40)
    stream = Stream(threads=1)
    stream.feed(moving(still.build(), 0.5, 5))
    stream.close()
    assert [f.level for f in stream.frames()] == [stream.layer_count - 1] * 6
    for track in stream.segments[0].tracks.values():
        states = list(track_states(stream.segments[0], track, stream.format))
        left = states[0].position[:, 0] < 0.5 * 80 * 256
        assert 0 < left.sum() < len(left)
        for before, after in zip(states[:-1], states[1:], strict=True):
            assert np.array_equal((before.position != after.position).any(1), left)
            assert np.array_equal(before.colour, after.colour)
