"""How near a scene comes to posed pictures: PSNR and SSIM, the means over views, as papers on scenes have them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch

from pgsvc.errors import UsageError
from pgsvc.scene.render import render
from pgsvc.scene.splats import SceneFormat, SceneSplats
from pgsvc_encoder.scene.posed.base import View
from pgsvc_encoder.scene.train.one_thread import one_thread
from pgsvc_encoder.scene.train.settings import BACKGROUNDS


def evaluate(
    splats: SceneSplats, form: SceneFormat, views: Iterable[View], background: str = "white", threads: int = 0
) -> dict[str, float]:
    """Mean ``psnr`` in dB, from the mean square error of 0 … 1, and ``ssim`` (11×11 windows, Gaussian of 1.5 pixels) of red, green
    and blue together.

    Raises:
        UsageError: there are no views.
    """
    from pytorch_msssim import ssim

    colour = BACKGROUNDS[background]
    psnrs, ssims = [], []
    for view in views:
        target, _ = view.load(colour)
        picture = render(splats, form, view.camera, background=colour, threads=threads).rgb.clip(0, 1)
        psnrs.append(-10 * np.log10(max(float(np.mean((picture - target) ** 2, dtype=np.float64)), 1e-12)))
        pair = (torch.from_numpy(a).permute(2, 0, 1)[None] for a in (picture, target))
        with one_thread():
            ssims.append(float(ssim(*pair, data_range=1.0)))
    if not psnrs:
        raise UsageError("there are no pictures to compare with; --hold keeps some for tests")
    return {"psnr": float(np.mean(psnrs)), "ssim": float(np.mean(ssims))}
