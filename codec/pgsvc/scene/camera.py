"""Where a scene is seen from: pinhole cameras, from JSON files or around the scene.

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
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pgsvc.errors import UsageError
from pgsvc.scene.splats import SceneSplats

CONVENTIONS = {"opencv": (1, 1, 1), "opengl": (1, -1, -1), "nerfstudio": (1, -1, -1)}
"""Signs of the camera's axes x, y, z against right, down, forward."""

_FIELDS = {"width", "height", "fov", "fx", "fy", "cx", "cy", "near"}
_FIELDS |= {"camera_to_world", "convention", "position", "look_at", "up"}


@dataclass(frozen=True)
class Camera:
    """A pinhole camera; the centre of the picture's first pixel is (0.5, 0.5).

    Args:
        width, height: pixels.
        fx, fy: focal lengths, pixels.
        cx, cy: principal point, pixels.
        world_to_camera: float [4, 4], a rotation and a translation from the scene's axes to x right, y down, z forward.
        near: splats whose centre is nearer are not drawn, scene units; gsplat's default, 0.2 in the first 3D Gaussian Splatting.

    Raises:
        UsageError: a number is out of its range, or the matrix is no rotation and translation.
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    world_to_camera: np.ndarray
    near: float = 0.01

    def __post_init__(self) -> None:
        if not (1 <= self.width <= 65535 and 1 <= self.height <= 65535):
            raise UsageError(f"a camera's picture is 1 to 65535 pixels wide and high, not {self.width}×{self.height}")
        numbers = [self.fx, self.fy, self.near, self.cx, self.cy]
        if not (np.isfinite(numbers).all() and min(numbers[:3]) > 0):
            raise UsageError("a camera's focal lengths and near plane are positive")
        matrix = np.array(self.world_to_camera, float)
        object.__setattr__(self, "world_to_camera", matrix)
        if matrix.shape != (4, 4) or not np.isfinite(matrix).all() or not _is_rigid(matrix):
            raise UsageError("a camera's matrix is 4×4, a rotation and a translation without a scale")

    @property
    def centre(self) -> np.ndarray:
        """Where the camera is, in the scene's axes; float64 [3]."""
        return -self.world_to_camera[:3, :3].T @ self.world_to_camera[:3, 3]

    def resized(self, width: int, height: int) -> Camera:
        """The same view in another size: the vertical field of view stays, wider pictures show more at the sides."""
        by = height / self.height
        middle = width / 2 + by * (self.cx - self.width / 2), by * self.cy
        return replace(
            self, width=width, height=height, fx=by * self.fx, fy=by * self.fy, cx=middle[0], cy=middle[1]
        )

    def numbers(self) -> np.ndarray:
        """What the native kernels take: rotation by rows, translation, centre, fx, fy, cx, cy, near; float32 [20]."""
        pose = [self.world_to_camera[:3, :3].ravel(), self.world_to_camera[:3, 3], self.centre]
        return np.concatenate([*pose, [self.fx, self.fy, self.cx, self.cy, self.near]]).astype(np.float32)

    @staticmethod
    def look_at(
        position: Sequence[float] | np.ndarray,
        target: Sequence[float] | np.ndarray,
        up: Sequence[float] | np.ndarray,
        size: tuple[int, int],
        fov: float = 50.0,
        near: float = 0.01,
    ) -> Camera:
        """A camera that looks from one place to another.

        Args:
            up: a direction in the scene's axes, upwards in the picture.
            size: width and height, pixels.
            fov: vertical field of view, degrees.
        """
        focal = _focal(fov, size[1])
        return Camera(*size, focal, focal, size[0] / 2, size[1] / 2, _towards(position, target, up), near)

    @staticmethod
    def from_json(path: str | Path) -> Camera:
        """The camera of a file as the head of this module has it.

        Raises:
            UsageError: it is not such a file; the message says which field.
        """
        try:
            content = json.loads(Path(path).read_text())
        except (OSError, ValueError) as error:
            raise UsageError(f"the camera {path} cannot be read: {error}") from error
        if not isinstance(content, dict):
            raise UsageError(f"the camera {path} is no JSON object")
        return Camera.from_fields(content)

    @staticmethod
    def from_fields(fields: Mapping[str, Any]) -> Camera:
        """The same from what was read of such a file."""
        if unknown := sorted(set(fields) - _FIELDS):
            raise UsageError(f"a camera has no field '{unknown[0]}'; it has {', '.join(sorted(_FIELDS))}")
        width, height = (int(_number(fields, name)) for name in ("width", "height"))
        if "fov" in fields:
            fx = fy = _focal(_number(fields, "fov"), height)
        else:
            fx = _number(fields, "fx")
            fy = _number(fields, "fy", fx)
        middle = _number(fields, "cx", width / 2), _number(fields, "cy", height / 2)
        return Camera(width, height, fx, fy, *middle, _matrix(fields), _number(fields, "near", 0.01))


