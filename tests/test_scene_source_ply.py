"""Scenes from PLY files of 3D Gaussian Splatting, and from PlayCanvas' packed ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scene_files import compressed_ply, ply
from scene_reading import opened, refused
from scene_samples import angles, near, some_splats

from pgsvc.scene.splats import SceneFormat


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
