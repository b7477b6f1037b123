"""How fine the numbers of a slice must be for their errors to be seen alike (spec 10.7).

An error of a colour is seen as it is; errors of shape, place and opacity are seen where a splat differs from what lies behind it.
With `CONTRAST` as the usual difference, a step of each number is set so that all errors add the same to the squared error of a
picture, as high-rate quantisation theory asks. Splats that add much to pictures get finer steps, as the root of what they add.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log2

from pgsvc.syntax import Record

CONTRAST = 0.25
CHROMA_STEPS = [10, 8]  # eighths of octaves: R − B and G − (R + B) / 2 weigh 1/6 and 1/4 of luma in R² + G² + B²
SH_EIGHTHS = 15  # the mean square of a coefficient's function over the sphere is 1/4π


@dataclass(frozen=True)
class Balance:
    """Factors on the steps that follow from the theory, as measured to be best."""

    opacity: float = 1.0
    scale: float = 1.0
    rotation: float = 0.45
    place: float = 0.7
    sh: float = 0.85


def step_of(quality: float) -> float:
    """The step of luma of a splat of the usual weight, 1 is white."""
    return 2 ** (-quality / 10)


def slice_steps(quality: float, weight: float, sh_degree: int, balance: Balance) -> Record:
    """The fields of a SPLT header that say how fine a slice is.

    Steps of shapes and places have an upper end: a splat of little weight that grows fourfold has no little weight any more.

    Args:
        quality: 0 … 100; 10 more are half the steps.
        weight: what a splat of the slice adds to pictures, on the average, against all splats of the scene.
    """
    step = step_of(quality) / max(weight, 1e-6) ** 0.5  # of luma
    step = min(max(step, 2.0**-12), 0.5)
    eighths = round(8 * (16 + log2(step)))
    return {
        "opacity_step": _clip(65536 * balance.opacity * step * 0.3 / CONTRAST, 256, 65536 // 8),
        "scale_step": _clip(64 * balance.scale * step / (CONTRAST * 0.5), 1, 64 // 2),
        "rotation_precision": _clip(8 * log2(0.36 / (step * balance.rotation)), 8 * 2, 127),
        "place_precision": _clip(2 * log2(step * balance.place / (CONTRAST * 0.6)), -128, 0),
        "colour_step": _clip(eighths, 0, 128),
        "chroma_steps": CHROMA_STEPS,
        "sh_steps": [_clip(eighths + SH_EIGHTHS + 8 * log2(balance.sh), 1, 128)] * sh_degree,
    }


def _clip(value: float, low: int, high: int) -> int:
    return min(max(round(value), low), high)
