"""Quality of decoded pictures and clips by one road for every codec: PSNR, MS-SSIM, VMAF, and LPIPS where it is installed.

PSNR and MS-SSIM are the project's own. VMAF is the filter libvmaf, model `VMAF_MODEL`, mean over frames, on 8-bit 4:2:0. R'G'B'
pictures are converted for PSNR-Y, PSNR-YUV and VMAF by `yuv420`, source and decoded picture alike.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from perceptual import VMAF_MODEL, lpips, unavailable, vmaf
from planes import CONVERSION, rgb_picture, yuv420, yuv_pictures

from pgsvc.picture import Picture
from pgsvc_encoder import metrics

__all__ = [
    "CONVERSION",
    "VMAF_MODEL",
    "lpips",
    "measure_clip",
    "measure_still",
    "ms_ssim",
    "rgb_picture",
    "unavailable",
    "vmaf",
    "yuv420",
    "yuv_pictures",
]


def ms_ssim(source: Picture, decoded: Picture) -> float | None:
    """The project's MS-SSIM on one thread: several wait for each other at every small convolution, ten times as long."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return metrics.ms_ssim(source, decoded)
    finally:
        torch.set_num_threads(threads)


def measure_still(source: np.ndarray, decoded: np.ndarray) -> dict[str, float | None]:
    """PSNR over R, G, B; PSNR-Y and PSNR-YUV of the 4:2:0 conversion; MS-SSIM of R, G, B; VMAF; LPIPS.

    Args:
        source, decoded: [H, W, 3] uint8.
    """
    pair = [rgb_picture(p) for p in (source, decoded)]
    small = [yuv420(p) for p in pair]
    luma = metrics.psnr(*small)
    return {
        "psnr_rgb": metrics.psnr(*pair)["psnr"],
        "psnr_y": luma["psnr_y"],
        "psnr_yuv": luma["psnr_yuv"],
        "ms_ssim": ms_ssim(*pair),
        "vmaf": vmaf(small[:1], small[1:]),
        "lpips": lpips(pair[:1], pair[1:]),
    }


def measure_clip(source: Sequence[Picture], decoded: Sequence[Picture], rate: float = 25.0) -> dict[str, float | None]:
    """Means over the frames of PSNR-Y, PSNR-YUV, MS-SSIM of luma, VMAF and LPIPS, of 8-bit 4:2:0 frames."""
    if len(source) != len(decoded):
        raise ValueError(f"{len(decoded)} frames decoded, {len(source)} expected")
    errors = [metrics.psnr(a, b) for a, b in zip(source, decoded, strict=True)]
    return {
        "psnr_y": _mean([e["psnr_y"] for e in errors]),
        "psnr_yuv": _mean([e["psnr_yuv"] for e in errors]),
        "ms_ssim": _mean([ms_ssim(a, b) for a, b in zip(source, decoded, strict=True)]),
        "vmaf": vmaf(source, decoded, rate),
        "lpips": lpips(source, decoded),
    }


def _mean(values: Sequence[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return math.fsum(known) / len(known) if known and len(known) == len(values) else None
