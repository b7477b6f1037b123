"""Splats that are not worth their bits: what pictures lose without each, found by random probes of the rasteriser's gradients.

For a picture I and a random picture r of +1 and −1, the gradient of Σ r·I by a number θ has the mean square Σ (∂I/∂θ)²
(Hutchinson's estimate of the diagonal of Gauss–Newton's matrix). I is linear in each splat's alpha, so that alpha² times this, for
θ = alpha, is the squared error of the picture without the splat. It is held against what its bits would gain elsewhere: at the high
rates of scenes an error D of a number grows by 2 ln 2 · D for each bit that is saved, and errors of all numbers add about the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import log

import numpy as np

from pgsvc.errors import UsageError
from pgsvc.scene.camera import Camera
from pgsvc.scene.splats import SH_C0, SceneFormat, SceneSplats
from pgsvc_encoder.scene.precision import step_of
from pgsvc_encoder.scene.settings import SceneSettings
from pgsvc_encoder.scene.views import training_views

VIEWS, VIEW_SIZE = 48, (400, 400)
BITS = 60  # of a splat, about
MOST_OPAQUE = 4.0  # logit to which opacities are limited, as nothing is learned of one whose slope is 0


def dropped(
    splats: SceneSplats,
    form: SceneFormat,
    settings: SceneSettings,
    importance: np.ndarray,
    *,
    threads: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> np.ndarray:
    """The importance [N], but 0 for what ``settings.drop`` leaves out.

    Raises:
        UsageError: nothing would be left.
    """
    cameras = training_views(splats, form, VIEWS, VIEW_SIZE, threads=threads)
    kept = worth_sending(
        splats, form, cameras, settings.quality, settings.drop, seed=settings.seed, threads=threads, progress=progress
    )
    if not kept.any():
        raise UsageError(f"--drop {settings.drop:g} would leave no splat")
    return np.where(kept, importance, 0)


def worth_sending(
    splats: SceneSplats,
    form: SceneFormat,
    cameras: Sequence[Camera],
    quality: float,
    share: float,
    *,
    seed: int = 0,
    threads: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> np.ndarray:
    """Which splats to keep; bool [N], the same for any number of threads.

    Args:
        cameras: where the scene is looked at; what none of them sees is left out.
        quality: as of the encoder, 0 … 100.
        share: of what its bits are worth, which a splat must add. Theory asks for 1 of a splat that goes alone; of many that
            go together it takes too many.
        progress: told how many views of how many are probed.
    """
    lost, by_colour = losses(splats, form, cameras, seed=seed, threads=threads, progress=progress)
    distortion = step_of(quality) ** 2 / 12 * by_colour.mean()  # of one number
    return lost > share * BITS * 2 * log(2) * distortion


def losses(
    splats: SceneSplats,
    form: SceneFormat,
    cameras: Sequence[Camera],
    *,
    seed: int = 0,
    threads: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[np.ndarray, np.ndarray]:
    """Squared errors of all pictures and components together, without each splat, and for each square of an error of its luma.

    Returns:
        float64 [N] each; 1 is white.
    """
    import torch  # here, as scenes can be encoded without it

    from pgsvc_encoder.scene.rasterise import parameters, rasterise

    generator = torch.Generator().manual_seed(seed)
    probed = replace(splats, opacity=np.minimum(splats.opacity, np.float32(MOST_OPAQUE)))
    transparent = 1 / (1 + np.exp(probed.opacity.astype(np.float64)))
    lost, by_colour = np.zeros(len(splats)), np.zeros(len(splats))
    leaves = parameters(probed)
    for done, camera in enumerate(cameras, 1):
        for leaf in leaves:
            leaf.grad = None
        rgb = rasterise(leaves, camera, form, torch.zeros(3), threads)[0]
        signs = 2 * torch.randint(0, 2, rgb.shape, generator=generator, dtype=torch.float32) - 1
        (rgb * signs).sum().backward()
        by_opacity, by_dc = (leaf.grad.numpy().astype(np.float64) for leaf in leaves[3:5])  # type: ignore[union-attr]
        lost += (by_opacity / transparent) ** 2  # alpha ∂/∂alpha
        by_colour += ((by_dc / SH_C0) ** 2).sum(1)
        progress(done, len(cameras))
    return lost, by_colour
