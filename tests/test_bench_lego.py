"""tools/bench_lego.py: all methods on the smallest input, and trainings that are not repeated."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="torch is not installed: pip install 'pgsvc[encoder]'")
sys.path[:0] = [str(Path(__file__).parents[1] / "tools"), str(Path(__file__).parent)]
import bench_lego  # noqa: E402
from posed_samples import save_transforms, some_cameras  # noqa: E402

from pgsvc_encoder.scene.posed import open_posed  # noqa: E402


def test_a_table(tmp_path, monkeypatch) -> None:
    pictures = open_posed(save_transforms(tmp_path, some_cameras(8)))
    rows = bench_lego.measure(pictures, [5, 9], 3, 1, 50.0, tmp_path, 1)
    assert {(r["method"], r["splats"]) for r in rows} == {(m, n) for m in bench_lego.METHODS for n in (5, 9)}
    separate = {r["splats"]: r for r in rows if r["method"] == "separate"}
    sort = next(r for r in rows if r["method"] == "sort" and r["splats"] == 5)
    assert separate[5]["bytes"] < separate[9]["bytes"] and sort["trained"] != separate[5]["trained"]
    lines = bench_lego.table(rows).splitlines()
    assert len(lines) == 12 and [line.split(" | ")[1] for line in lines[2:7]] == list(bench_lego.METHODS)
    other = [dict(r, seed=2, trained=r["trained"] | {"psnr": r["trained"]["psnr"] + 1}) for r in rows]
    assert " (1.00) | " in bench_lego.table(rows + other).splitlines()[2]
    assert (tmp_path / "joint_1.png").is_file() and not list(tmp_path.glob("*.resume"))
    monkeypatch.setattr(bench_lego, "train_views", None)
    assert bench_lego.measure(pictures, [5, 9], 3, 1, 50.0, tmp_path, 1) == rows
