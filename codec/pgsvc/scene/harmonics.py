"""Real spherical harmonics, as scenes of Gaussian splats use them.

Basis, signs (Condon–Shortley) and order are those of 3D Gaussian Splatting [Kerbl et al. 2023] and of the appendix of
KHR_gaussian_splatting: degree by degree, and orders −l … l within one.
"""

from __future__ import annotations

import numpy as np

from pgsvc.scene.splats import SH_C0


def basis(directions: np.ndarray, degree: int) -> np.ndarray:
    """The functions of degrees 0 … ``degree``, at most 3.

    Args:
        directions: [N, 3], unit vectors.

    Returns:
        float64 [N, (degree + 1)²].
    """
    x, y, z = np.asarray(directions, np.float64).T
    xx, yy, zz = x * x, y * y, z * z
    functions = [
        np.full_like(x, SH_C0),
        *(-0.4886025119029199 * y, 0.4886025119029199 * z, -0.4886025119029199 * x),
        1.0925484305920792 * x * y,
        -1.0925484305920792 * y * z,
        0.31539156525252005 * (2 * zz - xx - yy),
        -1.0925484305920792 * x * z,
        0.5462742152960396 * (xx - yy),
        -0.5900435899266435 * y * (3 * xx - yy),
        2.890611442640554 * x * y * z,
        -0.4570457994644658 * y * (4 * zz - xx - yy),
        0.3731763325901154 * z * (2 * zz - 3 * xx - 3 * yy),
        -0.4570457994644658 * x * (4 * zz - xx - yy),
        1.445305721320277 * z * (xx - yy),
        -0.5900435899266435 * x * (xx - 3 * yy),
    ]
    return np.stack(functions[: (degree + 1) ** 2], axis=1)


def transform(axes: np.ndarray, degree: int) -> np.ndarray:
    """How coefficients change when directions do: the matrix that makes ``basis(d) @ c == basis(d @ axes.T) @ (matrix @ c)``.

    Found by solving for it at fixed directions; the functions of a degree are closed under rotation and reflection.

    Args:
        axes: [3, 3], orthogonal.

    Returns:
        float64 [K, K] for the coefficients behind the constant one, K = (degree + 1)² − 1. Entries are exact for
        reflections at planes between axes, ±1 and 0.
    """
    directions = np.random.default_rng(1).normal(size=(64, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    before, after = basis(directions, degree)[:, 1:], basis(directions @ np.asarray(axes).T, degree)[:, 1:]
    matrix = np.linalg.lstsq(after, before, rcond=None)[0]
    whole = np.round(matrix)
    return np.where(np.abs(matrix - whole) < 1e-9, whole, matrix)
