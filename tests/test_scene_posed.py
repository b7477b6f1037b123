"""Posed pictures: transforms.json and text models of COLMAP, and what is wrong with them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from pgsvc.errors import UsageError

pytest.importorskip("torch", reason="torch is not installed: pip install 'pgsvc[encoder]'")
sys.path.insert(0, str(Path(__file__).parent))
from posed_samples import (  # noqa: E402
    SIDE,
    few_splats,
    save_colmap,
    save_picture,
    save_transforms,
    some_cameras,
)

from pgsvc_encoder.scene.posed import is_posed, open_posed  # noqa: E402


def same_camera(one, other, within: float = 1e-4) -> None:
    assert (one.width, one.height) == (other.width, other.height)
    assert np.allclose([one.fx, one.fy, one.cx, one.cy], [other.fx, other.fy, other.cx, other.cy], rtol=within)
    assert np.allclose(one.world_to_camera, other.world_to_camera, atol=within)


def change(path: Path, **values: object) -> Path:
    """The same file with other values; None takes one out."""
    table = {**json.loads(path.read_text()), **values}
    path.write_text(json.dumps({name: value for name, value in table.items() if value is not None}))
    return path


def test_transforms_have_the_cameras_and_the_pictures(tmp_path) -> None:
    cameras = some_cameras(9)
    posed = open_posed(save_transforms(tmp_path, cameras), hold=8)
    assert (len(posed.train), len(posed.test), posed.frame) == (7, 2, "rfu")
    same_camera(posed.test[0].camera, cameras[0])
    same_camera(posed.train[0].camera, cameras[1])
    expected = save_picture(tmp_path / "again.png", cameras[1])
    rgb, alpha = posed.train[0].load()
    assert rgb.dtype == np.float32 and alpha is not None and alpha.shape == (SIDE, SIDE)
    assert np.abs(rgb - expected).max() < 0.01
    black, _ = posed.train[0].load((0, 0, 0))
    assert np.allclose(black + (1 - alpha)[..., None], rgb, atol=1e-5)


def test_tests_are_in_the_file_beside(tmp_path) -> None:
    cameras = some_cameras(6)
    train = save_transforms(tmp_path, cameras[:4], name="transforms_train.json")
    save_transforms(tmp_path, cameras[4:], name="transforms_test.json")
    posed = open_posed(train)
    assert (len(posed.train), len(posed.test)) == (4, 2)
    same_camera(posed.test[1].camera, cameras[5])
    assert len(open_posed(tmp_path).train) == 4 and is_posed(tmp_path) and is_posed(train)
    assert not is_posed(tmp_path / "scene.ply") and not is_posed(tmp_path / "lod-meta.json")


def test_smaller_pictures(tmp_path) -> None:
    cameras = some_cameras(2, 50)
    view = open_posed(save_transforms(tmp_path, cameras), downscale=3, hold=0).train[0]
    assert (view.camera.width, view.camera.height) == (16, 16)
    assert view.camera.fx == pytest.approx(cameras[0].fx / 3)
    assert view.camera.cx == pytest.approx(25 / 3)
    full, _ = open_posed(tmp_path / "transforms.json", hold=0).train[0].load()
    assert np.allclose(view.load()[0][1, 2], full[3:6, 6:9].mean((0, 1)), atol=1e-5)


def test_intrinsics_of_nerfstudio(tmp_path) -> None:
    path = change(
        save_transforms(tmp_path, some_cameras(1)), camera_angle_x=None, camera_model="OPENCV", k1=0.0,
        w=2 * SIDE, h=2 * SIDE, fl_x=100.0, fl_y=120.0, cx=50.0, cy=40.0,
    )  # fmt: skip
    camera = open_posed(path, hold=0).train[0].camera  # the pictures are half as large as the file says
    assert (camera.width, camera.fx, camera.fy, camera.cx, camera.cy) == (SIDE, 50.0, 60.0, 25.0, 20.0)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"k1": 0.1}, "lens distortion (k1)"),
        ({"camera_model": "OPENCV_FISHEYE"}, "OPENCV_FISHEYE"),
        ({"camera_angle_x": None}, "camera_angle_x"),
        ({"camera_angle_x": "wide"}, "camera_angle_x is no number"),
        ({"w": 100, "h": 20}, "100×20"),
        ({"frames": None}, "no list of frames"),
        ({"frames": []}, "names no pictures"),
        ({"frames": [{}]}, "frame 0 has no file_path"),
        ({"frames": [{"file_path": "./transforms/r_0"}]}, "transform_matrix"),
        ({"frames": [{"file_path": "./transforms/r_0", "transform_matrix": (2 * np.eye(4)).tolist()}]}, "rotation"),
    ],
)
def test_what_is_wrong_with_transforms(tmp_path, values, words) -> None:
    path = change(save_transforms(tmp_path, some_cameras(1)), **values)
    with pytest.raises(UsageError) as caught:
        open_posed(path, hold=0)
    assert words in str(caught.value)


def test_missing_pictures_are_counted(tmp_path) -> None:
    path = save_transforms(tmp_path, some_cameras(6))
    for i in (1, 4):
        (tmp_path / "transforms" / f"r_{i}.png").unlink()
    with pytest.raises(UsageError, match="2 of 6 pictures are missing") as caught:
        open_posed(path)
    assert "r_1" in str(caught.value)


def test_damaged_files(tmp_path) -> None:
    path = save_transforms(tmp_path, some_cameras(2))
    (tmp_path / "transforms" / "r_1.png").write_bytes(b"\x89PNG and no more")
    with pytest.raises(UsageError, match="no picture"):
        open_posed(path)
    path.write_text("{")
    with pytest.raises(UsageError, match="no JSON"):
        open_posed(path)
    with pytest.raises(UsageError, match="neither"):
        open_posed(tmp_path / "transforms")


@pytest.mark.parametrize(("kind", "below"), [("PINHOLE", "sparse/0"), ("SIMPLE_PINHOLE", "")])
def test_a_model_of_colmap(tmp_path, kind, below) -> None:
    cameras = some_cameras(8)
    folder = save_colmap(tmp_path, cameras, kind=kind, below=below)
    assert is_posed(folder)
    posed = open_posed(folder)
    assert (len(posed.train), len(posed.test), posed.frame) == (7, 1, "rdf")
    for view, camera in zip([*posed.test, *posed.train], cameras, strict=True):
        same_camera(view.camera, camera)
    rgb, alpha = posed.train[0].load()
    assert alpha is None
    assert np.abs(rgb - save_picture(tmp_path / "again.png", cameras[1])).max() < 0.01
    assert posed.points is not None
    assert np.allclose(posed.points.position, few_splats().position)
    assert posed.points.colour.min() >= 0 and posed.points.colour.max() <= 1


def test_what_is_wrong_with_a_model(tmp_path) -> None:
    with pytest.raises(UsageError, match="OPENCV is not supported; undistort"):
        open_posed(save_colmap(tmp_path, some_cameras(1), kind="OPENCV"))
    folder = save_colmap(tmp_path, some_cameras(3))
    model = folder / "sparse/0"
    whole = (model / "images.txt").read_text()
    (model / "images.txt").write_text(whole.replace(" 3 view 00", " 4 view 00"))
    with pytest.raises(UsageError, match="images.txt, line 3 is no picture of a known camera"):
        open_posed(folder)
    (model / "images.txt").write_text(whole)
    (folder / "images" / "view 01.png").unlink()
    with pytest.raises(UsageError, match="1 of 3 pictures are missing"):
        open_posed(folder)
    (model / "points3D.txt").write_text("1 2 3\n")
    with pytest.raises(UsageError, match="points3D.txt, line 1"):
        open_posed(folder)
    (model / "cameras.txt").rename(model / "cameras.bin")
    with pytest.raises(UsageError, match="binary model"):
        open_posed(folder)


def test_arguments(tmp_path) -> None:
    path = save_transforms(tmp_path, some_cameras(1))
    for bad in ({"downscale": 0}, {"downscale": 64}, {"hold": 1}, {"hold": -2}):
        with pytest.raises(UsageError):
            open_posed(path, **bad)
