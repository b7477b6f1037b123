"""Small scenes for the tests of the rasteriser."""

from __future__ import annotations

import numpy as np

from pgsvc.scene.camera import Camera
from pgsvc.scene.splats import SceneFormat, SceneSplats

CAMERA = Camera.look_at((0.3, -0.4, -4.0), (0.1, 0.0, 0.2), (0.0, -1.0, 0.1), (53, 37), fov=45)


def random_scene(
    seed: int, count: int, degree: int = 3, kind: str = "classic", size: float = -2.0, spread: float = 1.0
) -> tuple[SceneSplats, SceneFormat]:
    """Splats around the origin; ``size``: mean logarithm of their scales."""
    rng = np.random.default_rng(seed)
    scene_format = SceneFormat(sh_degree=degree, kernel=kind)
    splats = SceneSplats(
        position=rng.normal(0, spread, (count, 3)).astype(np.float32),
        log_scale=rng.normal(size, 0.7, (count, 3)).astype(np.float32),
        rotation=(rng.normal(size=(count, 4)) * rng.uniform(0.3, 3, (count, 1))).astype(np.float32),
        opacity=rng.normal(0, 2, count).astype(np.float32),
        sh_dc=rng.normal(0, 1, (count, 3)).astype(np.float32),
        sh_rest=rng.normal(0, 0.3, (count, scene_format.rest_count, 3)).astype(np.float32),
    )
    return splats, scene_format
