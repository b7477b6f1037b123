"""Numbers that no splat can have: refused with counts, or repaired with counts.

Rotations are normalised here without a word: PLY files hold them as they are before the trainer's normalisation, and the
other kinds as they are after rounding.
"""

from __future__ import annotations

import math
from dataclasses import fields, replace

import numpy as np

from pgsvc.errors import UsageError
from pgsvc.scene.splats import SceneSplats

LARGEST_LOGIT = math.log(254.5 / 0.5)
"""The opacity at which 8-bit files begin to say 1."""
LARGEST_POSITION = float(1 << 24)
"""Scene units; beyond, 32-bit floats do not tell neighbouring units apart."""
LOG_SCALES = (-30.0, math.log(LARGEST_POSITION))
"""Logarithms of standard deviations, from what is flat at any zoom to the size of the largest scene."""

_INFINITE, _FLAT = "have infinite opacity", "have no thickness"
_MENDED = {
    _INFINITE: "set the opacity of {} splats from infinite to that of 8-bit files",
    _FLAT: "gave {} splats without thickness the least there is",
}


def checked(splats: SceneSplats, name: str, *, repair: bool) -> tuple[SceneSplats, list[str]]:
    """Splats whose numbers are finite and in range and whose rotations have length 1, and a sentence for each kind of repair.

    Raises:
        UsageError: without ``repair``, numbers that need it, with their counts; with it, nothing is left.
    """
    hopeless = {
        "have numbers that are not finite": _not_finite(splats),
        f"are more than {LARGEST_POSITION:.0f} units away": (np.abs(splats.position) > LARGEST_POSITION).any(axis=1),
        f"are larger than {LARGEST_POSITION:.0f} units": (splats.log_scale > LOG_SCALES[1]).any(axis=1),
        "have a rotation of length 0": (splats.rotation == 0).all(axis=1),
    }
    dropped = np.any(list(hopeless.values()), axis=0)
    mendable = {_INFINITE: np.isinf(splats.opacity), _FLAT: (splats.log_scale < LOG_SCALES[0]).any(axis=1)}
    found = {what: int(which.sum()) for what, which in {**hopeless, **mendable}.items() if which.any()}
    if found and not repair:
        counts = "; ".join(f"{count} of {len(splats)} splats {what}" for what, count in found.items())
        raise UsageError(f"{name}: {counts}; mend them with --repair")
    if dropped.all():
        raise UsageError(f"{name} has no splat that can be repaired; give another file")
    sentences = [f"left out {count} splats that {what}" for what, count in found.items() if what in hopeless]
    mended = {what: int((which & ~dropped).sum()) for what, which in mendable.items()}
    sentences += [_MENDED[what].format(count) for what, count in mended.items() if count]
    return _mended(splats.select(~dropped) if dropped.any() else splats), sentences


def _not_finite(splats: SceneSplats) -> np.ndarray:
    """Splats [N] with NaN or infinity; opacities may be infinite and scales minus infinity, which can be mended."""
    bad = np.isnan(splats.opacity) | (np.isnan(splats.log_scale) | (splats.log_scale == np.inf)).any(axis=1)
    for item in fields(splats):
        if item.name not in ("opacity", "log_scale", "object_id"):
            numbers = getattr(splats, item.name)
            bad |= ~np.isfinite(numbers.reshape(len(splats), -1)).all(axis=1)
    return bad


def _mended(splats: SceneSplats) -> SceneSplats:
    rotation = splats.rotation.astype(np.float64)
    largest = np.copysign(np.float32(LARGEST_LOGIT), splats.opacity)
    return replace(
        splats,
        rotation=(rotation / np.linalg.norm(rotation, axis=1, keepdims=True)).astype(np.float32),
        opacity=np.where(np.isinf(splats.opacity), largest, splats.opacity),
        log_scale=np.maximum(splats.log_scale, np.float32(LOG_SCALES[0])),
    )
