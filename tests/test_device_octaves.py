"""Octaves in torch, on a GPU where there is one: the reference's choice, its bits, and enlarging with its adjoint."""

from __future__ import annotations

import numpy as np
import pytest
from on_triton import doubling, there, torch

from pgsvc import reference
from pgsvc_encoder.device import octaves

SIZES = [(1, 1), (1, 2), (2, 1), (3, 5), (6, 7), (9, 4), (5, 16)]
GRIDS = [(256, 256, 128, 128), (512, 512, 128, 256), (512, 256, 256, 128)]  # Q8


def coarse(size: tuple[int, int]) -> tuple[int, int]:
    return reference.octave_size(*size, 1)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_enlarged(size) -> None:
    g = torch.Generator().manual_seed(1)
    values = torch.randn(2, 3, *coarse(size), generator=g, dtype=torch.float64)
    want = doubling(size[0]) @ values @ doubling(size[1]).T
    got = octaves.enlarged(*there(values), *size)
    torch.testing.assert_close(got.cpu(), want)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_gathered_is_the_adjoint(size) -> None:
    g = torch.Generator().manual_seed(2)
    values = torch.randn(2, *coarse(size), generator=g, dtype=torch.float64, requires_grad=True)
    gradient = torch.randn(2, *size, generator=g, dtype=torch.float64)
    octaves.enlarged(values, *size).backward(gradient)
    got = octaves.gathered(*there(gradient))
    assert got.is_contiguous()
    torch.testing.assert_close(got.cpu(), values.grad)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_bits_of_joined_sums(size) -> None:
    """Over all of int16, so that differences of neighbours and sums wrap."""
    rng = np.random.default_rng(size)
    shapes = [(3, *reference.octave_size(*size, octave)) for octave in range(reference.OCTAVES)]
    ends = np.array([-(2**15), -(2**15) + 1, 2**15 - 1, 2**15 - 2, 0], np.int16)
    for kind in (lambda s: rng.integers(-(2**15), 2**15, s).astype(np.int16), lambda s: rng.choice(ends, s)):
        sums = tuple(kind(s) for s in shapes)
        got = octaves.joined(there(*sums))
        assert got.dtype == torch.int16 and (got.cpu().numpy() == reference.joined(sums)).all()


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_grids_and_octaves(grid) -> None:
    for octave in range(reference.OCTAVES):
        want = tuple(v / 256 for v in reference.octave_grid(grid, octave))
        assert octaves.grid_in(tuple(v / 256 for v in grid), octave) == want
    steps = grid[:2]
    limits = [(1 << 47) >> 2 * octave for octave in range(1, reference.OCTAVES)]
    p = [limit // steps[0] ** 2 + more for limit in limits for more in (-1, 0, 1)]  # R of 0: P alone decides
    forms = np.array([*((v, 0, 0) for v in p), (2**43 + 2**39, 0, 2**43 + 2**39), (1, 0, 1)], np.int64)
    got = octaves.integer_octaves_of(*there(forms), *steps).tolist()
    assert got == [reference.octave_of(p, r, *steps) for p, _, r in forms.tolist()]
    assert got[:9] == [1, 1, 0, 2, 2, 1, 3, 3, 2] and got[9:] == [0, 3]


def test_octaves_of_floats() -> None:
    rng = np.random.default_rng(3)
    geometry = rng.normal(0, 1, (400, 5)) * np.exp2(-rng.uniform(0, 6, (400, 1)))
    got = octaves.octaves_of(*there(geometry), (2.0, 1.0, 0.0, 0.0))
    assert (got.cpu().numpy() == reference.f32_octaves(geometry, 2.0, 1.0)).all() and set(got.tolist()) == {0, 1, 2, 3}
    none = torch.zeros(2, 5)
    none[0, 2], none[1, 3] = float("nan"), float("inf")
    assert octaves.octaves_of(*there(none), (1.0, 1.0, 0.5, 0.5)).tolist() == [0, 0]
    exact = torch.tensor([[0, 0, 2.0**-j / 2, 2.0**-j / 2, 0] for j in range(5)])  # at the limit of each octave
    assert octaves.octaves_of(*there(exact), (1.0, 1.0, 0.5, 0.5)).tolist() == [0, 1, 2, 3, 3]
