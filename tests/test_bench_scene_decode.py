"""tools/bench_scene_decode.py on a small scene."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))
import bench_scene_decode  # noqa: E402
from bench_render import random_scene  # noqa: E402


def test_a_small_scene() -> None:
    row = bench_scene_decode.measured("small", random_scene(200, 1), layers=2, tiles=2, repeat=1)
    assert all(speed > 0 for speed in row["splats_per_s"].values())
    assert {"level 1", "SPZ 3", "SPZ 4", "LZMA", "2 threads"} <= set(row["splats_per_s"])
    assert "small" in bench_scene_decode.tables([row])
