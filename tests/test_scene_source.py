"""Scenes from files of other programs: what they hold, what is refused, what is repaired, and what damage does."""

from __future__ import annotations

import gzip
import io
import json
import os
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scene_samples import angles, check_damage, compressed_ply, near, save, sog, some_splats, spz_2, zipped

from pgsvc.errors import UsageError
from pgsvc.scene.output import write_scene
from pgsvc.scene.splats import SceneFormat, SceneSplats
from pgsvc_encoder.scene.source import open_scene

plyfile = pytest.importorskip("plyfile")
DATA = Path(os.environ.get("PGSVC_DATA", "/nonexistent")) / "splats"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="PGSVC_DATA does not name the folder of development data")
NAMES = ["x", "y", "z", "f_dc_0", "f_dc_1", "f_dc_2", "opacity", "scale_0", "scale_1", "scale_2"]
NAMES += ["rot_0", "rot_1", "rot_2", "rot_3"]


def ply(splats: SceneSplats, *, order: str = "<", text: bool = False, comments=(), **columns: np.ndarray) -> bytes:
    """A PLY file without normals, with the properties in another order than usual, and what else is given."""
    count, rest = splats.sh_rest.shape[:2]
    flat = splats.sh_rest.transpose(0, 2, 1).reshape(count, 3 * rest)
    parts = [splats.position, splats.sh_dc, splats.opacity[:, None], splats.log_scale, splats.rotation]
    named = dict(zip(NAMES, np.concatenate(parts, axis=1).T, strict=True))
    named |= {f"f_rest_{i}": flat[:, i] for i in reversed(range(3 * rest))} | columns
    table = np.empty(count, [(name, values.dtype) for name, values in named.items()])
    for name, values in named.items():
        table[name] = values
    file = io.BytesIO()
    element = plyfile.PlyElement.describe(table, "vertex")
    plyfile.PlyData([element], text=text, byte_order="=" if text else order, comments=list(comments)).write(file)
    return file.getvalue()


def opened(folder: Path, name: str, data: bytes, **flags):
    (folder / name).write_bytes(data)
    return open_scene(str(folder / name), **flags)


def refused(folder: Path, name: str, data: bytes, match: str, **flags) -> None:
    with pytest.raises(UsageError, match=match) as caught:
        opened(folder, name, data, **flags)
    assert name in str(caught.value)


@pytest.mark.parametrize("degree", range(4))
@pytest.mark.parametrize(("order", "text"), [("<", False), (">", False), ("=", True)])
def test_ply(tmp_path: Path, degree: int, order: str, text: bool) -> None:
    splats = some_splats(30, degree)
    scene = opened(tmp_path, "scene.ply", ply(splats, order=order, text=text))
    for name in ("position", "log_scale", "opacity", "sh_dc", "sh_rest"):
        near(getattr(scene.splats, name), getattr(splats, name), 1e-6)
    assert scene.format == SceneFormat(sh_degree=degree) and scene.name == "scene.ply" and scene.repairs == []
    assert angles(scene.splats, splats).max() < 0.1


def test_rotations_of_ply_are_those_before_normalisation(tmp_path: Path) -> None:
    splats = some_splats()
    longer = replace(splats, rotation=splats.rotation * np.float32(2.5))
    scene = opened(tmp_path, "scene.ply", ply(longer))
    near(scene.splats.rotation, splats.rotation, 1e-6)
    assert scene.repairs == []


def test_what_comments_of_ply_tell(tmp_path: Path) -> None:
    splats = some_splats(3)
    told = ["SplatRenderMode: mip", "pgsvc metres_per_unit 0.25", "pgsvc colour_space lin_rec709_display", "by hand"]
    scene = opened(tmp_path, "a.ply", ply(splats, comments=told))
    assert scene.format == SceneFormat(0, "rdf", 0.25, "antialiased", "lin_rec709_display")
    given = opened(tmp_path, "a.ply", ply(splats, comments=told), kernel="none", frame="rub", metres_per_unit=2)
    assert given.format == SceneFormat(0, "rub", 2, "none", "lin_rec709_display")
    assert opened(tmp_path, "b.ply", ply(splats, comments=["antialiased 1"])).format.kernel == "antialiased"
    for wrong in ("pgsvc frame sideways", "pgsvc metres_per_unit 0", "pgsvc metres_per_unit 1e99x"):
        refused(tmp_path, "c.ply", ply(splats, comments=[wrong]), f"the comment '{wrong}'")


