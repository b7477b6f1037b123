"""Pictures at other sizes against area averages of the full-size picture: edges stay where they are, at every phase (spec 8.4).

A low-pass of a splat is not a splat: 8.4 keeps sum, centre and variance, not the shape. So averages are met to what that costs,
which ``misfit`` computes, and to rounding.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from pgsvc.picture import Chroma, PictureFormat
from pgsvc.planar import reconstruct
from pgsvc.planar.splats import CHOLESKY, SplatSet
from pgsvc.reference import joined
from pgsvc.sizes import Size

REFERENCE = (72, 48)
SMALLER = [(36, 24), (24, 16), (48, 32), (18, 12), (36, 48), (72, 12), (24, 32), (53, 31)]
LARGER = [(144, 96), (100, 48), (216, 60)]
HEIGHT = 2.0  # of the edge; the sum takes up to 4
SCALE = 2.3  # of the splats of a plane, in steps of their grid
FLAT = 0.0025  # of HEIGHT: colours of about 700 are rounded once or twice, some 70 products each; ripple
PHASES = [Fraction(n, 8) for n in range(8)]


def plateau(left: Fraction, top: Fraction, step: int, components: int) -> SplatSet:
    """A smooth plane of HEIGHT in all components to the right of ``left`` and below ``top``, up to beyond the picture.

    Round splats of scale l = SCALE·step on a grid of ``step`` samples. One of weight (1 - r^2 / 4l^2)^2 sums to 4/3·π·l^2, so
    colours are HEIGHT·step^2 / (4/3·π·l^2). The plane ripples by 48·J3(x) / x^3, x = 4π·l/step, once for each of four waves:
    J3 has a zero at l = 2.3 steps. What is left, of the diagonal waves, stays within 0.04 %.
    """
    x, y = np.meshgrid(
        float(left) + step * (np.arange(110 // step) + 0.5), float(top) + step * (np.arange(80 // step) + 0.5)
    )
    count, scale = x.size, SCALE * step
    position = np.round(np.stack([x.ravel(), y.ravel()], 1) * 256).astype(np.int32)
    shape = np.tile(np.round(np.array([scale, 0, scale]) * 4096).astype(np.int32), (count, 1))
    value = round(HEIGHT * 8192 * step**2 / (4 / 3 * np.pi * scale**2))
    colour = np.full((count, components), value, np.int16)
    return SplatSet(position, shape, colour, np.zeros(components, np.int16), CHOLESKY)


def misfit(old: Size, new: Size) -> float:
    """How far the corner of a plateau of splats, scaled by 8.4, is from averages of whole samples, in parts of its height.

    Across an edge a splat of scale l samples weighs (1 - (x/2l)^2)^(5/2), and the edge is its integral. That of the average of
    f samples is the mean of f such edges; that of 8.4 is the edge of scale (l^2 + (f^2 - 1)/6)^(1/2). Near the height both
    edges of a corner are off. No rounding, no ripple: with SCALE, 0.30, 0.62 and 0.81 % of an edge for f = 2, 3 and 4.
    """
    total = 0.0
    for factor in (old[0] // new[0], old[1] // new[1]):
        samples = np.zeros((factor - 1) * FINE + 1)
        samples[::FINE] = 1 / factor
        averaged = np.convolve(across(SCALE), samples, "same")
        total += float(np.abs(np.cumsum(averaged - across((SCALE**2 + (factor**2 - 1) / 6) ** 0.5))).max())
    return total


def blur(old: Size, new: Size) -> float:
    """How far the corner of a plateau of splats is from itself where it is enlarged, in parts of its height.

    The splats are in octave 0 at the reference size and in octave j at the other, where interpolation adds (4^j - 1) / 4 to
    their variance (8.7), which is half the square of their scale.
    """
    factors = [n / o for n, o in zip(new, old, strict=True)]
    octave = sum(sum((SCALE * f) ** -2 for f in factors) * 4**j <= 0.5 for j in (1, 2, 3))
    total = 0.0
    for factor in factors:
        blurred = (SCALE**2 + (4**octave - 1) / 2 / factor**2) ** 0.5
        total += float(np.abs(np.cumsum(across(SCALE) - across(blurred))).max())
    return total


FINE = 64  # points per sample


def across(scale: float) -> np.ndarray:
    """Weights of splats of a plane across its edge, which add up to 1; twelve samples on each side."""
    x = (np.arange(-12 * FINE, 12 * FINE) + 0.5) / FINE
    weights = np.clip(1 - (x / (2 * scale)) ** 2, 0, None) ** 2.5
    return weights / weights.sum()


def render(splats: SplatSet, picture_format: PictureFormat, size: tuple[int, int]) -> list[np.ndarray]:
    """Planes as floats, 1.0 = 2^BitDepth, without the neutral value of chroma."""
    shown = replace(picture_format, width=size[0], height=size[1])
    sums = reconstruct.empty_sums(shown)
    neutral = [joined(octaves) for octaves in sums]
    reconstruct.add_layer(sums, shown, [splats], reference=REFERENCE, threads=1)
    return [plane / 8192 for octaves, start in zip(sums, neutral, strict=True) for plane in joined(octaves) - start]


def averages(plane: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The plane's samples averaged over the area of each sample of a smaller plane."""

    def weights(new: int, old: int) -> np.ndarray:
        edges, cells = np.arange(new + 1) * old / new, np.arange(old)
        covered = np.minimum(edges[1:, None], cells + 1) - np.maximum(edges[:-1, None], cells)
        return np.clip(covered, 0, None) * new / old

    return weights(shape[0], plane.shape[0]) @ plane @ weights(shape[1], plane.shape[1]).T


