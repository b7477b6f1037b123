"""What can be asked for in place of a number of splats: a rate or a quality of each level."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pgsvc.errors import UsageError

if TYPE_CHECKING:
    from pgsvc_encoder.source import Source

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
        kind: "bpp": bits per pixel of the picture, of the stream cut at the level; "psnr": dB, as the report measures it;
            "bitrate": bits per second, which :meth:`for_source` turns into bits per pixel.
        values: rising, one for each level; or one alone, of the top level.
        bitrates: the bits per second that the bits per pixel were made of.
    """

    kind: str
    values: tuple[float, ...]
    bitrates: tuple[float, ...] | None = None

    def for_source(self, source: Source) -> Targets:
        """Targets in bits per pixel in place of bits per second; others as they are.

        Raises:
            UsageError: the source is a still, or does not tell its frame rate.
        """
        if self.kind != "bitrate":
            return self
        option = f"--bitrate {','.join(map(bitrate_words, self.values))}"
        if source.is_still:
            raise UsageError(f"{option}: {source.name} is a still picture, which has no bits per second; give --bpp")
        if not source.has_frame_rate:
            raise UsageError(f"{option}: {source.name} does not tell its frame rate; add it, for example --fps 30")
        f = source.format
        samples = f.width * f.height * float(f.frame_rate)
        return Targets("bpp", tuple(v / samples for v in self.values), self.values)

    def option(self, at: int) -> str:
        """What the user has asked for with value number ``at``."""
        if self.bitrates is not None:
            return f"--bitrate {bitrate_words(self.bitrates[at])}"
        return f"--{self.kind} {self.values[at]:g}"

    def wanted(self) -> str:
        """All values as text."""
        words = self.words(self.values)
        return words if self.bitrates is None else f"{', '.join(map(bitrate_words, self.bitrates))} bit/s: {words}"

    @property
    def quantity(self) -> Quantity:
        return QUANTITIES[self.kind]

    def scale(self, value: float) -> float:
        """Bits per pixel or a PSNR on the axis where the lines are straight."""
        return math.log2(value) if self.kind == "bpp" else min(value, BEST_PSNR)

    def words(self, values: Sequence[float]) -> str:
        return f"{', '.join(f'{v:.{self.quantity.places}f}' for v in values)} {self.quantity.unit}"


def bitrate_words(value: float) -> str:
    """Bits per second as they are given: 300k, 1.5M."""
    return next((f"{value / size:g}{unit}" for unit, size in (("M", 1e6), ("k", 1e3)) if value >= size), f"{value:g}")


def bitrate(text: str) -> float:
    """Bits per second from ``300k``, ``1.5M`` or ``300000``.

    Raises:
        ValueError: no number.
    """
    factor = {"k": 1e3, "K": 1e3, "M": 1e6}.get(text.strip()[-1:])
    return float(text) if factor is None else factor * float(text.strip()[:-1])