def test_objects(tmp_path: Path) -> None:
    splats = some_splats(6)
    objects = np.array([0, 1, 2, 3, 15, 0], np.uint8)
    for name, values in {"object_id": objects, "label": objects.astype(np.float32)}.items():
        scene = opened(tmp_path, "scene.ply", ply(splats, **{name: values}))
        assert scene.splats.object_id is not None
        assert scene.splats.object_id.dtype == np.uint8 and scene.splats.object_id.tolist() == objects.tolist()
    refused(
        tmp_path, "scene.ply", ply(splats, label=objects.astype(np.int32) * 9), "3 labels of scene.ply are no integers"
    )
    labels = tmp_path / "labels.npy"
    np.save(labels, objects.astype(np.int64))
    assert opened(tmp_path, "scene.ply", ply(splats), labels=str(labels)).splats.object_id.tolist() == objects.tolist()
    text = tmp_path / "labels.txt"
    text.write_text("0,1, 2\n3 15\n0\n")
    assert opened(tmp_path, "scene.ply", ply(splats), labels=str(text)).splats.object_id.tolist() == objects.tolist()
    for content, match in {
        "0 1 2": "3 labels for 6 splats",
        "0 1 2 3 4 x": "neither",
        "1 1 1 1 1 16": "1 labels",
    }.items():
        text.write_text(content)
        with pytest.raises(UsageError, match=match):
            opened(tmp_path, "scene.ply", ply(splats), labels=str(text))


def test_labels_follow_splats_that_are_left_out(tmp_path: Path) -> None:
    splats = some_splats(4)
    splats.position[1] = np.nan
    (tmp_path / "labels.txt").write_text("1 2 3 4")
    scene = opened(tmp_path, "a.ply", ply(splats), labels=str(tmp_path / "labels.txt"), repair=True)
    assert scene.splats.object_id.tolist() == [1, 3, 4]


def test_ply_files_that_hold_no_splats(tmp_path: Path) -> None:
    points = b"ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nproperty float y\nproperty float z\nend_header\n0 0 0\n"
    refused(tmp_path, "points.ply", points, "is not a PLY file of splats: it lacks scale_0, scale_1")
    mesh = points.replace(b"end_header", b"element face 1\nproperty list uchar int i\nend_header") + b"3 0 0 0\n"
    refused(tmp_path, "mesh.ply", mesh, "has lists, as meshes do")
    refused(tmp_path, "none.ply", b"ply\nformat ascii 1.0\nend_header\n", "without vertices")
    refused(tmp_path, "empty.ply", ply(some_splats(0)), "holds no splats")
    splats = some_splats(3, 1)
    odd = replace(splats, sh_rest=splats.sh_rest[:, :2])
    refused(tmp_path, "odd.ply", ply(odd), "6 properties f_rest are not those of a degree")


def test_a_header_that_asks_for_too_much(tmp_path: Path) -> None:
    data = ply(some_splats(3))
    refused(tmp_path, "a.ply", data.replace(b"vertex 3", b"vertex 60000000"), "asks for 840000000 numbers")
    refused(tmp_path, "b.ply", data.replace(b"vertex 3", b"vertex 99999999999999"), "at most 67108864 are read")
    refused(
        tmp_path, "c.ply", data.replace(b"vertex 3", b"vertex 2"), "168 bytes follow its header, which asks for 112"
    )
    refused(tmp_path, "d.ply", b"ply\n" + b"comment x\n" * 200_000, "its header does not end")


