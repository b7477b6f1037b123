"""Splats at another size: the integer process against its twin, against real numbers, and at its bounds (spec 8.4, 8.8)."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pgsvc import kernel, reference
from pgsvc.errors import BadStream, UsageError
from pgsvc.picture import Chroma, PictureFormat
from pgsvc.planar.scale import Shaped, at_size
from pgsvc.planar.splats import CHOLESKY, LOG_CHOLESKY, SplatSet, clip_shape, covered_samples, quadratic_form
from pgsvc.sizes import check_size, complete_size, is_renderable, level_sizes

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))
from splat_generator import GRIDS, extreme_factors, random_factors  # noqa: E402

CHANGES = [  # reference size, size
    ((768, 512), (384, 256)),
    ((768, 512), (12, 8)),
    ((768, 512), (767, 512)),
    ((768, 512), (48, 8192)),
    ((37, 23), (592, 368)),
    ((65535, 100), (1024, 1600)),
    ((65535, 65535), (65534, 65535)),
    ((767, 511), (700, 600)),
]
STEPS = [(256, 256), (512, 512), (512, 256)]


def cases(rng: np.random.Generator, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """position, factor, colour: random splats, extreme ones, and the largest factor of all."""
    parts = [random_factors(rng, 200, *size, 3), extreme_factors(rng, *size, 3)]
    position, factor, colour = (np.concatenate(p) for p in zip(*parts, strict=True))
    largest = 2**32 // 1448
    factor[:4] = [
        [largest, largest, 16 * largest],
        [largest, 1024, -16 * largest],
        [1024, largest, 0],
        [1024, 1024, -16384],
    ]
    return position, factor, colour


@pytest.mark.parametrize("steps", STEPS, ids=str)
@pytest.mark.parametrize(("old", "new"), CHANGES, ids=str)
def test_native_is_the_reference(old, new, steps) -> None:
    splats = cases(np.random.default_rng([*old, *new]), old)
    got = kernel.scale_splats(*splats, old, new, *steps, cpu="scalar")
    want = kernel.scale_splats(*splats, old, new, *steps, cpu="reference")
    for name, a, b in zip(("position", "form", "colour"), got, want, strict=True):
        differing = np.flatnonzero((a != b).any(axis=1))
        assert a.dtype == b.dtype and not differing.size, (
            f"{name} of splat {differing[0]}: {[s[differing[0]] for s in splats]}"
        )


@pytest.mark.parametrize("steps", STEPS, ids=str)
@pytest.mark.parametrize(("old", "new"), CHANGES, ids=str)
def test_bounds_of_the_specification(old, new, steps) -> None:
    """The lines of spec 8.8 about centres and forms."""
    position, form, _ = reference.scale_splats(*cases(np.random.default_rng(1), old), old, new, *steps)
    p, k, r = (form[:, i].astype(object) for i in range(3))
    det = p * r - k * k
    assert (det > 0).all() and (p * r < 275 * det).all()
    assert p.min() >= 2**4 and r.min() >= 1 and max(p.max(), r.max()) < 2**43.1
    assert np.abs(position).max() <= 2**27


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
@pytest.mark.parametrize("new", [(17, 9), (1, 1), (130, 40), (512, 8)], ids=str)
def test_the_sum_of_scaled_splats(grid, new) -> None:
    rng = np.random.default_rng([*new, *grid])
    for position, factor, colour in (random_factors(rng, 40, 64, 33, 2), extreme_factors(rng, 64, 33, 2)):
        splats = reference.scale_splats(position, factor, colour, (64, 33), new, grid[0], grid[1])
        shapes = [(2, *reference.octave_size(new[1], new[0], j)) for j in range(reference.OCTAVES)]
        want = tuple(rng.integers(-(2**15), 2**15, shape).astype(np.int16) for shape in shapes)
        for name in kernel.levels()[1:]:
            got = tuple(acc.copy() for acc in want)
            kernel.sum_i16(got, *splats, *grid, cpu=name, threads=2)
            expected = tuple(acc.copy() for acc in want)
            kernel.sum_i16(expected, *splats, *grid, cpu="reference")
            assert all((a == b).all() for a, b in zip(got, expected, strict=True)), name


# --- against real numbers ---------------------------------------------------------------------------------------------


def real_model(factor, old, new, steps):
    """P, K, R and the colour's divisor of the NOTE of spec 8.4, in double precision."""
    a, b, c = np.asarray(factor, float) / 2**20
    fx, fy = old[0] / new[0], old[1] / new[1]
    ux, uy = (max(0.0, f * f - 1) / 6 * (s / 256) ** 2 for f, s in zip((fx, fy), steps, strict=True))
    inverse = np.linalg.inv(np.array([[a, 0], [-c, b]]))
    sigma = inverse @ inverse.T
    blurred = sigma + np.diag([ux, uy])
    d = np.linalg.det(blurred) / np.linalg.det(sigma)
    scaled = np.linalg.inv(blurred) * np.outer((fx, fy), (fx, fy))
    return scaled, np.linalg.inv(scaled), d


