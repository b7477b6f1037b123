"""The chunks of pictures as they arrive, and the pictures that they make (spec 5.2, 6.3 to 6.6, 9.2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache

from pgsvc import headers
from pgsvc.container import KEY_FRAME, Address, Chunk
from pgsvc.decode import DecodedFrame, Part, Setup, decode_parts
from pgsvc.errors import BadStream, LimitExceeded, UsageError
from pgsvc.hashes import HashCheck
from pgsvc.kernel import select
from pgsvc.limits import Limits, check_output
from pgsvc.picture import Chroma, PictureFormat
from pgsvc.segment import Segment, add_predicted, read_key
from pgsvc.sizes import Size, check_size, level_sizes
from pgsvc.syntax import Record

FORMAT_FIELDS = (
    "width",
    "height",
    "chroma_format",
    "bit_depth",
    "full_range",
    "colour_primaries",
    "transfer_characteristics",
    "matrix_coefficients",
    "chroma_location",
    "frame_rate_numerator",
    "frame_rate_denominator",
)


@lru_cache(maxsize=16)  # pictures of one kind often come together
def _format(width: int, height: int, chroma: int, depth: int, full_range: int, *others: int) -> PictureFormat:
    *colour, numerator, denominator = others
    rate = Fraction(numerator, denominator)
    return PictureFormat(width, height, Chroma(chroma), depth, bool(full_range), *colour, frame_rate=rate)


class PictureContent:
    """What a stream of profile ``still`` or ``video`` holds.

    Args:
        header: the stream header.
        object_layers: layers of each object.
        limits: in force.
        allowed: limits of the caller alone, for pictures of sizes that the stream does not speak of.
    """

    def __init__(self, header: Record, object_layers: tuple[int, ...], limits: Limits, allowed: Limits) -> None:
        self.header, self.object_layers = header, object_layers
        self.limits, self._allowed = limits, allowed
        self.level_sizes = level_sizes(header)
        self.segments: dict[int, Segment] = {}
        self.format = _format(*(header[name] for name in FORMAT_FIELDS))

    # --- taking chunks ------------------------------------------------------------------------------------------------

    def take(self, chunk: Chunk) -> None:
        """Take a KEYF or PRED chunk; layer and object are in range.

        Raises:
            BadStream, LimitExceeded: as the chunk deserves.
        """
        if chunk.type == KEY_FRAME:
            self._take_key(chunk)
        else:
            self._take_predicted(chunk)

    def _take_key(self, chunk: Chunk) -> None:
        a = chunk.address
        data = read_key(chunk, self.format.components, self.limits)
        first = data.header["first_frame"]
        segment = self.segments.get(a.segment)
        if segment is None:
            segment = self.segments[a.segment] = Segment(first, self.object_layers)
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
        segment.add_key((a.layer, a.object, a.slice), data)

    def _take_predicted(self, chunk: Chunk) -> None:
        a = chunk.address
        if self.header["profile"] == headers.PROFILES["still"]:
            raise BadStream("a predicted frame in a still", clause="5.2", offset=chunk.offset)
        segment = self.segments.get(a.segment)
        track = None if segment is None else segment.tracks.get((a.layer, a.object, a.slice))
        if segment is None or track is None:
            raise BadStream("a predicted frame without its key frame", clause="5.2", offset=chunk.offset)
        add_predicted(segment, track, chunk, self.format.components, self.limits)
        self._check_frames(segment.first_frame, track.frames, chunk)

    def _check_frames(self, first: int, count: int, chunk: Chunk) -> None:
        total = self.header["frame_count"]
        if first + count > total:
            raise BadStream(f"frame {first + count - 1} of a stream of {total}", clause="6.3", offset=chunk.offset)

    def take_hash(self, address: Address, frames: int, crc: int) -> None:
        """Take the hash of ``frames`` frames; that of a segment that is not there is of no use."""
        segment = self.segments.get(address.segment)
        if segment is not None:
            segment.hashes[address.layer, address.frame] = (frames, crc)

    # --- asking -------------------------------------------------------------------------------------------------------

    def complete_level(self, frame: int) -> int:
        """Highest level at which the frame with this number can be decoded now; −1 if none."""
        for segment in self.segments.values():
            if 0 <= frame - segment.first_frame < segment.frames:
                return segment.complete_level(frame - segment.first_frame)
        return -1

    def output_format(self, level: int, size: Size | None) -> PictureFormat:
        """What pictures of a level are, at its own size or another.

        Raises:
            UsageError: they cannot be rendered at that size.
        """
        reference = (self.format.width, self.format.height)
        width, height = self.level_sizes[level] if size is None else check_size(reference, size)
        return self.format if (width, height) == reference else replace(self.format, width=width, height=height)

    # --- decoding -----------------------------------------------------------------------------------------------------

    def frames(
        self,
        level: int,
        start: int,
        stop: int | None,
        *,
        size: Size | None,
        check_hash: bool,
        reuse: bool,
        cpu: str | None,
        threads: int,
    ) -> Iterator[DecodedFrame]:
        """Decode frames; arguments as of :meth:`pgsvc.stream.Stream.frames`, ``cpu`` and ``threads`` as of the stream.

        Raises:
            BadStream, LimitExceeded, HashMismatch, UsageError: see there.
        """
        output = self.output_format(level, size)
        size = (output.width, output.height)
        is_own = size == self.level_sizes[level]
        if check_hash and not is_own:
            raise UsageError(f"the hashes of level {level} are of another size than {size[0]}x{size[1]}")
        limits = self.limits if is_own else self._allowed  # another size is no affair of the stream's limit level
        check_output(size, limits)
        setup = Setup(self.format, output, limits, reuse, select(cpu), threads)
        wanted = [s.frames for s in self.segments.values() if stop is None or s.first_frame < stop]
        lengths = [frames for frames in wanted if frames]
        longest = max(2, *lengths) if len(lengths) > 1 else sum(lengths)
        check: HashCheck | None = None
        for part, frame in decode_parts(setup, self._parts(start, stop, whole=check_hash), level, longest):
            if check_hash:
                if check is None or check.segment is not part.segment:
                    check = HashCheck(part.segment, [own == size for own in self.level_sizes])
                check(frame.index - part.segment.first_frame, frame)
            if frame.index >= start:
                yield frame

    def _parts(self, start: int, stop: int | None, *, whole: bool) -> Iterator[Part]:
        """What of the segments is needed for the frames asked for; ``whole``: from their first frames on."""
        end = 0
        for number in sorted(self.segments):
            segment = self.segments[number]
            frames = segment.frames
            if frames == 0:
                continue
            if segment.first_frame < end:
                raise BadStream(f"segment {number} overlaps the one before", clause="6.3")
            end = segment.first_frame + frames
            if end <= start or (stop is not None and segment.first_frame >= stop):
                continue
            count = frames if stop is None else min(frames, stop - segment.first_frame)
            yield Part(segment, 0 if whole else max(0, start - segment.first_frame), count)