def test_numbers_that_no_splat_can_have(tmp_path: Path) -> None:
    splats = some_splats(12, 1)
    splats.position[0, 1] = np.nan
    splats.sh_rest[1, 2, 0] = np.inf
    splats.opacity[2] = np.nan
    splats.opacity[3], splats.opacity[4] = np.inf, -np.inf
    splats.position[5] = 2e7
    splats.log_scale[6] = 30
    splats.log_scale[7, 2] = -np.inf
    splats.rotation[8] = 0
    data = ply(splats)
    with pytest.raises(UsageError) as caught:
        opened(tmp_path, "bad.ply", data)
    assert str(caught.value) == (
        "bad.ply: 3 of 12 splats have numbers that are not finite; 1 of 12 splats are more than 16777216 units away; "
        "1 of 12 splats are larger than 16777216 units; 1 of 12 splats have a rotation of length 0; "
        "2 of 12 splats have infinite opacity; 1 of 12 splats have no thickness; mend them with --repair"
    )
    scene = opened(tmp_path, "bad.ply", data, repair=True)
    assert scene.repairs == [
        "left out 3 splats that have numbers that are not finite",
        "left out 1 splats that are more than 16777216 units away",
        "left out 1 splats that are larger than 16777216 units",
        "left out 1 splats that have a rotation of length 0",
        "set the opacity of 2 splats from infinite to that of 8-bit files",
        "gave 1 splats without thickness the least there is",
    ]
    near(scene.splats.position, splats.position[[3, 4, 7, 9, 10, 11]], 0)
    assert scene.splats.opacity[:2].tolist() == pytest.approx([6.2324, -6.2324], abs=1e-4)
    assert scene.splats.log_scale.min() == -30
    splats.position[:] = np.nan
    refused(tmp_path, "worse.ply", ply(splats), "no splat that can be repaired", repair=True)


@pytest.mark.parametrize("degree", range(4))
@pytest.mark.parametrize("colours", [True, False])
def test_compressed_ply(tmp_path: Path, degree: int, colours: bool) -> None:
    splats = some_splats(600, degree)
    scene = opened(tmp_path, "a.ply", compressed_ply(splats, colours))
    assert scene.format == SceneFormat(sh_degree=degree)
    near(scene.splats.position, splats.position, np.ptp(splats.position, axis=0) / 2046)
    near(scene.splats.log_scale, splats.log_scale, 8 / 2046)
    near(scene.splats.sh_dc, splats.sh_dc, 0.0071)
    near(scene.splats.sh_rest, splats.sh_rest, 1 / 64)
    near(scene.splats.opacity, splats.opacity, 0.05)
    assert angles(scene.splats, splats).max() < 0.3


def test_full_opacity_of_compressed_ply_is_infinite(tmp_path: Path) -> None:
    splats = some_splats(5)
    splats.opacity[:2] = 20
    refused(tmp_path, "a.ply", compressed_ply(splats), "2 of 5 splats have infinite opacity; mend them with --repair")
    scene = opened(tmp_path, "a.ply", compressed_ply(splats), repair=True)
    assert scene.splats.opacity[:2].tolist() == pytest.approx([np.log(509)] * 2)


@pytest.mark.parametrize("degree", range(4))
def test_spz_2(tmp_path: Path, degree: int) -> None:
    splats = some_splats(50, degree)
    scene = opened(tmp_path, "a.spz", spz_2(splats, degree, flags=1))
    assert scene.format == SceneFormat(sh_degree=degree, frame="rub", kernel="antialiased")
    near(scene.splats.position, splats.position, 0.5 / 4096)
    near(scene.splats.log_scale, splats.log_scale, 1 / 32)
    near(scene.splats.sh_dc, splats.sh_dc, 0.5 / 255 / 0.15)
    near(scene.splats.sh_rest, splats.sh_rest, 1 / 256)
    assert angles(scene.splats, splats).max() < 10  # w is what three bytes leave
    assert np.median(angles(scene.splats, splats)) < 1


