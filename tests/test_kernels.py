"""Native kernels against their slow twins, checkasm-style: every instruction set, thread count and awkward size."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import numpy as np
import pytest

from pgsvc import kernel, reference
from pgsvc.errors import UsageError
from pgsvc.planar.splats import quadratic_form

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))
from splat_generator import GRIDS, extreme_splats, float_splats, random_factors, random_splats  # noqa: E402

native = kernel.native()
LEVELS = native.isa_levels()
SIZES = [(1, 1), (3, 5), (15, 4), (16, 3), (17, 6), (63, 9), (64, 8), (65, 7), (127, 5), (129, 11)]  # columns, rows
FLOAT_GRID = (1.0, 1.0, 0.5, 0.5)


def luma_size(size: tuple[int, int], grid: tuple[int, ...]) -> tuple[int, int]:
    return size[0] * grid[0] // 256, size[1] * grid[1] // 256


def blame(start: np.ndarray, splats, grid, isa: int, subtract: bool) -> str:
    """Which splat, alone, already differs."""
    for n, splat in enumerate(zip(*splats, strict=True)):
        want, got, one = start.copy(), start.copy(), [s[n : n + 1] for s in splats]
        reference.sum_i16(want, *one, *grid, subtract)
        native.sum_i16(got, *one, *grid, subtract, isa, 1)
        if (want != got).any():
            where = np.argwhere(want != got)
            state = f"position {splat[0]}, form {splat[1]}, colour {splat[2]}"
            return f"splat {n}: {state}; {len(where)} samples differ, the first at {where[0]}"
    return "no single splat differs"


def check_sum(rng: np.random.Generator, splats, size, grid, components: int) -> None:
    start = rng.integers(-(2**15), 2**15, (components, size[1], size[0])).astype(np.int16)
    for subtract in (False, True):
        want = start.copy()
        reference.sum_i16(want, *splats, *grid, subtract)
        for name in LEVELS:
            for threads in (1, 2, 3):
                got = start.copy()
                native.sum_i16(got, *splats, *grid, subtract, kernel.ISA[name], threads)
                if (got != want).any():
                    pytest.fail(f"{name}, {threads} threads, size {size}, grid {grid}, subtract {subtract}: "
                                + blame(start, splats, grid, kernel.ISA[name], subtract))  # fmt: skip


def literal(acc: np.ndarray, i: int, j: int, splat, grid) -> list[int]:
    """The letters of spec 8.5 and 8.6 for one sample and one splat, in Python integers, with no bounding box."""
    (cx, cy), (p, k, r), colour = (s.tolist() for s in splat)
    step_x, step_y, origin_x, origin_y = grid
    x, y = origin_x + i * step_x - cx, origin_y + j * step_y - cy
    before = acc[:, j, i].tolist()
    if (p * x * x - 2 * k * x * y + r * y * y) >> 24 > 12 * 2**24:
        return before
    i0 = (cx - origin_x) // step_x - 32
    i0 += (i - i0) // 64 * 64
    n, x0 = i - i0, origin_x + i0 * step_x - cx
    q0 = (p * x0 * x0 - 2 * k * x0 * y + r * y * y + 2**23) >> 24
    d1 = (p * (2 * x0 * step_x + step_x * step_x) - 2 * k * step_x * y + 2**23) >> 24
    d2 = (2 * p * step_x * step_x + 2**23) >> 24
    q = (q0 + n * d1 + n * (n - 1) // 2 * d2 + 2**31) % 2**32 - 2**31
    z = max(q, 0) >> 13
    h = 65535 - ((z * (32768 - ((z * 10923) >> 16))) >> 16)
    w = 65535 - ((z * h) >> 16)
    for _ in range(4):
        w = (w * w) >> 16
    return [(v + ((s * (w >> 1) + 2**14) >> 15) + 2**15) % 2**16 - 2**15 for v, s in zip(before, colour, strict=True)]


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
def test_reference_is_the_spec(grid) -> None:
    rng = np.random.default_rng([11, *grid])
    width, height = 150, 2
    parts = [make(*luma_size((width, height), grid)) for make in
             (lambda w, h: extreme_splats(rng, w, h, 2), lambda w, h: random_splats(rng, 20, w, h, 2))]  # fmt: skip
    want = np.zeros((2, height, width), np.int16)
    got = want.copy()
    touched = 0
    for splats in parts:
        for splat in zip(*splats, strict=True):
            before = want.copy()
            for j, i in np.ndindex(height, width):
                want[:, j, i] = literal(want, i, j, splat, grid)
            touched += bool((before != want).any())
        reference.sum_i16(got, *splats, *grid)
    assert touched > 20 and (got == want).all()


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_sum_random(size, grid) -> None:
    rng = np.random.default_rng([*size, *grid])
    components = 1 if grid[0] == 256 and size[0] % 2 else 3 if grid[0] == 256 else 2
    check_sum(rng, random_splats(rng, 40, *luma_size(size, grid), components), size, grid, components)


@pytest.mark.parametrize("components", [1, 2, 3])
@pytest.mark.parametrize("size", [(1, 1), (65, 7), (129, 33)], ids=str)
def test_sum_extreme(size, components) -> None:
    rng = np.random.default_rng([*size, components])
    for grid in (GRIDS["luma"], GRIDS["420-centre"]):
        check_sum(rng, extreme_splats(rng, *luma_size(size, grid), components), size, grid, components)


def test_sum_small_splats_at_every_phase() -> None:
    """Support ends that fall close to a sample: the estimate must give way to the exact test."""
    rng = np.random.default_rng(5)
    position, factor, colour = random_factors(rng, 400, 48, 33, 1, sigma=1.0)
    factor[:200, 2] = 0
    factor[:100, 0] = factor[:100, 1] = (2**20 * np.sqrt(12) / rng.integers(1, 9, 100)).astype(np.int32)
    position[:100] = rng.integers(0, 33, (100, 2)) * 256 + 128
    check_sum(rng, (position, quadratic_form(factor), colour), (48, 33), GRIDS["luma"], 1)


def test_subtract_restores() -> None:
    rng = np.random.default_rng(6)
    splats = random_splats(rng, 300, 200, 90, 3)
    start = rng.integers(-(2**15), 2**15, (3, 90, 200)).astype(np.int16)
    acc = start.copy()
    kernel.sum_i16(acc, *splats, *GRIDS["luma"])
    assert (acc != start).any()
    kernel.sum_i16(acc, *splats, *GRIDS["luma"], subtract=True)
    assert (acc == start).all()


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
    with pytest.raises(ValueError):
        native.sum_i16(np.zeros((1, 8, 8), np.int16), position, form, colour, *GRIDS["luma"], False, 9, 1)


def test_hostile_forms_stay_in_bounds() -> None:
    rng = np.random.default_rng(8)
    for count in range(1, 60):
        position = rng.integers(-(2**31), 2**31, (count, 2)).astype(np.int32) >> (count // 2)
        form = rng.integers(-(2**63), 2**63 - 1, (count, 3)) >> count
        for name in LEVELS:
            acc, colour = np.zeros((1, 9, 37), np.int16), np.ones((count, 1), np.int16)
            native.sum_i16(acc, position, form, colour, *GRIDS["luma"], False, kernel.ISA[name], 1)


def test_select(monkeypatch) -> None:
    monkeypatch.setenv("PGSVC_CPU", "scalar")
    assert kernel.select(None) == "scalar"
    monkeypatch.setenv("PGSVC_CPU", "z80")
    with pytest.raises(UsageError, match="reference, scalar"):
        kernel.select(None)
    assert kernel.select("reference") == "reference"
    monkeypatch.delenv("PGSVC_CPU")
    assert kernel.select(None) in kernel.levels()
    assert kernel.select(None, floats=True) in LEVELS


def test_missing_native_module_is_named(monkeypatch) -> None:
    def fail(name: str) -> None:
        raise ImportError(f"no {name} here")

    monkeypatch.setattr(kernel.importlib, "import_module", fail)
    monkeypatch.delenv("PGSVC_CPU", raising=False)
    kernel.native.cache_clear()
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
    t = q / 32
    return torch.where(q <= 12, (1 - t + t**2 / 2 - t**3 / 6) ** 16, 0.0)


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
        t = (u * u + v * v) / 32
        base = np.where(t <= 12 / 32, 1 - t + t**2 / 2 - t**3 / 6, 0)
        slope = base**15 * (-1 + t - t**2 / 2) / 2
        energy = (weights * colour[n].astype(float) ** 2).sum()
        steps = (-2 * a * u + 2 * c * v, -2 * b * v, 2 * u * dx, 2 * v * dy, -2 * v * dx)
        want[n] = [energy * ((slope * s) ** 2).sum() for s in steps] + [(base**32).sum()]
    close(got, want)
