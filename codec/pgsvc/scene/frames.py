"""Scenes with other axes: where x, y and z point, and what of a splat changes when they point elsewhere.

A frame is three letters, one an axis (`FRAMES`). Between two frames axes are exchanged and turned round, so positions and
rotations change by exchanging numbers and signs, exactly. Spherical harmonics change signs, and where axes are exchanged
also mix within their degree. The signs of rotations and harmonics are those of the CoordinateConverter of nianticlabs/spz.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pgsvc.errors import UsageError
from pgsvc.scene.harmonics import transform
from pgsvc.scene.splats import FRAMES, SceneSplats

_DIRECTIONS = {"r": (1, 0, 0), "l": (-1, 0, 0), "u": (0, 1, 0), "d": (0, -1, 0), "f": (0, 0, 1), "b": (0, 0, -1)}
_DEGREE_OF_REST = {0: 0, 3: 1, 8: 2, 15: 3}


def axes_between(source: str, target: str) -> np.ndarray:
    """The matrix [3, 3] of −1, 0 and 1 that makes coordinates of ``target`` from those of ``source``.

    It is the identity where one of the two is "unspecified". Its determinant is −1 between a right- and a left-handed frame.

    Raises:
        UsageError: a name that is none of `FRAMES`.
    """
    for frame in (source, target):
        if frame not in FRAMES:
            raise UsageError(f"there is no frame '{frame}'; use one of {', '.join(FRAMES)}")
    if "unspecified" in (source, target):
        return np.eye(3, dtype=np.int64)
    return np.array([_DIRECTIONS[a] for a in target]) @ np.array([_DIRECTIONS[a] for a in source]).T


def change_frame(splats: SceneSplats, source: str, target: str) -> SceneSplats:
    """The same scene in another frame; from or to "unspecified" nothing changes.

    A rotation R becomes M·R·Mᵀ, M being the matrix of `axes_between`, so that it stays a rotation between frames of
    different hands too; standard deviations follow their axes.

    Raises:
        UsageError: as for `axes_between`.
    """
    axes = axes_between(source, target)
    if (axes == np.eye(3)).all():
        return splats
    place = np.abs(axes).argmax(axis=1)  # the axis of the source that each axis of the target is
    sign = axes.sum(axis=1)
    hand = round(np.linalg.det(axes))
    rotation = splats.rotation.copy()
    rotation[:, 1:] = splats.rotation[:, 1 + place] * (hand * sign).astype(np.float32)
    return replace(
        splats,
        position=splats.position[:, place] * sign.astype(np.float32),
        log_scale=splats.log_scale[:, place],
        rotation=rotation,
        sh_rest=_harmonics(splats.sh_rest, axes),
    )


def _harmonics(rest: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """Coefficients [N, K, 3] for directions that ``axes`` has changed."""
    matrix = transform(axes, _DEGREE_OF_REST[rest.shape[1]])
    if (matrix == np.diag(np.diag(matrix))).all():
        return rest * np.diag(matrix).astype(np.float32)[:, None]
    return np.einsum("kj,njc->nkc", matrix, rest).astype(np.float32)
