"""Splats of a scene to a picture, differentiable: the native kernels on the CPU, gsplat [Ye et al. 2024] on a GPU.

The definitions are those at the head of `pgsvc.scene.render`. On the CPU pictures and gradients are the same for any number of
threads. No GPU has run the other way yet; gsplat adds gradients up in any order, so that a seed does not give one result there.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from pgsvc import kernel
from pgsvc.errors import MissingExtra
from pgsvc.scene.camera import Camera
from pgsvc.scene.splats import KERNELS, SceneFormat, SceneSplats

Parameters = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]
"""The numbers of `SceneSplats` as float32 tensors of the same shapes, in its order, without ``object_id``; quaternions of any
length but 0."""


@dataclass
class Info:
    """What a picture tells of its splats.

    Args:
        centre_gradient: float32 [N, 2], the gradient by the splats' centres in the picture, per pixel, after ``backward``; its
            length is what densification looks at [Kerbl et al. 2023].
    """

    centre_gradient: Callable[[], torch.Tensor]


def parameters(splats: SceneSplats, device: torch.device | str = "cpu") -> Parameters:
    """Leaves that gradients arrive at."""
    names = ("position", "log_scale", "rotation", "opacity", "sh_dc", "sh_rest")
    leaves = (torch.tensor(getattr(splats, name), dtype=torch.float32, device=device) for name in names)
    return tuple(leaf.requires_grad_() for leaf in leaves)  # type: ignore[return-value]


def rasterise(
    splats: Parameters, camera: Camera, scene_format: SceneFormat, background: torch.Tensor, threads: int = 0
) -> tuple[torch.Tensor, torch.Tensor, Info]:
    """The picture of some splats, where their tensors are.

    Args:
        background: float32 [3], in the scene's colour space; no gradient comes back to it.
        threads: of the CPU's kernels; 0: as many as there are processors.

    Returns:
        rgb float32 [H, W, 3], alpha float32 [H, W], and the splats' part in it.

    Raises:
        MissingExtra: the tensors are on a GPU and gsplat is not installed.
    """
    if splats[0].is_cuda:
        return _on_gpu(splats, camera, scene_format, background)
    centre_gradient = torch.zeros(len(splats[0]), 2)
    rgb, alpha = _Native.apply(*splats, camera, scene_format.kernel, background, threads, centre_gradient)  # type: ignore[misc]
    return rgb, alpha, Info(lambda: centre_gradient)


class _Native(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *arguments: Any) -> tuple[torch.Tensor, torch.Tensor]:
        splats = tuple(tensor.contiguous() for tensor in arguments[:6])
        camera, kind, background, threads, ctx.centre_gradient = arguments[6:]
        rgb, alpha = torch.empty(camera.height, camera.width, 3), torch.empty(camera.height, camera.width)
        ctx.view = camera.numbers(), KERNELS.index(kind)
        ctx.how = kernel.fitting_isa(), kernel.thread_count(threads)
        rest = background.detach().contiguous(), rgb, alpha, None, None, None
        kernel.native().scene_render(*(t.detach() for t in splats), *ctx.view, *rest, *ctx.how)
        ctx.save_for_backward(*splats, rgb, alpha)
        return rgb, alpha

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        *splats, rgb, alpha = ctx.saved_tensors
        by_picture = [g.contiguous() for g in gradients]
        out = [torch.empty_like(tensor) for tensor in splats]
        kernel.native().scene_backward(*splats, *ctx.view, rgb, alpha, *by_picture, *out, ctx.centre_gradient, *ctx.how)
        return *out, None, None, None, None, None


def _on_gpu(
    splats: Parameters, camera: Camera, scene_format: SceneFormat, background: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, Info]:
    if importlib.util.find_spec("gsplat") is None:
        raise MissingExtra("drawing scenes on a GPU", "gpu")
    from gsplat import rasterization  # compiles its kernels at the first use

    position, log_scale, rotation, opacity, sh_dc, sh_rest = splats

    def here(values: Any) -> torch.Tensor:
        return torch.as_tensor(values, dtype=torch.float32, device=position.device)

    focal = [[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1]]
    rgb, alpha, meta = rasterization(
        position, rotation, log_scale.exp(), opacity.sigmoid(), torch.cat([sh_dc[:, None], sh_rest], 1),
        here(camera.world_to_camera)[None], here(focal)[None], camera.width, camera.height,
        near_plane=camera.near, eps2d=0.0 if scene_format.kernel == "none" else 0.3, sh_degree=scene_format.sh_degree,
        packed=False, backgrounds=here(background)[None],
        rasterize_mode="antialiased" if scene_format.kernel == "antialiased" else "classic",
    )  # fmt: skip
    if meta["means2d"].requires_grad:
        meta["means2d"].retain_grad()
    return rgb[0], alpha[0, ..., 0], Info(lambda: meta["means2d"].grad[0])
