"""MP4 files for viewing, through PyAV: H.264 at high quality, always 4:2:0, so not for measurements."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from pgsvc.errors import MissingExtra, UsageError
from pgsvc.output.base import Writer
from pgsvc.output.target import FileTarget
from pgsvc.picture import Chroma, Picture, PictureFormat

_CRF = "12"
_PIXEL_FORMATS = {Chroma.YUV420: "yuv420p", Chroma.YUV422: "yuv422p", Chroma.YUV444: "yuv444p"}


class Mp4Writer(Writer):
    """libx264, crf 12, yuv420p or yuv420p10le, the frame rate of the format.

    RGB becomes limited-range BT.709; odd sizes are padded to even by repeating the last row and column.

    Raises:
        MissingExtra: PyAV is not installed.
        UsageError: the path is ``-`` (MP4 needs a file), or this PyAV has no libx264.
    """

    kind = "mp4"

    def __init__(self, path: str, format: PictureFormat) -> None:
        super().__init__(format)
        if path == "-":
            raise UsageError("mp4 cannot go to standard output; give a file with -o name.mp4")
        try:
            import av
            from av.error import FFmpegError
        except ImportError as error:
            raise MissingExtra("writing mp4", "encoder") from error
        self._av = av
        self._target = FileTarget(path)
        try:
            self._container = av.open(self._target.file, "w", format="mp4")
            self._stream = self._add_stream()
        except (FFmpegError, ValueError) as error:
            self._target.discard()
            raise UsageError(f"this PyAV cannot write H.264 ({error}); use -o name.y4m or -o name.png") from error
        except BaseException:
            self._target.discard()
            raise

    def _add_stream(self):
        fmt = self.format
        options = {"crf": _CRF, "x264-params": f"chromaloc={1 if self._centred() else 0}"}
        stream = self._container.add_stream("libx264", rate=fmt.frame_rate, options=options)
        stream.width, stream.height = fmt.width + fmt.width % 2, fmt.height + fmt.height % 2
        stream.pix_fmt = "yuv420p" if fmt.bit_depth == 8 else "yuv420p10le"
        context = stream.codec_context
        context.time_base = 1 / Fraction(fmt.frame_rate)
        context.color_range = 2 if fmt.full_range and not fmt.is_rgb else 1
        context.color_primaries, context.color_trc = fmt.primaries, fmt.transfer
        context.colorspace = 1 if fmt.is_rgb else fmt.matrix
        return stream

    def _centred(self) -> bool:
        return self.format.chroma == Chroma.YUV420 and self.format.chroma_location == 1

    def _put(self, picture: Picture) -> None:
        frame = self._frame(picture)
        frame.pts, frame.time_base = self.frame_count, self._stream.codec_context.time_base
        self._container.mux(self._stream.encode(frame))

    def _frame(self, picture: Picture):
        """A PyAV frame in the stream's pixel format."""
        fmt = picture.format
        deep = "" if fmt.bit_depth == 8 else "10le"
        if fmt.is_rgb:
            red, green, blue = picture.planes
            frame = self._filled("gbrp" + deep, [green, blue, red])
            source_range = 2 if fmt.full_range else 1
            return frame.reformat(
                format=self._stream.pix_fmt, dst_colorspace=1, src_color_range=source_range, dst_color_range=1
            )
        planes = list(picture.planes)
        if fmt.chroma == Chroma.GREY:
            neutral = np.full(((fmt.height + 1) // 2, (fmt.width + 1) // 2), 1 << (fmt.bit_depth - 1), fmt.dtype)
            return self._filled("yuv420p" + deep, [*planes, neutral, neutral])
        name = _PIXEL_FORMATS[Chroma(fmt.chroma)] + deep
        frame = self._filled(name, planes)
        if name == self._stream.pix_fmt:
            return frame
        same = 2 if fmt.full_range else 1
        return frame.reformat(format=self._stream.pix_fmt, src_color_range=same, dst_color_range=same)

    def _filled(self, pixel_format: str, planes: list[np.ndarray]):
        """A frame of the padded size holding ``planes``, edges repeated."""
        frame = self._av.VideoFrame(self._stream.width, self._stream.height, pixel_format)
        for plane, samples in zip(frame.planes, planes, strict=True):
            size = samples.dtype.itemsize
            rows = np.zeros((plane.height, plane.line_size // size), samples.dtype.newbyteorder("<"))
            right, down = plane.width - samples.shape[1], plane.height - samples.shape[0]
            rows[:, : plane.width] = np.pad(samples, ((0, down), (0, right)), "edge")
            plane.update(rows.tobytes())
        return frame

    def _finish(self) -> None:
        self._container.mux(self._stream.encode())
        self._container.close()
        self._target.commit()

    def _discard(self) -> None:
        try:
            self._container.close()
        finally:
            self._target.discard()

    def _where(self) -> str:
        return f" as H.264 4:2:0 to {self._target.path}"
