"""The slow twin of the scene kernels, kept for ever: float64, one splat after the other over the whole picture.

It has nothing in common with the kernels but the definitions at the head of `pgsvc.scene.render`; nobody makes it fast.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pgsvc.scene.camera import Camera
from pgsvc.scene.splats import SH_C0

DILATION = {"classic": 0.3, "antialiased": 0.3, "none": 0.0}  # pixel²
LEAST_ALPHA, MOST_ALPHA, LEAST_THROUGH = 1 / 255, 0.999, 1e-4


class Spot(NamedTuple):
    """A projected splat: centre [2] in pixels, covariance [2, 2] in pixels², alpha at the centre, colour [3], depth."""

    centre: np.ndarray
    covariance: np.ndarray
    alpha: float
    colour: np.ndarray
    depth: float


def rotation_matrix(q: np.ndarray) -> np.ndarray:
    """Of a quaternion w, x, y, z of any length but 0; [3, 3]."""
    w, x, y, z = q / np.linalg.norm(q)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def harmonics(direction: np.ndarray, count: int) -> np.ndarray:
    """The ``count`` spherical harmonics behind the constant one at a unit direction, as polynomials."""
    x, y, z = direction
    one = np.sqrt(3 / (4 * np.pi)) * np.array([-y, z, -x])
    two = np.sqrt(15 / (4 * np.pi)) * np.array(
        [x * y, -y * z, (3 * z * z - 1) / np.sqrt(12), -x * z, (x * x - y * y) / 2]
    )
    three = np.sqrt(35 / (32 * np.pi)) * np.array(
        [
            -y * (3 * x * x - y * y),
            np.sqrt(24) * x * y * z,
            -np.sqrt(3 / 5) * y * (5 * z * z - 1),
            np.sqrt(2 / 5) * z * (5 * z * z - 3),
            -np.sqrt(3 / 5) * x * (5 * z * z - 1),
            np.sqrt(6) * z * (x * x - y * y),
            -x * (x * x - 3 * y * y),
        ]
    )
    return np.concatenate([one, two, three])[:count]


def project(
    position: np.ndarray,
    log_scale: np.ndarray,
    rotation: np.ndarray,
    opacity: float,
    sh_dc: np.ndarray,
    sh_rest: np.ndarray,
    camera: Camera,
    kind: str,
) -> Spot | None:
    """One splat; None if its centre is before the near plane or it has no area."""
    turn, shift = camera.world_to_camera[:3, :3], camera.world_to_camera[:3, 3]
    x, y, z = turn @ position + shift
    if z < camera.near or not np.linalg.norm(rotation) > 0:
        return None
    axes = rotation_matrix(rotation) * np.exp(log_scale)
    # The linear approximation is made no farther outside of the picture than 30 % of its half.
    lean_x = np.clip(
        x / z, -(camera.cx + 0.15 * camera.width) / camera.fx, (1.15 * camera.width - camera.cx) / camera.fx
    )
    lean_y = np.clip(
        y / z, -(camera.cy + 0.15 * camera.height) / camera.fy, (1.15 * camera.height - camera.cy) / camera.fy
    )
    slope = np.array([[camera.fx, 0, -camera.fx * lean_x], [0, camera.fy, -camera.fy * lean_y]]) / z
    bare = slope @ turn @ (axes @ axes.T) @ turn.T @ slope.T
    covariance = bare + DILATION[kind] * np.eye(2)
    area = np.linalg.det(covariance)
    if not 1e-30 < area < 1e30:
        return None
    alpha = 1 / (1 + np.exp(-opacity))
    if kind == "antialiased":
        alpha *= np.sqrt(max(np.linalg.det(bare), 0) / area)
    sight = position - camera.centre
    values = harmonics(sight / np.linalg.norm(sight), len(sh_rest))
    colour = np.maximum(0, 0.5 + SH_C0 * sh_dc + values @ sh_rest)
    centre = np.array([camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy])
    return Spot(centre, covariance, alpha, colour, float(z))


def render(
    position: np.ndarray,
    log_scale: np.ndarray,
    rotation: np.ndarray,
    opacity: np.ndarray,
    sh_dc: np.ndarray,
    sh_rest: np.ndarray,
    camera: Camera,
    kind: str,
    background: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """rgb [H, W, 3], alpha [H, W], depth [H, W], weight [N] and hits int32 [N]; arguments as in `pgsvc.scene.render.render`."""
    arrays = [a.astype(float) for a in (position, log_scale, rotation, opacity, sh_dc, sh_rest)]
    spots = [project(*numbers, camera=camera, kind=kind) for numbers in zip(*arrays, strict=True)]
    rgb, depth = np.zeros((camera.height, camera.width, 3)), np.zeros((camera.height, camera.width))
    through, open_ = np.ones_like(depth), np.ones_like(depth, bool)
    weight, hits = np.zeros(len(spots)), np.zeros(len(spots), np.int32)
    pixels = np.stack(np.meshgrid(np.arange(camera.width) + 0.5, np.arange(camera.height) + 0.5), axis=-1)
    seen = [n for n, spot in enumerate(spots) if spot is not None]
    for n in sorted(seen, key=lambda n: (np.float32(spots[n].depth), n)):  # type: ignore[union-attr]
        spot = spots[n]
        assert spot is not None
        d = pixels - spot.centre
        q = np.einsum("hwi,ij,hwj->hw", d, np.linalg.inv(spot.covariance), d)
        alpha = np.minimum(MOST_ALPHA, spot.alpha * np.exp(-q / 2))
        hit = open_ & (alpha >= LEAST_ALPHA)
        after = through * (1 - alpha)
        open_ &= ~(hit & (after <= LEAST_THROUGH))
        hit &= open_
        share = np.where(hit, through * alpha, 0)
        rgb += share[..., None] * spot.colour
        depth += share * spot.depth
        weight[n], hits[n] = share.sum(), hit.sum()
        through = np.where(hit, after, through)
    return rgb + through[..., None] * background, 1 - through, depth, weight, hits
