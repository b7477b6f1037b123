"""Codebooks for differences of colours (after seed FGS, eq. 2 to 4): k-means on what the neighbours do not predict."""

from __future__ import annotations

import numpy as np

from pgsvc.scene.colour import GREY
from pgsvc.scene.morton import SIDE_BITS, from_morton3
from pgsvc.scene.neighbours import LowerSet
from pgsvc.scene.steps import colour_steps
from pgsvc.syntax import Record

ROUNDS = 12
SAMPLE = 4096  # colours that a codebook is trained with


def train_codebook(colour: np.ndarray, cells: np.ndarray, lower: LowerSet, header: Record) -> list[int]:
    """The field ``codewords`` of a slice: 2^codebook_bits differences of luma, R − B and green, Q14.

    Args:
        colour: float64 [N, 3], 1 is white.
        cells: int64 [N], codes of the splats' cells; where a splat's box is larger, its neighbours may be others in the end.
    """
    rng = np.random.default_rng(len(colour))
    chosen = rng.permutation(len(colour))[:SAMPLE]
    target = colour[chosen] * 65536 - np.array(GREY)
    shift = max(0, header["cube_bits"] - SIDE_BITS)
    corner = from_morton3(cells[chosen]) << header["leaf_bits"] >> shift
    near = lower.neighbours(cells[chosen], corner)
    if header["prediction"] and near.exist:
        target = colour[chosen] * 65536 - np.stack([near.mean(lower.state.colour[:, i]) for i in range(3)], 1)
    weight = 1 / np.array(colour_steps({**header, "colour_step": 64}), float)
    book = _k_means(target * weight, 1 << header["codebook_bits"], rng) / weight
    return np.clip(np.round(book / 4), -32768, 32767).astype(int).reshape(-1).tolist()


def _k_means(points: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Centres [count, 3] of points [N, 3], by Lloyd's rounds."""
    if not len(points):
        return np.zeros((count, 3))
    centres = points[rng.integers(0, len(points), count)]
    for _ in range(ROUNDS):
        nearest = ((points[:, None] - centres) ** 2).sum(2).argmin(1)
        size = np.bincount(nearest, minlength=count)
        total = np.stack([np.bincount(nearest, points[:, i], count) for i in range(3)], 1)
        centres = np.where(size[:, None] > 0, total / np.maximum(size, 1)[:, None], centres)
    return centres
