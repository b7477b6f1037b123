"""Distortion between two pictures: PSNR and MS-SSIM, on the integer planes as they are."""

from __future__ import annotations

import math

import numpy as np

from pgsvc.errors import MissingExtra, UsageError
from pgsvc.picture import Chroma, Picture

MS_SSIM_MIN_SIDE = 161  # five scales of an 11-tap window need more than 160 samples each way


def psnr_within(picture_a: Picture, picture_b: Picture, inside: np.ndarray) -> float | None:
    """``psnr`` over the samples of a part of the picture alone; None where that part is empty.

    Args:
        inside: bool [H, W], in luma samples.

    Raises:
        UsageError: the pictures differ in size, chroma format, depth, or RGB against Y'CbCr.
    """
    _check(picture_a, picture_b)
    if not inside.any():
        return None
    count = 3 if picture_a.format.is_rgb else 1
    pairs = zip(picture_a.planes[:count], picture_b.planes[:count], strict=True)
    errors = [_mean_square(a[inside], b[inside]) for a, b in pairs]
    return _decibel(sum(errors) / count, (1 << picture_a.format.bit_depth) - 1)


def psnr(picture_a: Picture, picture_b: Picture) -> dict[str, float]:
    """Peak signal-to-noise ratio in dB; the peak is 2^depth-1, and equal samples give ``inf``.

    Returns:
        ``psnr``: over all samples of R, G and B together, of grey, or of luma. For Y'CbCr also ``psnr_y`` (the same as
        ``psnr``) and ``psnr_yuv`` = (6 Y + Cb + Cr) / 8 of the planes' values in dB, ``inf`` as soon as one of them is.

    Raises:
        UsageError: the pictures differ in size, chroma format, depth, or RGB against Y'CbCr.
    """
    _check(picture_a, picture_b)
    peak = (1 << picture_a.format.bit_depth) - 1
    errors = [_mean_square(a, b) for a, b in zip(picture_a.planes, picture_b.planes, strict=True)]
    if picture_a.format.is_rgb:
        return {"psnr": _decibel(sum(errors) / 3, peak)}
    planes = [_decibel(e, peak) for e in errors]
    if len(planes) == 1:
        return {"psnr": planes[0]}
    y, cb, cr = planes
    return {"psnr": y, "psnr_y": y, "psnr_yuv": (6 * y + cb + cr) / 8}


def ms_ssim(a: Picture, b: Picture) -> float | None:
    """Multi-scale SSIM (0..1) in float32 of R, G and B, averaged, or of luma or grey alone.

    None when the smaller side is below `MS_SSIM_MIN_SIDE`: the five scales do not fit, and fewer would be another
    measure.

    Raises:
        UsageError: see `psnr`.
        MissingExtra: torch or pytorch-msssim is not installed.
    """
    _check(a, b)
    if min(a.format.width, a.format.height) < MS_SSIM_MIN_SIDE:
        return None
    return _structure("ms_ssim", a, b)


def ssim(a: Picture, b: Picture) -> float:
    """SSIM (−1..1) of one scale, in float32 of R, G and B, averaged, or of luma or grey alone.

    Raises:
        UsageError: see `psnr`.
        MissingExtra: torch or pytorch-msssim is not installed.
    """
    _check(a, b)
    return _structure("ssim", a, b)


def _structure(name: str, a: Picture, b: Picture) -> float:
    try:
        import pytorch_msssim
        import torch
    except ImportError as error:
        raise MissingExtra("measuring SSIM", "encoder") from error
    count = 3 if a.format.is_rgb else 1
    stacks = [torch.from_numpy(np.stack(p.planes[:count]).astype(np.float32))[None] for p in (a, b)]
    with torch.no_grad():
        return float(getattr(pytorch_msssim, name)(*stacks, data_range=float((1 << a.format.bit_depth) - 1)))


def _check(a: Picture, b: Picture) -> None:
    def key(p: Picture) -> tuple:
        return p.format.width, p.format.height, p.format.chroma, p.format.bit_depth, p.format.is_rgb

    if key(a) != key(b):
        raise UsageError(
            f"pictures of different formats cannot be compared: {_words(a)} against {_words(b)}; "
            "if one is raw video, correct it with --size and --pix-fmt"
        )


def _words(picture: Picture) -> str:
    fmt = picture.format
    chroma = "RGB" if fmt.is_rgb else Chroma(fmt.chroma).name.lower()
    return f"{fmt.width}x{fmt.height} {chroma} {fmt.bit_depth} bit"


def _mean_square(a: np.ndarray, b: np.ndarray) -> float:
    difference = a.astype(np.int64) - b
    return float(np.mean(difference * difference))


def _decibel(mean_square: float, peak: int) -> float:
    return math.inf if mean_square == 0 else 10 * math.log10(peak * peak / mean_square)
