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
    good = kernel.empty_sums(1, 8, 8)
    native.sum_i16(good, position, form, colour, *grid)
    for wrong in (good[:3], (*good, good[3]), good[0]):
        with pytest.raises(TypeError):
            native.sum_i16(wrong, position, form, colour, *grid)
    with pytest.raises(TypeError):
        native.sum_i16((np.zeros((1, 8, 8), np.int32), *good[1:]), position, form, colour, *grid)
    with pytest.raises(TypeError):
        native.sum_i16((np.zeros((1, 8, 16), np.int16)[:, :, ::2], *good[1:]), position, form, colour, *grid)
    with pytest.raises(ValueError):
        native.sum_i16(kernel.empty_sums(2, 8, 8), position, form, colour, *grid)
    for octave in range(1, 4):
        with pytest.raises(ValueError, match="half the rows"):
            native.sum_i16((*good[:octave], good[octave - 1], *good[octave + 1 :]), position, form, colour, *grid)
    for strides in ((128, 14, 2), (126, 16, 2), (128, -16, 2), (128, 1 << 20, 2), (-128, 16, 2)):
        two = np.lib.stride_tricks.as_strided(np.zeros(8, np.int16), (2, 8, 8), strides)  # refused before it is touched
        with pytest.raises(ValueError, match="overlap"):
            native.sum_i16((two, *kernel.empty_sums(2, 8, 8)[1:]), position, form, np.repeat(colour, 2, 1), *grid)
    with pytest.raises(ValueError):
        native.sum_i16(good, position, form, colour, *GRIDS["luma"], False, 9, 1)


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
    """Splats of all octaves, some in two layers of three empty."""
    rng = np.random.default_rng([width, height, count])
    geometry, colour = float_splats(rng, count, int(width * scale), int(height * scale), components, 3.0)
    geometry[:, 2:] *= rng.choice([1, 0.5, 0.2, 0.07], (count, 1)).astype(np.float32)
    starts = np.sort(np.append(rng.integers(0, count + 1, layers - 1), [0, count])).astype(np.int32)
    return rng, geometry, colour, starts


def in_octave(geometry: np.ndarray, octave: int) -> np.ndarray:
    """The same splats, of a size that belongs to an octave; the last one is about as large as 30 samples."""
    trace = (geometry[:, 2:].astype(float) ** 2).sum(1)
    geometry = geometry.copy()
    geometry[:, 2:] *= np.sqrt(0.3 / 4**octave / trace)[:, None]
    assert (reference.f32_octaves(geometry.astype(float), 1, 1) == octave).all()
    return geometry


@pytest.mark.parametrize("size", [(1, 1), (5, 9), (16, 4), (67, 31), (301, 131), (550, 18)], ids=str)
@pytest.mark.parametrize("grid", [FLOAT_GRID, (2.0, 2.0, 0.5, 1.0)], ids=["luma", "chroma"])
def test_forward(how, size, grid) -> None:
    _, geometry, colour, starts = float_case(*size, 60, 3, 2, grid[0])
    got = np.ones((3, 2, size[1], size[0]), np.float32)
    want = got.astype(np.float64)
    native.f32_sums(got, geometry, colour, starts, *grid, *how)
    reference.f32_forward(want, geometry.astype(float), colour.astype(float), starts, *grid)
    off = np.abs(got - want) > 2e-4
    assert off.mean() < 1e-3 and np.abs(got - want).max() < 0.02, np.argwhere(off)[:5]  # the support edge may flip


@pytest.mark.parametrize("octave", range(reference.OCTAVES))
def test_forward_of_one_octave(how, octave) -> None:
    """Every sample of several tiles, which the support's edge may not hide."""
    _, geometry, colour, _ = float_case(531, 139, 25, 1, 1)
    geometry, starts = in_octave(geometry, octave), np.array([0, 12, 25], np.int32)
    got, want = np.zeros((2, 1, 139, 531), np.float32), np.zeros((2, 1, 139, 531))
    native.f32_sums(got, geometry, colour, starts, *FLOAT_GRID, *how)
    reference.f32_forward(want, geometry, colour, starts, *FLOAT_GRID)
    np.testing.assert_allclose(got, want, atol=2e-4)


