"""Pictures of scenes, on the CPU: splats blended from front to back [Kerbl et al. 2023], without a GPU and without torch.

Each splat is projected to an ellipse of the picture [EWA splatting: Zwicker et al. 2001]. Its covariance grows by 0.3 pixel² or
not, with or without a loss of opacity [Mip-Splatting: Yu et al. 2024], as the scene's format says. A pixel takes, from the front,
alpha = min(0.999, opacity · exp(−d' Σ⁻¹ d / 2)) of every splat for which that is at least 1/255, and ends before the splat that
would leave 1e-4 of the light behind it; those are the limits of gsplat 1.5 [Ye et al. 2024]. The first rasterisers also cut the
ellipse at three standard deviations, tile by tile; here the support ends where alpha does, so that tiles cannot be seen. Splats
of the same depth are in the order of their indices. The picture is the same for any number of threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pgsvc import kernel
from pgsvc.errors import UsageError
from pgsvc.scene import reference_render
from pgsvc.scene.camera import Camera
from pgsvc.scene.splats import KERNELS, SceneFormat, SceneSplats


@dataclass(frozen=True)
class RenderedView:
    """What a camera sees.

    Args:
        rgb: float32 [H, W, 3], on the background, in the scene's colour space; not limited to 1.
        alpha: float32 [H, W], how much of the background is hidden.
        colour_space: of the scene's format.
        depth: float32 [H, W], the sum of the splats' depths (z before the camera, scene units) by their share of the pixel, and
            so divided by ``alpha`` the mean one; None if it was not asked for.
        weight: float32 [N], each splat's share of the pixels, added up over the picture; None as above.
        hits: int32 [N], the number of these pixels; None as above.
    """

    rgb: np.ndarray
    alpha: np.ndarray
    colour_space: str
    depth: np.ndarray | None = None
    weight: np.ndarray | None = None
    hits: np.ndarray | None = None

    def to_rgb8(self) -> np.ndarray:
        """The picture in sRGB; uint8 [H, W, 3]."""
        rgb = self.rgb.clip(0, 1)
        if self.colour_space.startswith("lin_"):
            rgb = np.where(rgb <= 0.0031308, 12.92 * rgb, 1.055 * np.maximum(rgb, 0.0031308) ** (1 / 2.4) - 0.055)
        return np.rint(255 * rgb).astype(np.uint8)


def render(
    splats: SceneSplats,
    scene_format: SceneFormat,
    camera: Camera,
    *,
    background: Sequence[float] | np.ndarray = (0.0, 0.0, 0.0),
    threads: int = 0,
    weights: bool = False,
    depth: bool = False,
    cpu: str | None = None,
) -> RenderedView:
    """Draw a scene.

    Args:
        background: red, green, blue behind all splats, in the scene's colour space.
        threads: 0: as many as there are processors.
        weights: also how much each splat was seen.
        depth: also the depths.
        cpu: the kernel, as in `pgsvc.kernel.select`; "reference" is the slow twin.

    Raises:
        UsageError: arrays and format do not agree, or so many splats are so large that their lists would fill the memory.
    """
    arrays = scene_arrays(splats, scene_format)
    behind = np.asarray(background, np.float32)
    if behind.shape != (3,):
        raise UsageError("a background is red, green and blue")
    name = kernel.select(cpu)
    size, count = (camera.height, camera.width), len(splats)
    if name == "reference":
        view = reference_render.render(*arrays, camera=camera, kind=scene_format.kernel, background=behind)
        rgb, alpha, deep, weight = (a.astype(np.float32) for a in view[:4])
        hits = view[4] if weights else None
        return RenderedView(
            rgb, alpha, scene_format.colour_space, deep if depth else None, weight if weights else None, hits
        )
    rgb, alpha = np.empty((*size, 3), np.float32), np.empty(size, np.float32)
    deep = np.empty(size, np.float32) if depth else None
    seen = (np.empty(count, np.float32), np.empty(count, np.int32)) if weights else (None, None)
    how = kernel.ISA[name], kernel.thread_count(threads)
    kind = KERNELS.index(scene_format.kernel)
    try:
        kernel.native().scene_render(*arrays, camera.numbers(), kind, behind, rgb, alpha, deep, *seen, *how)
    except ValueError as error:
        raise UsageError(f"this picture cannot be drawn: {error}") from error
    return RenderedView(rgb, alpha, scene_format.colour_space, deep, *seen)


def scene_arrays(splats: SceneSplats, scene_format: SceneFormat) -> list[np.ndarray]:
    """The arrays that kernels take, float32 and contiguous: those of `SceneSplats` without ``object_id``, in order."""
    count, rest = len(splats), scene_format.rest_count
    shapes = [(3,), (3,), (4,), (), (3,), (rest, 3)]
    names = ["position", "log_scale", "rotation", "opacity", "sh_dc", "sh_rest"]
    arrays = [np.ascontiguousarray(getattr(splats, name), np.float32) for name in names]
    for name, shape, array in zip(names, shapes, arrays, strict=True):
        if array.shape != (count, *shape):
            raise UsageError(f"{name} of {count} splats of degree {scene_format.sh_degree} is {array.shape}")
    return arrays
