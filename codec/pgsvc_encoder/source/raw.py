"""Headerless planes (.yuv), described by flags and by the file's name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from pgsvc.errors import UsageError
from pgsvc.picture import Chroma, Picture, PictureFormat
from pgsvc_encoder.source.base import Selection, Source, check_depth, frame_bytes, picture_from_bytes
from pgsvc_encoder.source.names import PixelFormat, parse_name, parse_pixel_format

MAX_SIDE = 65535  # larger sizes in a header or a flag are taken for mistakes


@dataclass(frozen=True)
class RawLayout:
    """The format, the order of the stored planes, where the size came from (for error messages), and whether the rate is known."""

    format: PictureFormat
    order: tuple[int, ...]
    size_from: str
    has_rate: bool


def parse_size(text: str) -> tuple[int, int]:
    """(width, height) from ``352x288``.

    Raises:
        UsageError: anything else.
    """
    match = re.fullmatch(r"(\d{1,5})[xX](\d{1,5})", text.strip())
    if not match or not all(0 < int(n) <= MAX_SIDE for n in match.groups()):
        raise UsageError(f"'{text}' is not a picture size; give width and height such as --size 352x288")
    return int(match[1]), int(match[2])


def raw_layout(
    name: str, *, size: str | None, pix_fmt: str | None, depth: int | None, rate: Fraction | None
) -> RawLayout:
    """Puts flags and name together; flags win, then the name, then 8-bit 4:2:0 at 25 frames/s.

    Raises:
        UsageError: no size, an unknown pixel format, or a depth that is contradictory or not 8 or 10.
    """
    told = parse_name(_stem(name), with_pixels=pix_fmt is None)
    if size is None and told.size is None:
        raise UsageError(
            f"{name} is raw video and its name does not tell the picture size; add it, for example --size 352x288"
        )
    width, height = parse_size(size if size is not None else "{}x{}".format(*told.size))  # type: ignore[misc]
    pixels = _pixels(pix_fmt) if pix_fmt is not None else told.pixels or PixelFormat(Chroma.YUV420)
    if depth is not None and pix_fmt is not None and pixels.depth not in (None, depth):
        raise UsageError(f"--pix-fmt {pix_fmt} is {pixels.depth} bit but --depth says {depth}; leave out one of them")
    if depth is None and pix_fmt is None:
        depth = told.depth  # in clip_10bit_yuv420p.yuv the 10bit wins
    bits = depth or pixels.depth or told.depth or 8
    check_depth(bits, name)
    format = PictureFormat(
        width,
        height,
        pixels.chroma,
        bits,
        pixels.full_range,
        matrix=0 if pixels.rgb else 2,
        frame_rate=rate or told.rate or Fraction(25),
    )
    known = rate is not None or told.rate is not None
    return RawLayout(format, pixels.order, "the file name" if size is None else "--size", known)


def _stem(name: str) -> str:
    return re.sub(r"\.[A-Za-z]\w*$", "", name)


def _pixels(word: str) -> PixelFormat:
    found = parse_pixel_format(word)
    if found is None:
        raise UsageError(
            f"'{word}' is not a known layout; use for example --pix-fmt yuv420p, yuv422p10le, gray or gbrp"
        )
    return found


class RawSource(Source):
    """Planes one after the other, 16-bit little-endian above 8 bit.

    Raises:
        UsageError: the file's length is not a whole number of frames, or --skip passes its end.
    """

    def __init__(self, path: str | BinaryIO, name: str, layout: RawLayout, selection: Selection) -> None:
        self._path = path
        self.restarts = isinstance(path, str)
        self._layout = layout
        self.has_frame_rate = layout.has_rate
        self._frame_bytes = frame_bytes(layout.format)
        super().__init__(name, layout.format, self._total(name) if isinstance(path, str) else None, selection)

    def _total(self, name: str) -> int:
        length = Path(str(self._path)).stat().st_size
        total, over = divmod(length, self._frame_bytes)
        if over or total == 0:
            raise UsageError(self._length_message(name, length, total, over))
        return total

    def _length_message(self, name: str, length: int, total: int, over: int) -> str:
        fmt, layout = self._layout.format, self._layout
        chroma = "RGB" if fmt.is_rgb else Chroma(fmt.chroma).name.lower()
        return (
            f"{name} is {length} bytes, which is {total} whole frames and {over} bytes over, "
            f"taking {fmt.width}x{fmt.height} (from {layout.size_from}), {chroma}, {fmt.bit_depth} bit, "
            f"{self._frame_bytes} bytes a frame; "
            f"correct that with --size, --pix-fmt or --depth"
        )

    def _all_pictures(self, skip: int) -> Iterator[Picture]:
        if not isinstance(self._path, str):
            stream, self._path = self._path, ""
            yield from self._read(stream, skip)
        elif not self._path:
            raise UsageError("standard input can be read only once; give a file instead of -")
        else:
            with open(self._path, "rb") as file:
                file.seek(skip * self._frame_bytes)
                yield from self._read(file, 0)

    def _read(self, stream: BinaryIO, skip: int) -> Iterator[Picture]:
        length = 0
        while data := stream.read(self._frame_bytes):
            length += len(data)
            if len(data) != self._frame_bytes:
                total, over = divmod(length, self._frame_bytes)
                raise UsageError(self._length_message(self.name, length, total, over))
            if skip:
                skip -= 1
                continue
            picture = picture_from_bytes(self.format, data, self.name)
            yield Picture(
                self.format, tuple(picture.planes[self._layout.order[i]] for i in range(self.format.components))
            )
