"""VMAF by the FFmpeg that imageio-ffmpeg brings, and LPIPS where the package and its weights are; nothing is downloaded."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from planes import write_y4m

from pgsvc.colour import to_rgb
from pgsvc.picture import Picture

VMAF_MODEL = "vmaf_v0.6.1"
LPIPS_WEIGHTS = "alexnet-owt-7be5be79.pth"


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


def lpips(source: Sequence[Picture], decoded: Sequence[Picture]) -> float | None:
    """Mean LPIPS (AlexNet) over the frames, 0 is equal; None where `unavailable` says so."""
    if "lpips" in unavailable():
        return None
    import torch

    def tensor(picture: Picture) -> Any:
        return torch.from_numpy(_rgb(picture).astype(np.float32) / 127.5 - 1).permute(2, 0, 1)[None]

    with torch.no_grad():
        values = [float(_lpips_model()(tensor(a), tensor(b))) for a, b in zip(source, decoded, strict=True)]
    return sum(values) / len(values)


@cache
def _lpips_model() -> Any:
    import lpips

    return lpips.LPIPS(net="alex", verbose=False)


def _rgb(picture: Picture) -> np.ndarray:
    return np.stack(picture.planes, axis=-1) if picture.format.is_rgb else to_rgb(picture)
