"""Bookkeeping of what has arrived of a segment, and the rules on the order of its chunks (spec 5)."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import NamedTuple

from pgsvc.bits import BitReader
from pgsvc.container import PREDICTED, Chunk
from pgsvc.errors import BadStream, LimitExceeded
from pgsvc.headers import GRADED, KEY_FRAME, PREDICTED_FRAMES
from pgsvc.limits import Limits
from pgsvc.syntax import Record

SPLAT_FRAMES = 2  # splats of a segment times frames of a PRED chunk, in multiples of the limit on splats (spec A.2)


class DataChunk(NamedTuple):
    """A KEYF or PRED chunk with its header read.

    Args:
        symbols: the entropy-coded rest of the payload.
        offset: of the chunk in the stream; frame: its first in the segment.
    """

    header: Record
    symbols: bytes
    offset: int
    frame: int = 0


@dataclass
class Track:
    """The chunks of one splat set, in time order: a key frame slice and the predicted frames after it."""

    key: DataChunk
    predicted: list[DataChunk] = field(default_factory=list)
    frames: int = 1

    @property
    def is_last_slice(self) -> bool:
        return bool(self.key.header["last_slice"])


@dataclass
class Segment:
    """What has arrived of one segment.

    ``object_layers`` are those of the header; ``tracks`` maps (layer, object, slice) to the chunks; ``hashes`` maps (level,
    first frame) to (frames, CRC-32).
    """

    first_frame: int
    object_layers: tuple[int, ...]
    splats: int = 0  # of all tracks together
    tracks: dict[tuple[int, int, int], Track] = field(default_factory=dict)
    hashes: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)
    _complete: list[int] | None = None  # as :attr:`complete_frames`, while nothing arrives

    def objects(self, layer: int) -> list[int]:
        """The objects that have this layer."""
        return [number for number, layers in enumerate(self.object_layers) if layer < layers]

    def slices(self, layer: int, number: int) -> list[Track]:
        """Tracks of a layer of the object with this number, slice 0 first."""
        out: list[Track] = []
        while (track := self.tracks.get((layer, number, len(out)))) is not None:
            out.append(track)
        return out

    def object_frames(self, layer: int, number: int) -> int:
        """How many frames of this layer of an object are complete, from the key frame on."""
        slices = self.slices(layer, number)
        if not slices or not slices[-1].is_last_slice:
            return 0
        return min([track.frames for track in slices])

    def add_key(self, key: tuple[int, int, int], data: DataChunk) -> None:
        """Take a key frame slice, whose layer, object and slice are ``key``."""
        self.tracks[key] = Track(data)
        self._complete = None

    def add_predicted(self, track: Track, data: DataChunk) -> None:
        """Take what follows in a track."""
        track.predicted.append(data)
        track.frames += data.header["frame_count"]
        self._complete = None

    @property
    def complete_frames(self) -> list[int]:
        """How many frames of each layer are complete, with all objects that have it."""
        if self._complete is None:
            layers = range(max(self.object_layers))
            self._complete = [min([self.object_frames(k, n) for n in self.objects(k)], default=0) for k in layers]
        return self._complete

    def layer_frames(self, layer: int) -> int:
        """How many frames of this layer are complete, with all objects that have it."""
        return self.complete_frames[layer] if layer < len(self.complete_frames) else 0

    def complete_level(self, frame: int) -> int:
        """The highest level that this frame can be decoded at; −1 if not even the base is complete."""
        level = -1
        while level + 1 < max(self.object_layers) and self.layer_frames(level + 1) > frame:
            level += 1
        return level

    @property
    def frames(self) -> int:
        """Frames whose base layer is complete."""
        return self.layer_frames(0)


def read_key(chunk: Chunk, components: int, limits: Limits) -> DataChunk:
    """Read and check the header of a KEYF chunk.

    Raises:
        BadStream, LimitExceeded: as the header deserves.
    """
    if chunk.address.frame:
        raise BadStream("a key frame chunk must have frame 0 in its address", clause="5.2", offset=chunk.offset)
    data = _read(chunk, KEY_FRAME, components, limits)
    header = data.header
    if not min(header["position_tool"], GRADED) == header["shape_tool"] == header["colour_tool"]:
        raise BadStream("the tools of a key frame are not of one family", clause="6.3", offset=chunk.offset)
    return data


def add_predicted(segment: Segment, track: Track, chunk: Chunk, components: int, limits: Limits) -> None:
    """Read a PRED chunk and append it to its track.

    Raises:
        BadStream: it does not continue the track, keeps parameters that were never sent, or differs from the base layer's.
    """
    if chunk.address.frame != track.frames:
        raise BadStream(
            f"a predicted chunk begins at frame {chunk.address.frame} where frame {track.frames} is due",
            clause="5.2",
            offset=chunk.offset,
        )
    data = _read(chunk, PREDICTED_FRAMES, components, limits)
    if data.header["prediction_tool"] == GRADED:
        _check_graded(segment, track, data)
    elif data.header["keep_parameters"]:
        if not track.predicted or track.predicted[-1].header["prediction_tool"] == GRADED:
            raise BadStream("keep_parameters in the first predicted chunk", clause="6.4", offset=chunk.offset)
        kept = track.predicted[-1].header
        if data.header["shape_bits"] != kept["shape_bits"]:
            raise BadStream("shape_bits differs from that of the kept parameters", clause="6.4", offset=chunk.offset)
        names = ("shape_scale", "shape_offset", "stage_count", "codebook_bits", "codebooks")
        data.header.update({name: kept[name] for name in names})
    if data.header["frame_count"] * segment.splats > SPLAT_FRAMES * limits.splats:
        raise LimitExceeded(f"the predicted chunk at byte {chunk.offset} holds too many splats", clause="A.2")
    segment.add_predicted(track, data)


COMMON = ("prediction_tool", "frame_count", "group_bits", "motion_bits")  # to the PRED chunks of all tracks of a time
MOTION = (0, 0, 0)  # layer, object and slice whose chunks hold the motion of all


def motion_chunk(segment: Segment, frame: int) -> DataChunk | None:
    """The chunk that holds the motion of the PRED chunks that begin at a frame (spec 7.12)."""
    chunks = segment.tracks[MOTION].predicted if MOTION in segment.tracks else []
    at = bisect_left(chunks, frame, key=lambda c: c.frame)
    return chunks[at] if at < len(chunks) and chunks[at].frame == frame else None


def _check_graded(segment: Segment, track: Track, data: DataChunk) -> None:
    """Rules of ``prediction_tool`` 2 (spec 6.4)."""
    if track.key.header["shape_tool"] != GRADED:
        raise BadStream("graded differences to a key frame of other tools", clause="6.4", offset=data.offset)
    if track is segment.tracks.get(MOTION):
        return
    base = motion_chunk(segment, data.frame)
    if base is None or any(base.header[name] != data.header[name] for name in COMMON):
        raise BadStream("a predicted chunk without one like it in the base layer", clause="6.4", offset=data.offset)


def _read(chunk: Chunk, structure: object, components: int, limits: Limits) -> DataChunk:
    reader = BitReader(chunk.payload)
    try:
        header = structure.read(reader, {"components": components})  # type: ignore[attr-defined]
    except BadStream as error:
        raise BadStream(error.message, clause=error.clause, offset=chunk.offset) from None
    if chunk.type != PREDICTED and header["splat_count"] > limits.splats:
        raise LimitExceeded(f"a slice of {header['splat_count']} splats; allowed are {limits.splats}", clause="A.2")
    return DataChunk(header, chunk.payload[reader.pos // 8 :], chunk.offset, chunk.address.frame)
