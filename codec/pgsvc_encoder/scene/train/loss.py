"""The loss of 3D Gaussian Splatting, (1 − λ)·L1 + λ·(1 − SSIM), with its gradient in closed form.

SSIM is that of Wang et al. 2004: windows of 11×11 with a Gaussian of 1.5 pixels, only those inside the picture. What depends on
the target alone is kept; that, and the closed form, take half the time of automatic differentiation.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

SIDE, SIGMA = 11, 1.5
C1, C2 = 0.01**2, 0.03**2


class PictureLoss:
    """Distance to a target.

    Args:
        target: float32 [H, W, 3], 0 … 1; at least 11 pixels each way, else the loss is L1 alone.
        dssim: λ.
    """

    def __init__(self, target: torch.Tensor, dssim: float) -> None:
        self._target = target.permute(2, 0, 1).contiguous()
        self._dssim = dssim if min(target.shape[:2]) >= SIDE else 0.0
        if self._dssim:
            offset = torch.arange(SIDE, dtype=torch.float32, device=target.device) - SIDE // 2
            window = torch.exp(-(offset**2) / (2 * SIGMA**2))
            self._window = window / window.sum()
            self._mean, square = self._blur(torch.cat([self._target, self._target**2])).chunk(2)
            self._variance = square - self._mean**2

    def __call__(self, rgb: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The loss and the mean square error of a picture [H, W, 3], and the loss's gradient by it, of its shape."""
        with torch.no_grad():
            x = rgb.detach().permute(2, 0, 1).contiguous()
            difference = x - self._target
            loss = (1 - self._dssim) * difference.abs().mean()
            gradient = difference.sign() * ((1 - self._dssim) / x.numel())
            if self._dssim:
                ssim, by_picture = self._ssim(x)
                loss = loss + self._dssim * (1 - ssim)
                gradient = gradient - self._dssim * by_picture
            return loss, (difference**2).mean(), gradient.permute(1, 2, 0).contiguous()

    def _ssim(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The mean over all windows and its gradient by ``x``, [3, H, W]."""
        y = self._target
        mean_x, square, product = self._blur(torch.cat([x, x * x, x * y])).chunk(3)
        mean_y, both = self._mean, mean_x * self._mean
        a1, a2 = 2 * both + C1, 2 * (product - both) + C2
        b1, b2 = mean_x**2 + mean_y**2 + C1, square - mean_x**2 + self._variance + C2
        ssim = a1 * a2 / (b1 * b2)
        by_mean = 2 * mean_y * (a2 - a1) / (b1 * b2) + 2 * mean_x * ssim * (1 / b2 - 1 / b1)
        maps = torch.cat([by_mean, -ssim / b2, 2 * a1 / (b1 * b2)]) / ssim.numel()
        one, two, three = self._blur(F.pad(maps, (SIDE - 1,) * 4)).chunk(3)
        return ssim.mean(), one + 2 * x * two + y * three

    def _blur(self, maps: torch.Tensor) -> torch.Tensor:
        """Weighted means of all windows inside maps [C, H, W]."""
        count = len(maps)
        down = self._window.view(1, 1, -1, 1).expand(count, 1, SIDE, 1)
        across = self._window.view(1, 1, 1, -1).expand(count, 1, 1, SIDE)
        return F.conv2d(F.conv2d(maps[None], down, groups=count), across, groups=count)[0]