def orbit(
    splats: SceneSplats,
    count: int,
    width: int,
    height: int,
    *,
    frame: str = "rdf",
    elevation: float = 15.0,
    fov: float = 50.0,
) -> list[Camera]:
    """Cameras on a circle around a scene, which look at its middle.

    The middle is the median of the positions, the radius that of the sphere around it with 90 % of them, so that floaters far
    outside do not count.

    Args:
        count: of cameras, at equal angles.
        width, height: pixels.
        frame: where the scene's axes point, one of `pgsvc.scene.splats.FRAMES`; "unspecified" counts as "rdf".
        elevation: degrees above the middle.
        fov: vertical field of view, degrees.
    """
    position = splats.position.astype(float) if len(splats) else np.zeros((1, 3))
    middle = np.median(position, axis=0)
    radius = max(float(np.quantile(np.linalg.norm(position - middle, axis=1), 0.9)), 1e-3)
    letters = "rdf" if frame == "unspecified" else frame
    up, back = _axis(letters, "ud"), _axis(letters, "bf")
    narrow = math.atan(math.tan(math.radians(fov) / 2) * min(1.0, width / height))
    distance, tilt = radius / math.sin(narrow), math.radians(elevation)
    cameras = []
    for angle in 2 * np.pi * np.arange(count) / count:
        level = math.cos(angle) * back + math.sin(angle) * np.cross(up, back)
        place = middle + distance * (math.cos(tilt) * level + math.sin(tilt) * up)
        cameras.append(Camera.look_at(place, middle, up, (width, height), fov, near=0.001 * distance))
    return cameras


def _axis(letters: str, pair: str) -> np.ndarray:
    """The direction of the first letter of the pair, such as "ud", in the axes of a frame."""
    return np.array([(letter == pair[0]) - (letter == pair[1]) for letter in letters], float)


def _is_rigid(matrix: np.ndarray) -> bool:
    turn = matrix[:3, :3]
    return bool(
        np.abs(turn @ turn.T - np.eye(3)).max() < 1e-3 and np.linalg.det(turn) > 0 and (matrix[3] == [0, 0, 0, 1]).all()
    )


def _focal(fov: float, height: int) -> float:
    if not 0 < fov < 180:
        raise UsageError(f"a field of view is between 0 and 180 degrees, not {fov}")
    return height / 2 / math.tan(math.radians(fov) / 2)


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
        return _towards(*(_array(fields, name, (3,)) for name in ("position", "look_at", "up")))
    convention = fields.get("convention")
    if convention not in CONVENTIONS:
        raise UsageError(f"the camera's 'convention' is one of {', '.join(CONVENTIONS)}")
    pose = _array(fields, "camera_to_world", (4, 4)) * [*CONVENTIONS[convention], 1]
    if not _is_rigid(pose):
        raise UsageError("the camera's 'camera_to_world' is no rotation and translation")
    return np.linalg.inv(pose)


def _towards(
    position: Sequence[float] | np.ndarray, target: Sequence[float] | np.ndarray, up: Sequence[float] | np.ndarray
) -> np.ndarray:
    """World to camera, [4, 4]."""
    eye = np.asarray(position, float)
    forward = np.asarray(target, float) - eye
    right = np.cross(forward, np.asarray(up, float))
    if not np.linalg.norm(right) > 1e-9 * np.linalg.norm(forward):
        raise UsageError("a camera looks at another place than its own, and not straight up or down")
    turn = np.stack([v / np.linalg.norm(v) for v in (right, np.cross(forward, right), forward)])
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = turn, -turn @ eye
    return matrix
