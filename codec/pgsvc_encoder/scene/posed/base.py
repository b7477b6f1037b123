"""Pictures with cameras, loaded when they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pgsvc.errors import UsageError
from pgsvc.scene.camera import Camera
from pgsvc_encoder.scene.posed.picture import load_picture


@dataclass(frozen=True, eq=False)
class View:
    """A picture and the camera that took it.

    Args:
        camera: of the picture as ``load`` gives it.
        path: of the file.
        size: width and height of the file's picture, pixels.
        downscale: how many times smaller the picture is made.
    """

    camera: Camera
    path: Path
    size: tuple[int, int]
    downscale: int = 1

    def load(self, background: Sequence[float] = (1.0, 1.0, 1.0)) -> tuple[np.ndarray, np.ndarray | None]:
        """The picture.

        Args:
            background: red, green and blue behind a picture that has an alpha channel.

        Returns:
            float32 [H, W, 3], 0 … 1, and the alpha channel float32 [H, W], None if it has none.

        Raises:
            UsageError: the file is damaged, or of another size than its camera.
        """
        rgb, alpha = load_picture(self.path, self.downscale, background)
        if rgb.shape[:2] != (self.camera.height, self.camera.width):
            raise UsageError(
                f"{self.path.name} is not {self.size[0]}×{self.size[1]} as its camera; make one fit the other"
            )
        return rgb, alpha


@dataclass(frozen=True)
class Points:
    """Points of a scene that a program for cameras has found.

    Args:
        position: float32 [N, 3], scene units.
        colour: float32 [N, 3], 0 … 1.
    """

    position: np.ndarray
    colour: np.ndarray


@dataclass(frozen=True)
class PosedPictures:
    """What a scene is trained and tested with.

    Args:
        train: views to train with, at least one.
        test: views that training never sees.
        frame: where the axes of the scene point, one of `pgsvc.scene.splats.FRAMES`.
        points: to begin with, or None.
    """

    train: list[View]
    test: list[View]
    frame: str
    points: Points | None = None


def hold_out(views: list[View], hold: int, frame: str, points: Points | None = None) -> PosedPictures:
    """Every ``hold``-th view, from the first on, for tests, if there are as many; 0: none."""
    if not hold or len(views) < hold:
        return PosedPictures(views, [], frame, points)
    return PosedPictures([v for i, v in enumerate(views) if i % hold], views[::hold], frame, points)


def check_present(views: list[View], name: str, advice: str) -> None:
    """Raises UsageError if pictures are missing, with their number, or if there are none."""
    if not views:
        raise UsageError(f"{name} names no pictures")
    missing = [v.path for v in views if not v.path.is_file()]
    if missing:
        raise UsageError(
            f"{name}: {len(missing)} of {len(views)} pictures are missing, the first is {missing[0]}; {advice}"
        )


def smaller(camera: Camera, downscale: int) -> Camera:
    """The camera of a picture that is made smaller; pixels over at the right and below are left out.

    Raises:
        UsageError: nothing would be left.
    """
    width, height = camera.width // downscale, camera.height // downscale
    if not (width and height):
        raise UsageError(f"a picture of {camera.width}×{camera.height} cannot be made {downscale} times smaller")
    fx, fy, cx, cy = (x / downscale for x in (camera.fx, camera.fy, camera.cx, camera.cy))
    return Camera(width, height, fx, fy, cx, cy, camera.world_to_camera, camera.near)
