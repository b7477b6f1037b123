"""Cameras in JSON files.

A camera file is an object with

- ``width``, ``height``: pixels;
- ``fov``, the vertical field of view in degrees, or ``fx`` and ``fy`` (default: ``fx``), focal lengths in pixels;
- ``cx``, ``cy``: the principal point in pixels (default: the middle of the picture);
- ``camera_to_world``, a 4×4 matrix by rows, with ``convention``: where the camera's axes point, "opencv" (x right, y down, z
  forward; also COLMAP) or "opengl" (x right, y up, z back; also Blender and nerfstudio's transforms.json);
- or ``position``, ``look_at`` and ``up``, each [x, y, z] in the scene's axes;
- ``near``: splats whose centre is nearer are not drawn, in scene units (default: 0.01).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pgsvc.errors import UsageError
from pgsvc.scene.camera import Camera, focal_length, is_rigid, towards

CONVENTIONS = {"opencv": (1, 1, 1), "opengl": (1, -1, -1), "nerfstudio": (1, -1, -1)}
"""Signs of the camera's axes x, y, z against right, down, forward."""

_FIELDS = {"width", "height", "fov", "fx", "fy", "cx", "cy", "near"}
_FIELDS |= {"camera_to_world", "convention", "position", "look_at", "up"}


def read_camera(path: str | Path) -> Camera:
    """The camera of a file.

    Raises:
        UsageError: it is not such a file; the message says which field.
    """
    try:
        content = json.loads(Path(path).read_text())
    except (OSError, ValueError) as error:
        raise UsageError(f"the camera {path} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise UsageError(f"the camera {path} is no JSON object")
    return camera_of(content)


def camera_of(fields: Mapping[str, Any]) -> Camera:
    """The same from what was read of a file."""
    if unknown := sorted(set(fields) - _FIELDS):
        raise UsageError(f"a camera has no field '{unknown[0]}'; it has {', '.join(sorted(_FIELDS))}")
    width, height = (int(_number(fields, name)) for name in ("width", "height"))
    if "fov" in fields:
        fx = fy = focal_length(_number(fields, "fov"), height)
    else:
        fx = _number(fields, "fx")
        fy = _number(fields, "fy", fx)
    middle = _number(fields, "cx", width / 2), _number(fields, "cy", height / 2)
    return Camera(width, height, fx, fy, *middle, _matrix(fields), _number(fields, "near", 0.01))


def _number(fields: Mapping[str, Any], name: str, default: float | None = None) -> float:
    value = fields.get(name, default)
    if value is None:
        raise UsageError(f"the camera's '{name}' is missing")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UsageError(f"the camera's '{name}' is no number")
    return float(value)


def _array(fields: Mapping[str, Any], name: str, shape: tuple[int, ...]) -> np.ndarray:
    try:
        value = np.array(fields[name], float)
    except KeyError as error:
        raise UsageError(f"the camera's '{name}' is missing") from error
    except (TypeError, ValueError) as error:
        raise UsageError(f"the camera's '{name}' is not made of numbers") from error
    if value.shape != shape:
        raise UsageError(f"the camera's '{name}' is not {'×'.join(map(str, shape))} numbers")
    return value


def _matrix(fields: Mapping[str, Any]) -> np.ndarray:
    if "camera_to_world" not in fields:
        return towards(*(_array(fields, name, (3,)) for name in ("position", "look_at", "up")))
    convention = fields.get("convention")
    if convention not in CONVENTIONS:
        raise UsageError(f"the camera's 'convention' is one of {', '.join(CONVENTIONS)}")
    pose = _array(fields, "camera_to_world", (4, 4)) * [*CONVENTIONS[convention], 1]
    if not is_rigid(pose):
        raise UsageError("the camera's 'camera_to_world' is no rotation and translation")
    return np.linalg.inv(pose)
