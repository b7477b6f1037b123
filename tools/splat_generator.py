"""Random and extreme splats for the kernel tests and the micro-benchmark (ranges of spec 8.1 and 8.3)."""

from __future__ import annotations

import numpy as np

from pgsvc.planar.splats import quadratic_form

GRIDS = {  # step_x, step_y, origin_x, origin_y in Q8: every row of the table in spec 8.4
    "luma": (256, 256, 128, 128),
    "420-left": (512, 512, 128, 256),
    "420-centre": (512, 512, 256, 256),
    "422-left": (512, 256, 128, 128),
    "422-centre": (512, 256, 256, 128),
}


def factors(a: np.ndarray, t: np.ndarray, b: np.ndarray) -> np.ndarray:
    """A, B, C in Q20, int32 [N, 3], of l1 = 2^a, l2 = t l3, l3 = 2^b."""
    inv1 = np.exp2(20 - np.asarray(a, float)).astype(np.int64)
    inv3 = np.exp2(20 - np.asarray(b, float)).astype(np.int64)
    skew = (np.asarray(np.round(np.asarray(t) * 4096), np.int64) * inv1) >> 12
    return np.stack([inv1, inv3, skew], axis=1).astype(np.int32)


def random_factors(rng: np.random.Generator, count: int, width: int, height: int, components: int, sigma: float = 0.0):
    """position int32 [N, 2], factor (A, B, C) int32 [N, 3], colour int16 [N, C]; ``width`` and ``height`` in luma samples.

    With ``sigma`` all splats have about that size and lie inside, as in a real picture; otherwise sizes run from
    0.35 to 1024, shapes to needles, and some centres lie outside or far away.
    """
    if sigma:
        a, b = rng.normal(np.log2(sigma), 0.5, (2, count))
        t = rng.normal(0, 0.5, count)
        centre = rng.uniform(0, 1, (count, 2)) * (width, height)
    else:
        a, b = rng.uniform(-1.5, 10, (2, count))
        needle = rng.choice([-16.0, 0.0, 16.0], count)
        t = np.where(rng.random(count) < 0.3, needle, rng.normal(0, 2, count).clip(-16, 16))
        reach = rng.choice([0.6, 2.0, 30.0], (count, 1), p=[0.7, 0.2, 0.1])
        centre = (0.5 + rng.uniform(-1, 1, (count, 2)) * reach) * (width, height)
    position = np.floor(centre * 256).clip(-(2**23), 2**23 - 1).astype(np.int32)
    colour = rng.integers(-8192, 8192, (count, components)).astype(np.int16)
    return position, factors(a, t, b), colour


def random_splats(rng: np.random.Generator, count: int, width: int, height: int, components: int, sigma: float = 0.0):
    """position, form, colour: the arguments of the sum; see :func:`random_factors`."""
    position, factor, colour = random_factors(rng, count, width, height, components, sigma)
    return position, quadratic_form(factor), colour


def picture_splats(
    rng: np.random.Generator,
    count: int,
    width: int,
    height: int,
    components: int,
    log_size: tuple[float, float],
    skew: float,
):
    """position, form, colour of splats like those of a fitted picture: from specks to a good part of it, many of them slanted.

    Args:
        log_size: means of log2 l1 and log2 l3, whose standard deviations are 1.6 and 1.4.
        skew: mean of abs(t), where l2 = t l3.
    """
    a, b = (rng.normal(mean, sd, count).clip(-1.5, 10) for mean, sd in zip(log_size, (1.6, 1.4), strict=True))
    t = rng.laplace(0, skew, count).clip(-16, 16)
    position = (rng.uniform(0, 1, (count, 2)) * (width, height) * 256).astype(np.int32)
    colour = rng.normal(0, 1500, (count, components)).clip(-8192, 8191).astype(np.int16)
    order = np.argsort(position[:, 1] // 8192 * 4096 + position[:, 0] // 256, kind="stable")  # neighbours together
    return position[order], quadratic_form(factors(a, t, b))[order], colour[order]


def extreme_factors(rng: np.random.Generator, width: int, height: int, components: int):
    """position, factor, colour: every combination of sizes from smallest to largest with needles both ways, at awkward centres."""
    sizes = [-1.5, 0.0, 3.0, 10.0]
    a, t, b = (g.ravel() for g in np.meshgrid(sizes, [-16.0, -1.0, 0.0, 16.0], sizes, indexing="ij"))
    count = a.size
    right, bottom = width * 256, height * 256
    near = [(128, 128), (right // 2, bottom // 2), (0, bottom), (-1, -1), (-300, 77), (right + 511, 0)]
    spots = np.array([*near, (-(2**23), 2**23 - 1), (40000, -40000), (right // 2 + 3, -100000)])
    position = spots[rng.integers(0, len(spots), count)].astype(np.int32)
    factor = factors(a, t, b)
    factor[::5, 0] = 2**32 // 1448  # the smallest of the Cholesky domain
    colour = rng.choice(np.array([32767, -32768, -32767, 1, -1, 16384], np.int16), (count, components))
    return position, factor, colour


def extreme_splats(rng: np.random.Generator, width: int, height: int, components: int):
    """position, form, colour: the arguments of the sum; see :func:`extreme_factors`."""
    position, factor, colour = extreme_factors(rng, width, height, components)
    return position, quadratic_form(factor), colour


def float_splats(rng: np.random.Generator, count: int, width: int, height: int, components: int, sigma: float):
    """geometry float32 [N, 5], colour float32 [N, C] for the training kernels."""
    position, factor, colour = random_factors(rng, count, width, height, components, sigma)
    geometry = np.concatenate([position / 256, factor / 2**20], axis=1).astype(np.float32)
    return geometry, (colour / 8192).astype(np.float32)
