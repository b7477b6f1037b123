"""What every picture writer has in common: format checking, counting, commit on success and clean-up on failure."""

from __future__ import annotations

from types import TracebackType

from pgsvc.errors import UsageError
from pgsvc.picture import Chroma, Picture, PictureFormat

_CHROMA_NAMES = {Chroma.GREY: "grey", Chroma.YUV420: "4:2:0", Chroma.YUV422: "4:2:2", Chroma.YUV444: "4:4:4"}


def format_words(format: PictureFormat) -> str:
    """A format in words, such as ``352x288 4:2:0 8 bit``."""
    chroma = "RGB" if format.is_rgb else _CHROMA_NAMES[Chroma(format.chroma)]
    return f"{format.width}x{format.height} {chroma} {format.bit_depth} bit"


class Writer:
    """Takes pictures of one format; a context manager.

    Leaving the ``with`` block normally closes the writer, leaving it by an exception aborts: temporary files go and
    files that were there before stay as they were. Sub-classes fill in `_put`, `_finish` and `_discard`.

    Attributes:
        format: the format that every picture must have.
        frame_count: pictures written so far.
        kind: name of the writer, such as ``"y4m"``.
    """

    kind = ""

    def __init__(self, format: PictureFormat) -> None:
        self.format = format
        self.frame_count = 0
        self._open = True

    @property
    def description(self) -> str:
        """What was written (so far), in a few words for a report."""
        frames = "1 frame" if self.frame_count == 1 else f"{self.frame_count} frames"
        return f"{self.kind}, {frames}, {format_words(self.format)}{self._where()}"

    def write(self, picture: Picture) -> None:
        """Adds one picture.

        Raises:
            UsageError: the picture's shape or depth is not the writer's, or the writer is closed.
        """
        if not self._open:
            raise UsageError("the writer is closed; open another one")
        if _layout(picture.format) != _layout(self.format):
            raise UsageError(
                f"the picture format changes from {format_words(self.format)} to {format_words(picture.format)}; "
                "write each part to a file of its own with -o"
            )
        self._put(picture)
        self.frame_count += 1

    def close(self) -> None:
        """Completes the output and gives files their final names. A second call does nothing."""
        if not self._open:
            return
        self._open = False
        try:
            self._finish()
        except BaseException:
            self._discard()
            raise

    def abort(self) -> None:
        """Gives up: removes temporaries and leaves existing files untouched."""
        if self._open:
            self._open = False
            self._discard()

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()

    def _put(self, picture: Picture) -> None:
        raise NotImplementedError

    def _finish(self) -> None:
        pass

    def _discard(self) -> None:
        pass

    def _where(self) -> str:
        return ""


def _layout(format: PictureFormat) -> tuple[int, int, int, int, bool]:
    return format.width, format.height, format.chroma, format.bit_depth, format.is_rgb
