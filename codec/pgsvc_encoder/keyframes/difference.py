"""Key frames found without fitting: is the picture better described by the one before, or by nothing at all?

The way of x264's scene-cut decision, which holds the cost of predicting a frame against the cost of coding it alone; here both are
measured on small pictures of detail. The block motion search of the predicted frames does the predicting.

Detail is what is left after the local mean is taken away. A flash, a fade or a lamp that is switched on changes the means and
leaves the detail where it was, so that splats that only change colour are not taken for a new scene.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from pgsvc.picture import Picture
from pgsvc_encoder.predict.motion import block_means, luma, reduced, search

SIDE = 72  # averages on the shorter side of the small picture: the reach of the search grows with the picture
WINDOW = 9  # averages a side, of the local mean
BLOCK = 8  # averages a side; smaller blocks find something alike in any picture
FLOOR = 1 / 255  # added to the detail of a picture, so that noise alone is not called detail

# Measured by tools/bench_keyframes.py on clips of many kinds: cuts are at 0.73 … 0.86; pans and fast motion below 0.50, at half the
# frame rate below 0.58; dark pictures under strong noise at 0.60; fades, dissolves and flashes that do not clip below 0.45.
THRESHOLD = 0.68


def detail(picture: Picture) -> torch.Tensor:
    """Luma of a small copy of the picture, less its local mean; float32 [H, W], in units of 2^BitDepth code values."""
    small = reduced(luma(picture), max(1, round(min(picture.format.width, picture.format.height) / SIDE)))
    mean = F.avg_pool2d(small[None, None], WINDOW, 1, padding=WINDOW // 2, count_include_pad=False)[0, 0]
    return small - mean


def novelty(before: torch.Tensor, now: torch.Tensor) -> float:
    """Share of the detail of ``now`` that ``before`` does not predict, 0 (all is predicted) to 1 (nothing is).

    Args:
        before: detail of the picture before, float32 [H, W]; ``now`` that of the picture, of the same size.
    """
    _, predicted = search(now, before, BLOCK)
    alone = block_means(now.abs(), BLOCK)
    return float(torch.minimum(predicted, alone).mean() / (alone.mean() + FLOOR))


class DifferenceTest:
    """Told every picture in order, says which begin something new; keeps the detail of one picture.

    A flash that clips to white, or a black frame, leaves nothing to predict from: the frame after it is called new.
    """

    def __init__(self, threshold: float = THRESHOLD) -> None:
        self.threshold = threshold
        self._before: torch.Tensor | None = None

    def __call__(self, picture: Picture) -> bool:
        """Whether the picture is unlike the one before; True for the first."""
        before, self._before = self._before, detail(picture)
        return before is None or novelty(before, self._before) > self.threshold
