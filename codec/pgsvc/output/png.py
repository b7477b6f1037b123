"""PNG files, written with zlib alone: one picture, or one numbered file for each of several."""

from __future__ import annotations

import re
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

from pgsvc.colour import to_rgb
from pgsvc.errors import UsageError
from pgsvc.output.base import Writer
from pgsvc.output.target import FileTarget, open_target
from pgsvc.picture import Picture, PictureFormat

_PATTERN = re.compile(r"%(0\d)?d")
_LEVEL = 6  # zlib level


def png_bytes(samples: np.ndarray, bit_depth: int) -> bytes:
    """A PNG file.

    Args:
        samples: [H, W] grey or [H, W, 3] R'G'B', values 0..2^bit_depth-1.
        bit_depth: 8 gives 8-bit samples; more gives 16-bit ones, scaled by repeating the high bits below the low.
    """
    height, width = samples.shape[:2]
    channels = 1 if samples.ndim == 2 else 3
    if bit_depth > 8:
        wide = samples.astype(np.uint16)
        samples = ((wide << (16 - bit_depth)) | (wide >> (2 * bit_depth - 16))).astype(">u2")
    sample_bytes = samples.dtype.itemsize
    lines = np.frombuffer(np.ascontiguousarray(samples).tobytes(), np.uint8).reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8 * sample_bytes, 0 if channels == 1 else 2, 0, 0, 0)
    body = zlib.compress(_filtered(lines, channels * sample_bytes), _LEVEL)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _filtered(lines: np.ndarray, pixel_bytes: int) -> bytes:
    """Lines [H, N] uint8 with, for each, the one of Sub, Up and Paeth that leaves the smallest residual."""
    height, size = lines.shape
    padded = np.zeros((height + 1, size + pixel_bytes), np.int16)
    padded[1:, pixel_bytes:] = lines
    here, left = padded[1:, pixel_bytes:], padded[1:, :-pixel_bytes]
    up, corner = padded[:-1, pixel_bytes:], padded[:-1, :-pixel_bytes]
    to_left, to_up = np.abs(up - corner), np.abs(left - corner)
    to_corner = np.abs(left + up - 2 * corner)
    nearest_two = np.where(to_up <= to_corner, up, corner)
    paeth = np.where((to_left <= to_up) & (to_left <= to_corner), left, nearest_two)
    choices = [(here - guess).astype(np.uint8) for guess in (left, up, paeth)]
    costs = [np.abs(c.view(np.int8).astype(np.int32)).sum(axis=1) for c in choices]
    best = np.argmin(costs, axis=0)
    out = np.empty((height, size + 1), np.uint8)
    out[:, 0] = np.array([1, 2, 4], np.uint8)[best]
    for index, choice in enumerate(choices):
        out[best == index, 1:] = choice[best == index]
    return out.tobytes()


def numbered_name(path: str, number: int) -> str:
    """``shot%03d.png`` with the number put in, or ``shot.png`` as ``shot-0001.png``."""
    place = Path(path)
    name, found = _PATTERN.subn(lambda match: match.group(0) % number, place.name)
    return str(place.with_name(name if found else f"{place.stem}-{number:04d}{place.suffix}"))


class PngWriter(Writer):
    """One PNG for each picture; names appear when the writer closes.

    One picture takes the exact name, unless that holds ``%d`` or more than one was announced.
    """

    kind = "png"

    def __init__(
        self, path: str, format: PictureFormat, frame_count_hint: int | None = None, stdout: BinaryIO | None = None
    ) -> None:
        super().__init__(format)
        self._path = path
        self._stdout = stdout
        self._numbered = bool(_PATTERN.search(Path(path).name)) or (frame_count_hint or 0) > 1
        self._files: list = []
        if len(_PATTERN.findall(Path(path).name)) > 1:
            raise UsageError(f"{path} has more than one place for a number; keep one %d in the name given with -o")
        if path == "-" and self._numbered:
            raise UsageError("several PNG files cannot go to standard output; use -o name-%04d.png or add --frames 1")
        if path != "-":
            FileTarget(self._name(1)).discard()  # a wrong folder shows now, not after the first picture is decoded

    def _put(self, picture: Picture) -> None:
        if self._path == "-" and self._files:
            raise UsageError("several PNG files cannot go to standard output; use -o name-%04d.png or add --frames 1")
        rgb = to_rgb(picture)
        samples = rgb[..., 0] if picture.format.components == 1 else rgb
        target = open_target(self._path if self._path == "-" else self._name(len(self._files) + 1), self._stdout)
        self._files.append(target)
        target.write(png_bytes(samples, picture.format.bit_depth))
        if isinstance(target, FileTarget):
            target.file.close()  # however many pictures follow, few files are open

    def _finish(self) -> None:
        self._numbered = self._numbered or len(self._files) > 1
        for number, target in enumerate(self._files, 1):
            target.commit(self._name(number))

    def _discard(self) -> None:
        for target in self._files:
            target.discard()

    def _name(self, number: int) -> str:
        return numbered_name(self._path, number) if self._numbered else self._path

    def _where(self) -> str:
        if self._path == "-":
            return " to standard output"
        if self.frame_count > 1:
            return f" to {self._name(1)} ... {self._name(self.frame_count)}"
        return f" to {self._name(1)}"
