"""Pictures as float arrays, over a background and made smaller."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import numpy as np

from pgsvc.errors import MissingExtra, UsageError


def picture_size(path: Path) -> tuple[int, int]:
    """Width and height, from the head of the file.

    Raises:
        UsageError: it is no picture.
    """
    try:
        with _pillow().open(path) as image:
            return image.size
    except (OSError, ValueError, SyntaxError) as error:
        raise UsageError(f"{path} is no picture that can be read: {error}") from error


def load_picture(path: Path, downscale: int, background: Sequence[float]) -> tuple[np.ndarray, np.ndarray | None]:
    """A picture of 8 or 16 bit; see `pgsvc_encoder.scene.posed.base.View.load`."""
    try:
        with _pillow().open(path) as image:
            if image.mode in ("I;16", "I"):
                image = image.point(lambda v: v / 256).convert("L")
            has_alpha = "A" in image.getbands() or "transparency" in image.info
            pixels = np.asarray(image.convert("RGBA" if has_alpha else "RGB"), np.float32) / 255
    except (OSError, ValueError, SyntaxError) as error:
        raise UsageError(f"{path} is no picture that can be read: {error}") from error
    if not has_alpha:
        return _reduce(pixels, downscale), None
    alpha = pixels[..., 3:]
    rgb = pixels[..., :3] * alpha + (1 - alpha) * np.asarray(background, np.float32)
    return _reduce(rgb, downscale), _reduce(alpha, downscale)[..., 0]


def _reduce(pixels: np.ndarray, factor: int) -> np.ndarray:
    """Means of squares of pixels [H, W, C]."""
    if factor == 1:
        return np.ascontiguousarray(pixels)
    height, width = (side // factor for side in pixels.shape[:2])
    cut = pixels[: height * factor, : width * factor]
    return cut.reshape(height, factor, width, factor, -1).mean((1, 3), dtype=np.float32)


def _pillow() -> ModuleType:
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingExtra("reading pictures", "encoder") from error
    return Image
