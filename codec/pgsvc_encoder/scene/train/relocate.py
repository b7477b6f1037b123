"""Relocation: splats of a layer that add least become halves of splats where the error is largest.

Numbers of splats never change, so that budgets are exact at any time; the idea is that of 3DGS as Markov chain Monte Carlo
[Kheradmand et al. 2024]. Splats are halved across their longest axis; halves of splats of other layers, which may be frozen,
leave these as they are.
"""

from __future__ import annotations

import math

import torch

from pgsvc_encoder.fit.adam import Adam
from pgsvc_encoder.scene.rasterise import Parameters
from pgsvc_encoder.scene.train.layers import Layers

APART, LONGEST, OTHERS = 0.7, 0.7, 0.85  # of the standard deviation: offset of a half, its length and its thickness
LIVE = 0.005  # alphas below are gone already, as in the first 3D Gaussian Splatting
FAINTEST = math.log(0.1 / 0.9)  # halves begin with an alpha of 0.1 at least


def relocate(
    layers: Layers, layer: int, weight: torch.Tensor, error: torch.Tensor, share: float, generator: torch.Generator
) -> torch.Tensor:
    """Move splats of a layer; its tensors change in place.

    Args:
        weight, error: of the splats of the level with ``layer`` on top, float32 [N], see `pgsvc_encoder.scene.train.survey`.
        share: of the layer's splats that move; those that are gone all do, as far as there are splats to halve.
        generator: on the CPU.

    Returns:
        Rows of the layer that changed, int64.
    """
    part = layers.parts[layer]
    start = sum(layers.counts[:layer])
    own = weight[start : start + len(part[0])].cpu()
    alive = torch.sigmoid(part[3].detach().cpu()) >= LIVE
    moving = max(math.ceil(share * len(own)), int((~alive).sum()))
    odds = (error.cpu().double()).clamp(min=0)
    gone = torch.argsort(torch.where(alive, own, -1.0), stable=True)[:moving]
    odds[start + gone] = 0
    moving = min(moving, int((odds > 0).sum()))
    if not moving:
        return gone[:0]
    gone = gone[:moving]
    chosen = torch.multinomial(odds, moving, generator=generator)
    mine = (chosen >= start) & (chosen < start + len(own))
    with torch.no_grad():
        whole = [torch.cat(tensors).to(part[0].device) for tensors in zip(*layers.parts[: layer + 1], strict=True)]
        side, other = halves([tensor[chosen.to(tensor.device)] for tensor in whole])
        for tensor, one, two in zip(part, side, other, strict=True):
            tensor[gone.to(tensor.device)] = one
            tensor[(chosen[mine] - start).to(tensor.device)] = two[mine.to(tensor.device)]
    return torch.cat([gone, chosen[mine] - start])


def halves(splats: list[torch.Tensor]) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Both halves of splats, as tensors in the order of `pgsvc_encoder.scene.train.layers.NAMES`."""
    position, log_scale, rotation, opacity, *colours = splats
    longest = log_scale.argmax(1, keepdim=True)
    w, x, y, z = torch.nn.functional.normalize(rotation, dim=1).unbind(1)
    axes = torch.stack([
        torch.stack([1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y)], 1),
        torch.stack([2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x)], 1),
        torch.stack([2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)], 1),
    ], 1)  # fmt: skip
    axis = axes.gather(1, longest[:, :, None].expand(-1, 1, 3))[:, 0]
    step = APART * log_scale.gather(1, longest).exp() * axis
    thinner = log_scale + math.log(OTHERS)
    thinner.scatter_(1, longest, log_scale.gather(1, longest) + math.log(LONGEST))
    rest = [thinner, rotation, opacity.clamp(min=FAINTEST), *colours]
    return [position + step, *rest], [position - step, *rest]


def forget(adam: Adam, part: Parameters, rows: torch.Tensor) -> None:
    """Take the means of the gradients of some splats for unknown."""
    for tensor in part:
        for mean in adam.state[tensor].values():
            mean[rows.to(mean.device)] = 0
