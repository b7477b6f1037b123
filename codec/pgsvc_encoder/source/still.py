"""Stills through Pillow: PNG, JPEG and the like become full-range sRGB or grey pictures.

Alpha is composited on black. An EXIF orientation is applied. ICC profiles are not: sRGB is assumed. Colour deeper than
8 bit is read as 8 bit (Pillow keeps 16 bit for grey only); 16-bit grey becomes 10 bit.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pgsvc.errors import MissingExtra, UsageError
from pgsvc.picture import Chroma, Picture, PictureFormat
from pgsvc_encoder.source.base import Selection, Source

SUFFIXES = frozenset(
    [
        ".png",
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".webp",
        ".bmp",
        ".dib",
        ".tif",
        ".tiff",
        ".ppm",
        ".pgm",
        ".pbm",
        ".pnm",
        ".tga",
        ".gif",
        ".jp2",
        ".j2k",
        ".avif",
        ".ico",
        ".sgi",
    ]
)


def read_still(path: str, name: str) -> Picture:
    """Opens one picture: three planes R, G, B (matrix 0) or one grey plane, primaries 1 and transfer 13 (sRGB).

    Raises:
        UsageError: damaged, too large, or not a picture that Pillow knows.
        MissingExtra: Pillow is not installed.
    """
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise MissingExtra(f"reading {name}", "encoder") from error
    try:
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image)
            samples, depth = _samples(upright)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UsageError(
            f"{name} cannot be read as a picture ({error}); if it is a video, say so with --input-kind video"
        ) from error
    grey = samples.ndim == 2
    format = PictureFormat(
        samples.shape[1],
        samples.shape[0],
        Chroma.GREY if grey else Chroma.YUV444,
        depth,
        full_range=True,
        primaries=1,
        transfer=13,
        matrix=2 if grey else 0,
    )
    planes = [samples] if grey else [samples[..., i] for i in range(3)]
    return Picture(format, tuple(np.ascontiguousarray(p) for p in planes))


def is_animated(path: str) -> bool:
    """Whether this is a GIF or PNG of several frames, which is a video and not a still."""
    try:
        from PIL import Image

        with Image.open(path) as image:
            return image.format in ("GIF", "PNG") and getattr(image, "n_frames", 1) > 1
    except Exception:  # whatever is wrong shows, with a message, when the picture is read
        return False


def _samples(image) -> tuple[np.ndarray, int]:
    """[H, W] or [H, W, 3] and the bit depth."""
    if image.mode.startswith("I"):
        wide = np.asarray(image).astype(np.int64)
        if wide.min() < 0 or wide.max() > 65535:
            raise ValueError("integer samples beyond 16 bit")
        return ((wide * 1023 + 32767) // 65535).astype(np.uint16), 10
    if image.mode in ("F", "RGBX"):
        raise ValueError(f"mode {image.mode} is not supported")
    grey = image.mode in ("1", "L", "LA", "La")
    if "A" in image.getbands() or "a" in image.getbands() or "transparency" in image.info:
        pixels = np.asarray(image.convert("RGBA")).astype(np.uint16)
        colour = (pixels[..., :3] * pixels[..., 3:] + 127) // 255
        return (colour[..., 0] if grey else colour).astype(np.uint8), 8
    return np.asarray(image.convert("L" if grey else "RGB")), 8


class StillSource(Source):
    """One picture, kept in memory."""

    is_still = True

    def __init__(self, path: str, name: str, selection: Selection) -> None:
        self._picture = read_still(path, name)
        super().__init__(name, self._picture.format, 1, selection)

    def _all_pictures(self, skip: int) -> Iterator[Picture]:
        yield self._picture
