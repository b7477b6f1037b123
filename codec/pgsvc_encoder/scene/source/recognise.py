"""Whether an input is a scene, by its content; everything else is for the readers of pictures."""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path

JSON_BYTES = 1 << 24  # a larger index is not looked into


def is_scene(path: str) -> bool:
    """Whether `open_scene` is to read that path. Never raises: what cannot be read is not a scene.

    PLY, SPZ, SOG and the JSON of SOG say what they are; ``.splat`` files hold nothing but splats and are known by their name.
    """
    try:
        return _is_scene(path)
    except OSError:
        return False


def _is_scene(path: str) -> bool:
    place, mark, level = path.rpartition("#")
    if mark and level.isdecimal() and not Path(path).exists():
        path = place
    if Path(path).is_dir():
        return any((Path(path) / name).is_file() for name in ("meta.json", "lod-meta.json"))
    if not Path(path).is_file():  # a pipe would lose what is read from it
        return Path(path).suffix.lower() in (".ply", ".splat", ".spz", ".sog")
    with open(path, "rb") as file:
        head = file.read(64)
        if head.startswith((b"ply\n", b"ply\r", b"NGSP")):
            return True
        if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
            return True
        if head.startswith(b"\x1f\x8b"):
            return _begins_packed(path)
        if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
            return _is_index(head + file.read(JSON_BYTES))
    return Path(path).suffix.lower() == ".splat"


def _begins_packed(path: str) -> bool:
    """Whether a gzip file holds SPZ; one that is damaged is one by its name."""
    try:
        with gzip.open(path) as file:
            return file.read(4) == b"NGSP"
    except (EOFError, zlib.error, gzip.BadGzipFile):
        return Path(path).suffix.lower() == ".spz"


def _is_index(data: bytes) -> bool:
    try:
        index = json.loads(data)
    except (ValueError, RecursionError):
        return False
    return isinstance(index, dict) and ("means" in index or "tree" in index)
