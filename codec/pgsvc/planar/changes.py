"""Which splats of a frame are others than in the frame before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pgsvc import kernel
from pgsvc.planar.splats import SplatSet


class Splats(NamedTuple):
    """Splats of one set or more; C-contiguous arrays as of :class:`pgsvc.planar.splats.SplatSet`."""

    position: np.ndarray
    shape: np.ndarray
    colour: np.ndarray

    @staticmethod
    def of(s: SplatSet) -> Splats:
        return Splats(np.ascontiguousarray(s.position), np.ascontiguousarray(s.shape), np.ascontiguousarray(s.colour))


def joined(sets: Sequence[Splats]) -> Splats:
    """The splats of all sets, always copies."""
    return Splats(*[np.concatenate(arrays) for arrays in zip(*sets, strict=True)])


def changed(before: Sequence[Splats], now: Sequence[Splats]) -> tuple[np.ndarray, Splats]:
    """The rows, in the splats of all sets joined, of those that are others than before, and these splats themselves.

    Args:
        before, now: sets of the same lengths.
    """
    n, components = sum([len(s.position) for s in now]), now[0].colour.shape[1]
    rows = np.empty(n, np.int64)
    out = Splats(np.empty((n, 2), np.int32), np.empty((n, 3), np.int32), np.empty((n, components), np.int16))
    take, first, count = kernel.native().changed_splats, 0, 0
    for old, new in zip(before, now, strict=True):
        count = take(*new, *old, first, count, rows, *out)
        first += len(new.position)
    return rows[:count], Splats(*[array[:count] for array in out])
