"""Text models of COLMAP: cameras.txt, images.txt and points3D.txt, by the page "Output Format" of its manual.

Cameras look along z with y down, as ours do, and matrices go from the scene to the camera already.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pgsvc.errors import UsageError
from pgsvc.scene.camera import Camera
from pgsvc_encoder.scene.canonical import matrices
from pgsvc_encoder.scene.posed.base import Points, View, smaller
from pgsvc_encoder.scene.posed.picture import picture_size

Intrinsics = tuple[int, int, float, float, float, float]  # width, height, fx, fy, cx, cy


def read_colmap(model: Path, images: Path | None, downscale: int) -> tuple[list[View], Points | None]:
    """The views, by the names of their pictures, and the points if there is a file of them.

    Args:
        model: the folder of the text files.
        images: the folder of the pictures; None: ``images`` beside the model or up to three folders above.

    Raises:
        UsageError: a file is missing or damaged, or a camera has lens distortion.
    """
    if not (model / "cameras.txt").is_file():
        raise UsageError(f"{model} is a binary model; write it as text: colmap model_converter --output_type TXT")
    cameras = dict(_camera(words, where) for words, where in _lines(model / "cameras.txt"))
    above = [model, *model.parents[:3]]
    folder = images or next((p / "images" for p in above if (p / "images").is_dir()), model / "images")
    views = []
    for words, where in _poses(model / "images.txt"):
        try:
            numbers, number, name = [float(w) for w in words[1:8]], int(words[8]), " ".join(words[9:])
            intrinsics = cameras[number]
        except (ValueError, IndexError, KeyError) as error:
            raise UsageError(f"{where} is no picture of a known camera") from error
        try:
            camera = _posed(intrinsics, numbers, folder / name)
            views.append(View(smaller(camera, downscale), folder / name, (camera.width, camera.height), downscale))
        except UsageError as error:
            raise UsageError(f"{where}: {error}") from error
    return sorted(views, key=lambda v: str(v.path)), _points(model / "points3D.txt")


def _camera(words: list[str], where: str) -> tuple[int, Intrinsics]:
    kind = words[1] if len(words) > 1 else ""
    if kind not in ("PINHOLE", "SIMPLE_PINHOLE"):
        raise UsageError(
            f"{where}: a camera {kind or 'without a model'} is not supported; undistort the pictures with colmap image_undistorter"
        )
    try:
        width, height, focal = int(words[2]), int(words[3]), [float(w) for w in words[4:]]
        fx, fy, cx, cy = focal if kind == "PINHOLE" else [focal[0], *focal]
        return int(words[0]), (width, height, fx, fy, cx, cy)
    except (ValueError, IndexError) as error:
        raise UsageError(f"{where} is no camera {kind}") from error


def _posed(intrinsics: Intrinsics, numbers: list[float], picture: Path) -> Camera:
    width, height, fx, fy, cx, cy = intrinsics
    size = picture_size(picture) if picture.is_file() else (width, height)
    x, y = size[0] / width, size[1] / height  # folders such as images_2 hold smaller pictures
    if abs(x / y - 1) > 0.02:
        raise UsageError(f"the picture is {size[0]}×{size[1]}, but its camera {width}×{height}")
    quaternion = np.array([numbers[:4]])
    if not np.isfinite(numbers).all() or not quaternion.any():
        raise UsageError("the pose is no rotation and translation")
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = matrices(quaternion)[0], numbers[4:]
    return Camera(*size, fx * x, fy * y, cx * x, cy * y, matrix)


def _points(path: Path) -> Points | None:
    if not path.is_file():
        return None
    rows = []
    for words, where in _lines(path):
        try:
            rows.append([float(w) for w in words[1:7]])
        except ValueError as error:
            raise UsageError(f"{where} is no point") from error
        if len(rows[-1]) < 6 or not np.isfinite(rows[-1]).all():
            raise UsageError(f"{where} is no point with a colour")
    table = np.array(rows, np.float32).reshape(-1, 6)
    return Points(table[:, :3].copy(), table[:, 3:] / 255) if len(table) else None


def _poses(path: Path) -> Iterator[tuple[list[str], str]]:
    """Every other line: those between hold the points of a picture, and may be empty."""
    for i, (words, where) in enumerate(_lines(path, blank=True)):
        if i % 2 == 0 and words:
            yield words, where


def _lines(path: Path, *, blank: bool = False) -> Iterator[tuple[list[str], str]]:
    """Words of the lines that are no comments, and where they are."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
    for number, line in enumerate(text.splitlines(), 1):
        if not line.startswith("#") and (blank or line.strip()):
            yield line.split(), f"{path.name}, line {number}"
