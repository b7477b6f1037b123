"""pgsvc: decoder of layered Gaussian-splat streams (``.pgs``).

``pgsvc.open(path)`` gives a :class:`pgsvc.stream.Stream`; ``pgsvc.Stream()`` is the same for data that arrive piece by piece.
Nothing heavy is imported until it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

from pgsvc.errors import (
    BadStream,
    HashMismatch,
    LimitExceeded,
    MissingExtra,
    NeedMoreData,
    PgsError,
    Unsupported,
    UsageError,
)

if TYPE_CHECKING:
    import os

    from pgsvc.limits import Limits
    from pgsvc.stream import Stream

__version__ = "0.1.0"
__all__ = [
    "BadStream",
    "HashMismatch",
    "LimitExceeded",
    "MissingExtra",
    "NeedMoreData",
    "PgsError",
    "Stream",
    "Unsupported",
    "UsageError",
    "open",
]


def open(  # noqa: A001
    source: str | os.PathLike[str] | BinaryIO, *, allow: Limits | None = None, cpu: str | None = None, threads: int = 0
) -> Stream:
    """Read a whole stream from a path or a binary file; a truncated one gives what is complete.

    Raises:
        PgsError: the stream cannot be used; the message says why and names the clause.
        OSError: the file cannot be read.
    """
    import io
    from pathlib import Path

    from pgsvc.stream import Stream

    stream = Stream(allow=allow, cpu=cpu, threads=threads)
    if isinstance(source, io.IOBase) or hasattr(source, "read"):
        while piece := source.read(1 << 20):  # type: ignore[union-attr]
            stream.feed(piece)
    else:
        with Path(source).open("rb") as file:  # type: ignore[arg-type]
            while piece := file.read(1 << 20):
                stream.feed(piece)
    stream.close()
    return stream


def __getattr__(name: str) -> Any:
    if name == "Stream":
        from pgsvc.stream import Stream

        return Stream
    raise AttributeError(name)
