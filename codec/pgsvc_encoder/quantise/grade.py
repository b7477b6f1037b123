"""How fine graded key frames are coded, and how fine is best at equal bytes (spec 6.3, 7.11)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pgsvc.headers import ANCHORS, GRADED
from pgsvc.picture import PictureFormat
from pgsvc.syntax import Record
from pgsvc_encoder.quantise.freeze import tools

POSITIONS = {"tree": GRADED, "anchors": ANCHORS}  # and their numbers in the header


def energy_step(error: float, coarseness: int) -> int:
    """The header field (spec 6.3, 6.4) for a mean squared error of samples up to 1; ``coarseness`` in eighths of an octave."""
    step = round(8 * math.log2(8192 * math.sqrt(max(error, 1e-9)))) + coarseness
    return min(max(step, 0), 128)


def header_of(header: Record, number: int, weight: float) -> Record:
    """The header fields of the sets of an object.

    Args:
        header: of object 0.
        weight: of squared errors inside object 1. Steps that are finer by its power 3/8 are best for the weighted error at equal
            bytes: 0.15 dB better than by 1/4 and as good as by 1/2 (foreman and kodim23, gain of 6 dB).
    """
    if number == 0:
        return header
    return {**header, "energy_step": max(0, header["energy_step"] - round(3 * math.log2(weight)))}


@dataclass(frozen=True)
class Grade:
    """How fine: header fields of the graded tools (spec 6.3), and the effort of freezing.

    Args:
        coarseness: log2 of the step of the energies over the root of the fit's mean squared error, in eighths; None: what is best
            for this many splats, see :func:`coarseness_for`.
        shape_precision, position_precision: half octaves.
        cell_bits: of the tree of counts.
        positions: how cells are coded: one of POSITIONS.
        adapt_iterations: after each freeze of geometry.
        colour_groups: colours are fixed in so many groups, the largest splats first.
        solve_iterations: of each colour solve.
        sweeps: passes of re-choosing colours with their neighbours in view.
        dead_zone: chroma is rounded towards zero by so much of a step more than luma.
        aware_iterations: of training with quantised splats in view, before the freeze.
        least_worth: splats that are worth less than this share of the error per splat are dropped before the freeze.
    """

    coarseness: int | None = None
    shape_precision: int = 6
    position_precision: int = 5
    cell_bits: int = 3
    positions: str = "tree"
    adapt_iterations: int = 80
    colour_groups: int = 5
    solve_iterations: int = 8
    sweeps: int = 2
    dead_zone: float = 0.1
    aware_iterations: int = 0
    least_worth: float = 0.6

    def header(self, picture_format: PictureFormat, error: float, splats: int) -> dict[str, object]:
        """Fields of the KEYF header. Steps of the chroma are coarser as far as they matter less in the error.

        Args:
            error: mean squared error of the fit, samples up to 1.
            splats: of all layers.
        """
        coarseness = self.coarseness
        if coarseness is None:
            coarseness = coarseness_for(splats / (picture_format.width * picture_format.height))
        fields: dict[str, object] = {"energy_step": energy_step(error, coarseness)}
        fields |= {name: getattr(self, name) for name in ("shape_precision", "position_precision", "cell_bits")}
        if picture_format.components > 1:
            steps, weight = RGB_CHROMA if picture_format.is_rgb else YUV_CHROMA
            fields |= {"chroma_steps": steps, "chroma_weight": weight}
        else:
            fields |= {"chroma_steps": None, "chroma_weight": None}
        return {**tools(GRADED), "position_tool": POSITIONS[self.positions], "position_fraction_bits": 0, **fields}


def coarseness_for(density: float) -> int:
    """The coarseness that gives the best picture at equal bytes, splats per luma sample being ``density``.

    Twice as fine steps of everything cost some 8 bits per splat. The more splats there are, the less another one is worth, and the
    more a finer step. Measured on kodim05, 19 and 23 with 700 to 5,600 splats: best at 20, 17, 14 and 11 with shape_precision 5,
    of which 6 takes one away.
    """
    return min(max(round(16 - 3 * math.log2(280 * max(density, 1e-9))), 6), 22)


# Steps in quarter octaves above that of luma, and the eighths of the energy's weight that a squared step has.
RGB_CHROMA, YUV_CHROMA = ([3, 2], 15), ([5, 5], 8)
