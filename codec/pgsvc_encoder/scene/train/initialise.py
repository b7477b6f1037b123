"""Where a training begins: at given points, or at random ones in the space that all cameras look at.

Pictures with alpha channels leave of that space what no picture shows as empty, the visual hull [Laurentini 1994].
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from pgsvc.scene.camera import Camera
from pgsvc.scene.splats import SH_C0
from pgsvc_encoder.scene.posed.base import Points
from pgsvc_encoder.scene.rasterise import Parameters
from pgsvc_encoder.scene.train.views import TrainingViews

ALPHA = 0.1  # of splats at the beginning [Kerbl et al. 2023]
CANDIDATES = 40  # random points for each that is wanted, of which the hull leaves some
HULL_VIEWS = 24
EMPTY = 0.02  # alphas of pictures below show nothing
NEIGHBOURS = 3  # whose mean distance is a splat's first size
CHUNK = 2048


def extent(cameras: Sequence[Camera]) -> float:
    """Size of a scene: 1.1 times the largest distance of a camera from their middle [Kerbl et al. 2023]; 1 for one camera."""
    centres = np.stack([camera.centre for camera in cameras])
    return 1.1 * float(np.linalg.norm(centres - centres.mean(0), axis=1).max()) or 1.0


def common_cube(cameras: Sequence[Camera]) -> tuple[np.ndarray, float]:
    """Middle [3] and half the side of the cube that cameras look at.

    The middle is the point nearest to all optical axes, with a slight pull to where the cameras' mean distance lies ahead, which
    decides if the axes are parallel; the side is what the cameras see there.
    """
    centres = np.stack([camera.centre for camera in cameras])
    ahead = np.stack([camera.world_to_camera[2, :3] for camera in cameras])
    across = np.eye(3) - ahead[:, :, None] * ahead[:, None, :]
    pull = 1e-3 * len(cameras)
    rest = (centres + extent(cameras) * ahead).mean(0)
    middle = np.linalg.solve(
        across.sum(0) + pull * np.eye(3), (across @ centres[:, :, None]).sum(0)[:, 0] + pull * rest
    )
    tangents = [min(c.width / c.fx, c.height / c.fy) / 2 for c in cameras]
    distances = np.linalg.norm(centres - middle, axis=1)
    return middle, max(float(np.median(distances * tangents)), 1e-6)


def random_points(views: TrainingViews, count: int, generator: torch.Generator) -> Points:
    """Points in the common cube or its hull, with the mean colour of the pixels that they lie before."""
    middle, half = common_cube(views.cameras)
    wanted = CANDIDATES * count
    position = torch.tensor(middle) + half * (2 * torch.rand(wanted, 3, generator=generator, dtype=torch.float64) - 1)
    seen, colour, inside = torch.zeros(wanted), torch.zeros(wanted, 3), torch.ones(wanted, dtype=torch.bool)
    for number in np.unique(np.linspace(0, len(views) - 1, HULL_VIEWS).round().astype(int)):
        camera, target, _ = views[int(number)]
        column, row, visible = _pixels(camera, position)
        seen += visible
        colour += torch.where(visible[:, None], target.cpu()[row, column], 0.0)
        alpha = views.alpha(int(number))
        if alpha is not None:
            inside &= ~visible | (alpha[row, column] > EMPTY)
    order = torch.argsort((inside & (seen > 0)).int(), descending=True, stable=True)[:count]
    mean = colour / seen.clamp(min=1)[:, None]
    return Points(position[order].float().numpy(), mean[order].numpy())


def _pixels(camera: Camera, position: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Columns and rows of points [N, 3] in a picture, 0 where they are outside, and whether they are inside."""
    matrix = torch.tensor(camera.world_to_camera)
    x, y, z = (position @ matrix[:3, :3].T + matrix[:3, 3]).unbind(1)
    ahead = z > camera.near
    column = torch.floor(camera.fx * x / torch.where(ahead, z, 1.0) + camera.cx)
    row = torch.floor(camera.fy * y / torch.where(ahead, z, 1.0) + camera.cy)
    visible = ahead & (column >= 0) & (column < camera.width) & (row >= 0) & (row < camera.height)
    return torch.where(visible, column, 0.0).long(), torch.where(visible, row, 0.0).long(), visible


def first_splats(points: Points, count: int, rest_count: int, generator: torch.Generator, device: str) -> Parameters:
    """Exactly ``count`` round splats at some of the points; at some twice, a little apart, where there are too few."""
    total = len(points.position)
    chosen = torch.cat([torch.randperm(total, generator=generator) for _ in range(-(-count // total))])[:count]
    position = torch.from_numpy(points.position)[chosen]
    size = neighbour_distance(position if count <= total else torch.from_numpy(points.position))
    size = size if count <= total else size[chosen]
    position = position + (torch.arange(count) >= total)[:, None] * size[:, None] * torch.randn(
        count, 3, generator=generator
    )
    colour = (torch.from_numpy(points.colour)[chosen] - 0.5) / SH_C0
    rotation = torch.zeros(count, 4)
    rotation[:, 0] = 1
    opacity = torch.full((count,), math.log(ALPHA / (1 - ALPHA)))
    rest = torch.zeros(count, rest_count, 3)
    tensors = (position, size.log()[:, None].repeat(1, 3), rotation, opacity, colour, rest)
    return tuple(tensor.float().to(device) for tensor in tensors)  # type: ignore[return-value]


def neighbour_distance(position: torch.Tensor) -> torch.Tensor:
    """Root mean square distance of the three nearest others; float32 [N], above 0."""
    near = min(NEIGHBOURS, len(position) - 1)
    if near < 1:
        return torch.full((len(position),), 0.1)
    found = [torch.cdist(part, position).topk(near + 1, largest=False).values for part in position.split(CHUNK)]
    return torch.cat(found)[:, 1:].square().mean(1).sqrt().clamp(min=1e-5)
