"""Splats as a smaller or larger picture shows them: low-passed, then scaled (spec 8.4); the float twin, with gradients.

Taking samples f times as far apart is preceded by a box as wide as the new step, less what the old step stands for: this adds
step²·(f² − 1)/12 to the variance along that axis. The variance of a splat is half of Σ, as its weight is (1 − q/4)², so Σ grows by
twice as much.
"""

from __future__ import annotations

import torch


def added_variance(ratio: float, step: float) -> float:
    """What is added to Σ, in luma samples², where ``step`` samples of the reference become ``ratio`` times as many."""
    return max(0.0, step * step * (ratio * ratio - 1) / 6)


def scaled(
    geometry: torch.Tensor, ratio: tuple[float, float], step: tuple[float, float]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Geometry in samples of the other size, and what colours are multiplied by.

    Args:
        geometry: float32 [N, 5], x, y, A, B, C in luma samples of the reference size (spec 8.3).
        ratio: reference size over the other size, x and y.
        step: distance of the plane's samples in luma samples, x and y.

    Returns:
        geometry [N, 5], factor [N, 1].
    """
    x, y, a, b, c = geometry.unbind(1)
    u_x, u_y = (added_variance(r, s) for r, s in zip(ratio, step, strict=True))
    l1, l3 = 1 / a, 1 / b
    l2 = c * l1 * l3
    variance_x = l1 * l1 + u_x
    wide = torch.sqrt(variance_x)
    lean = l1 * l2 / wide
    high = torch.sqrt(l3 * l3 + u_y + l2 * l2 * (u_x / variance_x))
    out = [x / ratio[0], y / ratio[1], ratio[0] / wide, ratio[1] / high, ratio[0] * lean / (wide * high)]
    return torch.stack(out, 1), (l1 * l3 / (wide * high))[:, None]
