"""Sub-streams by copying chunks (spec 9.3, 9.4): fewer levels, for all objects or some, fewer frames or tiles, fewer bytes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from pgsvc import headers
from pgsvc.assemble import RawChunk, in_order, prologue
from pgsvc.container import DATA_TYPES, END, HASH, HEAD, INDEX, TILES, Chunk
from pgsvc.errors import UsageError
from pgsvc.objects import true_levels, with_layers
from pgsvc.segment import Segment
from pgsvc.stream import Stream


def cut(
    stream: Stream,
    *,
    level: int | None = None,
    object_levels: Mapping[int, int] | None = None,
    max_bytes: int | None = None,
    start: int = 0,
    stop: int | None = None,
    tiles: Collection[int] | None = None,
) -> bytes:
    """A shorter stream.

    Args:
        stream: read with ``keep_chunks`` set.
        level: keep layers 0 … level.
        object_levels: by number of an object: keep its layers 0 … that level; −1: none of it.
        max_bytes: keep the longest beginning of the chunks that fits; the result says nothing of what is missing.
        start, stop: keep what is needed for frames start … stop − 1: whole segments at the front, and no predicted frames past
            the end.
        tiles: of a scene: keep those with these numbers, which they keep too.

    Raises:
        UsageError: a level, an object or a tile does not exist, the request is not for what the stream holds, or no data
            chunk is left.
    """
    assert stream.header is not None
    _check_request(stream, start, stop, tiles)
    layers = _kept_layers(stream, level, object_levels or {})
    header = with_layers(stream.header, layers)
    levels = true_levels(stream.object_layers, layers)
    kept: list[RawChunk] = []
    for chunk in stream.chunks:
        if chunk.type in (HEAD, INDEX, END) or not _may_copy(chunk.type):
            continue
        if chunk.type == TILES and stream.content is not None:
            kept.append(RawChunk(chunk.type, chunk.address, chunk.raw))
            continue
        if tiles is not None and chunk.address.segment not in tiles:
            continue
        segment = stream.segments.get(chunk.address.segment)
        if not _in_layers(chunk, layers, levels) or (
            segment is not None and not _in_frames(chunk.address.frame, segment, start, stop)
        ):
            continue
        kept.append(RawChunk(chunk.type, chunk.address, chunk.raw))
    ordered = in_order(header, kept)
    if max_bytes is not None:
        ordered = _fit(header, ordered, max_bytes)
    if not any(c.type in DATA_TYPES for c in ordered):
        what = "frames" if stream.content is None else "tiles"
        raise UsageError(f"nothing decodable would be left; ask for more bytes or other {what}")
    return prologue(header, ordered) + b"".join(c.raw for c in ordered)


def _check_request(stream: Stream, start: int, stop: int | None, tiles: Collection[int] | None) -> None:
    """Raises UsageError for frames of a scene, or tiles of a picture or that do not exist."""
    if stream.content is None:
        if tiles is not None:
            raise UsageError("tiles are parts of scenes, and the stream holds pictures")
        return
    if start or stop is not None:
        raise UsageError("the stream holds a scene, which has no frames; ask for tiles")
    count = stream.content.header["tile_count"]
    for number in tiles or ():
        if not 0 <= number < count:
            raise UsageError(f"tile {number} does not exist: the stream has the tiles 0 to {count - 1}")


def _kept_layers(stream: Stream, level: int | None, object_levels: Mapping[int, int]) -> list[int]:
    """Layers that are left of each object.

    Raises:
        UsageError: a level or an object does not exist, or nothing is left of object 0, which holds the motion of all.
    """
    layers = [min(n, stream.resolve_level(level) + 1) for n in stream.object_layers]
    for number, top in object_levels.items():
        if not 0 <= number < len(layers):
            raise UsageError(f"object {number} does not exist: the stream has the objects 0 to {len(layers) - 1}")
        if not -1 <= top < stream.object_layers[number]:
            last = stream.object_layers[number] - 1
            raise UsageError(f"level {top} of object {number} does not exist: it has the levels 0 to {last}")
        layers[number] = min(layers[number], top + 1)
    if layers[0] == 0:
        reason = "object 0 holds the motion of all objects" if stream.content is None else "object 0 is always there"
        raise UsageError(f"{reason}: keep at least its level 0")
    return layers


def _in_layers(chunk: Chunk, layers: Sequence[int], levels: int) -> bool:
    """Whether a chunk is of a layer that its object keeps, or the hash of one of the ``levels`` that still look the same."""
    a = chunk.address
    if chunk.type == HASH:
        return a.layer < levels
    return a.layer < (layers[a.object] if a.object < len(layers) else max(layers))


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
