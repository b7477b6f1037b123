"""Scenes from SOG files and folders, and levels of streamed ones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scene_files import save, sog, zipped
from scene_reading import opened, refused
from scene_samples import angles, near, some_splats

from pgsvc.errors import UsageError
from pgsvc.scene.splats import SceneFormat
from pgsvc_encoder.scene.source import open_scene


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("degree", range(4))
def test_sog(tmp_path: Path, degree: int, version: int) -> None:
    splats = some_splats(90, degree)
    files = sog(splats, degree, version)
    scene = opened(tmp_path, "a.sog", zipped(files))
    assert scene.format == SceneFormat(sh_degree=degree)
    near(scene.splats.position, splats.position, 0.001)
    near(scene.splats.log_scale, splats.log_scale, 8 / 509)
    near(scene.splats.sh_dc, splats.sh_dc, 0.02)
    near(scene.splats.sh_rest, splats.sh_rest, 0.005)
    near(scene.splats.opacity, splats.opacity, 0.05)
    assert angles(scene.splats, splats).max() < 1
    folder = save(tmp_path / "scene", files)
    for path in (folder, folder / "meta.json"):
        again = open_scene(str(path))
        assert np.array_equal(again.splats.sh_rest, scene.splats.sh_rest) and again.format == scene.format


def test_sog_of_antialiased_splats(tmp_path: Path) -> None:
    assert opened(tmp_path, "a.sog", zipped(sog(some_splats(), 0, antialias=True))).format.kernel == "antialiased"


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"version": 3}, "version 3, and 1 and 2"),
        ({"count": -1}, "-1 is no number of splats"),
        ({"count": 1e3}, "1000.0 is no number"),
        ({"count": 5000}, "a texture has 16x3 pixels, and 5000 are needed"),
        ({"count": 1 << 40}, "at most 67108864"),
        (
            {"means": {"mins": [0, 0, 0], "maxs": [1, 1, 1], "files": ["no.webp", "no.webp"]}},
            "there is no 'no.webp' in it",
        ),
        ({"means": {"mins": [0], "maxs": [1], "files": ["means_l.webp", "means_u.webp"]}}, "no three numbers"),
        ({"means": None}, "is not that of a scene"),
        ({"scales": {"codebook": [0.0] * 255, "files": ["scales.webp"]}}, "table of its scales"),
        ({"quats": {"files": ["meta.json"]}}, "a texture cannot be read"),
        ({"quats": {"files": ["scales.webp"]}}, ""),
    ],
)
def test_a_sog_meta_that_cannot_be(tmp_path: Path, change: dict, match: str) -> None:
    files = sog(some_splats(), 0)
    files["meta.json"] = json.dumps({**json.loads(files["meta.json"]), **change}).encode()
    if match:
        refused(tmp_path, "a.sog", zipped(files), match)
        return
    opened(tmp_path, "a.sog", zipped(files))  # an alpha of 255 is an index too; the picture has no other way to tell


def test_files_outside_the_folder_are_not_read(tmp_path: Path) -> None:
    files = sog(some_splats(), 0)
    (tmp_path / "secret.webp").write_bytes(files["scales.webp"])
    for name in ("../secret.webp", str(tmp_path / "secret.webp")):
        meta = json.loads(files["meta.json"])
        meta["scales"]["files"] = [name]
        folder = save(tmp_path / "scene", {**files, "meta.json": json.dumps(meta).encode()})
        with pytest.raises(UsageError, match="not a file of its own folder"):
            open_scene(str(folder))


def levels(folder: Path) -> None:
    """A streamed SOG of two levels; the finer is in two files, and its leaves are not in order."""
    fine, coarse = some_splats(50, 1, seed=1), some_splats(20, 1, seed=2)
    save(folder / "0_0", sog(fine.select(np.arange(30)), 1))
    save(folder / "0_1", sog(fine.select(np.arange(30, 50)), 1))
    save(folder / "1_0", sog(coarse, 1))
    leaves = [
        {"lods": {"0": {"file": 1, "offset": 0, "count": 20}}},
        {"lods": {"0": {"file": 0, "offset": 10, "count": 20}, "1": {"file": 2, "offset": 0, "count": 12}}},
        {
            "children": [
                {"lods": {"0": {"file": 0, "offset": 0, "count": 10}, "1": {"file": 2, "offset": 12, "count": 8}}}
            ]
        },
    ]
    names = ["0_0/meta.json", "0_1/meta.json", "1_0/meta.json"]
    meta = {"lodLevels": 2, "filenames": names, "tree": {"children": leaves}}
    save(folder, {"lod-meta.json": json.dumps(meta).encode()})


def test_levels_of_streamed_sog(tmp_path: Path) -> None:
    levels(tmp_path)
    for place in (tmp_path, tmp_path / "lod-meta.json"):
        fine = open_scene(str(place)).splats
        near(fine.position, some_splats(50, 1, seed=1).position, 0.001)
        assert np.array_equal(open_scene(f"{place}#0").splats.position, fine.position)
        near(open_scene(f"{place}#1").splats.position, some_splats(20, 1, seed=2).position, 0.001)
        with pytest.raises(UsageError, match="has the levels 0 to 1; there is no #2"):
            open_scene(f"{place}#2")
        with pytest.raises(UsageError, match="'#coarse' is no level"):
            open_scene(f"{place}#coarse")
    with pytest.raises(UsageError, match="has no levels; leave #1 out"):
        open_scene(f"{tmp_path / '0_0'}#1")


def test_the_environment_of_streamed_sog(tmp_path: Path) -> None:
    levels(tmp_path)
    sky = some_splats(7, 2, seed=3)
    save(tmp_path / "env", sog(sky, 2))
    meta = json.loads((tmp_path / "lod-meta.json").read_bytes())
    save(tmp_path, {"lod-meta.json": json.dumps({**meta, "environment": "env/meta.json"}).encode()})
    scene = open_scene(f"{tmp_path}#1")
    assert scene.format.sh_degree == 2 and len(scene.splats) == 27
    near(scene.splats.sh_rest[20:], sky.sh_rest, 0.005)
    assert not scene.splats.sh_rest[:20, 3:].any()
    save(tmp_path / "env", sog(sky, 2, antialias=True))
    with pytest.raises(UsageError, match="its files are of 2 different kinds"):
        open_scene(f"{tmp_path}#1")


def test_a_streamed_index_that_cannot_be(tmp_path: Path) -> None:
    levels(tmp_path)
    meta = json.loads((tmp_path / "lod-meta.json").read_bytes())
    deep: dict = {"lods": {}}
    for _ in range(100):
        deep = {"children": [deep]}
    broken = {
        "asks for splats up to 31 of 30": {"tree": {"lods": {"0": {"file": 0, "offset": 1, "count": 30}}}},
        "at most 67108864": {"tree": {"lods": {"0": {"file": 0, "offset": 0, "count": 1 << 40}}}},
        "deeper than 64": {"tree": deep},
        "no whole numbers": {"tree": {"lods": {"0": {"file": 0, "offset": -1, "count": 3}}}},
        "not the index": {"filenames": []},
        "not a file of its own folder": {"filenames": ["../x/meta.json"] * 3},
        "0 different kinds": {"tree": {"lods": {}}},
    }
    for match, change in broken.items():
        save(tmp_path, {"lod-meta.json": json.dumps({**meta, **change}).encode()})
        with pytest.raises(UsageError, match=match):
            open_scene(str(tmp_path))
