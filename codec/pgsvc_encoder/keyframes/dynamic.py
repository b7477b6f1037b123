"""Dynamic key-frame selection (GSVC, Wang et al., NOSSDAV 2025): fit every frame twice, and see what the frame before was good for.

This is the decision; the fits are in ``trial.py``. It follows the paper, and some of it is questionable:

- The values are min-max normalised, so that the largest is 1 however small the differences are. With a few larger values among
  many small ones, v > 3·mean then holds somewhere in almost any clip, one without a cut too.
- A window of n values with one outlier has it at (n − 1) / √n standard deviations from the mean at the most, 4.2 for n = 20, and
  two equal outliers at √((n − 2) / 2) = 3. So of two equal cuts within 20 frames the first rule finds neither, and in a clip of 10
  frames or fewer it finds nothing.
- The whole clip must be there: normalisation and windows look ahead.

Both rules are used by default, as in the paper: in tools/bench_keyframes.py the second finds a cut six frames after another that
the first misses, and the price is that it takes flashes for cuts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class DynamicRule:
    """Numbers of the method, by default those of the paper.

    Args:
        splats: in both fits.
        key_iterations: of the fit from nothing; ``predicted_iterations``: of the fit from the frame before.
        before: frames of the window before the frame; ``after``: behind it. The frame itself belongs to the window.
        factor: of the standard deviation in the first rule, and of the mean in the second.
        mean_rule: whether the second rule, v > factor · mean, is used.
    """

    splats: int = 5000
    key_iterations: int = 500
    predicted_iterations: int = 100
    before: int = 10
    after: int = 9
    factor: float = 3.0
    mean_rule: bool = True


@dataclass(frozen=True)
class Losses:
    """What the trial fits of a clip gave and cost.

    Args:
        key: final error of the fit from nothing, of every frame.
        predicted: final error of the fit from the frame before; of the first frame, that of the other fit.
        fits: number of fits; ``iterations``: of all of them together.
    """

    key: Sequence[float]
    predicted: Sequence[float]
    fits: int
    iterations: int


def normalised(losses: Losses) -> np.ndarray:
    """v: what the fit from the frame before lacks, 0 to 1 over the frames but the first, which has 0; float64 [frames]."""
    v = np.asarray(losses.predicted, np.float64) - np.asarray(losses.key, np.float64)
    rest = v[1:]
    span = np.ptp(rest) if len(rest) else 0.0
    v[1:] = (rest - rest.min()) / span if span > 0 else 0.0
    v[:1] = 0.0
    return v


def key_frames(losses: Losses, rule: DynamicRule) -> list[bool]:
    """Which frames are key frames; the first always is."""
    v = normalised(losses)
    chosen = []
    for t, value in enumerate(v):
        window = v[max(0, t - rule.before) : t + rule.after + 1]
        mean = window.mean()
        stands_out = value - mean > rule.factor * window.std()
        chosen.append(bool(t == 0 or stands_out or (rule.mean_rule and value > rule.factor * mean)))
    return chosen
