"""Motion JPEG 2000: every frame a codestream of three quality layers; a level is the same prefix of layers of every frame.

Y'CbCr as it is, without a colour transform. Chroma is brought to the size of luma before and averaged back afterwards, since
the encoder takes whole components only; what is smooth costs next to nothing there. Every frame gets the same rate.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image, features

from peers.jpeg2000 import SETTINGS, SHARES, decode, prefixes
from pgsvc.picture import Picture

CODEC = "Motion JPEG 2000 layers"
RATES = (0.06, 0.1, 0.2, 0.4, 0.8)  # bits per sample of luma, of whole streams
VERSION = f"OpenJPEG {features.version_codec('jpg_2000')}"
CLIP_SETTINGS = SETTINGS | {"colour": "Y'CbCr, chroma of the size of luma", "bpp": list(RATES)}


def points(source: Sequence[Picture]) -> Iterator[tuple[float, int, int, bytes]]:
    """(rate, level, bytes of all frames, raw 4:2:0 frames) of every prefix of layers."""
    for rate in RATES:
        sizes, raws = [0] * len(SHARES), [bytearray() for _ in SHARES]
        for picture in source:
            for k, stream in enumerate(prefixes(full_size(picture), [rate * share for share in SHARES], mct=0)):
                sizes[k] += len(stream)
                raws[k] += planes(decode(stream))
        for k, (size, raw) in enumerate(zip(sizes, raws, strict=True)):
            yield rate, k, size, bytes(raw)


def full_size(picture: Picture) -> np.ndarray:
    """[H, W, 3] uint8: 4:2:0 with chroma of the size of luma."""
    size = (picture.format.width, picture.format.height)
    chroma = [np.asarray(Image.fromarray(p).resize(size, Image.Resampling.BILINEAR)) for p in picture.planes[1:]]
    return np.stack([picture.planes[0], *chroma], 2)


def planes(decoded: np.ndarray) -> bytes:
    """Raw 4:2:0 of [H, W, 3]: chroma averaged over squares of four."""
    height, width = decoded.shape[:2]
    padded = np.pad(decoded, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge").astype(np.uint16)
    quarter = (padded[::2, ::2] + padded[1::2, ::2] + padded[::2, 1::2] + padded[1::2, 1::2] + 2) >> 2
    return decoded[..., 0].tobytes() + b"".join(quarter[..., c].astype(np.uint8).tobytes() for c in (1, 2))
