"""The integer sum in Triton: the bits of the reference, for every grid and the extremes of spec 8.8."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from on_triton import DEVICE, there, torch

from pgsvc import kernel, reference
from pgsvc.planar.splats import quadratic_form
from pgsvc_encoder.device import kernels_i16
from pgsvc_encoder.device.sum_i16 import IntegerSum, in_place_of_kernel, reach

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))
from splat_generator import GRIDS, extreme_splats, random_factors, random_splats  # noqa: E402

SUM = IntegerSum(DEVICE)


def check(rng: np.random.Generator, splats, size, grid, *, subtract: bool = False) -> None:
    position, form, colour = splats
    start = rng.integers(-(2**15), 2**15, (colour.shape[1], size[1], size[0])).astype(np.int16)
    want, got = start.copy(), torch.tensor(start, device=DEVICE)
    reference.sum_i16(want, *splats, *grid, subtract)
    SUM(got, *there(*splats), grid, subtract=subtract)
    wrong = np.argwhere(got.cpu().numpy() != want)
    assert not len(wrong), f"{len(wrong)} samples differ, the first at {wrong[0]}"
    assert (want != start).any()


def luma_size(size: tuple[int, int], grid: tuple[int, ...]) -> tuple[int, int]:
    return size[0] * grid[0] // 256, size[1] * grid[1] // 256


@pytest.mark.parametrize("subtract", [False, True], ids=["add", "subtract"])
@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
def test_random(grid, subtract) -> None:
    rng = np.random.default_rng([subtract, *grid])
    size, components = (45, 20), 3 if grid[0] == 256 else 2
    check(rng, random_splats(rng, 12, *luma_size(size, grid), components), size, grid, subtract=subtract)


@pytest.mark.parametrize("size", [(1, 1), (66, 9)], ids=str)
@pytest.mark.parametrize("name", ["luma", "420-centre"])
def test_extreme(size, name) -> None:
    rng = np.random.default_rng(size)
    grid = GRIDS[name]
    check(rng, extreme_splats(rng, *luma_size(size, grid), 1), size, grid)


def test_runs_of_a_wide_row() -> None:
    """Several runs of 64 samples in one row, and a tile that two runs share."""
    rng = np.random.default_rng(4)
    position = np.array([[40 * 256 + 77, 300], [150 * 256, 128]], np.int32)
    form = quadratic_form(np.array([[2**20 // 60, 2**20 // 3, 2**20 // 200], [2**20 // 25, 2**20 // 2, 0]], np.int32))
    check(rng, (position, form, np.array([[9000], [-7000]], np.int16)), (200, 3), GRIDS["luma"])


def test_small_splats_at_every_phase() -> None:
    rng = np.random.default_rng(5)
    position, factor, colour = random_factors(rng, 60, 30, 30, 1, sigma=1.0)
    position[:30] = rng.integers(0, 30, (30, 2)) * 256 + 128
    check(rng, (position, quadratic_form(factor), colour), (30, 30), GRIDS["luma"])


def test_every_weight() -> None:
    """The polynomial in unsigned 32 bits, over all x of Q11 and what lies below 0."""
    import triton
    import triton.language as tl

    @triton.jit
    def all_weights(q, out, N: tl.constexpr):
        i = tl.arange(0, N)
        tl.store(out + i, kernels_i16.weight(tl.load(q + i)))

    q = torch.arange(-2048, -2048 + 2048 * 32768, 2048, dtype=torch.int32, device=DEVICE) + 1023
    out = torch.zeros_like(q)
    all_weights[(1,)](q, out, N=len(q))
    x, got = q.cpu().numpy().astype(np.int64), out.cpu().numpy()
    used = x <= reference.QMAX + 2**11  # spec 8.8
    assert len(q) == 2**15 and (got[used] == reference.weight(x[used])).all()


def test_the_form_fits_in_reach() -> None:
    """Within the box that the kernel looks at, the form and its parts stay inside 64 bits for the extremes of spec 8.8."""
    rng = np.random.default_rng(6)
    for make in (lambda: extreme_splats(rng, 64, 64, 1), lambda: random_splats(rng, 200, 64, 64, 1)):
        _, form, _ = make()
        for (p, k, r), (wide, high) in zip(form.tolist(), reach(torch.tensor(form)).tolist(), strict=True):
            det, limit = p * r - k * k, (reference.QMAX + 1) << 24
            assert wide**2 * det >= limit * r and high**2 * det >= limit * p  # no sample of the support is left out
            assert p * wide**2 + 2 * abs(k) * wide * high + r * high**2 < 2**63


def test_empty() -> None:
    acc = torch.ones(1, 4, 4, dtype=torch.int16)
    none = (
        torch.zeros(0, 2, dtype=torch.int32),
        torch.zeros(0, 3, dtype=torch.int64),
        torch.zeros(0, 1, dtype=torch.int16),
    )
    SUM(acc, *none, GRIDS["luma"])
    assert (acc == 1).all()


def test_native_is_the_same() -> None:
    """A picture of several tiles with all kernels; the reference is too slow for more."""
    rng = np.random.default_rng(7)
    splats = random_splats(rng, 40, 40, 33, 3, sigma=3.0)
    want = np.zeros((3, 33, 40), np.int16)
    got = torch.tensor(want, device=DEVICE)
    kernel.sum_i16(want, *splats, *GRIDS["luma"], threads=1)
    SUM(got, *there(*splats), GRIDS["luma"])
    assert (got.cpu().numpy() == want).all() and want.any()


def test_a_stream_decodes_to_its_hashes(monkeypatch) -> None:
    """The decoder with this sum in place of its own: a key frame and predicted ones."""
    import pgsvc

    calls = []
    whole = in_place_of_kernel(SUM)
    monkeypatch.setattr(kernel, "sum_i16", lambda *a, **k: (calls.append(1), whole(*a, **k)))
    name = Path(__file__).parents[1] / "conformance/valid/09-video-predicted.pgs"
    with pgsvc.open(name) as stream:
        assert sum(1 for _ in stream.frames(0, 0, 3, check_hash=True)) == 3
    assert calls
