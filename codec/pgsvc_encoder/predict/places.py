"""Where one more splat would help most: maxima over place and size of what a round splat takes from the error (matching pursuit).

A splat ψ with the best colour <r, ψ> / <ψ, ψ> lowers the squared error r by <r, ψ>² / <ψ, ψ>. For exp(−d²/2σ²) this is 4πσ² times
the square of the error's mean under a Gaussian of σ, and the colour is twice that mean. A splat of the same variance has scales of
√2·σ, 4/3 of its sum and 8/5 of its energy (spec 8.5): where the error hardly changes under it, it takes 10/9 of that with 5/6 of
the colour.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from pgsvc_encoder.fit.objective import Objective
from pgsvc_encoder.fit.splats import Splats
from pgsvc_encoder.fit.training import Stage

SIGMAS = (1.0, 1.6, 2.5, 4.0, 6.3, 10.0)  # of the splats that are tried, in samples of the top level
APART = 1.5  # places lie at least this times the sum of their σ from each other, so that their gains add up


@dataclass(frozen=True)
class Places:
    """Places for round splats, the best first.

    Args:
        position: float32 [P, 2], luma samples of the reference size.
        scale: float32 [P], l1 and l3, likewise.
        colour: float32 [P, C].
        gain: float32 [P], by which the stage's weighted error falls.
    """

    position: torch.Tensor
    scale: torch.Tensor
    colour: torch.Tensor
    gain: torch.Tensor


def find_places(
    stage: Stage, splats: Splats, layer: int, most: int, least_gain: float, number: int | None = None
) -> Places:
    """Up to ``most`` places for splats of a layer of the stage, each of which gains more than ``least_gain``.

    The layer's own level and those above count with their weights; luma, or R, G and B, decide.

    Args:
        number: of the object that the splats belong to: 1 lies inside the region, 0 outside; None: anywhere.
    """
    allowed = _allowed(stage.objective, number)
    planes, share = _weighted_error(stage, splats, layer)
    found, colours = [], []
    for sigma in SIGMAS:
        pool = 2 ** max(0, math.floor(math.log2(sigma / 1.2)))
        best = 5 / 3 * _mean_under(planes[0], sigma, pool)
        gain = (share * 1.6 * math.pi * sigma**2 * best**2).sum(0)
        if allowed is not None:
            gain = gain * F.avg_pool2d(allowed[None], pool, ceil_mode=True, count_include_pad=False)[0]
        y, x = torch.nonzero((gain > least_gain) & (gain == _largest_near(gain, sigma / pool)), as_tuple=True)
        size = torch.full(x.shape, sigma)
        found.append(torch.stack([(x + 0.5) * pool, (y + 0.5) * pool, size, gain[y, x]], 1))
        columns = [best[:, y, x].T]
        for other in planes[1:]:
            ratio = other.shape[1] / planes[0].shape[1]
            mean = 5 / 3 * _mean_under(other, max(0.5, sigma * ratio), max(1, pool // 2))
            columns.append(mean[:, y * mean.shape[1] // best.shape[1], x * mean.shape[2] // best.shape[2]].T)
        colours.append(torch.cat(columns, 1))
    candidates, colour = torch.cat(found), torch.cat(colours)
    chosen = _spread_out(candidates, most)
    c = candidates[chosen]
    ratio = torch.tensor(stage.objective.view_of(stage.objective.levels - 1).ratio)
    return Places(c[:, :2] * ratio, c[:, 2] * math.sqrt(2 * float(ratio.prod())), colour[chosen], c[:, 3])


def _allowed(objective: Objective, number: int | None) -> torch.Tensor | None:
    """Factors of what a splat gains at the samples of the top level, 0 where the object does not lie; None: 1 everywhere."""
    residual = objective.target(objective.levels - 1).to("cpu")
    if residual.weights is None or objective.emphasis is None:
        return None
    if number is None:
        return residual.weights
    inside = residual.weights > (1 + objective.emphasis.weight) / 2
    return residual.weights * (inside if number else ~inside)


def _weighted_error(stage: Stage, splats: Splats, layer: int) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Mean error of the levels from ``layer`` on, in the size of the top level, and the weight of a squared sample of luma."""
    objective = stage.objective
    weights = [float(w) for w in stage.mean_weights[layer:]]
    total = sum(weights)
    residuals = [objective.residual(splats, level).planes for level in range(layer, objective.levels)]
    planes = [torch.zeros_like(top) for top in residuals[-1]]
    for weight, residual in zip(weights, residuals, strict=True):
        for plane, part in zip(planes, residual, strict=True):
            if part.shape != plane.shape:
                part = F.interpolate(part[None], plane.shape[1:], mode="bilinear", align_corners=False)[0]
            plane += weight / total * part
    return planes, total * objective.view_of(objective.levels - 1).groups[0].weight[:, None, None].cpu()


def _mean_under(planes: torch.Tensor, sigma: float, pool: int) -> torch.Tensor:
    """Mean of [C, H, W] under a Gaussian, zero outside; sampled at averages of ``pool`` samples a side."""
    x = F.avg_pool2d(planes, pool, ceil_mode=True, count_include_pad=False) if pool > 1 else planes
    radius = math.ceil(3 * sigma / pool)
    taps = torch.exp(-0.5 * (torch.arange(-radius, radius + 1) * pool / sigma) ** 2)
    taps = taps / taps.sum()
    out = F.conv2d(x[:, None], taps[None, None, None, :], padding=(0, radius))
    return F.conv2d(out, taps[None, None, :, None], padding=(radius, 0))[:, 0]


def _largest_near(gain: torch.Tensor, sigma: float) -> torch.Tensor:
    """The maximum of [H, W] around every sample."""
    reach = math.ceil(APART * sigma)
    rows = F.max_pool2d(gain[None, None], (1, 2 * reach + 1), 1, (0, reach))
    return F.max_pool2d(rows, (2 * reach + 1, 1), 1, (reach, 0))[0, 0]


def _spread_out(candidates: torch.Tensor, most: int) -> list[int]:
    """Rows of candidates (x, y, σ, gain), the best first, that keep apart."""
    chosen: list[int] = []
    for i in torch.argsort(candidates[:, 3], descending=True, stable=True)[: 20 * most].tolist():
        if len(chosen) == most:
            break
        others = candidates[chosen]
        distance = (others[:, :2] - candidates[i, :2]).norm(dim=1)
        if bool((distance > APART * (others[:, 2] + candidates[i, 2])).all()):
            chosen.append(i)
    return chosen
