"""Prediction from splats that are decoded already: those near by along the curve (spec 10.5)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pgsvc.planar.symbols import bit_length
from pgsvc.scene.morton import SIDE_BITS, morton3
from pgsvc.scene.state import SceneState

REACH = 4  # neighbours on either side along the curve
FAR = 15  # octaves of squared distance, behind which all weigh alike


@dataclass(frozen=True)
class Neighbours:
    """Who predicts whom.

    Args:
        index: int64 [N, 8], splats of the lower set; nearest first in column 0.
        weight: int64 [N, 8], 1 … 2^15; 0 where there is no neighbour.
    """

    index: np.ndarray
    weight: np.ndarray

    @property
    def exist(self) -> bool:
        return self.index.shape[1] > 0

    def mean(self, values: np.ndarray) -> np.ndarray:
        """Weighted mean of values [M] of the lower set, rounded down; int64 [N]."""
        total = self.weight.sum(1)
        return (self.weight * values.astype(np.int64)[self.index]).sum(1) // np.maximum(total, 1)

    def nearest(self, values: np.ndarray) -> np.ndarray:
        """Values [M, …] of the nearest; [N, …]."""
        return values[self.index[:, 0]]

    def spread(self, values: np.ndarray, mean: np.ndarray) -> np.ndarray:
        """Weighted mean distance of the neighbours' values from a prediction; int64 [N]."""
        total = np.maximum(self.weight.sum(1), 1)
        return (self.weight * np.abs(values.astype(np.int64)[self.index] - mean[:, None])).sum(1) // total


class LowerSet:
    """The splats of an object in a tile that are decoded so far, sorted along the curve.

    Args:
        state: what they are.
        origin: int [3], corner of the cube in grid units.
        cube_bits: log2 of its side.
        leaf_bits: log2 of the side of its cells.
    """

    def __init__(self, state: SceneState, origin: np.ndarray, cube_bits: int, leaf_bits: int) -> None:
        local = np.clip(state.position.astype(np.int64) - origin, 0, (1 << cube_bits) - 1)
        codes = morton3(local >> leaf_bits)
        order = np.argsort(codes, kind="stable")
        self.state, self.codes, self.order = state, codes[order], order
        self._place = (local >> max(0, cube_bits - SIDE_BITS))[order]

    def neighbours(self, code: np.ndarray, centre: np.ndarray) -> Neighbours:
        """Neighbours of boxes.

        Args:
            code: int64 [N], of the boxes' first cells.
            centre: int64 [N, 3], in units of 2^-20 of the cube or of the grid, whichever is coarser.
        """
        n = len(self.codes)
        at = np.searchsorted(self.codes, code)[:, None] + np.arange(-REACH, REACH)
        there = (at >= 0) & (at < n)
        at = np.clip(at, 0, max(n - 1, 0))
        if n == 0:
            return Neighbours(np.zeros((len(code), 0), np.int64), np.zeros((len(code), 0), np.int64))
        octave = bit_length(((self._place[at] - centre[:, None]) ** 2).sum(2))
        octave = np.where(there, octave, 1 << 20)
        order = np.argsort(octave, 1, kind="stable")
        at, octave, there = (np.take_along_axis(x, order, 1) for x in (at, octave, there))
        weight = np.where(there, 1 << FAR - np.minimum(octave - octave[:, :1], FAR), 0)
        return Neighbours(self.order[at], weight)
