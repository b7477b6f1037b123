"""A differentiable rasteriser in torch, float64, for the gradients of tiny scenes: all pixels and splats at once.

Covariances are inverted and determinants taken by torch, unlike in the kernels; autograd does the rest.
"""

from __future__ import annotations

import torch

from pgsvc.scene.camera import Camera
from pgsvc.scene.reference_render import DILATION, LEAST_ALPHA, LEAST_THROUGH, MOST_ALPHA
from pgsvc.scene.splats import SH_C0


def rotation_matrices(q: torch.Tensor) -> torch.Tensor:
    """[N, 3, 3] by turning the three axes: v + 2 w (u × v) + 2 u × (u × v)."""
    q = q / q.norm(dim=1, keepdim=True)
    axes = torch.eye(3, dtype=q.dtype).expand(len(q), 3, 3)
    u = q[:, None, 1:].expand(-1, 3, -1)
    once = torch.linalg.cross(u, axes)
    return (axes + 2 * q[:, :1, None] * once + 2 * torch.linalg.cross(u, once)).transpose(1, 2)


def harmonics(d: torch.Tensor, count: int) -> torch.Tensor:
    """[N, count]: real parts of powers of x + iy times Legendre functions, with 3D Gaussian Splatting's signs."""
    x, y, z = d.unbind(1)
    pi = torch.pi
    one = [-((3 / (4 * pi)) ** 0.5) * y, (3 / (4 * pi)) ** 0.5 * z, -((3 / (4 * pi)) ** 0.5) * x]
    c2, s2, c3, s3 = x * x - y * y, 2 * x * y, x * (x * x - 3 * y * y), y * (3 * x * x - y * y)
    a, b, c = (15 / (16 * pi)) ** 0.5, (15 / (4 * pi)) ** 0.5, (5 / (16 * pi)) ** 0.5
    two = [a * s2, -b * y * z, c * (3 * z * z - 1), -b * x * z, a * c2]
    e, f, g, h = (35 / (32 * pi)) ** 0.5, (105 / (16 * pi)) ** 0.5, (21 / (32 * pi)) ** 0.5, (7 / (16 * pi)) ** 0.5
    three = [-e * s3, f * z * s2, -g * y * (5 * z * z - 1), h * z * (5 * z * z - 3), -g * x * (5 * z * z - 1)]
    three += [f * z * c2, -e * c3]
    values = [*one, *two, *three][:count]
    return torch.stack(values, 1) if values else d.new_zeros(len(d), 0)


def render(
    parameters: list[torch.Tensor], camera: Camera, kind: str, background: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """rgb [H, W, 3], alpha [H, W] and the centres in the picture [N, 2], which keep their gradient."""
    position, log_scale, rotation, opacity, sh_dc, sh_rest = parameters
    matrix = torch.tensor(camera.world_to_camera)
    turn, centre = matrix[:3, :3], torch.tensor(camera.centre)
    x, y, z = (position @ turn.T + matrix[:3, 3]).unbind(1)
    axes = rotation_matrices(rotation) * log_scale.exp()[:, None]
    w, h, zero = camera.width, camera.height, torch.zeros_like(z)
    lean_x = (x / z).clamp(-(camera.cx + 0.15 * w) / camera.fx, (1.15 * w - camera.cx) / camera.fx)
    lean_y = (y / z).clamp(-(camera.cy + 0.15 * h) / camera.fy, (1.15 * h - camera.cy) / camera.fy)
    rows = [camera.fx / z, zero, -camera.fx / z * lean_x], [zero, camera.fy / z, -camera.fy / z * lean_y]
    slope = torch.stack([torch.stack(row, 1) for row in rows], 1) @ turn
    bare = slope @ axes @ axes.transpose(1, 2) @ slope.transpose(1, 2)
    covariance = bare + DILATION[kind] * torch.eye(2, dtype=bare.dtype)
    top = torch.sigmoid(opacity)
    if kind == "antialiased":
        top = top * (torch.linalg.det(bare) / torch.linalg.det(covariance)).sqrt()
    mean = torch.stack([camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy], 1)
    mean.retain_grad()
    sight = position - centre
    values = harmonics(sight / sight.norm(dim=1, keepdim=True), sh_rest.shape[1])
    colour = (0.5 + SH_C0 * sh_dc + torch.einsum("nk,nkc->nc", values, sh_rest)).clamp(min=0)

    v, u = torch.meshgrid(torch.arange(h) + 0.5, torch.arange(w) + 0.5, indexing="ij")
    d = torch.stack([u, v], -1)[None].double() - mean[:, None, None]
    q = torch.einsum("nhwi,nij,nhwj->nhw", d, torch.linalg.inv(covariance), d)
    alphas = (top[:, None, None] * (-q / 2).exp()).clamp(max=MOST_ALPHA)
    through, live = torch.ones(h, w, dtype=bare.dtype), torch.ones(h, w, dtype=torch.bool)
    rgb = torch.zeros(h, w, 3, dtype=bare.dtype)
    for n in torch.argsort(z.detach()).tolist():
        if z[n] < camera.near:
            continue
        after = through * (1 - alphas[n])
        hit = live & (alphas[n] >= LEAST_ALPHA)
        live = live & ~(hit & (after <= LEAST_THROUGH))
        hit = hit & live
        rgb = rgb + torch.where(hit, through * alphas[n], 0.0)[..., None] * colour[n]
        through = torch.where(hit, after, through)
    return rgb + through[..., None] * background, 1 - through, mean
