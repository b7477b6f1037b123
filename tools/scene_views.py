"""Pictures of scenes against those of their source: what benchmarks of scenes measure."""

from __future__ import annotations

import math

import numpy as np
import torch
from pytorch_msssim import ssim

from pgsvc.scene.render import render
from pgsvc.scene.splats import SceneFormat, SceneSplats
from pgsvc_encoder.scene.views import measuring_views

COUNT, SIZE = 8, (640, 480)


class Views:
    """Eight views that nothing was fitted to.

    Args:
        splats: the source.
    """

    def __init__(self, splats: SceneSplats, form: SceneFormat, size: tuple[int, int] = SIZE) -> None:
        self.form, self.cameras = form, measuring_views(splats, form, COUNT, size)
        self.source = [self.draw(splats, k) for k in range(COUNT)]

    def draw(self, splats: SceneSplats, number: int) -> np.ndarray:
        """A view; float32 [H, W, 3], 0 … 1."""
        return render(splats, self.form, self.cameras[number]).rgb.clip(0, 1)

    def quality(self, splats: SceneSplats) -> dict[str, float]:
        """PSNR of all views together, and their mean SSIM."""
        errors, similar = [], []
        for number, source in enumerate(self.source):
            drawn = self.draw(splats, number)
            errors.append(float(((drawn - source) ** 2).mean()))
            pair = [torch.from_numpy(x).permute(2, 0, 1)[None] for x in (drawn, source)]
            similar.append(float(ssim(*pair, data_range=1.0)))
        return {"psnr": -10 * math.log10(max(np.mean(errors), 1e-12)), "ssim": float(np.mean(similar))}