SIDES = st.integers(64, 4000)
RATIOS = st.floats(-3, 6)  # of f, as powers of two


@settings(max_examples=300, deadline=None)
@given(
    SIDES,
    SIDES,
    RATIOS,
    RATIOS,
    st.sampled_from(STEPS),
    st.floats(-1.5, 9),
    st.floats(-1.5, 9),
    st.floats(-4, 4),
    st.integers(0, 2**32 - 1),
)
def test_the_weight_is_that_of_the_real_model(width, height, rx, ry, steps, log1, log3, skew, seed) -> None:
    """Within 2^-9 for every splat of at most 3000 samples of the new picture (spec 8.4)."""
    old = (width, height)
    new = (max(1, round(width / 2**rx)), max(1, round(height / 2**ry)))
    factor = np.array([[2 ** (20 - log1), 2 ** (20 - log3), skew * 2 ** (20 - log1)]]).astype(np.int32)
    scaled, covariance, d = real_model(factor[0], old, new, steps)
    if not is_renderable(old, new) or np.linalg.eigvalsh(covariance)[1] > 3000**2:
        return
    colour = np.array([[30000, -30000, 1]], np.int16)
    _, form, colours = kernel.scale_splats(np.zeros((1, 2), np.int32), factor, colour, old, new, *steps)
    rng = np.random.default_rng(seed)
    angle, radius = rng.uniform(0, 2 * np.pi, 200), rng.uniform(0, 2, 200)
    points = np.linalg.cholesky(covariance) @ (radius * np.stack([np.cos(angle), np.sin(angle)]))
    x, y = points
    p, k, r = form[0] / 2**32
    got, want = (
        p * x * x - 2 * k * x * y + r * y * y,
        scaled[0, 0] * x * x + 2 * scaled[0, 1] * x * y + scaled[1, 1] * y * y,
    )
    assert np.abs((1 - got / 4).clip(0) ** 2 - (1 - want / 4).clip(0) ** 2).max() < 2**-9
    assert np.abs(colours[0] - colour[0] / np.sqrt(d)).max() < 0.75


def test_positions_are_rounded_to_the_nearest() -> None:
    rng = np.random.default_rng(3)
    position, factor, colour = random_factors(rng, 500, 768, 512, 1)
    for new in ((100, 77), (1000, 999)):
        got = kernel.scale_splats(position, factor, colour, (768, 512), new, 256, 256)[0]
        assert np.abs(got - position * np.array(new) / (768, 512)).max() <= 0.5


@pytest.mark.parametrize("domain", [CHOLESKY, LOG_CHOLESKY])
def test_at_its_own_size_nothing_changes(domain) -> None:
    rng = np.random.default_rng(5)
    shape = clip_shape(rng.integers(-(2**16), 2**16, (50, 3)), domain)
    colour = rng.integers(-(2**15), 2**15, (50, 3)).astype(np.int16)
    splats = SplatSet(rng.integers(-99, 9999, (50, 2)).astype(np.int32), shape, colour, np.zeros(3, np.int16), domain)
    for group in PictureFormat(64, 48, Chroma.YUV420).plane_groups:
        position, form, own = at_size(Shaped.of(splats), (64, 48), (64, 48), group)
        assert (position == splats.position).all() and (own == colour[:, group.components]).all()
        assert (form == quadratic_form(splats.factor)).all()


