"""The normative sum against its slow twin, checkasm-style: every instruction set, awkward sizes, shapes and places."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from pgsvc import kernel, reference
from pgsvc.planar.splats import quadratic_form
from pgsvc.reference import OCTAVES, QMAX, Sums, octave_grid, octave_of, octave_size

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))
from splat_generator import GRIDS, extreme_splats, factors, picture_splats, random_factors, random_splats  # noqa: E402

native = kernel.native()
LEVELS = native.isa_levels()
SIZES = [
    (1, 1),
    (3, 5),
    (7, 9),
    (8, 3),
    (9, 4),
    (15, 4),
    (16, 3),
    (17, 6),
    (21, 140),
    (63, 9),
    (64, 8),
    (65, 7),
    (127, 5),
    (129, 11),
]  # columns, rows


def luma_size(size: tuple[int, int], grid: tuple[int, ...]) -> tuple[int, int]:
    return size[0] * grid[0] // 256, size[1] * grid[1] // 256


def random_sums(rng: np.random.Generator, components: int, height: int, width: int) -> Sums:
    shapes = [(components, *octave_size(height, width, j)) for j in range(OCTAVES)]
    return tuple(rng.integers(-(2**15), 2**15, shape).astype(np.int16) for shape in shapes)


def copied(sums: Sums) -> Sums:
    return tuple(acc.copy() for acc in sums)


def differ(a: Sums, b: Sums) -> list[int]:
    """The octaves that are not the same."""
    return [j for j, (x, y) in enumerate(zip(a, b, strict=True)) if (x != y).any()]


def blame(start: Sums, splats, grid, isa: int, subtract: bool) -> str:
    """Which splat, alone, already differs."""
    for n, splat in enumerate(zip(*splats, strict=True)):
        want, got, one = copied(start), copied(start), [s[n : n + 1] for s in splats]
        reference.sum_i16(want, *one, *grid, subtract)
        native.sum_i16(got, *one, *grid, subtract, isa, 1)
        for octave in differ(want, got):
            where = np.argwhere(want[octave] != got[octave])
            state = f"position {splat[0]}, form {splat[1]}, colour {splat[2]}"
            return f"splat {n}: {state}; {len(where)} samples of octave {octave} differ, the first at {where[0]}"
    return "no single splat differs"


def check_sum(rng: np.random.Generator, splats, size, grid, components: int) -> None:
    start = random_sums(rng, components, size[1], size[0])
    for subtract in (False, True):
        want = copied(start)
        reference.sum_i16(want, *splats, *grid, subtract)
        for name in LEVELS:
            got = copied(start)
            native.sum_i16(got, *splats, *grid, subtract, kernel.ISA[name], 1)
            if differ(got, want):
                pytest.fail(f"{name}, size {size}, grid {grid}, subtract {subtract}: "
                            + blame(start, splats, grid, kernel.ISA[name], subtract))  # fmt: skip


def literal(acc: np.ndarray, i: int, j: int, splat, grid) -> list[int]:
    """The letters of spec 8.5 and 8.6 for one sample and one splat, in Python integers, with no bounding box."""
    (cx, cy), (p, k, r), colour = (s.tolist() for s in splat)
    step_x, step_y, origin_x, origin_y = grid
    x, y = origin_x + i * step_x - cx, origin_y + j * step_y - cy
    before = acc[:, j, i].tolist()
    if (p * x * x - 2 * k * x * y + r * y * y) >> 24 > 2**26 - 2**12:
        return before
    i0 = (cx - origin_x) // step_x - 32
    i0 += (i - i0) // 64 * 64
    n, x0 = i - i0, origin_x + i0 * step_x - cx
    q0 = (p * x0 * x0 - 2 * k * x0 * y + r * y * y + 2**23) >> 24
    d1 = (p * (2 * x0 * step_x + step_x * step_x) - 2 * k * step_x * y + 2**23) >> 24
    d2 = (2 * p * step_x * step_x + 2**23) >> 24
    q = (q0 + n * d1 + n * (n - 1) // 2 * d2 + 2**31) % 2**32 - 2**31
    s = (2**26 - 2**11 - q) >> 10
    assert 0 <= s < 2**16
    w = ((s * s) >> 16) >> 1
    return [(v + ((c * w + 2**14) >> 15) + 2**15) % 2**16 - 2**15 for v, c in zip(before, colour, strict=True)]


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
def test_reference_is_the_spec(grid) -> None:
    rng = np.random.default_rng([11, *grid])
    width, height = 150, 2
    parts = [make(*luma_size((width, height), grid)) for make in
             (lambda w, h: extreme_splats(rng, w, h, 2), lambda w, h: random_splats(rng, 20, w, h, 2))]  # fmt: skip
    want = kernel.empty_sums(2, height, width)
    for acc in want:
        acc[:] = 0
    got = copied(want)
    touched = np.zeros(OCTAVES, int)
    for splats in parts:
        for splat in zip(*splats, strict=True):
            octave = octave_of(*splat[1][::2].tolist(), *grid[:2])
            acc, own = want[octave], octave_grid(grid, octave)
            before = acc.copy()
            for j, i in np.ndindex(acc.shape[1:]):
                acc[:, j, i] = literal(acc, i, j, splat, own)
            touched[octave] += bool((before != acc).any())
        reference.sum_i16(got, *splats, *grid)
    assert touched.sum() > 20 and touched.all() and not differ(got, want)


def test_octaves_by_size() -> None:
    """Round splats of scale l, whose trace is 2 / l^2: octave j from 2·2^j on."""
    grid = GRIDS["luma"]
    for octave in range(1, OCTAVES):
        least = 2 * 2**octave
        for scale, want in ((least * 1.001, octave), (least * 0.999, octave - 1)):
            (form,) = quadratic_form(factors(np.log2([scale]), [0], np.log2([scale]))).tolist()
            assert octave_of(form[0], form[2], *grid[:2]) == want
            assert octave_of(form[0], form[2], 512, 512) == max(want - 1, 0)
    exact = 1 << 30  # P and R of a trace of 2^47
    for octave in range(OCTAVES):
        p = exact >> 2 * octave
        assert octave_of(p, p, 256, 256) == octave and octave_of(p + 1, p, 256, 256) == max(octave - 1, 0)
        assert octave_grid(grid, octave)[2] == 2**octave * 128 and octave_grid((512, 512, 128, 256), 1)[2:] == (
            384,
            512,
        )


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
    factor[:100, 0] = factor[:100, 1] = (2**20 * 2 / rng.integers(1, 9, 100)).astype(np.int32)
    position[:100] = rng.integers(0, 33, (100, 2)) * 256 + 128
    check_sum(rng, (position, quadratic_form(factor), colour), (48, 33), GRIDS["luma"], 1)


@pytest.mark.parametrize("components", [1, 2, 3])
def test_sum_every_width_and_place(components) -> None:
    """Rows of every length from every column on, up to and over the right border, in pictures narrower than a vector too."""
    rng = np.random.default_rng(components)
    for width in [*range(1, 42), 64, 80, 145]:
        count = 12
        size = rng.uniform(-1.5, 6, (2, count))
        place = rng.uniform(-0.3, 1.3, (count, 2)) * (width, 3) * 256
        place[::3, 0] = rng.uniform(width - 9, width + 9, 4) * 256
        form = quadratic_form(factors(size[0], rng.normal(0, 2, count).clip(-16, 16), size[1]))
        colour = rng.integers(-(2**15), 2**15, (count, components)).astype(np.int16)
        check_sum(rng, (place.astype(np.int32), form, colour), (width, 3), GRIDS["luma"], components)


@pytest.mark.parametrize("columns", [range(1, 70), range(70, 1700, 23), range(3600, 30000, 1700)], ids=str)
def test_sum_ends_on_samples(columns) -> None:
    """Ends of rows exactly on samples, just inside and just outside the support; up to forms of enlarged pictures."""
    rng = np.random.default_rng(9)
    limit = (QMAX + 1) << 24
    for n in columns:
        x = 256 * n
        inner = (limit - 1) // (x * x)  # the largest P of which column n is in the support
        form = np.array([[p, 0, max(p, 4096)] for p in (inner, inner + 1) if p >= 16])
        position = np.full((len(form), 2), 128 + 256 * 5, np.int32)
        position[:, 1] = 128 + 256
        both = np.concatenate([position, position + [256 * n, 0]]).astype(np.int32)
        colour = rng.integers(1000, 8000, (len(both), 1)).astype(np.int16)
        check_sum(rng, (both, np.concatenate([form, form]), colour), (n + 12, 2), GRIDS["luma"], 1)


def test_sum_needles() -> None:
    """One column a row, upright and slanted both ways, beside broad flat ones."""
    rng = np.random.default_rng(10)
    count = 120
    a, b = rng.choice([-1.5, -1.0, 0.0, 1.0], count), rng.choice([0.0, 4.0, 7.0], count)
    a[::4], b[::4] = rng.choice([5.0, 7.0, 10.0], 30), -1.5
    form = quadratic_form(factors(a, rng.choice([-16.0, -7.3, 0.0, 0.4, 16.0], count), b))
    position = (rng.uniform(-0.1, 1.1, (count, 2)) * (170, 75) * 256).astype(np.int32)
    colour = rng.choice(np.array([32767, -32768, 1, 0, -8000], np.int16), (count, 2))
    check_sum(rng, (position, form, colour), (170, 75), GRIDS["luma"], 2)


def test_splats_without_colour_add_nothing() -> None:
    rng = np.random.default_rng(12)
    position, form, colour = random_splats(rng, 60, 90, 40, 2)
    colour[::2] = 0
    colour[1::4, 0] = 0
    check_sum(rng, (position, form, colour), (45, 20), GRIDS["420-left"], 2)


@pytest.mark.parametrize("sign", [-1, 1])
def test_sum_faint_colours(sign) -> None:
    """Every magnitude whose parts round to 0 before the support ends, on broad slanted splats with samples at all distances."""
    rng = np.random.default_rng(15)
    colour = np.zeros((260, 2), np.int16)
    colour[np.arange(260), rng.integers(0, 2, 260)] = sign * np.arange(260)
    form = quadratic_form(factors(rng.uniform(1, 5, 260), rng.normal(0, 1, 260), rng.uniform(1, 5, 260)))
    position = (rng.uniform(-0.1, 1.1, (260, 2)) * (96, 70) * 256).astype(np.int32)
    check_sum(rng, (position, form, colour), (96, 70), GRIDS["luma"], 2)
    for n in range(0, 260, 7):  # one alone: nothing is made up for by another
        one = (position[n : n + 1], form[n : n + 1], colour[n : n + 1])
        check_sum(rng, one, (96, 70), GRIDS["luma"], 2)


@pytest.mark.parametrize(("rows", "rounds"), [(160, 80), (4000, 5)])
@pytest.mark.parametrize("name", [name for name in LEVELS if name != "scalar"])
def test_narrow_splats_that_lean_are_whole(name, rows, rounds) -> None:
    """Vectors have strips that follow a splat from row to row: none may miss a sample of it, nor at the end of thousands of rows.

    So many are needed that the scalar kernel, which finds the ends of every row, stands for the reference.
    """
    rng = np.random.default_rng(15)
    for _ in range(rounds):
        half, height = (
            rng.uniform(0.5, 7.2, 2000),
            rng.uniform(rows / 20, rows / 2, 2000),
        )  # columns of half a row; rows
        tilt = rng.uniform(-30, 30, 2000) / height
        p = (QMAX + 1) * 2.0**24 / (256 * half) ** 2
        r = (QMAX + 1) * 2.0**24 / (256 * height) ** 2 + tilt**2 * p
        form = np.stack([p, tilt * p, r], 1).astype(np.int64)
        position = (rng.uniform(0, 256, (2000, 2)) * (160, rows)).astype(np.int32)
        colour = rng.integers(-(2**15), 2**15, (2000, 1)).astype(np.int16)
        start = random_sums(rng, 1, rows, 160)
        want, got = copied(start), copied(start)
        native.sum_i16(want, position, form, colour, *GRIDS["luma"], False, kernel.ISA["scalar"], 1)
        native.sum_i16(got, position, form, colour, *GRIDS["luma"], False, kernel.ISA[name], 1)
        assert not differ(got, want)


@pytest.mark.parametrize("name", LEVELS)
def test_threads_change_nothing(name) -> None:
    """Enough work for several threads, each with its own rows."""
    rng = np.random.default_rng(13)
    many = picture_splats(rng, 4000, 700, 333, 3, (1.5, 1.0), 2.0)
    large = random_splats(rng, 300, 700, 333, 3)
    splats = [np.concatenate(parts) for parts in zip(many, large, extreme_splats(rng, 700, 333, 3), strict=True)]
    want = random_sums(rng, 3, 333, 700)
    start = copied(want)
    native.sum_i16(want, *splats, *GRIDS["luma"], False, kernel.ISA[name], 1)
    for threads in (2, 3, 7):
        got = copied(start)
        native.sum_i16(got, *splats, *GRIDS["luma"], False, kernel.ISA[name], threads)
        assert not differ(got, want), f"{threads} threads: octaves {differ(got, want)}"


@pytest.mark.parametrize("shape", [(3, 31, 256), (2, 1, 40), (1, 70, 33)], ids=str)
def test_rows_may_lie_apart(shape) -> None:
    """Between rows and planes nothing is changed."""
    rng = np.random.default_rng(14)
    splats = random_splats(rng, 80, shape[2], shape[1], shape[0])
    sizes = [octave_size(*shape[1:], j) for j in range(OCTAVES)]
    wider = [(shape[0], rows + 3, columns + 5) for rows, columns in sizes]
    start = tuple(rng.integers(-(2**15), 2**15, size).astype(np.int16) for size in wider)
    want, part = copied(start), np.s_[:, 1:-2, 3:-2]
    reference.sum_i16(tuple(acc[part] for acc in want), *splats, *GRIDS["luma"])
    for name in LEVELS:
        got = copied(start)
        parts = tuple(acc[part] for acc in got)
        native.sum_i16(parts, *splats, *GRIDS["luma"], False, kernel.ISA[name], 1)
        assert not differ(got, want), name
    assert [acc.shape for acc in kernel.empty_sums(*shape)] == [(shape[0], *size) for size in sizes]


def test_subtract_restores() -> None:
    rng = np.random.default_rng(6)
    splats = random_splats(rng, 300, 200, 90, 3)
    start = random_sums(rng, 3, 90, 200)
    sums = copied(start)
    kernel.sum_i16(sums, *splats, *GRIDS["luma"])
    assert differ(sums, start) == list(range(OCTAVES))
    kernel.sum_i16(sums, *splats, *GRIDS["luma"], subtract=True)
    assert not differ(sums, start)


def test_hostile_forms_stay_in_bounds() -> None:
    rng = np.random.default_rng(8)
    for count in range(1, 60):
        position = rng.integers(-(2**31), 2**31, (count, 2)).astype(np.int32) >> (count // 2)
        form = rng.integers(-(2**63), 2**63 - 1, (count, 3)) >> count
        for name in LEVELS:
            sums, colour = random_sums(rng, 1, 9, 37), np.ones((count, 1), np.int16)
            native.sum_i16(sums, position, form, colour, *GRIDS["luma"], False, kernel.ISA[name], 1)
