"""Progressive JPEG by libjpeg-turbo, optimised tables, 4:2:0: one file per quality, or the scans of one file."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
from PIL import Image, features

from peers import Point, StillPeer

QUALITIES = (5, 9, 15, 25, 42, 65, 84)
SCANS_OF = 75
EOI = b"\xff\xd9"
SETTINGS = {"mode": "progressive", "tables": "optimised", "chroma": "4:2:0", "bytes": "whole file"}


def encode(picture: np.ndarray, quality: int) -> bytes:
    """A progressive JPEG file."""
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "JPEG", quality=quality, progressive=True, optimize=True, subsampling="4:2:0")
    return out.getvalue()


def decode(stream: bytes) -> np.ndarray:
    """[H, W, 3] uint8."""
    with Image.open(io.BytesIO(stream)) as image:
        return np.asarray(image.convert("RGB"))


def scan_ends(stream: bytes) -> list[int]:
    """Where each scan of a JPEG file ends: before the first marker after its coded data."""
    ends, at = [], 2
    while stream[at : at + 2] != EOI:
        is_scan = stream[at + 1] == 0xDA
        at += 2 + int.from_bytes(stream[at + 2 : at + 4], "big")
        if is_scan:
            while stream[at] != 0xFF or stream[at + 1] == 0 or 0xD0 <= stream[at + 1] <= 0xD7:
                at += 1
            ends.append(at)
    return ends


def _single(picture: np.ndarray) -> Iterator[Point]:
    for quality in QUALITIES:
        stream = encode(picture, quality)
        yield Point(f"quality {quality}", 0, 1, len(stream), decode(stream))


def _scans(picture: np.ndarray) -> Iterator[Point]:
    stream = encode(picture, SCANS_OF)
    ends = scan_ends(stream)
    for k, end in enumerate(ends):
        prefix = stream[:end] + EOI
        yield Point(f"quality {SCANS_OF}", k, len(ends), len(prefix), decode(prefix))


def _version() -> str:
    return f"libjpeg-turbo {features.version('libjpeg_turbo')}"


def single() -> StillPeer:
    """One progressive file per quality, decoded whole."""
    return StillPeer("JPEG", _version(), _single, SETTINGS | {"quality": list(QUALITIES)})


def scans() -> StillPeer:
    """One progressive file, decoded after each of its scans."""
    return StillPeer(
        "JPEG scans", _version(), _scans, SETTINGS | {"quality": SCANS_OF, "bytes": "to the end of a scan"}
    )
