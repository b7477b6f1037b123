"""Where a scene is seen from: pinhole cameras, and those around a scene."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pgsvc.errors import UsageError
from pgsvc.scene.splats import SceneSplats


@dataclass(frozen=True, eq=False)
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
        if matrix.shape != (4, 4) or not np.isfinite(matrix).all() or not is_rigid(matrix):
            raise UsageError("a camera's matrix is 4×4, a rotation and a translation without a scale")

    @property
    def centre(self) -> np.ndarray:
        """Where the camera is, in the scene's axes; float64 [3]."""
        return -self.world_to_camera[:3, :3].T @ self.world_to_camera[:3, 3]

    def resized(self, width: int, height: int) -> Camera:
        """The same view in another size: the vertical field of view stays, wider pictures show more at the sides."""
        by = height / self.height
        middle = width / 2 + by * (self.cx - self.width / 2), by * self.cy
        return replace(self, width=width, height=height, fx=by * self.fx, fy=by * self.fy, cx=middle[0], cy=middle[1])

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
        focal = focal_length(fov, size[1])
        return Camera(*size, focal, focal, size[0] / 2, size[1] / 2, towards(position, target, up), near)

    @staticmethod
    def from_json(path: str | Path) -> Camera:
        """The camera of a file as `pgsvc.scene.camera_file` has it.

        Raises:
            UsageError: it is not such a file; the message says which field.
        """
        from pgsvc.scene.camera_file import read_camera  # which makes cameras

        return read_camera(path)


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


def is_rigid(matrix: np.ndarray) -> bool:
    """Whether a matrix [4, 4] is a rotation and a translation."""
    turn = matrix[:3, :3]
    return bool(
        np.abs(turn @ turn.T - np.eye(3)).max() < 1e-3 and np.linalg.det(turn) > 0 and (matrix[3] == [0, 0, 0, 1]).all()
    )


def focal_length(fov: float, height: int) -> float:
    """Pixels, of a vertical field of view in degrees."""
    if not 0 < fov < 180:
        raise UsageError(f"a field of view is between 0 and 180 degrees, not {fov}")
    return height / 2 / math.tan(math.radians(fov) / 2)


def towards(
    position: Sequence[float] | np.ndarray, target: Sequence[float] | np.ndarray, up: Sequence[float] | np.ndarray
) -> np.ndarray:
    """World to camera, [4, 4], of a camera that looks from a position to a target."""
    eye = np.asarray(position, float)
    forward = np.asarray(target, float) - eye
    right = np.cross(forward, np.asarray(up, float))
    if not np.linalg.norm(right) > 1e-9 * np.linalg.norm(forward):
        raise UsageError("a camera looks at another place than its own, and not straight up or down")
    turn = np.stack([v / np.linalg.norm(v) for v in (right, np.cross(forward, right), forward)])
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = turn, -turn @ eye
    return matrix
