"""Scenes from files of other programs: how they are known, SPZ and .splat, what is refused or repaired, and what damage does."""

from __future__ import annotations

import gzip
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from scene_files import compressed_ply, ply, sog, spz_2, zipped
from scene_reading import check_damage, opened, refused
from scene_samples import angles, near, some_splats

from pgsvc.errors import UsageError
from pgsvc.scene.output import write_scene
from pgsvc.scene.splats import SceneFormat
from pgsvc_encoder.scene.source import open_scene

DATA = Path(os.environ.get("PGSVC_DATA", "/nonexistent")) / "splats"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="PGSVC_DATA does not name the folder of development data")


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


@pytest.mark.parametrize("begin", [b"{\xf1\nA", b"\x1f\x8b\0A", b" {!A"])
def test_a_splat_file_may_begin_with_any_number(tmp_path: Path, begin: bytes) -> None:
    record = begin + bytes(8) + struct.pack("<3f", 1, 1, 1) + bytes([128] * 4 + [192, 128, 128, 128])
    position = opened(tmp_path, "a.splat", record * 3).splats.position
    assert len(position) == 3 and (np.abs(position).max(1) == np.frombuffer(begin, "<f4")).all()


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
