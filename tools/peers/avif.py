"""AVIF by libavif and libaom, 4:4:4, tuned for PSNR, one file per quality."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
from PIL import Image, features

from peers import Point, StillPeer

QUALITIES = (0, 3, 8, 15, 25, 38, 52, 68, 82)
SPEED = 6


def encode(picture: np.ndarray, quality: int) -> bytes:
    """An AVIF file."""
    out = io.BytesIO()
    options = {"subsampling": "4:4:4", "codec": "aom", "max_threads": 1, "advanced": {"tune": "psnr"}}
    Image.fromarray(picture).save(out, "AVIF", quality=quality, speed=SPEED, **options)
    return out.getvalue()


def decode(stream: bytes) -> np.ndarray:
    """[H, W, 3] uint8."""
    with Image.open(io.BytesIO(stream)) as image:
        return np.asarray(image.convert("RGB"))


def _single(picture: np.ndarray) -> Iterator[Point]:
    for quality in QUALITIES:
        stream = encode(picture, quality)
        yield Point(f"quality {quality}", 0, 1, len(stream), decode(stream))


def single() -> StillPeer:
    """One file per quality."""
    settings = {"speed": SPEED, "tune": "psnr", "chroma": "4:4:4", "quality": list(QUALITIES), "bytes": "whole file"}
    return StillPeer("AVIF", f"libavif {features.version('avif')}, libaom", _single, settings)