# --- cost and bounds --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new"), [((96, 64), (48, 32)), ((96, 64), (2, 1)), ((96, 64), (95, 63)), ((40, 30), (90, 400))]
)
def test_covered_samples_bound_the_support(old, new) -> None:
    rng = np.random.default_rng(6)
    position, factor, _ = random_factors(rng, 60, *old, 1)
    splats = kernel.scale_splats(position, factor, np.full((60, 1), 32767, np.int16), old, new, 256, 256)
    for n in range(60):
        sums = kernel.empty_sums(1, new[1], new[0])
        for acc in sums:
            acc[:] = 0
        kernel.sum_i16(
            sums, splats[0][n : n + 1], splats[1][n : n + 1], np.full((1, 1), 32767, np.int16), *GRIDS["luma"]
        )
        bound = covered_samples(factor[n : n + 1], *old, new)
        assert sum(np.count_nonzero(acc) for acc in sums) <= bound
        if new[0] <= old[0]:
            assert bound <= covered_samples(factor[n : n + 1], *old)


def test_native_refuses_what_the_widths_do_not_cover() -> None:
    native = kernel.native()
    position, colour = np.zeros((1, 2), np.int32), np.zeros((1, 1), np.int16)
    out = np.zeros((1, 2), np.int32), np.zeros((1, 3), np.int64), np.zeros((1, 1), np.int16)
    good = np.array([[1024, 1024, 0]], np.int32)
    for factor, sizes in (
        ([[1023, 1024, 0]], (8, 8, 4, 4)),
        ([[1024, 2**22, 0]], (8, 8, 4, 4)),
        ([[1024, 1024, 16385]], (8, 8, 4, 4)),
        (good, (65, 8, 1, 8)),
        (good, (8, 8, 8, 129)),
        (good, (0, 8, 8, 8)),
        (good, (70000, 8, 8, 8)),
    ):
        with pytest.raises(ValueError, match=r"range|1\.\.65535|too much"):
            native.scale_splats(position, np.array(factor, np.int32), colour, *out, *sizes, 256, 256)


def test_sizes_that_are_asked_for() -> None:
    assert check_size((640, 480), (10, 8)) == (10, 8)
    assert check_size((640, 480), (10240, 7680)) == (10240, 7680)
    for size in ((9, 8), (640, 7681), (0, 8), (640, -1)):
        with pytest.raises(UsageError, match="out of range"):
            check_size((640, 480), size)
    with pytest.raises(UsageError, match="65535"):
        check_size((9000, 9000), (65536, 65536))
    assert complete_size(320, None, (640, 480)) == (320, 240)
    assert complete_size(None, 1, (640, 480)) == (1, 1)
    assert complete_size(None, 3, (1000, 1)) == (3000, 3)
    assert complete_size(7, 9, (640, 480)) == (7, 9)
    assert complete_size(None, None, (640, 480)) == (640, 480)


def test_level_sizes_of_a_header() -> None:
    header = {"width": 100, "height": 50, "layer_count": 2, "has_level_sizes": 0}
    assert level_sizes(header) == [(100, 50)] * 2

    def sized(*sizes: tuple[int, int]) -> list[tuple[int, int]]:
        listed = [{"level_width": w, "level_height": h} for w, h in sizes]
        return level_sizes(header | {"has_level_sizes": 1, "level_sizes": listed})

    assert sized((2, 1), (2, 50)) == [(2, 1), (2, 50)]
    for wrong in (
        ((1, 1), (2, 2)),
        ((2, 2), (101, 50)),
        ((50, 51), (100, 51)),
        ((50, 25), (49, 25)),
        ((50, 25), (50, 24)),
    ):
        with pytest.raises(BadStream) as caught:
            sized(*wrong)
        assert caught.value.clause == "6.1"
