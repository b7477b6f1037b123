"""transforms.json as NeRF-synthetic, instant-ngp and nerfstudio have it.

Matrices go from a camera with x right, y up, z back (OpenGL) to the scene. Intrinsics are those of the file or of the frame; a
horizontal angle of view alone puts the principal point into the middle. Lens distortion is refused: pictures have to be
undistorted before.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from pgsvc.errors import UsageError
from pgsvc.scene.camera import Camera
from pgsvc_encoder.scene.posed.base import View, smaller
from pgsvc_encoder.scene.posed.picture import picture_size

FRAME = "rfu"
"""Blender's axes, which these files share: x right, y forward, z up."""

_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".PNG", ".JPG", ".JPEG")
_DISTORTIONS = ("k1", "k2", "k3", "k4", "k5", "k6", "p1", "p2")
_PINHOLES = ("PINHOLE", "SIMPLE_PINHOLE", "OPENCV", "SIMPLE_RADIAL", "RADIAL")  # the last three if they distort nothing


def read_transforms(path: Path, downscale: int) -> list[View]:
    """The views of a file in its order; pictures that are missing get a camera of the size that the file or another one has.

    Raises:
        UsageError: the file is damaged or its cameras cannot be used; the message names the frame.
    """
    try:
        table = json.loads(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path.name} is damaged: it is no JSON") from error
    frames = table.get("frames") if isinstance(table, dict) else None
    if not isinstance(frames, list) or not all(isinstance(f, dict) for f in frames):
        raise UsageError(f"{path.name} has no list of frames with cameras")
    places = [_picture(path, frame, i) for i, frame in enumerate(frames)]
    known: tuple[int, int] | None = None
    views = []
    for i, (frame, place) in enumerate(zip(frames, places, strict=True)):
        values = {**table, **frame}
        if place.is_file():
            known = picture_size(place)
        size = known or _declared(values) or next((picture_size(p) for p in places if p.is_file()), (1, 1))
        try:
            camera = smaller(_camera(values, size), downscale)
        except UsageError as error:
            raise UsageError(f"{path.name}, frame {i}: {error}") from error
        views.append(View(camera, place, size, downscale))
    return views


def _declared(values: dict[str, Any]) -> tuple[int, int] | None:
    width, height = (values.get(name) for name in "wh")
    if not (isinstance(width, int | float) and isinstance(height, int | float) and min(width, height) >= 1):
        return None
    return int(width), int(height)


def _picture(path: Path, frame: dict[str, Any], number: int) -> Path:
    name = frame.get("file_path")
    if not isinstance(name, str) or not name:
        raise UsageError(f"{path.name}, frame {number} has no file_path")
    place = path.parent / name
    if place.is_file():
        return place
    found = (place.with_name(place.name + suffix) for suffix in _SUFFIXES)
    return next((p for p in found if p.is_file()), place)


def _camera(values: dict[str, Any], size: tuple[int, int]) -> Camera:
    model = str(values.get("camera_model", "PINHOLE")).upper()
    lens = [name for name in _DISTORTIONS if _number(values, name, 0.0)]
    if lens or model not in _PINHOLES or values.get("is_fisheye"):
        what = f"a camera {model}" if model not in _PINHOLES else f"lens distortion ({', '.join(lens) or 'fisheye'})"
        raise UsageError(f"{what} is not supported; undistort the pictures first")
    width, height = size
    told = _declared(values) or size
    ratio = width / told[0], height / told[1]  # pictures may be stored smaller than the file says
    if abs(ratio[0] / ratio[1] - 1) > 0.02:
        raise UsageError(f"the picture is {width}×{height}, but the file says {told[0]}×{told[1]}")
    fx = _focal(values, "x", told[0])
    if fx is None:
        raise UsageError("neither fl_x nor camera_angle_x says how wide the camera sees")
    fy = _focal(values, "y", told[1]) or fx
    cx, cy = _number(values, "cx", told[0] / 2), _number(values, "cy", told[1] / 2)
    return Camera(width, height, fx * ratio[0], fy * ratio[1], cx * ratio[0], cy * ratio[1], _pose(values))


def _focal(values: dict[str, Any], axis: str, side: int) -> float | None:
    focal, angle = _number(values, f"fl_{axis}", 0.0), _number(values, f"camera_angle_{axis}", 0.0)
    if focal or not 0 < angle < math.pi:
        return focal or None
    return side / 2 / math.tan(angle / 2)


def _number(values: dict[str, Any], name: str, default: float) -> float:
    value = values.get(name, default)
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise UsageError(f"{name} is no number")
    return float(value)


def _pose(values: dict[str, Any]) -> np.ndarray:
    """World to camera, y down and z forward; [4, 4]."""
    try:
        matrix = np.array(values.get("transform_matrix"), float)
    except (TypeError, ValueError):
        matrix = np.zeros(0)
    if matrix.shape == (3, 4):
        matrix = np.concatenate([matrix, [[0, 0, 0, 1]]])
    if matrix.shape != (4, 4) or not np.isfinite(matrix).all() or abs(np.linalg.det(matrix)) < 1e-12:
        raise UsageError("transform_matrix is no matrix of a camera, 4×4")
    return np.diag([1.0, -1.0, -1.0, 1.0]) @ np.linalg.inv(matrix)