def edge(profile: np.ndarray, origin: float, step: float) -> float:
    """Where a rising edge lies on a grid whose sample i is at origin + i·step: the area that is missing on its left."""
    end = origin + (len(profile) - 0.5) * step
    return end - step * float(profile.sum()) / float(profile[len(profile) // 2 :].mean())


def edges(plane: np.ndarray, grid: tuple[float, ...]) -> tuple[float, float]:
    """The vertical and the horizontal edge in luma samples, across the half of the picture that lies on the plateau."""
    step_x, step_y, origin_x, origin_y = grid
    return edge(plane[plane.shape[0] // 2 :].mean(0), origin_x, step_x), edge(
        plane[:, plane.shape[1] // 2 :].mean(1), origin_y, step_y
    )


@pytest.mark.parametrize("size", SMALLER + LARGER, ids=str)
@pytest.mark.parametrize("phase", PHASES, ids=str)
def test_luma_edges_do_not_move(size: tuple[int, int], phase: Fraction) -> None:
    left, top = 20 + phase, 12 + phase / 2
    planes = [render(plateau(left, top, 1, 1), PictureFormat(*REFERENCE, Chroma.GREY), s)[0] for s in (REFERENCE, size)]
    x, y = edges(planes[1], (1, 1, 0.5, 0.5))
    assert x == pytest.approx(float(left) * size[0] / REFERENCE[0], abs=0.01)
    assert y == pytest.approx(float(top) * size[1] / REFERENCE[1], abs=0.01)
    if size in SMALLER:
        # Where a sample is split between two areas, the average itself moves it by up to a sixth of a sample.
        whole = all(old % new == 0 for old, new in zip(REFERENCE, size, strict=True))
        bound = misfit(REFERENCE, size) + FLAT if whole else 0.025
        assert np.abs(planes[1] - averages(planes[0], planes[1].shape)).max() < bound * HEIGHT
    else:
        assert np.abs(averages(planes[1], planes[0].shape) - planes[0]).max() < (0.015 + blur(REFERENCE, size)) * HEIGHT


@pytest.mark.parametrize("size", [(36, 24), (18, 12), (48, 32), (36, 48), (144, 96), (37, 25)], ids=str)
@pytest.mark.parametrize("chroma", [Chroma.YUV420, Chroma.YUV422], ids=lambda c: c.name)
@pytest.mark.parametrize("location", [0, 1], ids=["left", "centre"])
def test_chroma_edges_do_not_move(size: tuple[int, int], chroma: Chroma, location: int) -> None:
    for phase in PHASES[::2]:
        left, top = 20 + phase, 12 + phase
        picture_format = PictureFormat(*REFERENCE, chroma, chroma_location=location)
        splats = plateau(left, top, 2, 3)
        group = picture_format.plane_groups[1]
        grid = tuple(v / 256 for v in (group.step_x, group.step_y, group.origin_x, group.origin_y))
        for plane in render(splats, picture_format, size)[1:]:
            x, y = edges(plane, grid)
            assert x == pytest.approx(float(left) * size[0] / REFERENCE[0], abs=0.015)
            assert y == pytest.approx(float(top) * size[1] / REFERENCE[1], abs=0.015)


@pytest.mark.parametrize("size", [(36, 24), (24, 16), (18, 12), (36, 48)], ids=str)
def test_centred_chroma_is_the_average_of_its_samples(size: tuple[int, int]) -> None:
    picture_format = PictureFormat(*REFERENCE, Chroma.YUV420, chroma_location=1)
    for phase in PHASES:
        splats = plateau(24 + phase, 16 + phase / 2, 2, 3)
        full, small = (render(splats, picture_format, s)[1] for s in (REFERENCE, size))
        assert np.abs(small - averages(full, small.shape)).max() < (misfit(REFERENCE, size) + FLAT) * HEIGHT


def test_enlarged_samples_are_the_samples_where_they_coincide() -> None:
    """Three times the size: the middle one of three samples lies where the sample was. Splats are in another octave there."""
    picture_format = PictureFormat(*REFERENCE, Chroma.GREY)
    splats = plateau(Fraction(171, 8), Fraction(15), 1, 1)
    full, large = (render(splats, picture_format, s)[0] for s in (REFERENCE, (216, 144)))
    assert np.abs(large[1::3, 1::3] - full).max() < (0.002 + blur(REFERENCE, (216, 144))) * HEIGHT


@pytest.mark.parametrize("size", [*SMALLER, *LARGER], ids=str)
@pytest.mark.parametrize("phase", PHASES, ids=str)
def test_the_plane_is_flat(size: tuple[int, int], phase: Fraction) -> None:
    """Or else the other tests would be of the plane's ripple."""
    for chroma, step in ((Chroma.GREY, 1), (Chroma.YUV420, 2)):
        picture_format = PictureFormat(*REFERENCE, chroma)
        splats = plateau(20 + phase, 12 + phase / 2, step, picture_format.components)
        for plane in (p for s in (REFERENCE, size) for p in render(splats, picture_format, s)):
            inside = plane[plane.shape[0] * 2 // 3 :, plane.shape[1] * 2 // 3 :]
            assert np.abs(inside - HEIGHT).max() < FLAT * HEIGHT


@pytest.mark.parametrize("factor", [2, 3, 4, 6])
def test_a_smaller_splat_has_the_sum_and_the_variances_of_averages(factor: int) -> None:
    """What 8.4 keeps. On the average of all places between samples: a single splat has them only to its own sampling."""
    picture_format, size = PictureFormat(*REFERENCE, Chroma.GREY), (REFERENCE[0] // factor, REFERENCE[1] // factor)
    moments = []
    for n in range(factor**2):
        x, y = 36 + n % factor, 24 + n // factor
        position = np.array([[x, y]], np.int32) * 256
        shape, colour = np.array([[2.5, 1.0, 3.0]]) * 4096, np.full((1, 1), 32000, np.int16)
        splat = SplatSet(position, shape.astype(np.int32), colour, np.zeros(1, np.int16), CHOLESKY)
        small = render(splat, picture_format, size)[0]
        averaged = averages(render(splat, picture_format, REFERENCE)[0], small.shape)
        dx, dy = np.arange(size[0]) + 0.5 - x / factor, np.arange(size[1])[:, None] + 0.5 - y / factor
        moments.append([[(p * m).sum() for m in (1, dx * dx, dx * dy, dy * dy)] for p in (small, averaged)])
    got, want = np.mean(moments, 0)
    assert got == pytest.approx(want, rel=0.005)


def test_a_picture_keeps_its_mean() -> None:
    """At a quarter of the size a splat of these sums to 3 % more or less, as it lies between samples; a thousand, to 0.12 %."""
    picture_format = PictureFormat(*REFERENCE, Chroma.GREY)
    rng = np.random.default_rng(4)
    n = 1000
    position = (rng.uniform((14, 14), (58, 34), (n, 2)) * 256).astype(np.int32)
    spread = np.stack([rng.uniform(1, 3, n), rng.uniform(-1, 1, n), rng.uniform(1, 3, n)], 1)
    shape = (spread * 4096).astype(np.int32)
    splats = SplatSet(
        position, shape, rng.integers(300, 1200, (n, 1)).astype(np.int16), np.zeros(1, np.int16), CHOLESKY
    )
    means = [render(splats, picture_format, s)[0].mean() for s in (REFERENCE, *SMALLER, *LARGER)]
    assert np.ptp(means) < 0.004 * means[0]
