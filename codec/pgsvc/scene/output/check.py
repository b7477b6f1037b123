"""What holds for every scene that is written, and the numbers that several kinds share."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from pgsvc.errors import UsageError
from pgsvc.scene.splats import SceneFormat, SceneSplats


def check_splats(splats: SceneSplats, format: SceneFormat) -> None:
    """Makes sure of shapes and of finite numbers, which no reader of scenes copes without.

    Raises:
        UsageError: coefficients that are not those of the degree, or numbers that are not finite.
    """
    if splats.sh_rest.shape[1] != format.rest_count:
        raise UsageError(
            f"the splats have {splats.sh_rest.shape[1]} coefficients behind the constant one, and degree "
            f"{format.sh_degree} has {format.rest_count}; give the degree that fits"
        )
    for name in (f.name for f in fields(splats)):
        numbers = getattr(splats, name)
        bad = 0 if numbers is None else int((~np.isfinite(numbers)).sum())
        if bad:
            raise UsageError(
                f"{bad} numbers of {name} are not finite, and no scene file can hold them; repair the scene"
            )


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Opacities, 0 … 1, of logits; float64, without overflow."""
    return 0.5 + 0.5 * np.tanh(0.5 * np.asarray(logits, np.float64))


def to_byte(values: np.ndarray) -> np.ndarray:
    """Rounded to the nearest of 0 … 255, halves up; uint8."""
    return np.clip(np.floor(np.asarray(values, np.float64) + 0.5), 0, 255).astype(np.uint8)
