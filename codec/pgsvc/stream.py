"""A stream as it arrives: feed bytes, ask what is complete, decode any frame at any level (spec 5, 9).

::

    with pgsvc.open("clip.pgs") as stream:
        for frame in stream.frames(level=1):
            show(frame.picture.planes)

A network reader makes an empty :class:`Stream`, calls :meth:`Stream.feed` with whatever has arrived, and decodes in between.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import TYPE_CHECKING

from pgsvc import container, headers
from pgsvc.bits import BitReader
from pgsvc.container import Chunk, ChunkParser
from pgsvc.errors import BadStream, NeedMoreData, Unsupported, UsageError
from pgsvc.head import read_head
from pgsvc.index import IndexEntry, read_index
from pgsvc.limits import DEFAULT_LEVEL, LEVELS, Limits
from pgsvc.objects import object_layers
from pgsvc.progression import Progression
from pgsvc.syntax import Record

if TYPE_CHECKING:
    from pgsvc.decode import DecodedFrame
    from pgsvc.picture import PictureFormat
    from pgsvc.pictures import PictureContent
    from pgsvc.scene.content import DecodedScene, SceneContent
    from pgsvc.segment import Segment
    from pgsvc.sizes import Size

MAX_INDEX_ENTRIES = 1 << 16  # read at once; decoding needs no index
NO_HEADER = "the stream header has not arrived"


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
        self.cpu, self.threads = cpu, threads
        self.header: Record | None = None
        self.index: list[IndexEntry] | None = None
        self.pictures: PictureContent | None = None  # of a stream of profile still or video
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
        while self._parser.pending:
            if self.ended:
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
        header, self.limits = read_head(chunk, self._allowed)
        self._parser.max_chunk_bytes = self.limits.chunk_bytes
        self.object_layers = object_layers(header)
        self._progression = Progression(header["progression_order"], header["layer_count"], self.object_layers)
        if header["profile"] == headers.SCENE:
            from pgsvc.kernel import select
            from pgsvc.scene.content import SceneContent

            native = select(self.cpu) != "reference"
            self.content = SceneContent(header, self.object_layers, self.limits, native=native, threads=self.threads)
        else:
            from pgsvc.pictures import PictureContent

            self.pictures = PictureContent(header, self.object_layers, self.limits, self._allowed)
        self.header = header

    def _take_data(self, chunk: Chunk) -> None:
        self._progression.check(chunk)
        if (chunk.type in container.SCENE_TYPES) != (self.content is not None):
            raise BadStream("a chunk of another profile", clause="5.2", offset=chunk.offset)
        if self.content is not None:
            self.content.take(chunk)
        elif self.pictures is not None:
            self.pictures.take(chunk)

    def _take_hash(self, chunk: Chunk) -> None:
        record = headers.HASH.read(BitReader(chunk.payload))
        a = chunk.address
        if a.object:
            raise BadStream("a hash of one object alone", clause="6.6", offset=chunk.offset)
        if self.content is not None:
            if a.frame or record["frame_count"] != 1:
                raise BadStream("a hash of frames in a scene", clause="6.6", offset=chunk.offset)
            self.content.take_hash(a.segment, a.layer, record["crc32"])
        elif self.pictures is not None:
            self.pictures.take_hash(a, record["frame_count"], record["crc32"])

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
        """Frames that can be decoded now, at least at level 0; 0 of a scene."""
        return sum(segment.frames for segment in self.segments.values())

    @property
    def segments(self) -> dict[int, Segment]:
        """What has arrived of the segments of pictures, by their numbers."""
        return {} if self.pictures is None else self.pictures.segments

    @property
    def format(self) -> PictureFormat:
        """What the pictures are at the reference size (spec 6.1).

        Raises:
            UsageError: the stream holds a scene.
        """
        return self._as_pictures().format

    @property
    def _head(self) -> Record:
        if self.header is None:
            raise NeedMoreData(NO_HEADER)
        return self.header

    def complete_level(self, frame: int) -> int:
        """Highest level at which the frame with this number can be decoded now; −1 if none."""
        return -1 if self.pictures is None else self.pictures.complete_level(frame)

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
        return self._as_pictures().level_sizes[self.resolve_level(level)]

    def output_format(self, level: int | None = None, size: Size | None = None) -> PictureFormat:
        """What pictures of a level are, at its own size or another.

        Raises:
            UsageError: the stream has no such level, or cannot be rendered at that size.
        """
        return self._as_pictures().output_format(self.resolve_level(level), size)

    def _as_pictures(self) -> PictureContent:
        if self.content is not None:
            raise UsageError("the stream holds a scene, not pictures, and has no size of its own: ask for scene()")
        if self.pictures is None:
            raise NeedMoreData(NO_HEADER)
        return self.pictures

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
        pictures = self._as_pictures()
        level = self.resolve_level(level)
        yield from pictures.frames(
            level, start, stop, size=size, check_hash=check_hash, reuse=reuse, cpu=self.cpu, threads=self.threads
        )

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
