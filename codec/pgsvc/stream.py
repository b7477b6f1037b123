"""A stream as it arrives: feed bytes, ask what is complete, decode any frame at any level (spec 5, 9).

::

    with pgsvc.open("clip.pgs") as stream:
        for frame in stream.frames(level=1):
            show(frame.picture.planes)

A network reader makes an empty :class:`Stream`, calls :meth:`Stream.feed` with whatever has arrived, and decodes in between.
"""

from __future__ import annotations

import zlib
from collections.abc import Container, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from pgsvc import container, headers
from pgsvc.bits import BitReader
from pgsvc.container import Address, Chunk, ChunkParser
from pgsvc.decode import DecodedFrame, Part, Setup, decode_parts
from pgsvc.errors import BadStream, HashMismatch, LimitExceeded, NeedMoreData, Unsupported, UsageError
from pgsvc.index import IndexEntry, read_index
from pgsvc.limits import DEFAULT_LEVEL, LEVELS, Limits, check_header, check_output
from pgsvc.objects import object_layers
from pgsvc.picture import Chroma, PictureFormat
from pgsvc.segment import Segment, Track, add_predicted, read_key
from pgsvc.sizes import Size, check_size, level_sizes
from pgsvc.syntax import Record

if TYPE_CHECKING:
    from pgsvc.scene.content import DecodedScene, SceneContent

MAX_INDEX_ENTRIES = 1 << 16  # read at once; decoding needs no index


