"""Picture input: raw planes, YUV4MPEG2, stills and compressed video behind one interface."""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from pgsvc.errors import UsageError
from pgsvc_encoder.source.base import Selection, Source, parse_rate

KINDS = ("y4m", "yuv", "still", "video")

_RAW_SUFFIXES = frozenset([".yuv", ".raw", ".rgb", ".gray", ".grey", ".i420", ".y8", ".gbrp", ".rgbp"])
_STILL_MAGIC = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")

__all__ = ["KINDS", "Source", "open_source"]


def open_source(
    path: str,
    *,
    size: str | None = None,
    pix_fmt: str | None = None,
    depth: int | None = None,
    fps: str | float | Fraction | None = None,
    skip: int = 0,
    frames: int | None = None,
    kind: str | None = None,
    stdin: BinaryIO | None = None,
) -> Source:
    """Opens pictures for encoding.

    Args:
        path: a file, or ``-`` for standard input (y4m, or raw planes when ``size`` is given).
        size: ``"WxH"`` of raw planes; ``pix_fmt`` and ``depth`` (8 or 10) are for raw planes too. They override
            what the name tells.
        fps: overrides the frame rate.
        skip: leave out that many frames at the start.
        frames: take at most that many.
        kind: one of `KINDS`, overriding what the name and the first bytes tell.
        stdin: a binary stream in place of the process's standard input.

    Raises:
        UsageError: a file that is missing, damaged or not supported, or flags that do not fit it.
        MissingExtra: the kind needs a package that is not installed.
    """
    selection = Selection(skip, frames)
    rate = None if fps is None else parse_rate(fps)
    if kind is not None and kind not in KINDS:
        raise UsageError(f"there is no input kind '{kind}'; use one of {', '.join(KINDS)}")
    raw_flags = {"--size": size, "--pix-fmt": pix_fmt, "--depth": depth}
    layout_flags = {"size": size, "pix_fmt": pix_fmt, "depth": depth, "rate": rate}
    if path == "-":
        return _open_stream(sys.stdin.buffer if stdin is None else stdin, kind, raw_flags, layout_flags, selection)
    name = Path(path).name
    kind = kind or _kind(path, any(v is not None for v in raw_flags.values()))
    if kind == "yuv":
        return _open_raw(path, name, layout_flags, selection)
    _refuse(raw_flags, name)
    if kind == "y4m":
        from pgsvc_encoder.source.y4m import Y4mSource

        return Y4mSource(path, name, selection, rate)
    if kind == "still":
        from pgsvc_encoder.source.still import StillSource

        source: Source = StillSource(path, name, selection)
        return source
    from pgsvc_encoder.source.video import VideoSource

    return VideoSource(path, name, selection, rate)


def _open_raw(path: str | BinaryIO, name: str, layout_flags: dict, selection: Selection) -> Source:
    from pgsvc_encoder.source.raw import RawSource, raw_layout

    return RawSource(path, name, raw_layout(name, **layout_flags), selection)


def _open_stream(
    stream: BinaryIO, kind: str | None, raw_flags: dict, layout_flags: dict, selection: Selection
) -> Source:
    from pgsvc_encoder.source.y4m import MAGIC, Y4mSource

    name = "standard input"
    if kind in ("still", "video"):
        raise UsageError(
            f"standard input cannot be read as {kind}; give a file, or pipe y4m or raw planes with --size WxH"
        )
    if kind == "yuv" or (kind is None and raw_flags["--size"] is not None):
        return _open_raw(stream, name, layout_flags, selection)
    head = stream.read(len(MAGIC))
    if head != MAGIC:
        raise UsageError("standard input is not y4m; if it is raw planes, add their size, for example --size 352x288")
    _refuse(raw_flags, name)
    return Y4mSource(stream, name, selection, layout_flags["rate"], head)


def _kind(path: str, raw_flags: bool) -> str:
    from pgsvc_encoder.source.still import SUFFIXES, is_animated
    from pgsvc_encoder.source.y4m import MAGIC

    try:
        with open(path, "rb") as file:
            head = file.read(16)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}; check the name") from error
    suffix = Path(path).suffix.lower()
    if suffix == ".y4m" or head.startswith(MAGIC):
        return "y4m"
    if suffix in _RAW_SUFFIXES:
        return "yuv"
    if suffix in SUFFIXES or (not suffix and head.startswith(_STILL_MAGIC)):
        return "video" if suffix in (".gif", ".png") and is_animated(path) else "still"
    return "yuv" if raw_flags else "video"


def _refuse(raw_flags: dict, name: str) -> None:
    for flag, value in raw_flags.items():
        if value is not None:
            raise UsageError(
                f"{flag} describes raw planes, but {name} tells its own; leave it out, or add --input-kind yuv"
            )