def test_spz_that_is_too_much(tmp_path: Path) -> None:
    bomb = struct.pack("<4sIIBBBB", b"NGSP", 2, 60_000_000, 3, 12, 0, 0)
    refused(tmp_path, "a.spz", gzip.compress(bomb), "bytes cannot hold the 3840000016")
    refused(tmp_path, "b.spz", gzip.compress(bomb[:8] + b"\xff" * 4 + bomb[12:]), "at most 67108864 are read")
    zeros = gzip.compress(struct.pack("<4sIIBBBB", b"NGSP", 2, 1, 0, 12, 0, 0) + bytes(1 << 24))
    refused(tmp_path, "c.spz", zeros, "should hold 35 bytes, and has more")
    degree_4 = gzip.compress(struct.pack("<4sIIBBBB", b"NGSP", 3, 1, 4, 12, 0, 0) + b"\xc0" * (20 + 72))
    refused(tmp_path, "d.spz", degree_4, "the coefficients of degree 4 are left out; take it so with --repair")
    scene = opened(tmp_path, "d.spz", degree_4, repair=True)
    assert scene.format.sh_degree == 3 and scene.repairs == ["the coefficients of degree 4 are left out"]
    refused(tmp_path, "e.spz", gzip.compress(struct.pack("<4sIIBBBB", b"NGSP", 1, 0, 0, 12, 0, 0)), "is version 1")
    refused(tmp_path, "f.spz", gzip.compress(b"something else altogether"), "header of SPZ")


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


def test_splat(tmp_path: Path) -> None:
    record = struct.pack("<6f8B", 1, 2, 3, 1, np.e, 0.5, 255, 0, 128, 128, 255, 128, 128, 0)
    scene = opened(tmp_path, "a.splat", record)
    assert scene.splats.position.tolist() == [[1, 2, 3]]
    assert scene.splats.log_scale[0].tolist() == pytest.approx([0, 1, np.log(0.5)])
    assert (0.5 + 0.28209479 * scene.splats.sh_dc[0]).tolist() == pytest.approx([1, 0, 128 / 255], abs=1e-6)
    assert scene.splats.rotation[0].tolist() == pytest.approx([0.7044, 0, 0, -0.7099], abs=1e-4)
    assert scene.splats.opacity[0] == pytest.approx(np.log(128 / 127))
    refused(tmp_path, "b.splat", record + b"1", "33 bytes are not a multiple of 32")
    refused(tmp_path, "c.splat", b"", "holds no splats")
    flat = struct.pack("<6f8B", 1, 2, 3, 1, 0, 1, 255, 0, 128, 255, 255, 128, 128, 128)
    refused(tmp_path, "d.splat", flat, "1 of 1 splats have no thickness")
    refused(tmp_path, "e.splat", struct.pack("<6f8B", 1, 2, 3, 1, -1, 1, *[128] * 8), "standard deviations below 0")
    refused(tmp_path, "f.splat", struct.pack("<6f8B", 1, 2, 3, 1, 1, 1, *[128] * 8), "a rotation of length 0")


def test_files_are_known_by_their_content(tmp_path: Path) -> None:
    splats = some_splats()
    assert len(opened(tmp_path, "a.bin", ply(splats)).splats) == len(splats)
    assert len(opened(tmp_path, "b.ply", spz_2(splats, 0)).splats) == len(splats)
    assert len(opened(tmp_path, "c", zipped(sog(splats, 0))).splats) == len(splats)
    refused(tmp_path, "d.ply", b"not a scene", "is not a scene that can be read; give .ply")
    refused(tmp_path, "e.json", b'{"a": 1}', "is not the index of a scene")
    refused(tmp_path, "f.json", b"{" * 100_000, "it is no JSON")
    refused(tmp_path, "g.sog", b"PK\x03\x04 and nothing", "it is no ZIP archive")
    refused(tmp_path, "h.sog", zipped({"meta.json": b"[1]"}), "is not that of a scene")
    refused(tmp_path, "i.sog", zipped({}), "there is no 'meta.json' in it")


