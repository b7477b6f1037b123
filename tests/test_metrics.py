"""Distortion measures."""

import math

import numpy as np
import pytest

from pgsvc.errors import UsageError
from pgsvc.picture import Chroma, Picture, PictureFormat
from pgsvc_encoder.metrics import ms_ssim, psnr


def flat(fmt, *values):
    return Picture(fmt, tuple(np.full(s, v, fmt.dtype) for s, v in zip(fmt.plane_shapes, values, strict=False)))


def test_psnr_of_known_errors():
    rgb = PictureFormat(8, 6, Chroma.YUV444, matrix=0, full_range=True)
    assert psnr(flat(rgb, 1, 2, 3), flat(rgb, 1, 2, 3)) == {"psnr": math.inf}
    assert psnr(flat(rgb, 0, 0, 0), flat(rgb, 255, 255, 255))["psnr"] == 0
    assert psnr(flat(rgb, 0, 0, 0), flat(rgb, 3, 0, 0))["psnr"] == pytest.approx(10 * math.log10(255**2 / 3))
    grey = PictureFormat(8, 6, Chroma.GREY, 10)
    assert psnr(flat(grey, 1000), flat(grey, 999)) == {"psnr": pytest.approx(20 * math.log10(1023))}
    yuv = psnr(flat(PictureFormat(7, 5), 10, 20, 30), flat(PictureFormat(7, 5), 11, 22, 34))
    y, cb, cr = (20 * math.log10(255 / e) for e in (1, 2, 4))
    assert yuv == {
        "psnr": pytest.approx(y),
        "psnr_y": pytest.approx(y),
        "psnr_yuv": pytest.approx((6 * y + cb + cr) / 8),
    }


def test_different_formats_are_refused():
    with pytest.raises(UsageError, match="--size"):
        psnr(flat(PictureFormat(8, 8), 0, 0, 0), flat(PictureFormat(8, 6), 0, 0, 0))


def test_ms_ssim():
    pytest.importorskip("pytorch_msssim")
    rng = np.random.default_rng(0)
    fmt = PictureFormat(170, 161, Chroma.YUV444, matrix=0, full_range=True)
    smooth = np.add.outer(np.arange(161), np.arange(170)) // 2
    a = Picture(fmt, tuple((smooth + 20 * i).astype(np.uint8) for i in range(3)))
    b = Picture(fmt, tuple(p + rng.integers(0, 30, p.shape, dtype=np.uint8) for p in a.planes))
    assert ms_ssim(a, a) == pytest.approx(1)
    assert 0.3 < ms_ssim(a, b) < 0.999
    small = flat(PictureFormat(160, 400), 1, 2, 3)
    assert ms_ssim(small, small) is None
    luma = PictureFormat(200, 161, bit_depth=10)
    assert ms_ssim(flat(luma, 9, 1, 2), flat(luma, 9, 500, 700)) == pytest.approx(1)  # luma alone counts
