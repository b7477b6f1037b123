"""The orientations of a slice (spec 10.5, 10.6): a direction, the largest axis' angle about it, and its lift."""

from __future__ import annotations

import numpy as np

from pgsvc.range_coder import AdaptiveCoder
from pgsvc.scene.neighbours import Neighbours
from pgsvc.scene.rotation import float_directions, float_tangents, place_of
from pgsvc.scene.symbols import as_context
from pgsvc.scene.tables import SliceTables

QUARTER_TURN = 1 << 15  # of lifts, which go no further
NOBODY = 16  # context of upper bits without a neighbour
LIFT_BITS = 3  # of a lift, by a table


def code_rotation(
    coder: AdaptiveCoder,
    bits: tuple[np.ndarray, np.ndarray, np.ndarray],
    near: Neighbours,
    known: np.ndarray,
    tables: SliceTables,
    wanted: np.ndarray | None,
) -> np.ndarray:
    """Rotations of the state; int64 [N, 4].

    Args:
        bits: roll, tilt and turn, int64 [N] each (spec 10.7).
        known: int32 [M, 4], of the splats that are decoded already.
        wanted: float64 [N, 3, 3], directions of the axes, when writing.
    """
    roll, tilt, turn = bits
    place = _code_direction(coder, roll, near, known, tables, None if wanted is None else wanted[:, 2])
    goal = lift = None
    if wanted is not None:
        angle, lift = _angles(place, wanted[:, 0])
        goal = np.clip(np.floor(angle * (1 << turn)).astype(np.int64), 0, (1 << turn) - 1)
    angle = coder.uniform(1 << turn, goal).astype(np.int64)
    lift = _code_lift(coder, tilt - roll, tilt, tables, lift)
    return np.concatenate([place, ((2 * angle + 1) << 15 - turn)[:, None], lift[:, None]], 1)


def _code_direction(
    coder: AdaptiveCoder,
    roll: np.ndarray,
    near: Neighbours,
    known: np.ndarray,
    tables: SliceTables,
    wanted: np.ndarray | None,
) -> np.ndarray:
    """Places on the square, by the nearest's where both numbers have two bits or more: the two upper ones, then the rest."""
    aim = None
    if wanted is not None:
        aim = np.floor((place_of(wanted) + 1) / 2 * (1 << roll)[:, None]).astype(np.int64)
        aim = np.clip(aim, 0, (1 << roll)[:, None] - 1)
    n = len(roll)
    upper = np.zeros((n, 2), np.int64)
    coarse = roll >= 2
    context = np.full(n, NOBODY, np.int64)
    if near.exist:
        u, v = ((near.nearest(known[:, i]).astype(np.int64) + 32768) >> 14 for i in (0, 1))
        context = 4 * u + v
    rest = np.where(coarse, roll - 2, roll)
    part = None if aim is None else aim >> rest[:, None]
    both = None if part is None else (4 * part[:, 0] + part[:, 1])[coarse].astype(np.int32)
    both = coder.adaptive(tables.upper, as_context(context[coarse]), both).astype(np.int64)
    upper[coarse] = np.stack([both >> 2, both & 3], 1)
    place = np.empty((n, 2), np.int64)
    for i in (0, 1):
        low = None if aim is None else aim[:, i] & ((1 << rest) - 1)
        index = upper[:, i] << rest | coder.uniform(1 << rest, low)
        place[:, i] = ((2 * index + 1) << 15 - roll) - 32768
    return place


def _code_lift(
    coder: AdaptiveCoder, more: np.ndarray, tilt: np.ndarray, tables: SliceTables, wanted: np.ndarray | None
) -> np.ndarray:
    """Lifts, where a tilt takes more bits than a roll: three bits, or as many as there are, by their number, then the rest."""
    out = np.zeros(len(more), np.int64)
    has = more > 0
    more, tilt = more[has], tilt[has]
    low_bits = np.maximum(more + 1 - LIFT_BITS, 0)
    aim = None
    if wanted is not None:
        aim = np.floor(wanted[has] * (1 << tilt)).astype(np.int64) + (1 << more)
        aim = np.clip(aim, 0, (2 << more) - 1)
    upper = None if aim is None else (aim >> low_bits).astype(np.int32)
    upper = coder.adaptive(tables.lift, as_context(more - 1), upper).astype(np.int64)
    low = coder.uniform(1 << low_bits, None if aim is None else aim & ((1 << low_bits) - 1))
    steps = (upper << low_bits | low) - (1 << more)
    out[has] = np.clip((2 * steps + 1) << 15 - tilt, -QUARTER_TURN, QUARTER_TURN)
    return out


def _angles(place: np.ndarray, largest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Angles of the largest axes about directions on the square, 0 … 1, and lifts, −1/2 … 1/2, in half turns; float64 [N] each."""
    n = float_directions(place)
    first, second = float_tangents(n)
    angle = np.arctan2((largest * second).sum(1), (largest * first).sum(1)) / np.pi
    lift = np.arcsin(np.clip((largest * n).sum(1), -1, 1)) / np.pi
    return angle % 1.0, np.where(angle < 0, -lift, lift)
