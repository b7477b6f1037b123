"""What is known of an object's numbers, from slice to slice (spec 10.5)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from pgsvc.planar.symbols import bit_length
from pgsvc.scene.symbols import NumberTables
from pgsvc.scene.tree import LARGE_PRIOR, SMALL_PRIOR

SPREADS = 7  # contexts of a difference from a prediction: how unlike the neighbours are; the last: there are none
DEGREES = 3


def spread_context(n: int, spread: np.ndarray | None) -> np.ndarray:
    """Contexts of n differences whose neighbours differ by so many steps; None: there are no neighbours."""
    return np.full(n, SPREADS - 1) if spread is None else np.minimum(bit_length(spread), SPREADS - 2)


def _numbers(contexts: int, typical: int) -> NumberTables:
    return field(default_factory=lambda: NumberTables.fresh(contexts, typical))


@dataclass
class SliceTables:
    """The tables of all slices of an object in a tile; each slice goes on with what those before it taught.

    Args:
        small, large: of shares of nodes (spec 10.4).
        opacity: by the neighbours' mean, in quarters; the last: there are none.
        scale: of the largest, the differences to the middle and to the smallest.
        upper: uint16 [17, 16], upper bits of directions by those of the nearest.
        choice: uint16 [1, 2], whose colour predicts.
        colour: of luma and the two differences.
        has_sh: uint16 [1, 2].
        sh: of the further coefficients, by component; contexts by degree and by how many of the last three were not 0.
    """

    small: np.ndarray = field(default_factory=SMALL_PRIOR.copy)
    large: np.ndarray = field(default_factory=LARGE_PRIOR.copy)
    opacity: NumberTables = _numbers(5, 3)
    scale: tuple[NumberTables, NumberTables, NumberTables] = field(
        default_factory=lambda: (NumberTables.fresh(SPREADS, 2), NumberTables.fresh(1, 3), NumberTables.fresh(6, 3))
    )
    upper: np.ndarray = field(default_factory=lambda: np.full((17, 16), 16, np.uint16))
    colour: tuple[NumberTables, ...] = field(default_factory=lambda: tuple(NumberTables.fresh(8) for _ in range(3)))
    choice: np.ndarray = field(default_factory=lambda: np.full((1, 2), 16, np.uint16))
    has_sh: np.ndarray = field(default_factory=lambda: np.full((1, 2), 16, np.uint16))
    sh: tuple[NumberTables, ...] = field(
        default_factory=lambda: tuple(NumberTables.fresh(4 * DEGREES, 0) for _ in range(3))
    )
