"""Cameras: what files say, and those around a scene."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pgsvc.errors import UsageError
from pgsvc.scene.camera import Camera, orbit
from pgsvc.scene.camera_file import camera_of
from pgsvc.scene.splats import FRAMES, SceneSplats

sys.path.insert(0, str(Path(__file__).parent))
from scene_cases import random_scene  # noqa: E402

LOOKING = {"width": 640, "height": 480, "fov": 60, "position": [0, 0, -5], "look_at": [0, 0, 0], "up": [0, -1, 0]}
POSE = np.eye(4).tolist()
PLACED = {"width": 64, "height": 48, "fx": 50, "camera_to_world": POSE, "convention": "opencv"}


def seen_at(camera: Camera, point: list[float]) -> np.ndarray:
    """Where a point is in the picture, and its depth."""
    x, y, z = camera.world_to_camera[:3, :3] @ point + camera.world_to_camera[:3, 3]
    return np.array([camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy, z])


def test_a_file_with_a_place_and_a_target(tmp_path) -> None:
    (tmp_path / "camera.json").write_text(json.dumps(LOOKING))
    camera = Camera.from_json(tmp_path / "camera.json")
    np.testing.assert_allclose(camera.centre, [0, 0, -5])
    np.testing.assert_allclose(camera.world_to_camera[:3, :3], np.eye(3), atol=1e-12)
    top = 5 * np.tan(np.radians(30))
    np.testing.assert_allclose(seen_at(camera, [0, -top, 0]), [320, 0, 5], atol=1e-9)
    np.testing.assert_allclose(seen_at(camera, [top, 0, 0]), [560, 240, 5], atol=1e-9)


def test_conventions_of_matrices() -> None:
    camera = camera_of(PLACED)
    np.testing.assert_allclose(seen_at(camera, [1, 0.5, 10]), [32 + 5, 24 + 2.5, 10])
    for convention in ("opengl", "nerfstudio"):  # the same place looks along -z, with y up
        camera = camera_of({**PLACED, "convention": convention})
        np.testing.assert_allclose(seen_at(camera, [1, 0.5, -10]), [32 + 5, 24 - 2.5, 10])


def test_other_fields() -> None:
    camera = camera_of({**PLACED, "fy": 40, "cx": 30, "cy": 20, "near": 0.5})
    assert (camera.fx, camera.fy, camera.cx, camera.cy, camera.near) == (50, 40, 30, 20, 0.5)
    assert camera.numbers().shape == (20,) and camera.numbers().dtype == np.float32


@pytest.mark.parametrize(
    "change, message",
    [
        ({"width": 0}, "1 to 65535"),
        ({"fov": 180}, "field of view"),
        ({"fov": "wide"}, "'fov' is no number"),
        ({"lens": 3}, "no field 'lens'"),
        ({"up": [0, 0, 1]}, "straight up"),
        ({"up": [0, 1]}, "'up' is not 3"),
        ({"look_at": [0, 0, -5]}, "another place"),
        ({"near": 0}, "near plane"),
        ({"camera_to_world": POSE}, "convention"),
        ({"camera_to_world": (2 * np.eye(4)).tolist(), "convention": "opengl"}, "rotation"),
        ({"camera_to_world": [[1, "x"]], "convention": "opengl"}, "numbers"),
    ],
    ids=str,
)
def test_what_is_wrong_is_said(change, message) -> None:
    with pytest.raises(UsageError, match=message):
        camera_of({**LOOKING, **change})


def test_what_is_missing_is_said(tmp_path) -> None:
    for name in ("width", "fov", "position"):
        with pytest.raises(UsageError, match=f"'{'fx' if name == 'fov' else name}' is missing"):
            camera_of({key: value for key, value in LOOKING.items() if key != name})
    for text in ("[]", "{", ""):
        (tmp_path / "camera.json").write_text(text)
        with pytest.raises(UsageError, match="camera.json"):
            Camera.from_json(tmp_path / "camera.json")
    with pytest.raises(UsageError, match="cannot be read"):
        Camera.from_json(tmp_path / "none.json")


@pytest.mark.parametrize("frame", FRAMES)
def test_orbits(frame) -> None:
    splats, _ = random_scene(1, 500)
    splats = replace(splats, position=splats.position + np.float32([3, 2, 1]))
    far = replace(splats.select(np.arange(20)), position=np.full((20, 3), 1e4, np.float32))
    cameras = orbit(SceneSplats.concatenate([splats, far]), 6, 320, 200, frame=frame)
    axes = dict(zip("rdf" if frame == "unspecified" else frame, np.eye(3), strict=True))
    up = axes["u"] if "u" in axes else -axes["d"]
    middle = np.median(splats.position, axis=0)
    assert len({tuple(np.round(camera.centre, 3)) for camera in cameras}) == 6
    for camera in cameras:
        assert np.abs(seen_at(camera, middle)[:2] - [160, 100]).max() < 10
        assert seen_at(camera, middle + up)[1] < 100 and (camera.centre - middle) @ up > 0
    forward = axes["f"] if "f" in axes else -axes["b"]
    assert cameras[0].world_to_camera[2, :3] @ forward > 0.9


def test_orbits_of_little() -> None:
    for count in (0, 1):
        assert len(orbit(random_scene(2, count)[0], 3, 32, 32)) == 3
