"""Where splats begin: sampled from the content at the start, from the error later (after Image-GS, GaussianImage++)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F

from pgsvc_encoder.fit.objective import Objective, Residual
from pgsvc_encoder.fit.splats import Splats

GRADIENT_SHARE = 0.7  # of the density at the start; the rest is uniform
NEIGHBOUR_SHARE = 0.6  # σ at the start, of the mean distance to the three nearest splats
START_COLOUR = 0.5  # of the sample under the splat: neighbours overlap
ADDED_COLOUR = 0.7  # of the residual under an added splat
CROWD = 8  # splats that may be added in one place without sharing the residual
ADDED_SPREAD = 1.0  # samples, standard deviation of the place of an added splat about the error that drew it
ADDED_SIGMA = 1.5  # luma samples, the least for an added splat


def gradient_density(luma: torch.Tensor) -> torch.Tensor:
    """Sampling density [H, W] from the gradient magnitude of [H, W], mixed with a uniform share; sums to 1."""
    padded = F.pad(luma[None, None], (1, 1, 1, 1), mode="replicate")[0, 0]
    dx = padded[1:-1, 2:] - padded[1:-1, :-2]
    dy = padded[2:, 1:-1] - padded[:-2, 1:-1]
    magnitude = torch.sqrt(dx * dx + dy * dy)
    uniform = torch.full_like(magnitude, 1 / magnitude.numel())
    return GRADIENT_SHARE * magnitude / magnitude.sum().clamp(min=1e-12) + (1 - GRADIENT_SHARE) * uniform


def sample(density: torch.Tensor, count: int, generator: torch.Generator) -> torch.Tensor:
    """Positions [count, 2] in samples of the plane, drawn from [H, W] with replacement and jittered inside the sample."""
    steps = _running_sum(density.flatten())
    drawn = torch.rand(count, generator=generator, dtype=torch.float64).to(density.device) * steps[-1]
    chosen = torch.searchsorted(steps, drawn, right=True).clamp(max=len(steps) - 1)
    width = density.shape[1]
    corner = torch.stack([chosen % width, chosen // width], 1).float()
    return corner + torch.rand(count, 2, generator=generator).to(density.device)


def _running_sum(density: torch.Tensor) -> torch.Tensor:
    """Running sums, float64 [N]; on a GPU in whole numbers, as torch adds floats there in another order in each run."""
    if density.is_cpu:
        return density.double().cumsum(0)
    unit = 2.0**50 / (len(density) * density.amax().double())
    return (density * unit).long().cumsum(0).double() / unit


def like(values: Sequence[float], other: torch.Tensor) -> torch.Tensor:
    """The numbers as float32 on the device of another tensor."""
    return torch.tensor(values, dtype=torch.float32).to(other.device)


def nearest_distance(position: torch.Tensor, fallback: float) -> torch.Tensor:
    """Mean distance of each point to its three nearest; [N]."""
    if len(position) < 4:
        return torch.full((len(position),), fallback, device=position.device)
    out = [torch.cdist(part, position).topk(4, largest=False).values[:, 1:].mean(1) for part in position.split(1024)]
    return torch.cat(out)


def colour_at(residual: Residual, position: torch.Tensor, sigma: float = 0.0) -> torch.Tensor:
    """Residual [N, C] at luma positions [N, 2]: the nearest sample, or a Gaussian mean of those around it."""
    parts = []
    here = position / like(residual.ratio, position)
    reach = torch.arange(2 * math.ceil(2.5 * sigma) + 1, device=here.device) - math.ceil(2.5 * sigma)
    mass = torch.exp(-0.5 * (reach / (sigma or 1.0)) ** 2)
    mass = mass[:, None] * mass / mass.sum() ** 2
    for plane, group in zip(residual.planes, residual.groups, strict=True):
        x = ((here[:, 0] - group.origin_x / 256) / (group.step_x / 256)).round().long()
        y = ((here[:, 1] - group.origin_y / 256) / (group.step_y / 256)).round().long()
        columns = (x[:, None] + reach).clamp(0, group.width - 1)
        rows = (y[:, None] + reach).clamp(0, group.height - 1)
        around = plane.flatten(1)[:, rows[:, :, None] * group.width + columns[:, None, :]]
        parts.append((around * mass).sum((2, 3)).T)
    return torch.cat(parts, 1)


def _isotropic(splats: Splats, rows: slice | torch.Tensor, sigma: torch.Tensor | float) -> None:
    """Round shapes with this standard deviation in luma samples."""
    splats.shape[rows, 0] = splats.shape[rows, 2] = torch.as_tensor(sigma).clamp(min=0.5).log2()
    splats.shape[rows, 1] = 0


def seed_layer(splats: Splats, layer: int, count: int, objective: Objective, generator: torch.Generator) -> None:
    """Put the first ``count`` splats of a layer where the picture has structure."""
    picture = objective.target(layer).to(splats.device)
    density = gradient_density(picture.planes[0].mean(0))
    if picture.weights is not None:
        density = density * picture.weights
    position = sample(density, count, generator)
    position = position * like(picture.ratio, position)
    size = objective.format.width * objective.format.height
    start = int(splats.starts[layer])
    chosen = slice(start, start + count)
    splats.position[chosen] = position
    _isotropic(splats, chosen, NEIGHBOUR_SHARE * nearest_distance(position, math.sqrt(size / max(count, 1))))
    splats.colour[chosen] = START_COLOUR * colour_at(picture, position)


def seed_uniform(splats: Splats, objective: Objective, generator: torch.Generator) -> None:
    """Put all splats of all layers anywhere, without colour: the random start of GaussianImage and LIG.

    Their shapes are drawn in samples whatever the number of splats, which leaves gaps that are slow to close; here the standard
    deviation follows the distance between the splats of the layer.
    """
    size = torch.tensor([objective.format.width, objective.format.height], dtype=torch.float32)
    for k in range(splats.layers):
        part = splats.layer(k)
        count = part.stop - part.start
        splats.position[part] = (torch.rand(count, 2, generator=generator) * size).to(splats.device)
        _isotropic(splats, part, NEIGHBOUR_SHARE * math.sqrt(float(size.prod()) / max(count, 1)))
        splats.colour[part] = 0


def crowd(position: torch.Tensor, side: float, most: int = CROWD) -> torch.Tensor:
    """Among how many a splat shares what it was added for: those in its square if they are more than ``most``, else 1; [N].

    Where nearly all of the error lies in one spot, all splats go there. Each with the whole residual, they would make the error
    larger than it was, and draw still more splats: the fit explodes.
    """
    column, row = (position / side).long().unbind(1)
    _, square, count = torch.unique(row << 32 | column, return_inverse=True, return_counts=True)
    return torch.where(count > most, count, 1)[square]


def add_by_error(splats: Splats, layer: int, count: int, residual: Residual, generator: torch.Generator) -> None:
    """Put ``count`` unused splats of a layer where the squared error of its level, ``residual``, is large.

    A normal deviate is added to each place, as if it were drawn from the blurred error.
    """
    free = torch.nonzero(~splats.in_use()[splats.layer(layer)])[:count, 0] + int(splats.starts[layer])
    count = len(free)
    if count == 0:
        return
    first, *others = residual.planes[0]
    squares = first * first
    for plane in others:
        squares.addcmul_(plane, plane)
    error = squares if residual.weights is None else squares * residual.weights
    place = sample(error.add_(1e-12 * len(residual.planes[0])), count, generator)
    place = place + ADDED_SPREAD * torch.randn(count, 2, generator=generator).to(place.device)
    last = like([error.shape[1] - 0.5, error.shape[0] - 0.5], place)
    position = torch.minimum(place.clamp(min=0.5), last) * like(residual.ratio, place)
    splats.position[free] = position
    _isotropic(splats, free, ADDED_SIGMA * math.sqrt(residual.ratio[0] * residual.ratio[1]))
    most = CROWD if residual.weights is None else 1  # a region of interest draws many splats at once
    shared = crowd(position, 2 * ADDED_SIGMA, most)
    splats.colour[free] = ADDED_COLOUR * colour_at(residual, position, 1.0) / shared[:, None]
