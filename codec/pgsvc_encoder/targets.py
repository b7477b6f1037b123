"""What can be asked for in place of a number of splats: a rate or a quality of each level."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

BEST_PSNR = 100.0  # dB; stands for identical pictures


@dataclass(frozen=True)
class Quantity:
    """What can be asked for.

    Args:
        unit: as text; ``places``: decimals that are shown.
        slope: rise per doubling of the splats where nothing is known yet, ``slopes``: the least and the most that is believed;
            in doublings (bpp) or dB (psnr).
        trust: squared doublings between points at which their slope counts as much as the one so far.
        width: points that miss the target by so much count half.
        close: a level is at its target when it misses by no more than this, in the same units.
        margin: by how much more a cheap probe must miss for a target to be out of reach with the wanted effort too.
    """

    unit: str
    places: int
    slope: float
    slopes: tuple[float, float]
    trust: float
    width: float
    close: float
    margin: float


QUANTITIES = {
    "bpp": Quantity("bit/pixel", 3, 1.0, (0.25, 1.5), 0.003, 0.5, math.log2(1.05), math.log2(1.2)),
    "psnr": Quantity("dB", 2, 2.0, (0.7, 5.0), 0.1, 1.0, 0.1, 2.0),
}


@dataclass(frozen=True)
class Targets:
    """Wanted numbers of the levels.

    Args:
        kind: "bpp": bits per pixel of the picture, of the stream cut at the level; "psnr": dB, as the report measures it.
        values: rising, one for each level; or one alone, of the top level.
    """

    kind: str
    values: tuple[float, ...]

    @property
    def quantity(self) -> Quantity:
        return QUANTITIES[self.kind]

    def scale(self, value: float) -> float:
        """A bpp or a PSNR on the axis where the lines are straight."""
        return math.log2(value) if self.kind == "bpp" else min(value, BEST_PSNR)

    def words(self, values: Sequence[float]) -> str:
        return f"{', '.join(f'{v:.{self.quantity.places}f}' for v in values)} {self.quantity.unit}"
