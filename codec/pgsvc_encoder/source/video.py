"""Compressed video through PyAV.

Planar 8- and 10-bit Y'CbCr and grey come through untouched; anything else is converted to 4:2:0. Frames are taken in
order at the average rate: time stamps, rotation and interlacing flags are not looked at. PyAV does not tell the chroma
siting, so it is left, or centred for motion JPEG.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace
from fractions import Fraction

import numpy as np

from pgsvc.errors import MissingExtra, UsageError
from pgsvc.picture import Chroma, Picture, PictureFormat
from pgsvc_encoder.source.base import Selection, Source

# pixel format -> (chroma, bit depth) of what is kept as it is
_NATIVE = {
    "gray": (Chroma.GREY, 8),
    "gray10le": (Chroma.GREY, 10),
    "yuv420p": (Chroma.YUV420, 8),
    "yuvj420p": (Chroma.YUV420, 8),
    "yuv420p10le": (Chroma.YUV420, 10),
    "yuv422p": (Chroma.YUV422, 8),
    "yuvj422p": (Chroma.YUV422, 8),
    "yuv422p10le": (Chroma.YUV422, 10),
    "yuv444p": (Chroma.YUV444, 8),
    "yuvj444p": (Chroma.YUV444, 8),
    "yuv444p10le": (Chroma.YUV444, 10),
}
_FULL = 2  # AVCOL_RANGE_JPEG


class VideoSource(Source):
    """The first video stream of a file.

    ``frame_count`` is what the container states (it may be off where an edit list trims the video), else None.

    Raises:
        UsageError: not a video, damaged, deeper than 10 bit, or of changing format.
        MissingExtra: PyAV is not installed.
    """

    def __init__(self, path: str, name: str, selection: Selection, rate: Fraction | None = None) -> None:
        try:
            import av
        except ImportError as error:
            raise MissingExtra(f"reading {name}", "encoder") from error
        self._av, self._path, self.name = av, path, name
        frames = self._frames()
        first = next(frames, None)
        if first is None:
            raise UsageError(f"{name} holds no frames that can be decoded; give another file")
        self._pixel_format = first.format.name
        self._convert_to = _conversion(first.format, name)
        format = _format(first, self._convert_to, self._codec)
        format = replace(format, frame_rate=rate or self._rate or Fraction(25))
        self.has_frame_rate = bool(rate or self._rate)
        frames.close()
        super().__init__(name, format, self._total, selection)

    def _frames(self) -> Generator:
        """PyAV frames from the start; sets what the stream tells about itself."""
        try:
            with self._av.open(self._path) as container:
                if not container.streams.video:
                    raise UsageError(f"{self.name} has no video in it; give another file")
                stream = container.streams.video[0]
                stream.thread_type = "AUTO"
                stream.codec_context.thread_count = 2
                self._codec = stream.codec_context.name
                self._rate = stream.average_rate or stream.guessed_rate
                self._total = stream.frames or None
                yield from container.decode(stream)
        except self._av.error.FFmpegError as error:
            raise UsageError(
                f"{self.name} cannot be read as video ({error.strerror}); "
                "for raw planes use --input-kind yuv --size WxH"
            ) from error

    def _all_pictures(self, skip: int) -> Iterator[Picture]:
        for number, frame in enumerate(self._frames()):
            if number >= skip:
                yield self._picture(frame)

    def _picture(self, frame) -> Picture:
        fmt = self.format
        if (frame.width, frame.height, frame.format.name) != (fmt.width, fmt.height, self._pixel_format):
            raise UsageError(
                f"{self.name} changes from {fmt.width}x{fmt.height} {self._pixel_format} to "
                f"{frame.width}x{frame.height} {frame.format.name} on the way; "
                "encode the parts one by one with --skip and --frames"
            )
        if self._convert_to:
            frame = _converted(frame, self._convert_to)
        return Picture(fmt, tuple(_samples(p, fmt) for p in frame.planes))


def _conversion(pixels, name: str) -> str | None:
    """The pixel format to convert to, or None where the planes can be kept."""
    depth = max(c.bits for c in pixels.components)
    if depth > 10 and pixels.name != "pal8":
        raise UsageError(
            f"{name} has {depth}-bit samples ({pixels.name}), and only 8 and 10 bit can be encoded; "
            "convert it to yuv420p10le first"
        )
    if pixels.name in _NATIVE:
        return None
    return "yuv420p" if depth <= 8 else "yuv420p10le"


def _is_rgb(frame) -> bool:
    return frame.format.is_rgb or frame.format.has_palette


def _converted(frame, pixel_format: str):
    if _is_rgb(frame):
        return frame.reformat(format=pixel_format, dst_colorspace=1, dst_color_range=1)
    return frame.reformat(format=pixel_format)


def _format(frame, convert_to: str | None, codec: str) -> PictureFormat:
    """The format of pictures made from ``frame``, without the frame rate."""
    pixels = convert_to or frame.format.name
    chroma, depth = _NATIVE[pixels]
    from_rgb = _is_rgb(frame)
    unspecified_grey = pixels.startswith("gray") and not frame.color_range  # ffmpeg takes these as full range
    full = pixels.startswith("yuvj") or frame.color_range == _FULL or unspecified_grey
    matrix = 1 if from_rgb else int(frame.colorspace)
    return PictureFormat(
        frame.width,
        frame.height,
        chroma,
        depth,
        full_range=full and not from_rgb,
        primaries=int(frame.color_primaries) or 2,
        transfer=int(frame.color_trc) or 2,
        matrix=matrix or 2,  # 0 would say that the planes are R, G, B
        chroma_location=1 if codec == "mjpeg" and chroma == Chroma.YUV420 else 0,
    )


def _samples(plane, fmt: PictureFormat) -> np.ndarray:
    """A copy of a PyAV plane, without the padding of its lines."""
    dtype = np.dtype(fmt.dtype).newbyteorder("<")
    lines = np.frombuffer(plane, dtype).reshape(plane.height, plane.line_size // dtype.itemsize)
    return lines[:, : plane.width].astype(fmt.dtype, copy=True)
