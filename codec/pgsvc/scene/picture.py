"""What a camera sees, as a picture that the writers of pictures take."""

from __future__ import annotations

import numpy as np

from pgsvc.colour import rgb_matrix_coefficients
from pgsvc.picture import Chroma, Picture, PictureFormat
from pgsvc.scene.render import RenderedView

SRGB = 13  # transfer_characteristics of H.273
BT709 = 1


def view_format(width: int, height: int, *, rgb: bool = True) -> PictureFormat:
    """The format of pictures of scenes: 8-bit RGB, or Y'CbCr 4:4:4 of BT.709 for kinds that do not take RGB."""
    matrix = 0 if rgb else BT709
    return PictureFormat(width, height, Chroma.YUV444, 8, rgb, BT709, SRGB, matrix)


def view_picture(view: RenderedView, format: PictureFormat) -> Picture:
    """The view in that format, which is one of :func:`view_format`."""
    rgb = view.to_rgb8()
    if format.is_rgb:
        return Picture(format, tuple(np.ascontiguousarray(rgb[..., i]) for i in range(3)))
    turned = rgb / 255 @ np.linalg.inv(rgb_matrix_coefficients(format)).T
    samples = np.rint(turned * [219, 224, 224] + [16, 128, 128]).clip(0, 255).astype(np.uint8)
    return Picture(format, tuple(np.ascontiguousarray(samples[..., i]) for i in range(3)))
