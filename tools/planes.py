"""Pictures of the benchmarks: from arrays and raw planes, to 8-bit 4:2:0, and to YUV4MPEG2."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pgsvc.picture import Chroma, Picture, PictureFormat

CONVERSION = "R'G'B' to 8-bit limited-range BT.709 Y'CbCr, chroma the rounded mean of 2x2 samples"


def rgb_picture(samples: np.ndarray) -> Picture:
    """A picture from [H, W, 3] uint8."""
    height, width = samples.shape[:2]
    fmt = PictureFormat(width, height, Chroma.YUV444, full_range=True, matrix=0)
    return Picture(fmt, tuple(np.ascontiguousarray(samples[..., c]) for c in range(3)))


def yuv_pictures(data: bytes, width: int, height: int) -> list[Picture]:
    """Pictures from raw 8-bit 4:2:0 planes."""
    fmt = PictureFormat(width, height)
    shapes = fmt.plane_shapes
    ends = np.cumsum([0, *(h * w for h, w in shapes)])
    frames = np.frombuffer(data, np.uint8).reshape(-1, ends[-1])
    return [
        Picture(fmt, tuple(f[a:b].reshape(s) for a, b, s in zip(ends, ends[1:], shapes, strict=False))) for f in frames
    ]


def yuv420(picture: Picture) -> Picture:
    """An R'G'B' picture as `CONVERSION` says; other pictures as they are."""
    if not picture.format.is_rgb:
        return picture
    r, g, b = (p.astype(np.float64) / 255 for p in picture.planes)
    luma = 0.2126 * r + 0.7152 * g + 0.0722 * b
    planes = [16 + 219 * luma]
    for part, scale in ((b, 1.8556), (r, 1.5748)):
        full = np.pad(128 + 224 * (part - luma) / scale, [(0, n % 2) for n in luma.shape], mode="edge")
        planes.append((full[::2, ::2] + full[1::2, ::2] + full[::2, 1::2] + full[1::2, 1::2]) / 4)
    fmt = PictureFormat(picture.format.width, picture.format.height, matrix=1)
    return Picture(fmt, tuple(np.floor(p + 0.5).clip(0, 255).astype(np.uint8) for p in planes))


def write_y4m(path: Path, frames: Sequence[Picture], rate: float) -> None:
    """Frames as 8-bit 4:2:0 YUV4MPEG2."""
    fmt = frames[0].format
    head = f"YUV4MPEG2 W{fmt.width} H{fmt.height} F{round(rate * 1000)}:1000 Ip A1:1 C420jpeg\n"
    path.write_bytes(head.encode() + b"".join(b"FRAME\n" + yuv420(f).tobytes() for f in frames))
