"""Writers of plain planes: YUV4MPEG2 (.y4m), which carries its own size, and headerless .yuv."""

from __future__ import annotations

from typing import BinaryIO

from pgsvc.errors import UsageError
from pgsvc.output.base import Writer
from pgsvc.output.target import open_target
from pgsvc.picture import Chroma, Picture, PictureFormat


def y4m_colour_tag(format: PictureFormat) -> str:
    """The ``C`` parameter of a YUV4MPEG2 header, without the C.

    The tag can tell centred chroma from left-sited only for 8-bit 4:2:0; elsewhere the siting is lost.

    Raises:
        UsageError: RGB, which the container has no tag for.
    """
    if format.is_rgb:
        raise UsageError(
            "y4m cannot hold RGB; use -o name.png, -o name.yuv (planes in the order R, G, B, unlike gbrp) "
            "or -o name.mp4"
        )
    deep = "" if format.bit_depth == 8 else str(format.bit_depth)
    if format.chroma == Chroma.GREY:
        return "mono" + deep
    if format.chroma == Chroma.YUV420 and not deep:
        return "420jpeg" if format.chroma_location == 1 else "420mpeg2"
    base = {Chroma.YUV420: "420", Chroma.YUV422: "422", Chroma.YUV444: "444"}[Chroma(format.chroma)]
    return base + (f"p{deep}" if deep else "")


def y4m_header(format: PictureFormat) -> bytes:
    """The stream header line. Primaries, transfer and matrix have no place in it and are lost."""
    rate = format.frame_rate
    colour_range = "FULL" if format.full_range else "LIMITED"
    return (
        f"YUV4MPEG2 W{format.width} H{format.height} F{rate.numerator}:{rate.denominator} Ip A1:1 "
        f"C{y4m_colour_tag(format)} XCOLORRANGE={colour_range}\n"
    ).encode("ascii")


class PlanarWriter(Writer):
    """Headerless planes, one picture after the other; 16-bit little-endian samples above 8 bit.

    RGB is three planes in the order R, G, B (ffmpeg's ``gbrp`` has G, B, R; the encoder reads this one as ``rgbp``).
    """

    kind = "yuv"
    _frame_header = b""

    def __init__(self, path: str, format: PictureFormat, stdout: BinaryIO | None = None) -> None:
        super().__init__(format)
        start = self._stream_header()  # may raise, so before a file is made
        self._target = open_target(path, stdout)
        self._target.write(start)

    def _stream_header(self) -> bytes:
        return b""

    def _put(self, picture: Picture) -> None:
        self._target.write(self._frame_header + picture.tobytes())

    def _finish(self) -> None:
        self._target.commit()

    def _discard(self) -> None:
        self._target.discard()

    def _where(self) -> str:
        order = ", planes R, G, B" if self.format.is_rgb else ""
        return f"{order} to {self._target.path}"


class Y4mWriter(PlanarWriter):
    """YUV4MPEG2."""

    kind = "y4m"
    _frame_header = b"FRAME\n"

    def _stream_header(self) -> bytes:
        return y4m_header(self.format)

    def _where(self) -> str:
        return f" to {self._target.path}"
