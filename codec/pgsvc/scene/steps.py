"""How finely a slice's numbers are sent (spec 10.7): steps of the header, and what follows for each splat from its shape."""

from __future__ import annotations

import numpy as np

from pgsvc.planar.symbols import bit_length
from pgsvc.scene.rotation import angle_bits, axes
from pgsvc.syntax import Record

EIGHTHS = np.round(2.0**14 * 2.0 ** (np.arange(8) / 8)).astype(np.int64)
MOST_PLACE_BITS = 16
THICKER = 3  # steps of scales in one of the smallest, which is seen in few views


def step(eighths: int) -> int:
    """2^(eighths / 8), rounded down to a whole number, at least 1."""
    return max(1, int(EIGHTHS[eighths & 7]) << (eighths >> 3) >> 14)


def colour_steps(header: Record) -> list[int]:
    """Steps of luma and the two differences of the constant colour, Q16."""
    return [step(header["colour_step"] + more) for more in (0, *header["chroma_steps"])]


def sh_steps(header: Record) -> list[list[int]]:
    """Steps of the further coefficients, Q16, [degree − 1][component]; none for degrees that are not sent."""
    return [
        [] if e == 0 else [step(e + more) for more in (0, *header["chroma_steps"])] for e in header["sh_steps"] or ()
    ]


def octaves(quarters: int, unit: int) -> int:
    """A scale that a header says in quarters of an octave above a grid unit of 2^unit; Q12 octaves."""
    return (quarters << 10) + (unit << 12)


def effective_scale(header: Record, scale: np.ndarray, unit: int) -> np.ndarray:
    """Scales, Q12 octaves, of which none is below the finest that matters; int64 [N, 3]."""
    return np.maximum(scale.astype(np.int64), octaves(header["finest_scale"], unit))


def rotation_bits(header: Record, effective: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bits of angles about the largest, the middle and the smallest axis: roll, tilt and turn; int64 [N] each."""
    pairs = ((1, 2), (0, 2), (0, 1))
    roll, tilt, turn = (angle_bits(header["rotation_precision"], effective[:, a] - effective[:, b]) for a, b in pairs)
    return roll, tilt, turn


def place_exponents(header: Record, effective: np.ndarray, rotation: np.ndarray, unit: int) -> np.ndarray:
    """log2 of the steps of positions along x, y, z in grid units; int64 [N, 3].

    A step along x is a fraction of how far the splat may be moved along x alone before its weights change much,
    1/√(Σ⁻¹)_xx, rounded down to half an octave. Axes count as half as thin as they are for the largest, in octaves: few views
    see a flat splat from its edge.
    """
    octave = effective + (effective[:, :1] - effective >> 1) >> 12
    finest = octave.min(1)
    squares = axes(rotation) ** 2 >> 14  # of the axes' directions: Q14
    shift = np.minimum(2 * (octave - finest[:, None]), 31)
    sharpness = bit_length((squares >> shift[:, :, None]).sum(1)) - 15
    return (2 * (finest - unit)[:, None] - np.maximum(sharpness, -14) + header["place_precision"]) >> 1


def place_bits(exponents: np.ndarray, side_bits: np.ndarray) -> np.ndarray:
    """Bits of the position inside a box; int64 [N, 3]."""
    return np.clip(side_bits - exponents, 0, np.minimum(side_bits, MOST_PLACE_BITS))
