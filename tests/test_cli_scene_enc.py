"""pgsvc-enc with scenes: the report, what is read, and options that do not fit."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("tqdm")
from scene_samples import some_splats  # noqa: E402
from scene_streams import decoded, files  # noqa: E402

import pgsvc  # noqa: E402
from pgsvc.cli import dec  # noqa: E402
from pgsvc.scene.output import write_scene  # noqa: E402
from pgsvc.scene.splats import SceneFormat  # noqa: E402
from pgsvc_encoder import cli as enc  # noqa: E402
from pgsvc_encoder.scene.encode import encode_scene  # noqa: E402
from pgsvc_encoder.scene.source import open_scene  # noqa: E402

DATA = os.environ.get("PGSVC_DATA")


def test_the_report(scene_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report, output = tmp_path / "r.json", tmp_path / "o.pgs"
    assert enc.main([str(scene_folder / "room.ply"), str(output), "--layers", "2", "--report", str(report)]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert all(word in captured.err for word in ("bit/splat", "PSNR", "largest errors", "400 splats of room.ply"))
    told = json.loads(report.read_text())
    assert told["command"][0] == "pgsvc-enc"
    assert told["format"]["sh_degree"] == 1
    first, last = told["levels"]
    assert last["bytes"] == output.stat().st_size
    assert first["bytes"] < last["bytes"]
    assert (first["splats"], last["splats"]) == (200, 400)
    assert last["psnr"] > first["psnr"] > 0
    assert 0 < first["ssim"] < last["ssim"] <= 1
    parts = last["bits_per_splat"]
    assert sum(parts.values()) == pytest.approx(8 * last["bytes"] / 400, rel=0.1)
    assert set(last["largest_error"]) == {"position", "log_scale", "angle", "opacity", "colour", "sh"}
    assert all(0 <= e < 90 for e in last["largest_error"].values())
    assert files(tmp_path) == {"r.json", "o.pgs"}


def test_repairs_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    splats = some_splats(50)
    source, output = tmp_path / "bad.ply", tmp_path / "o.pgs"
    write_scene(str(source), splats, SceneFormat())
    data = source.read_bytes()
    at = data.index(b"end_header\n") + len(b"end_header\n")
    source.write_bytes(data[:at] + np.float32(np.nan).tobytes() + data[at + 4 :])
    assert enc.main([str(source), str(output), "--no-views"]) == 2
    assert "--repair" in capsys.readouterr().err
    assert files(tmp_path) == {"bad.ply"}
    assert enc.main([str(source), str(output), "--no-views", "--repair"]) == 0
    assert "left out 1 splats" in capsys.readouterr().err
    assert len(decoded(output).splats) == 49


@pytest.mark.parametrize("kind", ["ply", "splat", "spz", "spz4"])
def test_inputs_are_recognised_by_their_content(kind: str, tmp_path: Path) -> None:
    name = tmp_path / ("scene.splat" if kind == "splat" else "scene.dat")
    write_scene(str(name), some_splats(60), SceneFormat(), kind=kind)
    output = tmp_path / "o.pgs"
    assert enc.main(["-q", str(name), str(output), "--frame", "rub", "--units", "0.5"]) == 0
    scene = decoded(output)
    assert (scene.format.frame, scene.format.metres_per_unit) == ("rub", 0.5)
    assert len(scene.splats) == 60


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--gop", "64"], "--gop is for pictures, and the input is a scene"),
        (["--bpp", "0.1", "--preset", "fast"], "--bpp and --preset are for pictures"),
        (["--resume"], "--resume is for pictures"),
        (["--splats", "10,x"], "whole numbers"),
        (["--splats", "20,10"], "grow from level to level"),
        (["--splats", "10,20", "--layers", "3"], "one for each of the 3"),
        (["--splats", "401"], "the scene has 400"),
        (["--splats", "3"], "too few for 4 layers"),
        (["--layers", "17"], "1 to 16 layers"),
        (["--quality", "101"], "0 to 100"),
        (["--quality-layers", "4", "--layers", "4"], "below the quality layers"),
        (["--tiles", "0"], "tiles"),
        (["--frame", "xyz"], "there is no frame 'xyz'"),
        (["--units", "-1"], "metres"),
        (["--kernel", "box"], "there is no kernel 'box'"),
        (["--labels", "/no/such"], "cannot read /no/such"),
    ],
)
def test_options_that_do_not_fit_a_scene(
    options: list[str], message: str, scene_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert enc.main([str(scene_folder / "room.ply"), str(tmp_path / "o.pgs"), *options]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
    assert files(tmp_path) == set()


def test_options_of_scenes_with_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from PIL import Image

    Image.new("RGB", (32, 32)).save(tmp_path / "a.png")
    assert enc.main([str(tmp_path / "a.png"), str(tmp_path / "o.pgs"), "--quality", "50", "--tiles", "2"]) == 2
    assert "--quality and --tiles are for scenes, and the input is none" in capsys.readouterr().err
    assert files(tmp_path) == {"a.png"}


def test_a_failure_keeps_the_file_that_was_there(scene_folder: Path, tmp_path: Path) -> None:
    ply = tmp_path / "room.ply"
    ply.write_bytes((scene_folder / "room.ply").read_bytes())
    assert enc.main([str(ply), str(ply)]) == 2
    assert ply.read_bytes() == (scene_folder / "room.ply").read_bytes()
    assert enc.main([str(ply), str(tmp_path / "none" / "o.pgs")]) == 2
    assert files(tmp_path) == {"room.ply"}


def test_from_python(scene_folder: Path, tmp_path: Path) -> None:
    source = open_scene(str(scene_folder / "room.ply"))
    data = encode_scene(source.splats, source.format).data
    (tmp_path / "o.pgs").write_bytes(data)
    with pgsvc.open(tmp_path / "o.pgs") as stream:
        assert [len(stream.scene(level=k).splats) for k in range(4)] == [50, 100, 200, 400]
        assert stream.scene(level=1).level == 1


@pytest.mark.skipif(not DATA, reason="PGSVC_DATA does not say where captured scenes are")
@pytest.mark.parametrize("name", ["statues/angel.sog", "playbot_lod/lod-meta.json#3"])
def test_captured_scenes(name: str, tmp_path: Path) -> None:
    source, output = f"{DATA}/splats/{name}", tmp_path / "o.pgs"
    if not Path(source.partition("#")[0]).exists():
        pytest.skip(f"{name} is not there")
    report = tmp_path / "r.json"
    assert enc.main(["-q", source, str(output), "--splats", "4000,9000,20000", "--report", str(report)]) == 0
    rows = json.loads(report.read_text())["levels"]
    assert [row["splats"] for row in rows] == [4000, 9000, 20000]
    assert rows[0]["psnr"] < rows[1]["psnr"] < rows[2]["psnr"]
    assert dec.main(["-q", str(output), "--level", "1", "-o", str(tmp_path / "o.spz"), "--check-hash"]) == 0
    assert len(open_scene(str(tmp_path / "o.spz")).splats) == 9000
