"""YUV4MPEG2: raw planes with a header line for the stream and one for each frame."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from pgsvc.errors import UsageError
from pgsvc.picture import Chroma, Picture, PictureFormat
from pgsvc_encoder.source.base import Selection, Source, check_depth, frame_bytes, parse_rate, picture_from_bytes
from pgsvc_encoder.source.raw import MAX_SIDE

MAGIC = b"YUV4MPEG2"
_LINE_LIMIT = 4096  # bytes; longer header lines are damage

# C tag -> (chroma, siting); C420paldv moves Cb and Cr apart vertically, which is taken as left
_SITED = {"420": 1, "420jpeg": 1, "420mpeg2": 0, "420paldv": 0}
_CHROMA = {"420": Chroma.YUV420, "422": Chroma.YUV422, "444": Chroma.YUV444}


def parse_header(line: bytes, name: str, rate: Fraction | None = None) -> PictureFormat:
    """The format of a stream from its first line (with or without the newline).

    A missing C is 4:2:0 with centred chroma, a missing XCOLORRANGE limited range, a missing or 0:0 F 25 frames/s.

    Args:
        rate: a frame rate that overrides the header's.

    Raises:
        UsageError: damage, interlaced video, an unknown colour tag, or a depth other than 8 and 10.
    """
    words = line.decode("ascii", "replace").rstrip("\r\n").split(" ")
    if words[0] != MAGIC.decode():
        raise UsageError(
            f"{name} does not begin with a YUV4MPEG2 header; for raw planes use --input-kind yuv --size WxH"
        )
    tags = {word[0]: word[1:] for word in words[1:] if word and word[0] != "X"}
    if tags.get("I", "p") not in ("p", "?"):
        raise UsageError(
            f"{name} is interlaced (I{tags['I']}), and only progressive video can be encoded; deinterlace it first"
        )
    width, height = (_side(tags.get(key, ""), key, name) for key in "WH")
    chroma, depth, location = _colour(tags.get("C", "420jpeg"), name)
    rate = rate or stated_rate(line) or Fraction(25)
    return PictureFormat(
        width,
        height,
        chroma,
        depth,
        full_range="XCOLORRANGE=FULL" in words,
        chroma_location=location,
        frame_rate=rate,
    )


def stated_rate(line: bytes) -> Fraction | None:
    """The frame rate of a first line, None if it says none or 0:0.

    Raises:
        UsageError: it is no rate.
    """
    stated = next((w[1:] for w in reversed(line.decode("ascii", "replace").split()[1:]) if w[0] == "F"), "0:0")
    return None if stated.startswith("0:") else parse_rate(stated)


def _side(text: str, key: str, name: str) -> int:
    if not re.fullmatch(r"\d{1,5}", text) or not 0 < int(text) <= MAX_SIDE:
        raise UsageError(
            f"the YUV4MPEG2 header of {name} has no valid {key} (it says '{text}'); "
            "for raw planes use --input-kind yuv --size WxH"
        )
    return int(text)


def _colour(tag: str, name: str) -> tuple[Chroma, int, int]:
    """(chroma, bit depth, chroma location) of a C tag."""
    if tag in _SITED:
        return Chroma.YUV420, 8, _SITED[tag]
    if match := re.fullmatch(r"mono(\d+)?", tag):
        chroma, bits = Chroma.GREY, match[1]
    elif match := re.fullmatch(r"(420|422|444)(?:p(\d+))?", tag):
        chroma, bits = _CHROMA[match[1]], match[2]
    else:
        raise UsageError(
            f"{name} has the colour tag C{tag}, which is not read; convert it, for example to C420jpeg or C420p10"
        )
    depth = int(bits or 8)
    check_depth(depth, name)
    return chroma, depth, 0


class Y4mSource(Source):
    """A YUV4MPEG2 file, or a stream of which ``head`` has been read already.

    Raises:
        UsageError: see `parse_header`; also a damaged or truncated frame (found at once in files, on the way in
            streams).
    """

    def __init__(
        self, path: str | BinaryIO, name: str, selection: Selection, rate: Fraction | None = None, head: bytes = b""
    ) -> None:
        self._path = path
        self.restarts = isinstance(path, str)
        if isinstance(path, str):
            with open(path, "rb") as file:
                line = file.readline(_LINE_LIMIT)
                format = parse_header(line, name, rate)
                total: int | None = _count_frames(file, frame_bytes(format), name)
        else:
            line = head + path.readline(_LINE_LIMIT)
            format = parse_header(line, name, rate)
            total = None
        self.has_frame_rate = rate is not None or stated_rate(line) is not None
        super().__init__(name, format, total, selection)

    def _all_pictures(self, skip: int) -> Iterator[Picture]:
        if not isinstance(self._path, str):
            stream, self._path = self._path, ""
            yield from self._read(stream, skip)
        elif not self._path:
            raise UsageError("standard input can be read only once; give a file instead of -")
        else:
            with open(self._path, "rb") as file:
                file.readline(_LINE_LIMIT)
                yield from self._read(file, skip)

    def _read(self, stream: BinaryIO, skip: int) -> Iterator[Picture]:
        size, number = frame_bytes(self.format), 0
        while _frame_line(stream, number + 1, self.name):
            number += 1
            data = stream.read(size)
            if len(data) != size:
                raise _truncated(self.name, number, size - len(data))
            if number > skip:
                yield picture_from_bytes(self.format, data, self.name)


def _count_frames(file: BinaryIO, size: int, name: str) -> int:
    length, number = os.fstat(file.fileno()).st_size, 0
    while _frame_line(file, number + 1, name):
        number += 1
        missing = file.tell() + size - length
        if missing > 0:
            raise _truncated(name, number, missing)
        file.seek(size, os.SEEK_CUR)
    if number == 0:
        raise UsageError(f"{Path(name).name} holds no frames; give another file")
    return number


def _frame_line(stream: BinaryIO, number: int, name: str) -> bool:
    """Reads the line before frame ``number``; False at the end of the stream."""
    line = stream.readline(_LINE_LIMIT)
    if not line:
        return False
    if not line.endswith(b"\n") or line.split()[:1] != [b"FRAME"]:
        raise UsageError(f"{name} is damaged: the FRAME line of frame {number} is missing; make the file again")
    return True


def _truncated(name: str, number: int, missing: int) -> UsageError:
    return UsageError(f"{name} is truncated: frame {number} lacks {missing} bytes; make the file again")
