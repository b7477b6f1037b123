"""Quality of decoded pictures and clips by one road for every codec: PSNR, MS-SSIM, VMAF, and LPIPS where it is installed.

PSNR and MS-SSIM are the project's own. VMAF is the filter libvmaf of the FFmpeg that imageio-ffmpeg brings, model `VMAF_MODEL`,
mean over frames, on 8-bit 4:2:0. R'G'B' pictures are converted for PSNR-Y, PSNR-YUV and VMAF by `yuv420`, source and decoded
picture alike. LPIPS needs the package `lpips` and AlexNet's weights in torch's cache; nothing is downloaded.
"""

from __future__ import annotations

import importlib.util
import json
import math
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from pgsvc.colour import to_rgb
from pgsvc.picture import Chroma, Picture, PictureFormat
from pgsvc_encoder import metrics

VMAF_MODEL = "vmaf_v0.6.1"
LPIPS_WEIGHTS = "alexnet-owt-7be5be79.pth"
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


@cache
def ffmpeg() -> str | None:
    """The FFmpeg of imageio-ffmpeg; None if the package is not installed."""
    if importlib.util.find_spec("imageio_ffmpeg") is None:
        return None
    import imageio_ffmpeg

    return imageio_ffmpeg.get_ffmpeg_exe()


@cache
def unavailable() -> dict[str, str]:
    """The measures that this environment lacks, with the reason in words."""
    reasons = {}
    program = ffmpeg()
    if program is None:
        reasons["vmaf"] = "imageio-ffmpeg is not installed (extra bench)"
    elif "libvmaf" not in subprocess.run([program, "-hide_banner", "-filters"], capture_output=True, text=True).stdout:
        reasons["vmaf"] = "this FFmpeg has no libvmaf"
    if importlib.util.find_spec("lpips") is None:
        reasons["lpips"] = "the package lpips is not installed"
    else:
        import torch

        if not (Path(torch.hub.get_dir()) / "checkpoints" / LPIPS_WEIGHTS).is_file():
            reasons["lpips"] = "the weights of AlexNet are not on this machine"
    return reasons


def vmaf(source: Sequence[Picture], decoded: Sequence[Picture], rate: float = 25.0) -> float | None:
    """Mean VMAF over the frames, 0..100; None where `unavailable` says so."""
    if "vmaf" in unavailable():
        return None
    with tempfile.TemporaryDirectory() as folder:
        for name, frames in (("source", source), ("decoded", decoded)):
            write_y4m(Path(folder) / f"{name}.y4m", frames, rate)
        graph = f"[0:v][1:v]libvmaf=model=version={VMAF_MODEL}:log_fmt=json:log_path=log.json:n_threads=2"
        inputs = ["-i", "decoded.y4m", "-i", "source.y4m"]
        command = [ffmpeg(), "-hide_banner", "-v", "error", "-nostdin", *inputs, "-lavfi", graph, "-f", "null", "-"]
        subprocess.run(command, cwd=folder, check=True)
        log = json.loads((Path(folder) / "log.json").read_text())
    if len(log["frames"]) != len(source):
        raise ValueError(f"VMAF compared {len(log['frames'])} of {len(source)} frames")
    return log["pooled_metrics"]["vmaf"]["mean"]


def write_y4m(path: Path, frames: Sequence[Picture], rate: float) -> None:
    """Frames as 8-bit 4:2:0 YUV4MPEG2."""
    fmt = frames[0].format
    head = f"YUV4MPEG2 W{fmt.width} H{fmt.height} F{round(rate * 1000)}:1000 Ip A1:1 C420jpeg\n"
    path.write_bytes(head.encode() + b"".join(b"FRAME\n" + yuv420(f).tobytes() for f in frames))


def ms_ssim(source: Picture, decoded: Picture) -> float | None:
    """The project's MS-SSIM on one thread: several wait for each other at every small convolution, ten times as long."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return metrics.ms_ssim(source, decoded)
    finally:
        torch.set_num_threads(threads)


def lpips(source: Sequence[Picture], decoded: Sequence[Picture]) -> float | None:
    """Mean LPIPS (AlexNet) over the frames, 0 is equal; None where `unavailable` says so."""
    if "lpips" in unavailable():
        return None
    import torch

    def tensor(picture: Picture) -> Any:
        return torch.from_numpy(_rgb(picture).astype(np.float32) / 127.5 - 1).permute(2, 0, 1)[None]

    with torch.no_grad():
        return _mean([float(_lpips_model()(tensor(a), tensor(b))) for a, b in zip(source, decoded, strict=True)])


@cache
def _lpips_model() -> Any:
    import lpips

    return lpips.LPIPS(net="alex", verbose=False)


def _rgb(picture: Picture) -> np.ndarray:
    return np.stack(picture.planes, axis=-1) if picture.format.is_rgb else to_rgb(picture)


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