def dense(geometry, colour, starts, size: tuple[int, int], torch):
    """Sums [K, C, H, W] in torch, double precision, which are differentiated by geometry and colour."""
    octaves = torch.tensor(reference.f32_octaves(geometry.detach().numpy(), 1, 1))
    layers = []
    for first, last in itertools.pairwise(starts.tolist()):
        total = None
        for octave in reversed(range(reference.OCTAVES)):
            step, (height, width) = 2.0**octave, reference.octave_size(size[1], size[0], octave)
            rows = torch.arange(first, last)[octaves[first:last] == octave]
            x, y, a, b, c = (g[:, None, None] for g in geometry[rows].unbind(1))
            dx = step * (torch.arange(width, dtype=torch.float64)[None, None, :] + 0.5) - x
            dy = step * (torch.arange(height, dtype=torch.float64)[None, :, None] + 0.5) - y
            u, v = a * dx, b * dy - c * dx
            own = torch.einsum("nhw,nc->chw", (1 - (u * u + v * v) / 4).clamp(min=0) ** 2, colour[rows])
            if total is None:
                total = own
            else:  # a bilinear resize by two has the same weights, and repeats the border
                large = torch.nn.functional.interpolate(total[None], scale_factor=2, mode="bilinear")[0]
                total = own + large[:, :height, :width]
        layers.append(total)
    return torch.stack(layers)


def close(got: np.ndarray, want: np.ndarray, tolerance: float = 2e-3) -> None:
    scale = np.abs(want).max(axis=0, keepdims=True) + 1e-6
    worst = np.unravel_index(np.argmax(np.abs(got - want) / scale), got.shape)
    ok = np.abs(got - want) <= tolerance * scale
    assert ok.all(), f"splat, column {worst}: {got[worst]} instead of {want[worst]}"


STEP_SIZES = [(1, 1), (7, 6), (45, 30), (300, 90), (530, 17)]  # in one tile and in several, the last one narrow


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
    layers = dense(g, col, starts, size, torch)
    if given is not None:
        layers = layers + torch.tensor(given, dtype=torch.float64)
    squares = (layers.cumsum(0) - torch.tensor(target, dtype=torch.float64)) ** 2
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


@pytest.mark.parametrize("octave", range(reference.OCTAVES))
@pytest.mark.parametrize("size", [(45, 31), (300, 130)], ids=str)
def test_backward_of_one_octave(how, size, octave) -> None:
    """Nothing in octave 0, or nothing in the others; the gradient by single samples, many of them at the border."""
    torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'pgsvc[encoder]'")
    rng, geometry, colour, starts = float_case(*size, 30, 2, 1)
    geometry = in_octave(geometry, octave)
    gradient = np.zeros((2, 1, size[1], size[0]), np.float32)
    for y, x in itertools.product((0, 1, 2, 15, 16, 62, 63, 64, 65, size[1] - 1), (0, 1, 127, 128, 160, size[0] - 1)):
        if y < size[1] and x < size[0]:
            gradient[:, :, y, x] = rng.normal(size=(2, 1))
    g, col = (torch.tensor(a, dtype=torch.float64, requires_grad=True) for a in (geometry, colour))
    (dense(g, col, starts, size, torch) * torch.tensor(gradient)).sum().backward()
    got = np.zeros_like(geometry), np.zeros_like(colour)
    native.f32_backward(gradient, geometry, colour, starts, *got, *FLOAT_GRID, *how)
    close(got[0], g.grad.numpy())
    close(got[1], col.grad.numpy())


@pytest.mark.parametrize("layers", [1, 3, 4, 9])
def test_step_is_made_of_sums_and_backward(how, layers) -> None:
    rng, geometry, colour, starts = float_case(419, 203, 150, layers, 2)
    target = rng.normal(size=(2, 203, 419)).astype(np.float32)
    weight, sse = rng.uniform(0.2, 1, (layers, 2)).astype(np.float32), np.zeros((layers, 2))
    got, want = ((np.zeros_like(geometry), np.zeros_like(colour)) for _ in range(2))
    native.f32_step(geometry, colour, starts, target, weight, None, None, sse, *got, *FLOAT_GRID, *how)
    sums = np.zeros((layers, *target.shape), np.float32)
    native.f32_sums(sums, geometry, colour, starts, *FLOAT_GRID, *how)
    errors = sums.cumsum(0) - target
    gradient = (2 * weight[:, :, None, None] * errors)[::-1].cumsum(0)[::-1]
    native.f32_backward(np.ascontiguousarray(gradient), geometry, colour, starts, *want, *FLOAT_GRID, *how)
    np.testing.assert_allclose(sse, (errors.astype(float) ** 2).sum((2, 3)), rtol=1e-5)
    close(got[0], want[0], 1e-4)
    close(got[1], want[1], 1e-4)


