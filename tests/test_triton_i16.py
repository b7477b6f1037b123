"""The integer sum in Triton: the bits of the reference, for every grid and the extremes of spec 8.8."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from on_triton import DEVICE, there, torch

from pgsvc import kernel, reference
from pgsvc.planar.splats import quadratic_form
from pgsvc_encoder.device import kernels_i16, octaves
from pgsvc_encoder.device.sum_i16 import IntegerSum, in_place_of_kernel, reach

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))
from splat_generator import GRIDS, extreme_splats, random_factors, random_splats  # noqa: E402

SUM = IntegerSum(DEVICE)


def check(rng: np.random.Generator, splats, size, grid, *, subtract: bool = False) -> None:
    _, _, colour = splats
    start = random_sums(rng, colour.shape[1], size)
    want, got = tuple(s.copy() for s in start), [torch.tensor(s, device=DEVICE) for s in start]
    reference.sum_i16(want, *splats, *grid, subtract)
    SUM(got, *there(*splats), grid, subtract=subtract)
    compare(got, want)
    assert any((w != s).any() for w, s in zip(want, start, strict=True))


def random_sums(rng: np.random.Generator, components: int, size: tuple[int, int]) -> tuple[np.ndarray, ...]:
    """Octaves of a plane group of this size, columns and rows."""
    shapes = ((components, *reference.octave_size(size[1], size[0], octave)) for octave in range(reference.OCTAVES))
    return tuple(rng.integers(-(2**15), 2**15, s).astype(np.int16) for s in shapes)


def compare(got, want: tuple[np.ndarray, ...]) -> None:
    """All octaves, and what they make together."""
    for octave, (ours, theirs) in enumerate(zip(got, want, strict=True)):
        wrong = np.argwhere(ours.cpu().numpy() != theirs)
        assert not len(wrong), f"{len(wrong)} samples of octave {octave} differ, the first at {wrong[0]}"
    assert (octaves.joined(got).cpu().numpy() == reference.joined(want)).all()


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
    """Several runs of 64 samples in one row, and a tile that two runs share; in octaves 1, 0 and 2.

    In octaves 1 and 2 a run that began where octave 0 has its origin would be another one.
    """
    rng = np.random.default_rng(4)
    position = np.array([[40 * 256 + 178, 300], [150 * 256, 128], [80 * 256 + 228, 3000]], np.int32)
    shapes = [(60, 3, 200), (25, 2, 2**20), (150, 8, 701)]
    form = quadratic_form(np.array([[2**20 // v for v in shape] for shape in shapes], np.int32))
    assert octaves.integer_octaves_of(torch.tensor(form), 256, 256).tolist() == [1, 0, 2]
    check(rng, (position, form, np.array([[9000], [-7000], [32767]], np.int16)), (200, 24), GRIDS["luma"])


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
    sums = [torch.ones(1, n, n, dtype=torch.int16, device=DEVICE) for n in (4, 2, 1, 1)]
    none = (
        torch.zeros(0, 2, dtype=torch.int32),
        torch.zeros(0, 3, dtype=torch.int64),
        torch.zeros(0, 1, dtype=torch.int16),
    )
    SUM(sums, *there(*none), GRIDS["luma"])
    assert all((acc == 1).all() for acc in sums)


def test_native_is_the_same() -> None:
    """A picture of several tiles with all kernels; the reference is too slow for more."""
    rng = np.random.default_rng(7)
    parts = [random_splats(rng, 12, 40, 33, 3, sigma=sigma) for sigma in (1.0, 3.0, 7.0, 16.0)]
    splats = [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]
    want = tuple(np.zeros_like(s) for s in random_sums(rng, 3, (40, 33)))
    got = [torch.tensor(w, device=DEVICE) for w in want]
    kernel.sum_i16(want, *splats, *GRIDS["luma"], threads=1)
    SUM(got, *there(*splats), GRIDS["luma"])
    compare(got, want)
    assert all(w.any() for w in want)


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
