"""Frames of scenes: what axes do to positions, covariances and colours, held against evaluating them."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scene_samples import covariances, some_splats

from pgsvc.errors import UsageError
from pgsvc.scene.frames import axes_between, change_frame
from pgsvc.scene.harmonics import basis, transform
from pgsvc.scene.splats import FRAMES

KNOWN = [frame for frame in FRAMES if frame != "unspecified"]


def colours(splats, directions: np.ndarray) -> np.ndarray:
    """[N, directions, 3], without the constant part of them all."""
    degree = round((splats.sh_rest.shape[1] + 1) ** 0.5) - 1
    coefficients = np.concatenate([splats.sh_dc[:, None], splats.sh_rest], axis=1).astype(np.float64)
    return np.einsum("dk,nkc->ndc", basis(directions, degree), coefficients)


def some_directions(count: int = 30) -> np.ndarray:
    directions = np.random.default_rng(9).normal(size=(count, 3))
    return directions / np.linalg.norm(directions, axis=1, keepdims=True)


def test_the_basis_is_orthonormal() -> None:
    # A sum over the points of a product rule that is exact for polynomials of degree 6.
    heights, weights = np.polynomial.legendre.leggauss(6)
    turns = 2 * np.pi * np.arange(12) / 12
    height, turn = (a.ravel() for a in np.meshgrid(heights, turns, indexing="ij"))
    flat = np.sqrt(1 - height**2)
    values = basis(np.stack([flat * np.cos(turn), flat * np.sin(turn), height], axis=1), 3)
    gram = (values * np.repeat(weights, 12)[:, None] * 2 * np.pi / 12).T @ values
    assert np.allclose(gram, np.eye(16), atol=1e-12)


@pytest.mark.parametrize(("source", "target"), list(product(KNOWN, KNOWN)))
def test_a_scene_looks_the_same_in_every_frame(source: str, target: str) -> None:
    splats = some_splats(20, 3)
    moved = change_frame(splats, source, target)
    axes = axes_between(source, target)
    directions = some_directions()
    assert np.allclose(moved.position, splats.position @ axes.T, atol=0)
    assert np.allclose(covariances(moved), axes @ covariances(splats) @ axes.T, rtol=1e-5, atol=1e-9)
    assert np.allclose(colours(moved, directions @ axes.T), colours(splats, directions), atol=1e-5)
    assert moved.rotation.dtype == moved.sh_rest.dtype == moved.position.dtype == np.float32


@pytest.mark.parametrize(("source", "target"), list(product(KNOWN, KNOWN)))
def test_and_comes_back(source: str, target: str) -> None:
    splats = some_splats(20, 3)
    back = change_frame(change_frame(splats, source, target), target, source)
    exact = {source, target} <= {"rdf", "rub", "luf", "ruf", "lub"}
    for name in ("position", "log_scale", "rotation", "sh_dc"):
        assert np.array_equal(getattr(back, name), getattr(splats, name)), name
    assert np.allclose(back.sh_rest, splats.sh_rest, atol=0 if exact else 1e-6)


def test_turning_axes_round_changes_signs_alone() -> None:
    # The signs of nianticlabs/spz from RDF to RUB: y and z turn round.
    splats = some_splats(5, 3)
    moved = change_frame(splats, "rdf", "rub")
    signs = moved.sh_rest[0, :, 0] / splats.sh_rest[0, :, 0]
    y, z = -1, -1
    assert signs.tolist() == [y, z, 1, y, y * z, 1, z, 1, y, y * z, y, z, 1, z, 1]
    assert (moved.rotation / splats.rotation)[0].tolist() == [1, y * z, z, y]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(-1, 1), min_size=9, max_size=9), st.integers(1, 3))
def test_any_rotation_of_coefficients(numbers: list[float], degree: int) -> None:
    axes = np.linalg.qr(np.array(numbers).reshape(3, 3) + 2 * np.eye(3))[0]
    directions = some_directions()
    values = basis(directions, degree)[:, 1:]
    matrix = transform(axes, degree)
    assert np.allclose(basis(directions @ axes.T, degree)[:, 1:] @ matrix, values, atol=1e-9)
    assert np.allclose(matrix @ matrix.T, np.eye(len(matrix)), atol=1e-9)


def test_an_unspecified_frame_stays_as_it_is() -> None:
    splats = some_splats()
    assert change_frame(splats, "unspecified", "rub") is splats
    assert change_frame(splats, "rdf", "unspecified") is splats
    assert change_frame(splats, "rdf", "rdf") is splats


def test_a_frame_that_is_none() -> None:
    with pytest.raises(UsageError, match="no frame 'xyz'; use one of unspecified, rdf"):
        change_frame(some_splats(), "xyz", "rdf")
