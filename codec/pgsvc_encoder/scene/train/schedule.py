"""What changes in the course of a training, and what is told of it."""

from __future__ import annotations

from dataclasses import dataclass

from pgsvc_encoder.fit.adam import Adam
from pgsvc_encoder.scene.train.settings import Rates

DEGREES_UNTIL = 0.5  # of the first stage, in which the degree of colours rises step by step


@dataclass(frozen=True)
class Progress:
    """What an iteration tells.

    Args:
        iteration: of all, from 1 on; total: their number.
        level: of the picture.
        loss, psnr: of the picture, dB.
    """

    iteration: int
    total: int
    level: int
    loss: float
    psnr: float


def degree_at(share: float, top: int) -> int:
    """The degree of colours at a share of the first stage; later stages have ``top`` from the beginning."""
    return min(top, int(share / DEGREES_UNTIL * (top + 1)))


def set_rates(adam: Adam, rates: Rates, iterations: int, share: float, extent: float) -> None:
    """The step sizes at a share of a stage, which fall exponentially.

    Args:
        adam: its groups have as "name" what they move.
        iterations: of the stage.
        extent: of the scene, in its units.
    """
    haste = rates.haste(iterations)
    for group in adam.param_groups:
        place = group["name"] == "position"
        last = rates.last_position if place else rates.last
        group["lr"] = haste * last**share * (extent if place else 1.0) * getattr(rates, group["name"])
