"""What is known of an object's numbers, from slice to slice (spec 10.5)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from pgsvc.planar.symbols import bit_length
from pgsvc.scene.symbols import NumberTables
from pgsvc.scene.tree import LARGE_PRIOR, SMALL_PRIOR

SPREADS = 7  # contexts of a difference from a prediction: how unlike the neighbours are; the last: there are none
# Contexts of further coefficients: degree; bit lengths of the last three, of other components.
DEGREES, RECENT, OTHERS = 3, 8, 5
# Of the largest scale about the usual one; of the neighbours' differences to the middle, the last: none.
LEVELS, LOOKS = 8, 6
HEIGHTS, THICKNESSES = 10, 8  # of the middle scale above the finest; of the neighbours' smallest, the last: none
ABOVE = 10  # octaves of the neighbours' largest scale about the side of the box
SIZES = 5  # octaves of the largest scale about the usual one
FORGOTTEN = 512  # what tables of scales and opacities weigh at the most when a slice begins, as it may have other steps
# Lifts of two bits, and of three or more, about 0.
LIFT_PRIOR = np.array([[8, 40, 40, 8, 1, 1, 1, 1]] + 11 * [[4, 12, 28, 40, 40, 28, 12, 4]], np.uint16)


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
        opacity: by the neighbours' mean, in quarters, the last: there are none; and by size.
        scale: of the largest, the differences from it to the middle and from the finest to the smallest.
        less: uint16 [10, 2], whether the largest is below what is predicted, by how large that is for the box.
        thin: uint16 [80, 2], whether the smallest is the finest or less.
        upper: uint16 [17, 16], upper bits of directions by those of the nearest.
        lift: uint16 [12, 8], upper bits of lifts by how many bits there are.
        choice: uint16 [1, 2], whose colour predicts.
        colour: of luma by the neighbours' spread; of the two differences by that of the component before, and of the first by
            the spread as well.
        has_sh: uint16 [1, 2].
        sh: of the further coefficients, by component; contexts by degree, by the sum of the last three and by
            the same coefficient's components before.
    """

    small: np.ndarray = field(default_factory=SMALL_PRIOR.copy)
    large: np.ndarray = field(default_factory=LARGE_PRIOR.copy)
    opacity: NumberTables = _numbers(5 * SIZES, 3)
    scale: tuple[NumberTables, NumberTables, NumberTables] = field(
        default_factory=lambda: (
            NumberTables.fresh(SPREADS, 2),
            NumberTables.fresh(LEVELS * LOOKS, 3),
            NumberTables.fresh(HEIGHTS * THICKNESSES, 3),
        )
    )
    less: np.ndarray = field(default_factory=lambda: np.full((ABOVE, 2), 16, np.uint16))
    thin: np.ndarray = field(default_factory=lambda: np.full((HEIGHTS * THICKNESSES, 2), 16, np.uint16))
    upper: np.ndarray = field(default_factory=lambda: np.full((17, 16), 16, np.uint16))
    lift: np.ndarray = field(default_factory=LIFT_PRIOR.copy)
    colour: tuple[NumberTables, NumberTables, NumberTables] = field(
        default_factory=lambda: (NumberTables.fresh(SPREADS), NumberTables.fresh(8 * SPREADS), NumberTables.fresh(8))
    )
    choice: np.ndarray = field(default_factory=lambda: np.full((1, 2), 16, np.uint16))
    has_sh: np.ndarray = field(default_factory=lambda: np.full((1, 2), 16, np.uint16))
    sh: tuple[NumberTables, ...] = field(
        default_factory=lambda: tuple(NumberTables.fresh(DEGREES * RECENT * OTHERS, 0) for _ in range(3))
    )

    def begin_slice(self) -> None:
        """Let tables of numbers whose steps may change learn fast."""
        numbers = [array for t in (self.opacity, *self.scale) for array in (t.lengths, t.halves)]
        for counts in (*numbers, self.less, self.thin):
            while (heavy := counts.sum(1, dtype=np.int64) > FORGOTTEN).any():
                counts[heavy] = (counts[heavy] + 1) >> 1
