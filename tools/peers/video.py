"""Video peers of FFmpeg: x264, x265 and SVT-AV1 tuned for PSNR, to elementary streams and back to raw 4:2:0.

Bytes are those of the elementary stream: no container, no informative SEI. One thread, so that a run can be repeated.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from perceptual import ffmpeg

NEVER = 1 << 16  # frames between key frames when only the first is one


@dataclass(frozen=True)
class VideoPeer:
    """An encoder of FFmpeg, its options as functions of the key interval, and the rate factors of its points."""

    codec: str
    encoder: str
    container: str
    factors: tuple[int, ...]
    preset: str
    tune: str

    def options(self, factor: int, key_interval: int) -> list[str]:
        """FFmpeg's options of one point."""
        common = ["-c:v", self.encoder, "-preset", self.preset, "-crf", str(factor), "-threads", "1"]
        keys = f"keyint={key_interval}:min-keyint={key_interval}:scenecut=0"
        if self.encoder == "libx264":
            own = ["-tune", self.tune, "-x264-params", keys, "-bsf:v", "filter_units=remove_types=6"]
        elif self.encoder == "libx265":
            own = ["-tune", self.tune, "-x265-params", f"{keys}:info=0:pools=none:frame-threads=1:log-level=error"]
        else:
            own = ["-g", str(key_interval), "-svtav1-params", f"tune={self.tune}:scd=0:lp=1"]
        return [*common, *own, "-f", self.container]

    def settings(self, key_interval: int) -> dict[str, Any]:
        """What a result records."""
        words = self.options(0, key_interval)
        words[words.index("-crf") + 1] = "FACTOR"
        return {"ffmpeg": " ".join(words), "factors": list(self.factors), "bytes": "elementary stream"}

    def encode(self, raw: bytes, size: tuple[int, int], rate: str, factor: int, key_interval: int = NEVER) -> bytes:
        """The elementary stream of raw 8-bit 4:2:0 frames of (width, height)."""
        source = ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{size[0]}x{size[1]}", "-r", rate, "-i", "-"]
        return run_ffmpeg([*source, *self.options(factor, key_interval), "-"], raw)

    def decode(self, stream: bytes) -> bytes:
        """Raw 8-bit 4:2:0 frames."""
        target = ["-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-"]
        return run_ffmpeg(["-f", self.container, "-i", "-", *target], stream)

    def points(
        self, raw: bytes, size: tuple[int, int], rate: str, key_interval: int = NEVER
    ) -> Iterator[tuple[int, int, bytes]]:
        """(rate factor, bytes, decoded frames) of every point."""
        for factor in self.factors:
            stream = self.encode(raw, size, rate, factor, key_interval)
            yield factor, len(stream), self.decode(stream)

    @property
    def version(self) -> str:
        """Of the encoder and of FFmpeg, from what they say of themselves."""
        return _version(self.encoder, self.container)


def video_peers() -> dict[str, VideoPeer]:
    """Every video peer by its short name, in the order of tables."""
    return {
        "x264veryfast": VideoPeer(
            "x264 veryfast", "libx264", "h264", (42, 37, 32, 27, 22, 18, 14, 10), "veryfast", "psnr"
        ),
        "x264": VideoPeer("x264", "libx264", "h264", (42, 37, 32, 27, 22, 18, 14, 10), "medium", "psnr"),
        "x265": VideoPeer("x265", "libx265", "hevc", (40, 35, 30, 25, 21, 17, 13, 9), "medium", "psnr"),
        "svtav1": VideoPeer("SVT-AV1", "libsvtav1", "obu", (60, 54, 46, 38, 30, 22, 15, 8), "6", "1"),
    }


def run_ffmpeg(arguments: list[str], data: bytes) -> bytes:
    """Run FFmpeg with data on its input; its messages are in the error if it fails."""
    command = [str(ffmpeg()), "-hide_banner", "-v", "error", *arguments]
    done = subprocess.run(command, input=data, capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(f"ffmpeg {' '.join(arguments)}\n{done.stderr.decode(errors='replace')}")
    return done.stdout


@cache
def _version(encoder: str, container: str) -> str:
    source = ["-f", "lavfi", "-i", "testsrc=s=128x128:d=0.04", "-pix_fmt", "yuv420p"]
    command = [str(ffmpeg()), *source, "-c:v", encoder, "-f", container, "-"]
    done = subprocess.run(command, capture_output=True, check=True)
    log = (done.stderr + done.stdout).decode(errors="replace")  # x264 names itself in the stream
    program = re.search(r"ffmpeg version (\S+)", log)
    found = re.search(r"(core \d+ r?\d*|HEVC encoder version \S+|SVT-AV1 Encoder Lib \S+)", log)
    words = [found.group(1) if found else encoder, f"FFmpeg {program.group(1)}" if program else ""]
    return ", ".join(w.strip() for w in words if w)
