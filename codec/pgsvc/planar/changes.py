"""Which splats of a frame are others than in the frame before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from pgsvc import kernel
from pgsvc.planar.splats import SplatSet


class Splats(NamedTuple):
    """Splats of one set or more; arrays as of :class:`pgsvc.planar.splats.SplatSet`."""

    position: np.ndarray
    shape: np.ndarray
    colour: np.ndarray


def joined(sets: Iterable[SplatSet]) -> Splats:
    """The splats of all sets, always copies."""
    arrays = zip(*[(s.position, s.shape, s.colour) for s in sets], strict=True)
    return Splats(*[np.concatenate(of_sets) for of_sets in arrays])


def changed(before: Sequence[SplatSet], now: Sequence[SplatSet]) -> tuple[np.ndarray, Splats]:
    """The rows, in the splats of all sets joined, of those that are others than before, and these splats themselves.

    Args:
        before, now: sets of the same lengths.
    """
    n, components = sum([len(s) for s in now]), now[0].colour.shape[1]
    rows = np.empty(n, np.int64)
    out = Splats(np.empty((n, 2), np.int32), np.empty((n, 3), np.int32), np.empty((n, components), np.int16))
    take, first, count = kernel.native().changed_splats, 0, 0
    for old, new in zip(before, now, strict=True):
        count = take(*_contiguous(new), *_contiguous(old), first, count, rows, *out)
        first += len(new)
    return rows[:count], Splats(*[array[:count] for array in out])


def _contiguous(s: SplatSet) -> list[np.ndarray]:
    return [np.ascontiguousarray(array) for array in (s.position, s.shape, s.colour)]
