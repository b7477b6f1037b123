"""Scenes written for other programs: every kind read again, its ranges, and another program's opinion where there is one."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import shutil
import struct
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scene_samples import REST, angles, covariances, near, some_splats

from pgsvc.errors import UsageError
from pgsvc.scene.frames import change_frame
from pgsvc.scene.output import KINDS, write_scene
from pgsvc.scene.output.spz import fraction_bits, pack_rotations
from pgsvc.scene.splats import SceneFormat, SceneSplats
from pgsvc_encoder.scene.source import open_scene

pytest.importorskip("plyfile")
FRAMES = ["rdf", "rub", "rfu"]
PROGRAM = shutil.which("splat-transform")
needs_program = pytest.mark.skipif(
    PROGRAM is None, reason="splat-transform is not installed: npm install -g @playcanvas/splat-transform"
)


def spz_frame() -> str:
    """Since version 3 the program takes the numbers of SPZ for those of PLY; before, it brought them from RUB."""
    told = subprocess.run(
        [str(PROGRAM), "--version"], check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ).stdout
    major = re.search(rb"v(\d+)\.", told)
    return "rub" if major is not None and int(major[1]) < 3 else "rdf"


KIND_NAMES = {"ply": "a.ply", "splat": "a.splat", "spz": "a.spz", "spz4": "b.spz"}


def again(folder: Path, splats: SceneSplats, format: SceneFormat, kind: str, **flags):
    """What is read of what is written, in the frame of ``format``."""
    path = folder / KIND_NAMES[kind]
    write_scene(str(path), splats, format, kind=kind)
    scene = open_scene(str(path), **flags)
    return scene, change_frame(scene.splats, scene.format.frame, format.frame)


@pytest.mark.parametrize("degree", range(4))
@pytest.mark.parametrize("frame", FRAMES)
def test_ply_keeps_everything(tmp_path: Path, degree: int, frame: str) -> None:
    splats = some_splats(40, degree, objects=True)
    format = SceneFormat(degree, frame, 0.5, "antialiased", "lin_rec709_display")
    scene, back = again(tmp_path, splats, format, "ply")
    assert scene.format == replace(format, frame="rdf")
    near(back.sh_rest, splats.sh_rest, 1e-6)
    near(back.rotation, splats.rotation, 1e-6)
    for name in ("position", "log_scale", "opacity", "sh_dc", "object_id"):
        assert np.array_equal(getattr(back, name), getattr(splats, name)), name


def test_the_header_of_ply(tmp_path: Path) -> None:
    path = tmp_path / "a.ply"
    write_scene(str(path), some_splats(7, 1), SceneFormat(1))
    head, _, body = path.read_bytes().partition(b"end_header\n")
    words = ["x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2", *(f"f_rest_{i}" for i in range(9))]
    words += ["opacity", "scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"]
    lines = [
        "ply",
        "format binary_little_endian 1.0",
        "element vertex 7",
        *(f"property float {word}" for word in words),
    ]
    assert head.decode().splitlines() == lines
    assert len(body) == 7 * 4 * len(words)
    table = np.frombuffer(body, "<f4").reshape(7, -1)
    assert np.array_equal(table[:, 9:18], some_splats(7, 1).sh_rest.transpose(0, 2, 1).reshape(7, 9))
    assert not table[:, 3:6].any()


@pytest.mark.parametrize("kernel", ["classic", "antialiased", "none"])
@pytest.mark.parametrize("frame", ["rub", "unspecified"])
def test_ply_says_what_is_not_usual(tmp_path: Path, kernel: str, frame: str) -> None:
    format = SceneFormat(frame=frame, kernel=kernel)
    scene, _ = again(tmp_path, some_splats(), format, "ply")
    assert scene.format == replace(format, frame="rdf" if frame == "rub" else frame)


@pytest.mark.parametrize("degree", range(4))
@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("kind", ["spz", "spz4"])
def test_spz(tmp_path: Path, degree: int, frame: str, kind: str) -> None:
    splats = some_splats(60, degree)
    format = SceneFormat(degree, frame, kernel="antialiased")
    scene, back = again(tmp_path, splats, format, kind)
    assert scene.format == replace(format, frame="rub") and scene.repairs == []
    near(back.position, splats.position, 0.5 / 4096)
    near(back.log_scale, splats.log_scale, 1 / 32)
    near(back.sh_dc, splats.sh_dc, 0.5 / 255 / 0.15)
    near(1 / (1 + np.exp(-back.opacity)), 1 / (1 + np.exp(-splats.opacity)), 0.5 / 255)
    assert angles(back, splats).max() < 0.25
    mixed = 3 if frame == "rfu" else 1  # a step of a mixed coefficient is that of several
    near(back.sh_rest[:, :3], splats.sh_rest[:, :3], mixed * (8 / 2 + 0.5) / 128)
    near(back.sh_rest[:, 3:], splats.sh_rest[:, 3:], mixed * (16 / 2 + 0.5) / 128)


def test_spz_4_says_its_frame(tmp_path: Path) -> None:
    path = tmp_path / "a.spz"
    write_scene(str(path), some_splats(3), SceneFormat(frame="rdf"), kind="spz4")
    data = path.read_bytes()
    assert data[:4] == b"NGSP" and data[14] == 2
    assert struct.unpack_from("<III", data, 32) == (0xADBE0003, 4, 4)
    path.write_bytes(data[:40] + struct.pack("<I", 6) + data[44:])
    assert open_scene(str(path)).format.frame == "rdf"
    path.write_bytes(data[:40] + struct.pack("<I", 1) + data[44:])
    with pytest.raises(UsageError, match="coordinate system 1 is none"):
        open_scene(str(path))
    write_scene(str(path), some_splats(3), SceneFormat(frame="unspecified"), kind="spz4")
    assert path.read_bytes()[14] == 0


@pytest.mark.parametrize("reach", [0, 1e-9, 0.01, 1, 2047.9, 2048, 5000.5, 65536, 8_000_000])
def test_fraction_bits_follow_the_scene(tmp_path: Path, reach: float) -> None:
    splats = some_splats(20)
    splats.position[:] *= np.float32(reach) / np.abs(splats.position).max()
    bits = fraction_bits(splats.position)
    assert bits >= 12 or reach >= 2047.9
    _, back = again(tmp_path, splats, SceneFormat(), "spz")
    near(back.position, splats.position, 0.5 / 2**bits + 1e-7 * reach)


def test_spz_ends_at_its_range(tmp_path: Path) -> None:
    splats = some_splats(4, 1)
    splats.log_scale[0], splats.log_scale[1] = -20, 9
    splats.opacity[0], splats.opacity[1] = -30, 30
    splats.sh_dc[0], splats.sh_dc[1] = -50, 50
    splats.sh_rest[0], splats.sh_rest[1] = -5, 5
    scene, back = again(tmp_path, splats, SceneFormat(1, "rub"), "spz")
    assert back.log_scale[:2, 0].tolist() == [-10, 255 / 16 - 10]
    assert np.allclose(back.opacity[:2], np.log([1 / 254, 254]))
    assert np.allclose(np.abs(back.sh_dc[:2]), 0.5 / 0.15)
    assert back.sh_rest[:2, 0, 0].tolist() == [-1, 127 / 128]
    splats.position[2] = 8388608
    with pytest.raises(UsageError, match="positions reach 8.38861e\\+06, and SPZ ends at 8388607"):
        again(tmp_path, splats, SceneFormat(1), "spz")


@settings(deadline=None, max_examples=100)
@given(arrays.arrays(np.float32, (5, 4), elements=st.floats(-1, 1, width=32)))
def test_rotations_of_spz(numbers: np.ndarray) -> None:
    length = np.linalg.norm(numbers.astype(np.float64), axis=1, keepdims=True)
    rotation = np.where(length > 0.01, numbers / np.maximum(length, 0.01), [1, 0, 0, 0]).astype(np.float32)
    packed = pack_rotations(rotation)
    for quaternion, word in zip(rotation.astype(np.float64), packed.tolist(), strict=True):
        order, found, left = [3, 0, 1, 2], np.zeros(4), 30
        largest = word >> 30
        for index in (i for i in range(4) if i != largest):  # most significant first
            left -= 10
            field = word >> left & 1023
            found[index] = (-1 if field & 512 else 1) * (field & 511) / 511 / np.sqrt(2)
        found[largest] = np.sqrt(max(0, 1 - (found**2).sum()))
        wanted = np.empty(4)
        wanted[order] = quaternion
        assert abs(found @ wanted) > 0.99999


@pytest.mark.parametrize("frame", FRAMES)
def test_splat(tmp_path: Path, frame: str) -> None:
    splats = some_splats(40, 2)
    scene, back = again(tmp_path, splats, SceneFormat(2, frame), "splat")
    assert scene.format == SceneFormat(0, "rdf")
    assert np.array_equal(back.position, splats.position)
    near(back.log_scale, splats.log_scale, 1e-5)
    near(back.sh_dc, np.clip(splats.sh_dc, -0.5 / 0.2821, 0.5 / 0.2821), 0.5 / 255 / 0.28)
    assert angles(back, splats).max() < 1.2


def read_glb(path: Path) -> tuple[dict, dict[str, np.ndarray]]:
    """The document, and arrays [N, C] by the names of attributes."""
    data = path.read_bytes()
    magic, version, length, size, kind = struct.unpack_from("<4sIII4s", data)
    assert (magic, version, length, kind) == (b"glTF", 2, len(data), b"JSON")
    document = json.loads(data[20 : 20 + size])
    body_size, kind = struct.unpack_from("<I4s", data, 20 + size)
    body = data[28 + size :]
    assert kind == b"BIN\0" and body_size == len(body) == document["buffers"][0]["byteLength"] and size % 4 == 0
    arrays = {}
    for name, index in document["meshes"][0]["primitives"][0]["attributes"].items():
        accessor = document["accessors"][index]
        view = document["bufferViews"][accessor["bufferView"]]
        part = body[view["byteOffset"] : view["byteOffset"] + view["byteLength"]]
        dtype = {5126: "<f4", 5121: "u1"}[accessor["componentType"]]
        arrays[name] = np.frombuffer(part, dtype).reshape(accessor["count"], -1)
        assert arrays[name].shape[1] == {"SCALAR": 1, "VEC3": 3, "VEC4": 4}[accessor["type"]]
    return document, arrays


@pytest.mark.parametrize("degree", range(4))
@pytest.mark.parametrize("frame", FRAMES)
def test_glb(tmp_path: Path, degree: int, frame: str) -> None:
    splats = some_splats(9, degree)
    path = tmp_path / "a.glb"
    write_scene(str(path), splats, SceneFormat(degree, frame, 0.25, "antialiased", "lin_rec709_display"))
    document, found = read_glb(path)
    primitive = document["meshes"][0]["primitives"][0]
    told = primitive["extensions"]["KHR_gaussian_splatting"]
    assert document["extensionsUsed"] == ["KHR_gaussian_splatting"] and primitive["mode"] == 0
    assert told["kernel"] == "ellipse" and told["colorSpace"] == "lin_rec709_display"
    assert document["asset"]["extras"] == {"kernel": "antialiased", "frame": frame}
    there = change_frame(splats, frame, "luf")
    attribute = {name.removeprefix("KHR_gaussian_splatting:"): values for name, values in found.items()}
    near(attribute["POSITION"], there.position / 4, 0)
    bounds = document["accessors"][primitive["attributes"]["POSITION"]]
    assert bounds["min"] == attribute["POSITION"].min(axis=0).tolist()
    half = replace(there, rotation=attribute["ROTATION"][:, [3, 0, 1, 2]], log_scale=np.log(attribute["SCALE"]))
    assert np.allclose(covariances(half), covariances(there) / 16, rtol=1e-4)
    near(attribute["OPACITY"][:, 0], (1 / (1 + np.exp(-splats.opacity))).astype(np.float32), 1e-6)
    near(attribute["SH_DEGREE_0_COEF_0"], splats.sh_dc, 0)
    names = [f"SH_DEGREE_{level}_COEF_{n}" for level in range(1, degree + 1) for n in range(2 * level + 1)]
    assert [name for name in attribute if name.startswith("SH_DEGREE")] == ["SH_DEGREE_0_COEF_0", *names]
    assert len(names) == REST[degree]
    for index, name in enumerate(names):
        near(attribute[name], there.sh_rest[:, index], 0)
    assert attribute["COLOR_0"].dtype == np.uint8


def test_glb_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="without splats"):
        write_scene(str(tmp_path / "a.glb"), SceneSplats.none(0), SceneFormat())
    splats = some_splats(3)
    splats.log_scale[1] = -150
    for name in ("a.glb", "a.splat"):
        with pytest.raises(UsageError, match="1 splats have standard deviations that"):
            write_scene(str(tmp_path / name), splats, SceneFormat())
    assert list(tmp_path.iterdir()) == []


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    numbers=arrays.arrays(np.float32, (6, 14), elements=st.floats(-25, 12, width=32)),
    kind=st.sampled_from(list(KIND_NAMES)),
    frame=st.sampled_from(FRAMES),
)
def test_whatever_is_written_is_read(tmp_path: Path, numbers: np.ndarray, kind: str, frame: str) -> None:
    rotation = numbers[:, 10:] + np.float32(30)
    rotation /= np.linalg.norm(rotation, axis=1, keepdims=True)
    splats = SceneSplats(
        numbers[:, :3], numbers[:, 3:6], rotation, numbers[:, 6], numbers[:, 7:10], np.zeros((6, 0, 3), np.float32)
    )
    _, back = again(tmp_path, splats, SceneFormat(frame=frame), kind)
    near(back.position, splats.position, 0.5 / 4096 + 1e-6)
    if kind == "ply":
        near(back.opacity, splats.opacity, 0)
    assert angles(back, splats).max() < 2


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_that_are_not_finite_are_not_written(tmp_path: Path, kind: str) -> None:
    splats = some_splats(5)
    splats.opacity[2] = np.inf
    path = tmp_path / "out"
    path.write_bytes(b"before")
    with pytest.raises(UsageError, match="1 numbers of opacity are not finite"):
        write_scene(str(path), splats, SceneFormat(), kind=kind)
    with pytest.raises(UsageError, match="have 0 coefficients behind the constant one, and degree 1 has 3"):
        write_scene(str(path), some_splats(5), SceneFormat(1), kind=kind)
    assert path.read_bytes() == b"before" and len(list(tmp_path.iterdir())) == 1


def test_linear_colours_are_not_written_as_others(tmp_path: Path) -> None:
    for kind in ("splat", "spz", "spz4"):
        with pytest.raises(UsageError, match="colours are lin_rec709_display, which"):
            write_scene(str(tmp_path / "a"), some_splats(), SceneFormat(colour_space="lin_rec709_display"), kind=kind)
    assert list(tmp_path.iterdir()) == []


def test_names_and_places(tmp_path: Path) -> None:
    splats, format = some_splats(3), SceneFormat()
    stream = io.BytesIO()
    write_scene("-", splats, format, stdout=stream)
    assert stream.getvalue().startswith(b"ply\n") and not stream.closed
    stream = io.BytesIO()
    write_scene("-", splats, format, kind="spz", stdout=stream)
    assert gzip.decompress(stream.getvalue()).startswith(b"NGSP")
    write_scene("null", splats, format)
    write_scene(os.devnull, splats, format)
    with pytest.raises(UsageError, match="does not tell what to write; end it in .glb, .ply, .splat, .spz"):
        write_scene(str(tmp_path / "a.obj"), splats, format)
    with pytest.raises(UsageError, match="no scene kind 'sog'"):
        write_scene(str(tmp_path / "a.ply"), splats, format, kind="sog")
    with pytest.raises(UsageError, match="does not exist"):
        write_scene(str(tmp_path / "no" / "a.ply"), splats, format)


@pytest.mark.parametrize("kind", ["ply", "splat", "spz", "spz4", "glb"])
def test_the_same_scene_makes_the_same_file(tmp_path: Path, kind: str) -> None:
    for name in ("a", "b"):
        write_scene(str(tmp_path / name), some_splats(30, 1), SceneFormat(1), kind=kind)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.skipif(
    PROGRAM is None, reason="splat-transform is not installed: npm install -g @playcanvas/splat-transform"
)
@pytest.mark.parametrize("kind", ["ply", "splat", "spz", "spz4"])
def test_another_program_reads_the_same(tmp_path: Path, kind: str) -> None:
    splats = some_splats(50, 0 if kind == "splat" else 2)
    format = SceneFormat(0 if kind == "splat" else 2)
    _, back = again(tmp_path, splats, format, kind)
    done = [str(PROGRAM), "-q", str(tmp_path / KIND_NAMES[kind]), str(tmp_path / "read.ply")]
    subprocess.run(done, check=True, capture_output=True)
    found = open_scene(str(tmp_path / "read.ply")).splats
    if "spz" in kind and spz_frame() == "rdf":
        found = change_frame(found, "rub", "rdf")
    near(found.position, back.position, 1e-6)
    near(found.log_scale, back.log_scale, 1e-5)
    near(found.opacity, back.opacity, 1e-3)
    near(found.sh_dc, back.sh_dc, 1e-5)
    near(found.sh_rest, back.sh_rest, 1e-5)
    assert angles(found, back).max() < (1 if kind == "splat" else 0.1)


@pytest.mark.skipif(
    PROGRAM is None, reason="splat-transform is not installed: npm install -g @playcanvas/splat-transform"
)
@pytest.mark.parametrize(
    ("flags", "name"), [(["--spz-version", "3"], "a.spz"), ([], "a.spz"), ([], "a.compressed.ply")]
)
def test_what_another_program_writes(tmp_path: Path, flags: list[str], name: str) -> None:
    splats = some_splats(50, 2)
    write_scene(str(tmp_path / "in.ply"), splats, SceneFormat(2))
    done = [str(PROGRAM), "-q", *flags, str(tmp_path / "in.ply"), str(tmp_path / name)]
    subprocess.run(done, check=True, capture_output=True)
    found = open_scene(str(tmp_path / name)).splats
    if name == "a.spz":
        found = change_frame(found, spz_frame(), "rdf")
    distance = np.abs(splats.position[:, None] - found.position).max(axis=2)
    found = found.select(distance.argmin(axis=1))  # it sorts the splats of some kinds
    near(found.position, splats.position, 0.01)
    near(found.log_scale, splats.log_scale, 1 / 32)
    near(found.opacity, splats.opacity, 0.06)
    near(found.sh_dc, splats.sh_dc, 0.02)
    near(found.sh_rest, splats.sh_rest, 0.07)
    assert angles(found, splats).max() < 0.4
