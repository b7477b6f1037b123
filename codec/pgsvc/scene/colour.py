"""The constant colours of a slice, as differences from those of splats near by (spec 10.5, 10.8)."""

from __future__ import annotations

import numpy as np

from pgsvc.planar.symbols import bit_length
from pgsvc.range_coder import AdaptiveCoder
from pgsvc.scene import steps
from pgsvc.scene.neighbours import Neighbours
from pgsvc.scene.symbols import as_context, code_signed_number
from pgsvc.scene.tables import SPREADS, SliceTables, spread_context
from pgsvc.syntax import Record

CHOICE = 2  # the `prediction` in which each splat says who predicts it
SPREAD_COMPONENTS = 2  # whose differences go by the neighbours' too
GREY = (1 << 15, 0, 0)  # where nobody does


def code_colour(
    coder: AdaptiveCoder,
    header: Record,
    near: Neighbours,
    known: np.ndarray,
    tables: SliceTables,
    wanted: np.ndarray | None,
) -> np.ndarray:
    """Colours, Q16; int64 [N, 3].

    Args:
        known: int32 [M, 3], of the splats that are decoded already.
        wanted: int64 [N, 3], when writing.
    """
    guess = _guess(coder, header, near, known, tables, wanted)
    if header["codebook_bits"]:
        return guess + _codewords(coder, header, None if wanted is None else wanted - guess)
    out = np.empty_like(guess)
    before = np.zeros(len(guess), np.int64)  # bit lengths of the differences of the component before
    for i, step in enumerate(steps.colour_steps(header)):
        context = before
        if i < SPREAD_COMPONENTS:
            spread = near.spread(known[:, i], guess[:, i]) // step if near.exist else None
            context = SPREADS * before + spread_context(len(guess), spread)
        aim = None if wanted is None else (2 * (wanted[:, i] - guess[:, i]) + step) // (2 * step)
        difference = code_signed_number(coder, tables.colour[i], context, aim)
        out[:, i] = guess[:, i] + difference * step
        before = np.minimum(bit_length(np.abs(difference)), 7)
    return out


def _guess(
    coder: AdaptiveCoder,
    header: Record,
    near: Neighbours,
    known: np.ndarray,
    tables: SliceTables,
    wanted: np.ndarray | None,
) -> np.ndarray:
    """The neighbours' mean, or where splats choose and do so, the nearest's colour; int64 [N, 3]."""
    if not near.exist:
        return np.tile(np.array(GREY, np.int64), (len(near.index), 1))
    mean = np.stack([near.mean(known[:, i]) for i in range(3)], 1)
    if header["prediction"] != CHOICE:
        return mean
    nearest = near.nearest(known).astype(np.int64)
    better = None
    if wanted is not None:
        cost = [(np.abs(wanted - g) // np.array(steps.colour_steps(header))).sum(1) for g in (mean, nearest)]
        better = (cost[1] < cost[0]).astype(np.int32)
    chosen = coder.adaptive(tables.choice, as_context(np.zeros(len(mean))), better)
    return np.where(chosen[:, None] > 0, nearest, mean)


def _codewords(coder: AdaptiveCoder, header: Record, wanted: np.ndarray | None) -> np.ndarray:
    """Differences as entries of the slice's codebook, Q16; int64 [N, 3]."""
    book = np.array(header["codewords"], np.int64).reshape(-1, 3) << 2
    index = None
    if wanted is not None:
        weight = 1 / np.array(steps.colour_steps({**header, "colour_step": 64}), float)
        distance = (((wanted[:, None] - book) * weight) ** 2).sum(2)
        index = distance.argmin(1).astype(np.int32)
    table = np.full((1, len(book)), 4, np.uint16)
    n = header["splat_count"]
    return book[coder.adaptive(table, np.zeros(n, np.int32), index)]
