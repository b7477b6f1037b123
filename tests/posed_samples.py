"""Posed pictures for tests: splats drawn from known cameras and written as other programs have them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pgsvc.scene.camera import Camera, orbit
from pgsvc.scene.render import render
from pgsvc.scene.splats import SceneFormat, SceneSplats

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed: pip install 'pgsvc[encoder]'")

FORM = SceneFormat(0, frame="rfu")
SIDE = 48


def few_splats(count: int = 12, seed: int = 1) -> SceneSplats:
    """Well visible splats of different colours around the origin."""
    rng = np.random.default_rng(seed)
    rotation = rng.normal(size=(count, 4))
    numbers = {
        "position": rng.uniform(-0.6, 0.6, (count, 3)),
        "log_scale": rng.uniform(-2.2, -1.4, (count, 3)),
        "rotation": rotation / np.linalg.norm(rotation, axis=1, keepdims=True),
        "opacity": rng.uniform(1.5, 4, count),
        "sh_dc": rng.uniform(-1.5, 1.5, (count, 3)),
        "sh_rest": np.zeros((count, 0, 3)),
    }
    return SceneSplats(**{name: values.astype(np.float32) for name, values in numbers.items()})


def some_cameras(count: int = 12, side: int = SIDE) -> list[Camera]:
    """On two circles around the origin."""
    half = orbit(few_splats(), count // 2, side, side, frame="rfu", elevation=25, fov=40)
    return half + orbit(few_splats(), count - count // 2, side, side, frame="rfu", elevation=-35, fov=40)


def save_picture(path: Path, camera: Camera, *, alpha: bool = True) -> np.ndarray:
    """Draws the splats over white and writes them as a PNG, with an alpha channel or over white; float [H, W, 3]."""
    view = render(few_splats(), FORM, camera)
    over = np.clip(view.rgb + (1 - view.alpha[..., None]), 0, 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    if alpha:
        own = np.clip(view.rgb / np.maximum(view.alpha[..., None], 1e-6), 0, 1)
        samples = np.concatenate([own, view.alpha[..., None]], axis=2)
    else:
        samples = over
    Image.fromarray(np.rint(255 * samples).astype(np.uint8)).save(path)
    return over


def opengl(camera: Camera) -> list[list[float]]:
    """Camera to world with y up and z back, as transforms.json has it."""
    return (np.linalg.inv(camera.world_to_camera) @ np.diag([1.0, -1.0, -1.0, 1.0])).tolist()


def save_transforms(folder: Path, cameras: list[Camera], *, name: str = "transforms.json", **more: object) -> Path:
    """A folder as that of NeRF-synthetic."""
    stem = Path(name).stem
    frames = [{"file_path": f"./{stem}/r_{i}", "transform_matrix": opengl(c)} for i, c in enumerate(cameras)]
    for i, camera in enumerate(cameras):
        save_picture(folder / stem / f"r_{i}.png", camera)
    angle = 2 * np.arctan(cameras[0].width / 2 / cameras[0].fx)
    (folder / name).write_text(json.dumps({"camera_angle_x": angle, **more, "frames": frames}))
    return folder / name


def quaternion(turn: np.ndarray) -> np.ndarray:
    """w, x, y, z of a rotation matrix: the eigenvector of Bar-Itzhack 2000."""
    (a, b, c), (d, e, f), (g, h, i) = turn
    rows = [[a - e - i, d + b, g + c, h - f], [d + b, e - a - i, h + f, c - g], [g + c, h + f, i - a - e, d - b]]
    x, y, z, w = np.linalg.eigh(np.array([*rows, [h - f, c - g, d - b, a + e + i]]) / 3)[1][:, -1]
    return np.array([w, x, y, z])


def save_colmap(folder: Path, cameras: list[Camera], *, kind: str = "PINHOLE", below: str = "sparse/0") -> Path:
    """A text model of COLMAP with pictures without alpha, and the splats' centres as its points."""
    model = folder / below
    model.mkdir(parents=True, exist_ok=True)
    c = cameras[0]
    focal = {"PINHOLE": f"{c.fx} {c.fy}", "SIMPLE_PINHOLE": f"{c.fx}", "OPENCV": f"{c.fx} {c.fy}"}[kind]
    tail = " 0.1 0 0 0" if kind == "OPENCV" else ""
    (model / "cameras.txt").write_text(f"# Camera list\n3 {kind} {c.width} {c.height} {focal} {c.cx} {c.cy}{tail}\n")
    lines = ["# Image list", "# two lines per image"]
    for i, camera in enumerate(cameras):
        pose = [*quaternion(camera.world_to_camera[:3, :3]), *camera.world_to_camera[:3, 3]]
        lines += [f"{i + 1} {' '.join(map(repr, map(float, pose)))} 3 view {i:02d}.png", "" if i % 2 else "1.0 2.0 -1"]
        save_picture(folder / "images" / f"view {i:02d}.png", camera, alpha=False)
    (model / "images.txt").write_text("\n".join(lines) + "\n")
    splats = few_splats()
    colours = np.clip(0.5 + 0.282 * splats.sh_dc, 0, 1) * 255
    rows = [
        f"{i} {p[0]} {p[1]} {p[2]} {int(k[0])} {int(k[1])} {int(k[2])} 0.5 1 2"
        for i, (p, k) in enumerate(zip(splats.position, colours, strict=True))
    ]
    (model / "points3D.txt").write_text("# points\n" + "\n".join(rows) + "\n")
    return folder
