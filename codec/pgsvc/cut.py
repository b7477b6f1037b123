"""Sub-streams by copying chunks (spec 9.3): fewer levels, fewer frames, fewer bytes; nothing is decoded."""

from __future__ import annotations

from pgsvc import headers
from pgsvc.assemble import RawChunk, in_order, prologue
from pgsvc.container import DATA_TYPES, END, HASH, HEAD, INDEX
from pgsvc.errors import UsageError
from pgsvc.segment import Segment
from pgsvc.stream import Stream


def cut(
    stream: Stream, *, level: int | None = None, max_bytes: int | None = None, start: int = 0, stop: int | None = None
) -> bytes:
    """A shorter stream.

    Args:
        stream: read with ``keep_chunks`` set.
        level: keep layers 0 … level; the result has level + 1 layers.
        max_bytes: keep the longest beginning of the chunks that fits; the result says nothing of what is missing.
        start, stop: keep what is needed for frames start … stop − 1: whole segments at the front, and no predicted frames past
            the end.

    Raises:
        UsageError: the level does not exist, or no data chunk is left.
    """
    assert stream.header is not None
    header = dict(stream.header)
    top = stream.resolve_level(level)
    header["layer_count"] = top + 1
    if header["has_level_sizes"]:
        header["level_sizes"] = header["level_sizes"][: top + 1]
    kept: list[RawChunk] = []
    for chunk in stream.chunks:
        if chunk.type in (HEAD, INDEX, END) or not _may_copy(chunk.type):
            continue
        segment = stream.segments.get(chunk.address.segment)
        if chunk.address.layer > top or (
            segment is not None and not _in_frames(chunk.address.frame, segment, start, stop)
        ):
            continue
        kept.append(RawChunk(chunk.type, chunk.address, chunk.raw))
    ordered = in_order(header, kept)
    if max_bytes is not None:
        ordered = _fit(header, ordered, max_bytes)
    if not any(c.type in DATA_TYPES for c in ordered):
        raise UsageError("nothing decodable would be left; ask for more bytes or other frames")
    return prologue(header, ordered) + b"".join(c.raw for c in ordered)


def _may_copy(kind: bytes) -> bool:
    """Unknown types whose fourth letter is upper case are unsafe to copy (spec 4.4)."""
    return kind in (*DATA_TYPES, HASH) or bool(kind[3] & 32)


def _in_frames(frame: int, segment: Segment, start: int, stop: int | None) -> bool:
    if start > 0 and segment.first_frame + segment.frames <= start:
        return False
    return stop is None or segment.first_frame + frame < stop


def _fit(header: headers.Structure | dict, ordered: list[RawChunk], max_bytes: int) -> list[RawChunk]:
    """The longest beginning whose stream is no larger than ``max_bytes``; ENDS stays."""
    *body, end = ordered
    low, high = 0, len(body)
    while low < high:
        middle = (low + high + 1) // 2
        part = [*body[:middle], end]
        size = len(prologue(header, part)) + sum(len(c.raw) for c in part)  # type: ignore[arg-type]
        low, high = (middle, high) if size <= max_bytes else (low, middle - 1)
    return [*body[:low], end]
