"""Where the files of a SOG scene are: in a ZIP archive or in a folder; read with limits."""

from __future__ import annotations

import io
import re
import warnings
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from pgsvc.errors import MissingExtra
from pgsvc_encoder.scene.source.base import damaged, read_bytes

FILE_LIMIT = 1 << 29
"""Bytes of one file of a scene at the most."""

ReadFile = Callable[[str], bytes]


def archive_files(path: str, name: str) -> ReadFile:
    """A function from the name of a file in the archive to its bytes.

    Raises:
        UsageError: it is no archive. The function raises it for files that are missing, damaged or too large.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(read_bytes(path)))
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, OverflowError) as error:
        raise damaged(name, f"it is no ZIP archive ({error})") from error

    def read(file: str) -> bytes:
        try:
            with archive.open(file) as stream:
                data = stream.read(FILE_LIMIT + 1)
        except KeyError as error:
            raise damaged(name, f"there is no {file!r} in it") from error
        except (
            zipfile.BadZipFile,
            zlib.error,
            RuntimeError,
            NotImplementedError,
            EOFError,
            ValueError,
            OSError,
        ) as error:
            raise damaged(name, f"{file!r} cannot be unpacked ({error})") from error
        if len(data) > FILE_LIMIT:
            raise damaged(name, f"{file!r} is larger than {FILE_LIMIT} bytes")
        return data

    return read


def folder_files(folder: Path, name: str) -> ReadFile:
    """A function from the name of a file in the folder, or in folders in it, to its bytes."""

    def read(file: str) -> bytes:
        if not re.fullmatch(r"(?:[\w\-. ]+/)*[\w\-. ]+", file) or ".." in file.split("/"):
            raise damaged(name, f"it names {file!r}, which is not a file of its own folder")
        return read_bytes(str(folder / file), FILE_LIMIT)

    return read


def pixels(data: bytes, name: str, *, at_least: int, at_most: int) -> np.ndarray:
    """The samples, uint8 [H, W, 4], of a lossless picture, WebP as a rule.

    Args:
        at_least, at_most: how many pixels it may have.

    Raises:
        UsageError: damage, or another number of pixels.
        MissingExtra: Pillow is not installed.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingExtra("reading SOG", "encoder") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture = Image.open(io.BytesIO(data))
            width, height = picture.size
            if not at_least <= width * height <= at_most:
                raise damaged(name, f"a texture has {width}x{height} pixels, and {at_least} are needed")
            return np.asarray(picture.convert("RGBA"))
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise damaged(name, f"a texture cannot be read ({error})") from error
