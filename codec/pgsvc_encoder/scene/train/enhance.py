"""The beginning of an enhancement layer: small splats inside those below, more of them where pictures are wrong."""

from __future__ import annotations

import math

import torch

from pgsvc_encoder.scene.rasterise import Parameters

SMALLER = 1.6  # than the splat that one lies in, as halves in 3D Gaussian Splatting [Kerbl et al. 2023]
ALPHA = 0.3


def enhancement(below: Parameters, error: torch.Tensor, count: int, generator: torch.Generator) -> Parameters:
    """Exactly ``count`` splats.

    Args:
        below: all splats of the level below.
        error: of these, float32 [N], see `pgsvc_encoder.scene.train.survey`; splats with more of it get more new ones.
        generator: on the CPU.
    """
    odds = error.cpu().double().clamp(min=0)
    if not odds.sum() > 0:
        odds = torch.ones_like(odds)
    chosen = torch.multinomial(odds, count, replacement=True, generator=generator).to(error.device)
    position, log_scale, rotation, opacity, sh_dc, sh_rest = (tensor.detach()[chosen] for tensor in below)
    noise = torch.randn(count, 3, generator=generator).to(position.device)
    offset = _turn(torch.nn.functional.normalize(rotation, dim=1), noise * log_scale.exp())
    faint = torch.full_like(opacity, math.log(ALPHA / (1 - ALPHA)))
    return position + offset, log_scale - math.log(SMALLER), rotation, faint, sh_dc, sh_rest


def _turn(quaternion: torch.Tensor, vector: torch.Tensor) -> torch.Tensor:
    """Vectors [N, 3] by unit quaternions w, x, y, z [N, 4]."""
    axis = quaternion[:, 1:]
    cross = 2 * torch.linalg.cross(axis, vector)
    return vector + quaternion[:, :1] * cross + torch.linalg.cross(axis, cross)