@pytest.mark.parametrize("octaves", [None, 0, 3])
def test_nothing_depends_on_threads(octaves) -> None:
    rng, geometry, colour, starts = float_case(600, 200, 400, 3, 3)
    if octaves is not None:
        geometry = in_octave(geometry, octaves)
    target = rng.normal(size=(3, 200, 600)).astype(np.float32)
    weight, found = np.ones((3, 3), np.float32), []
    for threads in (1, 2, 3):
        how = (*FLOAT_GRID, 1, threads)
        out = [np.zeros(s, np.float32) for s in ((3, 3, 200, 600), (400, 5), (400, 3), (400, 5), (400, 3), (400, 6))]
        sse = np.zeros((3, 3))
        native.f32_sums(out[0], geometry, colour, starts, *how)
        native.f32_backward(out[0], geometry, colour, starts, *out[1:3], *how)
        native.f32_step(geometry, colour, starts, target, weight, None, None, sse, *out[3:5], *how)
        native.f32_curvature(geometry, colour, out[5], 600, 200, weight[0], *how)
        found.append(b"".join(a.tobytes() for a in (*out, sse)))
    assert found[0] == found[1] == found[2]


def test_what_was_not_finite_is_forgotten(how) -> None:
    """Work space is used again."""
    _, geometry, colour, starts = float_case(301, 150, 90, 2, 1)
    ones = np.ones((2, 1, 150, 301), np.float32)

    def everything(colour: np.ndarray) -> list[np.ndarray]:
        out = [np.zeros(s, np.float32) for s in ((90, 5), (90, 1), (90, 5), (90, 1))]
        native.f32_backward(ones, geometry, colour, starts, *out[:2], *FLOAT_GRID, *how)
        weight, sse = np.ones((2, 1), np.float32), np.zeros((2, 1))
        native.f32_step(geometry, colour, starts, ones[0], weight, None, None, sse, *out[2:], *FLOAT_GRID, *how)
        return [*out, sse]

    before = everything(colour)
    everything(np.full_like(colour, np.nan))
    for a, b in zip(before, everything(colour), strict=True):
        np.testing.assert_array_equal(a, b)


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
    """Each splat in its own octave, where it counts for as many samples as one of them stands for."""
    _, geometry, colour, _ = float_case(*size, 40, 1, 3)
    weights = np.array([1.0, 0.5, 0.25], np.float32)
    got = np.zeros((40, 6), np.float32)
    native.f32_curvature(geometry, colour, got, *size, weights, *FLOAT_GRID, *how)
    want, octaves = np.zeros((40, 6)), reference.f32_octaves(geometry.astype(float), 1, 1)
    assert set(octaves) == set(range(reference.OCTAVES))
    for n, (x, y, a, b, c) in enumerate(geometry.astype(float).tolist()):
        step, (height, width) = 2.0 ** octaves[n], reference.octave_size(size[1], size[0], octaves[n])
        dx = step * (np.arange(width)[None, :] + 0.5) - x
        dy = step * (np.arange(height)[:, None] + 0.5) - y
        u, v = a * dx, b * dy - c * dx
        root = np.maximum(1 - (u * u + v * v) / 4, 0)
        slope = -root / 2
        energy = (weights * colour[n].astype(float) ** 2).sum()
        steps = (-2 * a * u + 2 * c * v, -2 * b * v, 2 * u * dx, 2 * v * dy, -2 * v * dx)
        want[n] = [energy * ((slope * s) ** 2).sum() for s in steps] + [(root**4).sum()]
        want[n] *= step**2
    close(got, want)


def test_curvature_is_about_that_of_the_enlarged_sums(how) -> None:
    _, geometry, colour, _ = float_case(200, 200, 40, 1, 1)
    geometry, colour = in_octave(geometry, 2), np.ones_like(colour)
    geometry[:, :2] = 60 + 0.4 * geometry[:, :2]
    got, layers = np.zeros((40, 6), np.float32), np.zeros((40, 1, 200, 200), np.float32)
    native.f32_curvature(geometry, colour, got, 200, 200, np.ones(1, np.float32), *FLOAT_GRID, *how)
    native.f32_sums(layers, geometry, colour, np.arange(41, dtype=np.int32), *FLOAT_GRID, *how)
    np.testing.assert_allclose(got[:, 5], (layers.astype(float) ** 2).sum((1, 2, 3)), rtol=0.35)