def test_arguments_that_are_not_possible(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read .*: No such file"):
        open_scene(str(tmp_path / "none.ply"))
    with pytest.raises(UsageError, match="has neither meta.json nor lod-meta.json"):
        open_scene(str(tmp_path))
    for flags, match in [
        ({"frame": "xyz"}, "no frame 'xyz'"),
        ({"kernel": "box"}, "no kernel 'box'"),
        ({"colour_space": "p3"}, "no colour space 'p3'"),
        ({"metres_per_unit": 0}, "0 metres long"),
        ({"metres_per_unit": float("nan")}, "nan metres long"),
    ]:
        with pytest.raises(UsageError, match=match):
            opened(tmp_path, "a.ply", ply(some_splats()), **flags)


@pytest.mark.parametrize("name", ["a.ply", "text.ply", "packed.ply", "a.spz", "three.spz", "four.spz", "a.sog"])
def test_damage(tmp_path: Path, name: str) -> None:
    splats = some_splats(5, 1)
    format = SceneFormat(sh_degree=1)
    if name in ("three.spz", "four.spz"):
        write_scene(str(tmp_path / name), splats, format, kind="spz4" if name == "four.spz" else "spz")
        data = (tmp_path / name).read_bytes()
    else:
        makers = {"a.ply": lambda: ply(splats), "text.ply": lambda: ply(splats, text=True).rstrip()}
        makers |= {"packed.ply": lambda: compressed_ply(splats), "a.spz": lambda: spz_2(splats, 1)}
        data = {**makers, "a.sog": lambda: zipped(sog(splats, 1))}[name]()
    if name == "text.ply":  # text that lacks its last digit is a number too
        data = data[: data.rindex(b" ") + 2]
    check_damage(tmp_path / name, data)


@needs_data
def test_a_level_is_its_ply_file() -> None:
    level = open_scene(str(DATA / "playbot_lod" / "lod-meta.json") + "#3")
    same = open_scene(str(DATA / "playbot_lod" / "DERIVED_playbot_lod3_sh2_31k.ply"))
    assert level.format == same.format == SceneFormat(sh_degree=2)
    for name in ("position", "log_scale", "rotation", "opacity", "sh_dc", "sh_rest"):
        near(getattr(level.splats, name), getattr(same.splats, name), 1e-6)


@needs_data
def test_real_files() -> None:
    with pytest.raises(UsageError, match="667 of 90854 splats have infinite opacity; mend them with --repair"):
        open_scene(str(DATA / "guitar.compressed.ply"))
    scene = open_scene(str(DATA / "guitar.compressed.ply"), repair=True)
    assert scene.repairs == ["set the opacity of 667 splats from infinite to that of 8-bit files"]
    for path, count in {"statues/angel.sog": 71359, "inria_sh3/kacytran1122_model.splat": 22764}.items():
        assert len(open_scene(str(DATA / path)).splats) == count
    trained = open_scene(str(DATA / "inria_sh3/kacytran1122_iter7000_point_cloud.ply"))
    assert trained.format.sh_degree == 3 and trained.repairs == []


@needs_data
def test_ply_and_splat_files_of_one_scene_agree() -> None:
    one = open_scene(str(DATA / "inria_sh3/kacytran1122_iter7000_point_cloud.ply")).splats
    other = open_scene(str(DATA / "inria_sh3/kacytran1122_model.splat")).splats
    place = {position.tobytes(): index for index, position in enumerate(other.position)}
    pairs = [(i, place[p.tobytes()]) for i, p in enumerate(one.position) if p.tobytes() in place]
    assert len(pairs) > 1000
    one, other = (
        splats.select(np.array(which)) for splats, which in zip((one, other), zip(*pairs, strict=True), strict=True)
    )
    near(one.log_scale, other.log_scale, 1e-4)
    assert np.median(angles(one, other)) < 1
    limit = 0.5 / 0.2821
    assert np.median(np.abs(np.clip(one.sh_dc, -limit, limit) - other.sh_dc)) < 1 / 255 / 0.28
