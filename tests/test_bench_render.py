"""tools/bench_render.py: its parts on the smallest input."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))
import bench_render  # noqa: E402

from pgsvc import kernel  # noqa: E402
from pgsvc.scene.camera import orbit  # noqa: E402


@pytest.mark.parametrize("degree", [0, 3])
def test_a_small_scene(degree) -> None:
    splats, scene_format = bench_render.random_scene(200, degree)
    camera = orbit(splats, 1, 40, 30)[0]
    row = bench_render.measure(splats, scene_format, camera, kernel.native().isa_levels()[-1], 2)
    assert row["pairs"] > 200 and row["forward_s"] > 0 and row["backward_s"] > 0


def test_a_file(tmp_path) -> None:
    splats, scene_format = bench_render.random_scene(7, 2)
    names = ["x", "y", "z", *(f"f_dc_{i}" for i in range(3)), *(f"f_rest_{i}" for i in range(24)), "opacity"]
    names += [*(f"scale_{i}" for i in range(3)), *(f"rot_{i}" for i in range(4))]
    rest = splats.sh_rest.transpose(0, 2, 1).reshape(7, 24)
    table = np.column_stack([splats.position, splats.sh_dc, rest, splats.opacity, splats.log_scale, splats.rotation])
    lines = ["ply", "format binary_little_endian 1.0", "element vertex 7", *(f"property float {n}" for n in names)]
    (tmp_path / "scene.ply").write_bytes("\n".join([*lines, "end_header\n"]).encode() + table.astype("<f4").tobytes())
    got, got_format = bench_render.read_ply(tmp_path / "scene.ply")
    assert got_format == scene_format
    for name in ("position", "log_scale", "rotation", "opacity", "sh_dc", "sh_rest"):
        assert (getattr(got, name) == getattr(splats, name)).all(), name
