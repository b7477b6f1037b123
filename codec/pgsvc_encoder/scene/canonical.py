"""Splats of other programs in the terms of the specification: sorted axes, half spaces, integers (spec 10.2, 10.6)."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from pgsvc.scene.splats import SH_C0, SceneSplats
from pgsvc.scene.state import from_rgb


@dataclass(frozen=True)
class Canonical:
    """Splats before they are quantised.

    Args:
        position: float64 [N, 3], scene units.
        scale: float64 [N, 3], octaves above one scene unit, largest first.
        axes: float64 [N, 3, 3], directions of the axes, a right-handed frame; the smallest has z ≥ 0.
        alpha: float64 [N].
        colour: float64 [N, 3], luma and differences of the constant colour, 1 is white.
        sh: float64 [N, K, 3], the same of the further coefficients.
    """

    position: np.ndarray
    scale: np.ndarray
    axes: np.ndarray
    alpha: np.ndarray
    colour: np.ndarray
    sh: np.ndarray

    def __len__(self) -> int:
        return len(self.position)

    def select(self, which: np.ndarray) -> Canonical:
        return Canonical(*(getattr(self, f.name)[which] for f in fields(self)))


def canonical(splats: SceneSplats) -> Canonical:
    """The same ellipsoids with their axes in order; quaternions need not be normalised."""
    octaves = splats.log_scale.astype(np.float64) / np.log(2)
    order = np.argsort(-octaves, 1, kind="stable")
    axes = np.take_along_axis(matrices(splats.rotation).transpose(0, 2, 1), order[:, :, None], 1)
    axes[:, 2] = np.where(axes[:, 2, 2:] < 0, -axes[:, 2], axes[:, 2])
    axes[:, 1] = np.cross(axes[:, 2], axes[:, 0])
    return Canonical(
        splats.position.astype(np.float64),
        np.take_along_axis(octaves, order, 1),
        axes,
        1 / (1 + np.exp(-splats.opacity.astype(np.float64))),
        from_rgb(0.5 + SH_C0 * splats.sh_dc.astype(np.float64)),
        from_rgb(splats.sh_rest.astype(np.float64)),
    )


def matrices(rotation: np.ndarray) -> np.ndarray:
    """Rotation matrices of quaternions w, x, y, z; float64 [N, 3, 3], column k is axis k."""
    q = rotation.astype(np.float64)
    w, x, y, z = (q / np.linalg.norm(q, axis=1, keepdims=True)).T
    rows = (
        (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    )
    return np.stack([np.stack(row, 1) for row in rows], 1)
