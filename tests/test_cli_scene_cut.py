"""pgsvc-cut and pgsvc-info with scenes."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("tqdm")
from scene_streams import PICTURE, decoded, files  # noqa: E402

import pgsvc  # noqa: E402
from pgsvc.cli import cut, dec, info  # noqa: E402


@pytest.mark.parametrize("name", ["tiles.pgs", "objects.pgs"])
def test_cutting_a_level_is_decoding_it(name: str, scene_folder: Path, tmp_path: Path) -> None:
    source, small = scene_folder / name, tmp_path / "small.pgs"
    with pgsvc.open(source) as stream:
        levels = stream.layer_count
    for level in range(levels):
        assert cut.main(["-q", str(source), str(small), "--level", str(level)]) == 0
        ours, theirs = decoded(small), decoded(source, level=level)
        assert ours.level == level
        for key, state in theirs.states.items():
            assert ours.states[key].tobytes() == state.tobytes()
    assert small.read_bytes() == source.read_bytes()


def test_cutting_tiles(scene_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, small = scene_folder / "tiles.pgs", tmp_path / "small.pgs"
    assert cut.main(["-q", str(source), str(small), "--tiles", "2,0", "--level", "2"]) == 0
    ours, theirs = decoded(small), decoded(source, level=2, tiles=(0, 2))
    assert ours.level == 2
    assert not ours.partial
    assert np.array_equal(ours.splats.position, theirs.splats.position)
    assert dec.main([str(small), "-o", "null", "--check-hash", "--strict"]) == 0
    assert "not in the stream: 1" in capsys.readouterr().err
    assert info.main([str(small), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(row["tile"], row["complete_level"]) for row in told["tiles"]] == [(0, 2), (1, -1), (2, 2)]
    assert [len(row["missing"]) for row in told["tiles"]] == [4, 4, 4]  # the table is copied as it is
    assert dec.main([str(small), "-o", "null", "--tiles", "1"]) == 1
    again = tmp_path / "again.pgs"
    assert cut.main(["-q", str(source), str(again), "--tiles", "0,2"]) == 0
    assert cut.main(["-q", str(again), str(again.with_name("b.pgs")), "--level", "2"]) == 0
    assert again.with_name("b.pgs").read_bytes() == small.read_bytes()


def test_cutting_objects(scene_folder: Path, tmp_path: Path) -> None:
    source, small = scene_folder / "objects.pgs", tmp_path / "small.pgs"
    assert cut.main(["-q", str(source), str(small), "--object-level", "0=0"]) == 0
    ours = decoded(small).states
    assert ours[0, 0].tobytes() == decoded(source, level=0, objects=(0,)).states[0, 0].tobytes()
    assert ours[0, 1].tobytes() == decoded(source, objects=(1,)).states[0, 1].tobytes()
    assert cut.main(["-q", str(source), str(small), "--object-level", "1=-1"]) == 0
    assert list(decoded(small).states) == [(0, 0)]


def test_cutting_bytes(scene_folder: Path, tmp_path: Path) -> None:
    source, small = scene_folder / "tiles.pgs", tmp_path / "small.pgs"
    whole = source.stat().st_size
    last = 0
    for size in range(whole // 4, whole, whole // 7):
        assert cut.main(["-q", str(source), str(small), "--max-bytes", str(size)]) == 0
        assert small.stat().st_size <= size
        count = len(decoded(small).splats)
        assert count >= last
        last = count


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--frames", "0:3"], "--frames is for pictures"),
        (["--tiles", "3"], "only the numbers 0 to 2"),
        (["--level", "4"], "levels 0 to 3"),
        (["--max-bytes", "100"], "nothing decodable"),
        (["--object-level", "0=-1"], "keep at least its level 0"),
    ],
)
def test_cuts_that_cannot_be(
    options: list[str], message: str, scene_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cut.main([str(scene_folder / "tiles.pgs"), str(tmp_path / "s.pgs"), *options]) == 2
    assert message in capsys.readouterr().err
    assert files(tmp_path) == set()


def test_tiles_of_a_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cut.main([str(PICTURE), str(tmp_path / "s.pgs"), "--tiles", "0"]) == 2
    assert "--tiles is for scenes" in capsys.readouterr().err


def test_info(scene_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = str(scene_folder / "tiles.pgs")
    assert info.main([source, "--json", "--chunks"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["to_here"]["splats"] for row in told["layers"]] == [40, 90, 170, 350]
    assert 8 + sum(c["bytes"] for c in told["chunks"]) == told["bytes"] == os.path.getsize(source)
    assert told["chunks"][2]["type"] == "tILe"
    assert sum(row["splats"] for row in told["tiles"]) == 350
    boxes = np.array([row["box"] for row in told["tiles"]])
    assert (boxes[:, 0] <= boxes[:, 1]).all()
    assert info.main([source]) == 0
    out = capsys.readouterr().out
    words = [
        "scene",
        "350 splats, SH degree 1, axes rdf, kernel classic",
        "3 tiles, 1 object",
        "bit/splat",
        "from … to",
    ]
    assert all(word in out for word in words)
    assert info.main([str(scene_folder / "objects.pgs")]) == 0
    out = capsys.readouterr().out
    assert "finer" in out
    assert "1 tile, 2 objects" in out
