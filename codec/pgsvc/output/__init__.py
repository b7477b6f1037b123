"""Picture output: where decoded pictures go, chosen by file name or by kind."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from pgsvc.output.base import Writer
from pgsvc.output.target import chosen_kind
from pgsvc.picture import PictureFormat

KINDS = ("y4m", "yuv", "png", "mp4", "md5", "null")

_KIND_OF_SUFFIX = {".y4m": "y4m", ".yuv": "yuv", ".raw": "yuv", ".png": "png", ".mp4": "mp4", ".md5": "md5"}

__all__ = ["KINDS", "Writer", "open_writer"]


def open_writer(
    path: str,
    format: PictureFormat,
    *,
    kind: str | None = None,
    frame_count_hint: int | None = None,
    stdout: BinaryIO | None = None,
) -> Writer:
    """Opens the writer for a path.

    Files get their names only when the writer closes without an error.

    Args:
        path: a file name whose extension tells the kind, ``-`` for standard output (y4m unless ``kind`` says
            otherwise), or ``null``.
        format: the format of every picture to come.
        kind: one of `KINDS`, overriding the extension. ``md5`` writes a file only for a path that ends in ``.md5``.
        frame_count_hint: how many pictures to expect; more than one makes PNG names numbered.
        stdout: a binary stream that takes the place of the process's standard output.

    Raises:
        UsageError: unknown kind or extension, a place that cannot be written, or a format that the kind cannot hold.
        MissingExtra: the kind needs a package that is not installed.
    """
    kind = chosen_kind(path, kind, "output", KINDS, _KIND_OF_SUFFIX, "y4m")
    # Each kind is imported when it is asked for: starting the command line stays quick.
    if kind == "y4m":
        from pgsvc.output.planar import Y4mWriter

        return Y4mWriter(path, format, stdout)
    if kind == "yuv":
        from pgsvc.output.planar import PlanarWriter

        return PlanarWriter(path, format, stdout)
    if kind == "png":
        from pgsvc.output.png import PngWriter

        return PngWriter(path, format, frame_count_hint, stdout)
    if kind == "mp4":
        from pgsvc.output.mp4 import Mp4Writer

        return Mp4Writer(path, format)
    from pgsvc.output.digest import Md5Writer, NullWriter

    if kind == "md5":
        return Md5Writer(format, path if Path(path).suffix.lower() == ".md5" else None)
    return NullWriter(format)