class Stream:
    """Push parser and decoder of one stream.

    Args:
        allow: limits above which streams are refused (default: limit level 4).
        cpu: kernel, see :func:`pgsvc.kernel.select`.
        threads: threads of the sum, or of the tiles and objects of a scene; 0 = one per core.
    """

    def __init__(self, *, allow: Limits | None = None, cpu: str | None = None, threads: int = 0) -> None:
        self._allowed = allow or LEVELS[DEFAULT_LEVEL]
        self._parser = ChunkParser(self._allowed.chunk_bytes)
        self._last_order: tuple[int, ...] | None = None
        self.cpu, self.threads = cpu, threads
        self.header: Record | None = None
        self.index: list[IndexEntry] | None = None
        self.segments: dict[int, Segment] = {}
        self.content: SceneContent | None = None  # of a stream of profile scene
        self._chunk_count = 0
        self.chunks: list[Chunk] = []
        self.keep_chunks = False
        self.ended = False
        self.closed = False

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.closed = True

    # --- taking bytes -------------------------------------------------------------------------------------------------

    def feed(self, data: bytes) -> None:
        """Take more bytes of the stream.

        Raises:
            BadStream, Unsupported, LimitExceeded: for the first chunk that deserves it; earlier chunks stay usable.
        """
        self._parser.feed(data)
        while True:
            if self.ended and self._parser.pending:
                raise BadStream("bytes after the ENDS chunk", clause="4.5", offset=self._parser.offset)
            try:
                chunk = self._parser.next_chunk()
            except NeedMoreData:
                return
            try:
                self._take(chunk)
            except BadStream as error:
                if error.offset is not None:
                    raise
                raise BadStream(error.message, clause=error.clause, offset=chunk.offset) from None

    def close(self) -> None:
        """Say that no more bytes will come. What is incomplete then stays undecoded (spec 5.4).

        Raises:
            BadStream: there is not even a stream header.
        """
        if self.header is None:
            raise BadStream("the stream ends before its header is complete", clause="4.1", offset=self._parser.offset)
        self.closed = True

    @property
    def truncated(self) -> bool:
        """Whether the stream was closed before its ENDS chunk."""
        return self.closed and not self.ended

    def _take(self, chunk: Chunk) -> None:
        if self.header is None:
            if chunk.type != container.HEAD:
                raise BadStream("the first chunk is not HEAD", clause="5.1", offset=chunk.offset)
            self._take_header(chunk)
        elif chunk.type == container.HEAD:
            raise BadStream("a second HEAD chunk", clause="5.1", offset=chunk.offset)
        elif chunk.type in container.DATA_TYPES:
            self._take_data(chunk)
        elif chunk.type == container.INDEX:
            if self._chunk_count != 1:
                raise BadStream("the index is not the second chunk", clause="5.1", offset=chunk.offset)
            self.index = read_index(chunk.payload, MAX_INDEX_ENTRIES)
        elif chunk.type == container.HASH:
            self._take_hash(chunk)
        elif chunk.type == container.TILES and self.content is not None:  # elsewhere of no meaning
            self.content.take_table(chunk.payload)
        elif chunk.type == container.END:
            if chunk.payload:
                raise BadStream("the ENDS chunk is not empty", clause="6.7", offset=chunk.offset)
            self.ended = True
        elif chunk.is_critical:
            name = chunk.type.decode()
            raise Unsupported(f"critical chunk {name} at byte {chunk.offset} is not known", clause="4.4")
        self._chunk_count += 1
        if self.keep_chunks:
            self.chunks.append(chunk)

    def _take_header(self, chunk: Chunk) -> None:
        version = tuple(chunk.payload[:3])
        if len(version) == 3 and (version[0] != headers.FORMAT_MAJOR or version[2] > headers.FORMAT_MINOR):
            needed = f"{version[0]}.{version[2]}"
            mine = f"{headers.FORMAT_MAJOR}.{headers.FORMAT_MINOR}"
            raise Unsupported(f"the stream needs a reader of format {needed}; this one reads {mine}", clause="6.1")
        reader = BitReader(chunk.payload)
        header = headers.HEAD.read(reader)
        self.limits = check_header(header, self._allowed)
        self._parser.max_chunk_bytes = self.limits.chunk_bytes
        if header["profile"] == headers.PROFILES["still"] and header["frame_count"] != 1:
            raise BadStream("a still with more than one frame", clause="6.1", offset=chunk.offset)
        if header["min_reader_minor"] > header["format_minor"]:
            raise BadStream("min_reader_minor is above format_minor", clause="6.1", offset=chunk.offset)
        if header["matrix_coefficients"] == 0 and Chroma(header["chroma_format"]) in (Chroma.YUV420, Chroma.YUV422):
            raise BadStream("RGB with subsampled chroma", clause="6.1", offset=chunk.offset)
        self.object_layers = object_layers(header)
        if header["profile"] == headers.SCENE:
            self._take_scene_header(header, chunk)
            self.header = header
            return
        self._level_sizes = level_sizes(header)
        self.format = PictureFormat(
            header["width"],
            header["height"],
            Chroma(header["chroma_format"]),
            header["bit_depth"],
            bool(header["full_range"]),
            header["colour_primaries"],
            header["transfer_characteristics"],
            header["matrix_coefficients"],
            header["chroma_location"],
            Fraction(header["frame_rate_numerator"], header["frame_rate_denominator"]),
        )
        self.header = header

    def _take_scene_header(self, header: Record, chunk: Chunk) -> None:
        if any(header[name] for name in ("full_range", "chroma_location", "has_level_sizes", "chroma_format")):
            raise BadStream("a scene whose header speaks of pictures", clause="6.1", offset=chunk.offset)
        from pgsvc.kernel import select
        from pgsvc.scene.content import SceneContent

        native = select(self.cpu) != "reference"
        self.content = SceneContent(header, self.object_layers, self.limits, native=native, threads=self.threads)

    def _take_data(self, chunk: Chunk) -> None:
        a = chunk.address
        if a.layer >= self.layer_count:
            raise BadStream(f"layer {a.layer} of {self.layer_count}", clause="5.2", offset=chunk.offset)
        if a.object >= len(self.object_layers):
            raise BadStream(f"object {a.object} of {len(self.object_layers)}", clause="5.2", offset=chunk.offset)
        if a.layer >= self.object_layers[a.object]:
            layers = self.object_layers[a.object]
            raise BadStream(
                f"layer {a.layer} of object {a.object}, which has {layers}", clause="5.2", offset=chunk.offset
            )
        order = tuple(a) if self._head["progression_order"] == headers.SEGMENT_ORDER else (a.layer, *a)
        if self._last_order is not None and order <= self._last_order:
            raise BadStream("chunks are not in progression order", clause="5.3", offset=chunk.offset)
        self._last_order = order
        if (chunk.type in container.SCENE_TYPES) != (self.content is not None):
            raise BadStream("a chunk of another profile", clause="5.2", offset=chunk.offset)
        if self.content is not None:
            self.content.take(chunk)
            return
        key = (a.layer, a.object, a.slice)
        if chunk.type == container.KEY_FRAME:
            data = read_key(chunk, self.format.components, self.limits)
            first = data.header["first_frame"]
            segment = self.segments.setdefault(a.segment, Segment(first, self.object_layers))
            if segment.first_frame != first:
                raise BadStream("first_frame differs within a segment", clause="6.3", offset=chunk.offset)
            before = segment.tracks.get((a.layer, a.object, a.slice - 1))
            if a.slice and (before is None or before.is_last_slice):
                raise BadStream(f"slice {a.slice} does not follow a slice", clause="5.2", offset=chunk.offset)
            self._check_frames(first, 1, chunk)
            segment.splats += data.header["splat_count"]
            if segment.splats > self.limits.splats:
                raise LimitExceeded(
                    f"a frame of {segment.splats} splats or more; allowed are {self.limits.splats}", clause="A.2"
                )
            segment.tracks[key] = Track(data)
            return
        if self._head["profile"] == headers.PROFILES["still"]:
            raise BadStream("a predicted frame in a still", clause="5.2", offset=chunk.offset)
        segment = self.segments.get(a.segment)
        if segment is None or key not in segment.tracks:
            raise BadStream("a predicted frame without its key frame", clause="5.2", offset=chunk.offset)
        add_predicted(segment, segment.tracks[key], chunk, self.format.components, self.limits)
        self._check_frames(segment.first_frame, segment.tracks[key].frames, chunk)

    def _check_frames(self, first: int, count: int, chunk: Chunk) -> None:
        total = self._head["frame_count"]
        if first + count > total:
            raise BadStream(f"frame {first + count - 1} of a stream of {total}", clause="6.3", offset=chunk.offset)

    def _take_hash(self, chunk: Chunk) -> None:
        record = headers.HASH.read(BitReader(chunk.payload))
        if chunk.address.object:
            raise BadStream("a hash of one object alone", clause="6.6", offset=chunk.offset)
        if self.content is not None:
            if chunk.address.frame or record["frame_count"] != 1:
                raise BadStream("a hash of frames in a scene", clause="6.6", offset=chunk.offset)
            self.content.take_hash(chunk.address.segment, chunk.address.layer, record["crc32"])
            return
        segment = self.segments.get(chunk.address.segment)
        if segment is not None:
            value = (record["frame_count"], record["crc32"])
            segment.hashes[chunk.address.layer, chunk.address.frame] = value

    # --- asking -------------------------------------------------------------------------------------------------------

    @property
    def layer_count(self) -> int:
        """Number of layers that the header announces."""
        return self._head["layer_count"]

    @property
    def object_count(self) -> int:
        """Number of objects; 1 where there is no region of interest."""
        return 1 if self._head["object_count"] is None else self._head["object_count"]

    @property
    def frame_count(self) -> int:
        """Frames that can be decoded now, at least at level 0."""
        return sum(segment.frames for segment in self.segments.values())

    @property
    def _head(self) -> Record:
        if self.header is None:
            raise NeedMoreData("the stream header has not arrived")
        return self.header

    def complete_level(self, frame: int) -> int:
        """Highest level at which the frame with this number can be decoded now; −1 if none."""
        for segment in self.segments.values():
            if 0 <= frame - segment.first_frame < segment.frames:
                return segment.complete_level(frame - segment.first_frame)
        return -1

    def resolve_level(self, level: int | None) -> int:
        """The level to decode: the highest when None.

        Raises:
            UsageError: the stream has no such level.
        """
        top = self.layer_count - 1
        if level is None:
            return top
        if not 0 <= level <= top:
            raise UsageError(f"level {level} does not exist: the stream has the levels 0 to {top}")
        return level

    def level_size(self, level: int | None = None) -> Size:
        """(width, height) that a level is decoded at; None: the highest level.

        Raises:
            UsageError: the stream has no such level, or holds a scene, which has no size.
        """
        if self.content is not None:
            raise UsageError("the stream holds a scene, which has no size of its own")
        level = self.resolve_level(level)
        return self._level_sizes[level]

    def output_format(self, level: int | None = None, size: Size | None = None) -> PictureFormat:
        """What pictures of a level are, at its own size or another.

        Raises:
            UsageError: the stream has no such level, or cannot be rendered at that size.
        """
        own = self.level_size(level)
        reference = (self.format.width, self.format.height)
        width, height = own if size is None else check_size(reference, size)
        return replace(self.format, width=width, height=height)

    # --- decoding -----------------------------------------------------------------------------------------------------

    def frames(
        self,
        level: int | None = None,
        start: int = 0,
        stop: int | None = None,
        *,
        size: Size | None = None,
        check_hash: bool = False,
        reuse: bool = False,
    ) -> Iterator[DecodedFrame]:
        """Decode frames ``start`` … ``stop`` − 1 (numbers in the stream) at ``level`` or the highest complete level below it.

        Args:
            level: None for the highest.
            size: (width, height) of the pictures, None for the level's own; frames that reach only a lower level have it too.
            check_hash: compare with the hashes in the stream, where they are of this size.
            reuse: a picture's planes are only good until the next frame is asked for, which may be written into them; saves time.

        Raises:
            BadStream, LimitExceeded: the data of a frame are wrong or too much.
            HashMismatch: a picture differs from what the encoder saw.
            UsageError: the stream has no such level or cannot be rendered at that size, or hashes of another size are to be
                compared.
        """
        if self.content is not None:
            raise UsageError("the stream holds a scene, not pictures: ask for scene()")
        level = self.resolve_level(level)
        output = self.output_format(level, size)
        size = (output.width, output.height)
        is_own = size == self.level_size(level)
        if check_hash and not is_own:
            raise UsageError(f"the hashes of level {level} are of another size than {size[0]}x{size[1]}")
        limits = self.limits if is_own else self._allowed  # another size is no affair of the stream's limit level
        check_output(size, limits)
        setup = Setup(self.format, output, limits, reuse, self.cpu, self.threads)
        check: _HashCheck | None = None
        lengths = [s.frames for s in self.segments.values() if s.frames and (stop is None or s.first_frame < stop)]
        longest = max(2, *lengths) if len(lengths) > 1 else sum(lengths)
        for part, frame in decode_parts(setup, self._parts(start, stop, whole=check_hash), level, longest):
            if check_hash:
                if check is None or check.segment is not part.segment:
                    check = _HashCheck(part.segment, [own == size for own in self._level_sizes])
                check(frame.index - part.segment.first_frame, frame)
            if frame.index >= start:
                yield frame

    def _parts(self, start: int, stop: int | None, *, whole: bool) -> Iterator[Part]:
        """What of the segments is needed for the frames asked for; ``whole``: from their first frames on."""
        end = 0
        for number in sorted(self.segments):
            segment = self.segments[number]
            if segment.frames == 0:
                continue
            if segment.first_frame < end:
                raise BadStream(f"segment {number} overlaps the one before", clause="6.3")
            end = segment.first_frame + segment.frames
            if end <= start or (stop is not None and segment.first_frame >= stop):
                continue
            count = segment.frames if stop is None else min(segment.frames, stop - segment.first_frame)
            yield Part(segment, 0 if whole else max(0, start - segment.first_frame), count)

    def scene(
        self,
        level: int | None = None,
        *,
        objects: Container[int] | None = None,
        tiles: Container[int] | None = None,
        check_hash: bool = False,
    ) -> DecodedScene:
        """Decode a scene at ``level``, None for the highest, or what there is of it.

        Args:
            objects, tiles: numbers of those that are wanted; None: all.
            check_hash: compare with the hashes in the stream, where whole tiles are decoded.

        Raises:
            UsageError: the stream holds pictures, or has no such level.
            BadStream, HashMismatch: as :meth:`frames`.
        """
        level = self.resolve_level(level)
        if self.content is None:
            raise UsageError("the stream holds pictures, not a scene")
        if self.ended:  # tiles that an extractor has left out say nothing of the level
            tiles = [t for t in self.content.tiles if tiles is None or t in tiles]
        return self.content.decode(level, objects=objects, tiles=tiles, check_hash=check_hash)

    def frame(self, index: int, level: int | None = None, *, size: Size | None = None) -> DecodedFrame:
        """Decode one frame; ``level`` and ``size`` as in :meth:`frames`.

        Raises:
            UsageError: that frame has not arrived.
        """
        for decoded in self.frames(level, index, index + 1, size=size):
            return decoded
        raise UsageError(f"frame {index} is not in the stream")


class _HashCheck:
    """Chains the CRC-32 of consecutive frames and compares it where a hash chunk ends (spec 6.6).

    Args:
        comparable: for each level, whether its own size is the one decoded.
    """

    def __init__(self, segment: Segment, comparable: list[bool]) -> None:
        self.segment, self._comparable = segment, comparable
        self._open: tuple[int, int, int, int] | None = None  # level, frames left, CRC so far, CRC expected

    def __call__(self, frame: int, decoded: DecodedFrame) -> None:
        comparable = not decoded.partial and self._comparable[decoded.level]
        known = self.segment.hashes.get((decoded.level, frame)) if comparable else None
        if known is not None:
            self._open = (decoded.level, known[0], 0, known[1])
        if self._open is None:
            return
        level, left, crc, expected = self._open
        if decoded.partial or decoded.level != level:  # a frame of this run is not complete: nothing to compare
            self._open = None
            return
        crc = zlib.crc32(decoded.picture.tobytes(), crc)
        self._open = (level, left - 1, crc, expected) if left > 1 else None
        if left == 1 and crc != expected:
            raise HashMismatch(f"frame {decoded.index} at level {decoded.level} does not have the hash in the stream")


__all__ = ["Address", "DecodedFrame", "Stream"]
