"""Native kernels: choice, arguments, and the float ones against their slow twins; the normative sum is in test_sum.py."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import numpy as np
import pytest

from pgsvc import kernel, reference
from pgsvc.errors import UsageError

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))
from splat_generator import GRIDS, float_splats, random_splats  # noqa: E402

native = kernel.native()
LEVELS = native.isa_levels()
FLOAT_GRID = (1.0, 1.0, 0.5, 0.5)


def test_arguments_are_never_converted() -> None:
    rng = np.random.default_rng(7)
    position, form, colour = random_splats(rng, 4, 8, 8, 1)
    grid = (*GRIDS["luma"], False, 1, 1)
    with pytest.raises(TypeError):
        native.sum_i16(np.zeros((1, 8, 8), np.int32), position, form, colour, *grid)
    with pytest.raises(TypeError):
        native.sum_i16(np.zeros((1, 8, 16), np.int16)[:, :, ::2], position, form, colour, *grid)
    with pytest.raises(ValueError):
        native.sum_i16(np.zeros((2, 8, 8), np.int16), position, form, colour, *grid)
    for strides in ((128, 14, 2), (126, 16, 2), (128, -16, 2), (128, 1 << 20, 2), (-128, 16, 2)):
        two = np.lib.stride_tricks.as_strided(np.zeros(8, np.int16), (2, 8, 8), strides)  # refused before it is touched
        with pytest.raises(ValueError, match="overlap"):
            native.sum_i16(two, position, form, np.repeat(colour, 2, 1), *grid)
    with pytest.raises(ValueError):
        native.sum_i16(np.zeros((1, 8, 8), np.int16), position, form, colour, *GRIDS["luma"], False, 9, 1)


def test_select(monkeypatch) -> None:
    monkeypatch.setenv("PGSVC_CPU", "scalar")
    assert kernel.select(None) == "scalar"
    monkeypatch.setenv("PGSVC_CPU", "z80")
    with pytest.raises(UsageError, match="reference, scalar"):
        kernel.select(None)
    assert kernel.select("reference") == "reference"
    monkeypatch.delenv("PGSVC_CPU")
    assert kernel.select(None) == next(level for level in kernel.PREFERRED if level in LEVELS)


def test_missing_native_module_is_named(monkeypatch) -> None:
    def fail(name: str) -> None:
        raise ImportError(f"no {name} here")

    monkeypatch.setattr(kernel.importlib, "import_module", fail)
    monkeypatch.delenv("PGSVC_CPU", raising=False)
    kernel.native.cache_clear()
    kernel._native_levels.cache_clear()
    try:
        with pytest.raises(UsageError, match="no pgsvc._native here"):
            kernel.select(None)
        assert kernel.select("reference") == "reference"
    finally:
        kernel.native.cache_clear()


# ---- float training kernels ----


@pytest.fixture(params=[(isa, threads) for isa in LEVELS for threads in (1, 3)], ids=lambda p: f"{p[0]}-{p[1]}")
def how(request) -> tuple[int, int]:
    return kernel.ISA[request.param[0]], request.param[1]


def float_case(width: int, height: int, count: int, layers: int, components: int, scale: float = 1.0):
    rng = np.random.default_rng([width, height, count])
    geometry, colour = float_splats(rng, count, int(width * scale), int(height * scale), components, 3.0)
    starts = np.sort(np.append(rng.integers(0, count + 1, layers - 1), [0, count])).astype(np.int32)
    return rng, geometry, colour, starts


@pytest.mark.parametrize("size", [(1, 1), (5, 9), (16, 4), (67, 31)], ids=str)
@pytest.mark.parametrize("grid", [FLOAT_GRID, (2.0, 2.0, 0.5, 1.0)], ids=["luma", "chroma"])
def test_forward(how, size, grid) -> None:
    _, geometry, colour, starts = float_case(*size, 60, 3, 2, grid[0])
    got = np.ones((3, 2, size[1], size[0]), np.float32)
    want = got.astype(np.float64)
    native.f32_sums(got, geometry, colour, starts, *grid, *how)
    reference.f32_forward(want, geometry.astype(float), colour.astype(float), starts, *grid)
    off = np.abs(got - want) > 2e-4
    assert off.mean() < 1e-3 and np.abs(got - want).max() < 0.02, np.argwhere(off)[:5]  # the support edge may flip


def dense(geometry, colour, width: int, height: int, torch):
    """[N, H, W] weights in torch, double precision; colour only gives the type."""
    x, y, a, b, c = (g[:, None, None] for g in geometry.unbind(1))
    dx = torch.arange(width, dtype=torch.float64)[None, None, :] + 0.5 - x
    dy = torch.arange(height, dtype=torch.float64)[None, :, None] + 0.5 - y
    u, v = a * dx, b * dy - c * dx
    q = u * u + v * v
    return (1 - q / 4).clamp(min=0) ** 2


def close(got: np.ndarray, want: np.ndarray, tolerance: float = 2e-3) -> None:
    scale = np.abs(want).max(axis=0, keepdims=True) + 1e-6
    worst = np.unravel_index(np.argmax(np.abs(got - want) / scale), got.shape)
    ok = np.abs(got - want) <= tolerance * scale
    assert ok.all(), f"splat, column {worst}: {got[worst]} instead of {want[worst]}"


STEP_SIZES = [(7, 6), (45, 30), (300, 90), (530, 17)]  # in one tile and in several, the last one narrow


@pytest.mark.parametrize("size", STEP_SIZES, ids=str)
@pytest.mark.parametrize("extras", [False, True], ids=["plain", "map-and-given"])
def test_step(how, size, extras) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'pgsvc[encoder]'")
    rng, geometry, colour, starts = float_case(*size, 50, 2, 3)
    target = rng.normal(size=(3, size[1], size[0])).astype(np.float32)
    weight = rng.uniform(0.2, 1, (2, 3)).astype(np.float32)
    factor = rng.uniform(0.5, 2, target.shape[1:]).astype(np.float32) if extras else None
    given = rng.normal(size=(2, *target.shape)).astype(np.float32) if extras else None
    g, col = (torch.tensor(a, dtype=torch.float64, requires_grad=True) for a in (geometry, colour))
    w = dense(g, col, *size, torch)
    layers = [torch.einsum("nhw,nc->chw", w[a:b], col[a:b]) for a, b in itertools.pairwise(starts.tolist())]
    if given is not None:
        layers = [layer + torch.tensor(part, dtype=torch.float64) for layer, part in zip(layers, given, strict=True)]
    squares = (torch.stack(layers).cumsum(0) - torch.tensor(target, dtype=torch.float64)) ** 2
    if factor is not None:
        squares = squares * torch.tensor(factor, dtype=torch.float64)
    want = squares.sum((2, 3))
    (want * torch.tensor(weight, dtype=torch.float64)).sum().backward()
    sse = np.full((2, 3), 7.0)
    grad_geometry, grad_colour = torch.zeros(50, 5), torch.zeros(50, 3)  # torch tensors are taken as they are
    for _ in range(2):  # gradients add
        native.f32_step(
            geometry, colour, starts, torch.tensor(target), weight, factor, given, sse, grad_geometry, grad_colour,
            *FLOAT_GRID, *how,
        )  # fmt: skip
    np.testing.assert_allclose(sse, want.detach().numpy(), rtol=1e-3)
    close(grad_geometry.numpy() / 2, g.grad.numpy())
    close(grad_colour.numpy() / 2, col.grad.numpy())


def test_step_does_not_depend_on_threads() -> None:
    rng, geometry, colour, starts = float_case(600, 200, 400, 3, 3)
    target = rng.normal(size=(3, 200, 600)).astype(np.float32)
    weight, found = np.ones((3, 3), np.float32), []
    for threads in (1, 2, 3):
        out = np.zeros((3, 3)), np.zeros_like(geometry), np.zeros_like(colour)
        native.f32_step(geometry, colour, starts, target, weight, None, None, *out, *FLOAT_GRID, 1, threads)
        found.append(b"".join(a.tobytes() for a in out))
    assert found[0] == found[1] == found[2]


def test_step_survives_hostile_splats() -> None:
    lost = [(np.nan, 3, 1, 1, 0), (3, np.inf, 1, 1, 0), (1e30, -1e30, 1, 1, 0), (-40, 3, 1, 1, 0)]
    shapeless = [
        (3, 3, a, b, c) for a, b, c in ((np.nan, 1, 0), (0, 1, 0), (-1, 1, 0), (1e-30, 1e-30, 1e30), (1e30, 1e30, 0))
    ]
    rows = lost + shapeless
    geometry = np.array(rows, np.float32)
    colour = np.ones((len(rows), 1), np.float32)
    starts, sse = np.array([0, len(rows)], np.int32), np.zeros((1, 1))
    for isa in LEVELS:
        how = (*FLOAT_GRID, kernel.ISA[isa], 1)
        planes = np.zeros((1, 1, 20, 33), np.float32)
        native.f32_sums(planes, geometry, colour, starts, *how)
        grads = np.zeros_like(geometry), np.zeros_like(colour)
        native.f32_step(geometry, colour, starts, planes[0], np.ones((1, 1), np.float32), None, None, sse, *grads, *how)


@pytest.mark.parametrize("size", [(7, 6), (45, 30)], ids=str)
def test_curvature(how, size) -> None:
    _, geometry, colour, _ = float_case(*size, 40, 1, 3)
    weights = np.array([1.0, 0.5, 0.25], np.float32)
    got = np.zeros((40, 6), np.float32)
    native.f32_curvature(geometry, colour, got, *size, weights, *FLOAT_GRID, *how)
    want = np.zeros((40, 6))
    for n, (x, y, a, b, c) in enumerate(geometry.astype(float).tolist()):
        dx, dy = np.arange(size[0])[None, :] + 0.5 - x, np.arange(size[1])[:, None] + 0.5 - y
        u, v = a * dx, b * dy - c * dx
        root = np.maximum(1 - (u * u + v * v) / 4, 0)
        slope = -root / 2
        energy = (weights * colour[n].astype(float) ** 2).sum()
        steps = (-2 * a * u + 2 * c * v, -2 * b * v, 2 * u * dx, 2 * v * dy, -2 * v * dx)
        want[n] = [energy * ((slope * s) ** 2).sum() for s in steps] + [(root**4).sum()]
    close(got, want)
