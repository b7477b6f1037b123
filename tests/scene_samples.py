"""Splats for tests of scenes, and how they are compared."""

from __future__ import annotations

import numpy as np

from pgsvc.scene.splats import SceneSplats

REST = (0, 3, 8, 15)


def some_splats(count: int = 40, degree: int = 0, *, objects: bool = False, seed: int = 0) -> SceneSplats:
    """Splats in the range that every format holds."""
    rng = np.random.default_rng(seed)
    rotation = rng.normal(size=(count, 4))
    return SceneSplats(
        position=rng.normal(0, 2, (count, 3)).astype(np.float32),
        log_scale=rng.uniform(-7, 1, (count, 3)).astype(np.float32),
        rotation=(rotation / np.linalg.norm(rotation, axis=1, keepdims=True)).astype(np.float32),
        opacity=rng.uniform(-3, 3, count).astype(np.float32),
        sh_dc=rng.uniform(-1.5, 1.5, (count, 3)).astype(np.float32),
        sh_rest=rng.uniform(-0.9, 0.9, (count, REST[degree], 3)).astype(np.float32),
        object_id=rng.integers(0, 16, count).astype(np.uint8) if objects else None,
    )


def matrices(rotation: np.ndarray) -> np.ndarray:
    """Rotation matrices [N, 3, 3] of quaternions w, x, y, z."""
    w, x, y, z = np.asarray(rotation, np.float64).T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.array(rows).transpose(2, 0, 1)


def covariances(splats: SceneSplats) -> np.ndarray:
    """[N, 3, 3] in the axes of the scene."""
    half = matrices(splats.rotation) * np.exp(splats.log_scale.astype(np.float64))[:, None]
    return half @ half.transpose(0, 2, 1)


def angles(one: SceneSplats, other: SceneSplats) -> np.ndarray:
    """Degrees [N] between the rotations of splats."""
    cosine = np.abs((one.rotation.astype(np.float64) * other.rotation).sum(axis=1))
    return np.degrees(2 * np.arccos(np.clip(cosine, 0, 1)))


def near(one: np.ndarray, other: np.ndarray, within: float | np.ndarray) -> None:
    """Fails unless arrays of one shape differ by ``within`` at the most."""
    assert one.shape == other.shape
    assert one.dtype == other.dtype == np.float32
    worst = float((np.abs(one.astype(np.float64) - other) - within).max(initial=-1))
    assert worst <= 1e-6, f"off by {worst} more than {within}"
