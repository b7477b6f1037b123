"""Decoding of a segment: chunk → symbols → splat state → sum → picture, frame by frame (spec 8, 9)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from pgsvc import kernel
from pgsvc.entropy import SymbolReader
from pgsvc.errors import BadStream
from pgsvc.headers import GRADED
from pgsvc.planar import compiled
from pgsvc.planar.dequantise import key_frame, predicted_frames
from pgsvc.planar.differences import Frame, code_frames
from pgsvc.planar.graded import code_graded
from pgsvc.planar.graded import key_frame as graded_key_frame
from pgsvc.planar.kept import SetKey
from pgsvc.planar.motion import code_fields
from pgsvc.planar.running import RunningSum
from pgsvc.planar.splats import SplatSet
from pgsvc.planar.symbols import code_key, code_predicted
from pgsvc.range_coder import RangeReader
from pgsvc.segment import motion_chunk
from pgsvc.threads import ahead, at_once

if TYPE_CHECKING:
    import numpy as np

    from pgsvc.limits import Limits
    from pgsvc.picture import Picture, PictureFormat
    from pgsvc.segment import DataChunk, Segment, Track

AHEAD = 32  # most frames whose splats are read while one is summed: chunks are read whole, and encoders make them as long as this
SIDE_BY_SIDE = 1 << 12  # splats of all tracks from which these are read in threads


@dataclass(frozen=True)
class DecodedFrame:
    """A decoded frame.

    Args:
        index: its number in the stream.
        level: the highest level of which all layers were complete.
        picture: the picture.
        partial: whether slices of the next, incomplete layer were added too (spec 9.2).
    """

    index: int
    level: int
    picture: Picture
    partial: bool = False


@dataclass(frozen=True)
class Setup:
    """What stays the same for all segments of a stream.

    Args:
        format: of the reference size (spec 6.1).
        output: of the pictures that are rendered; its size may be another.
        limits: checked before a frame is summed (spec A.3).
        reuse: whether a picture may be written over by the next one.
        cpu: the kernel, as :func:`pgsvc.kernel.select` returns it.
        threads: of the sum.
    """

    format: PictureFormat
    output: PictureFormat
    limits: Limits
    reuse: bool
    cpu: str
    threads: int


def key_state(chunk: DataChunk, picture_format: PictureFormat, cpu: str | None) -> SplatSet:
    """The splat state that a KEYF chunk sets.

    Args:
        cpu: "reference" reads range-coded data without the native module.

    Raises:
        BadStream: the entropy-coded data break a rule.
    """
    header, f = chunk.header, picture_format
    if header["shape_tool"] == GRADED:
        reader = _reader(chunk, cpu)
        if reader.native and header["position_tool"] == GRADED:
            state = compiled.key_splats(reader, header, _frame(f))
        else:
            graded = code_graded(reader, header, f.width, f.height, f.components)
            state = graded_key_frame(header, graded, is_rgb=f.is_rgb)
        reader.finish()
        return state
    reader = SymbolReader(chunk.symbols)
    symbols = code_key(reader, header)
    reader.finish()
    return key_frame(header, symbols, f.width, f.height, f.components)


def _key_states(chunks: Sequence[DataChunk], f: PictureFormat, cpu: str | None) -> list[SplatSet | None]:
    """What :func:`key_state` returns of chunks that are read faster together; None: of others, or it would raise an error."""
    states: list[SplatSet | None] = [None] * len(chunks)
    if kernel.select(cpu) == "reference":
        return states
    graded = [c.header["shape_tool"] == c.header["position_tool"] == GRADED for c in chunks]
    with suppress(BadStream):
        keys = {i: (_reader(c, cpu), c.header) for i, c in enumerate(chunks) if graded[i]}
        for i, state in zip(keys, compiled.key_splats_together([*keys.values()], _frame(f)), strict=True):
            if state is not None:
                keys[i][0].finish()
            states[i] = state
    return states


def _reader(chunk: DataChunk, cpu: str | None) -> RangeReader:
    return RangeReader(chunk.symbols, native=kernel.select(cpu) != "reference")


def _frame(f: PictureFormat) -> Frame:
    return Frame(f.width, f.height, f.components, f.is_rgb)


# Fields and the reader behind them by the first frame of their chunk.
Motion = dict[int, "tuple[compiled.Fields | list[np.ndarray | None], RangeReader]"]


def track_states(
    segment: Segment,
    track: Track,
    picture_format: PictureFormat,
    cpu: str | None = None,
    motion: Motion | None = None,
    key: SplatSet | None = None,
) -> Iterator[SplatSet]:
    """The splat states of a track of the segment, key frame first, then each predicted frame.

    Args:
        key: the first state if it is known.
        motion: what the tracks of a segment share when they are decoded side by side, an empty dictionary at first.

    Raises:
        BadStream: the entropy-coded data break a rule.
    """
    state = key_state(track.key, picture_format, cpu) if key is None else key
    motion = {} if motion is None else motion
    yield state
    for chunk in track.predicted:
        if chunk.header["prediction_tool"] == GRADED:
            states = _graded_states(segment, chunk, state, picture_format, cpu, motion)
        else:
            states = _states(chunk, state)
        for following in states:
            yield following
            state = following


def _states(chunk: DataChunk, state: SplatSet) -> Iterator[SplatSet]:
    reader = SymbolReader(chunk.symbols)
    symbols = code_predicted(reader, chunk.header, len(state))
    reader.finish()
    return predicted_frames(chunk.header, symbols, state)


def _graded_states(
    segment: Segment, chunk: DataChunk, state: SplatSet, f: PictureFormat, cpu: str | None, motion: Motion
) -> Iterable[SplatSet]:
    """All frames of a PRED chunk: they are not coded in the order of time."""
    fields, reader = _motion(segment, chunk.frame, f, cpu, motion)
    if chunk is not motion_chunk(segment, chunk.frame):
        reader = _reader(chunk, cpu)
    if isinstance(fields, compiled.Fields):
        states = compiled.read_frames(reader, chunk.header, state, fields, _frame(f))
    else:
        states, _ = code_frames(reader, chunk.header, state, fields, _frame(f))
    reader.finish()
    return states


def _motion(
    segment: Segment, frame: int, f: PictureFormat, cpu: str | None, motion: Motion
) -> tuple[compiled.Fields | list[np.ndarray | None], RangeReader]:
    """The fields of the chunks that begin at a frame, and the reader of what follows them; read once and kept in ``motion``."""
    if frame not in motion:
        base = motion_chunk(segment, frame)
        assert base is not None, "checked when the chunk was taken"
        reader = _reader(base, cpu)
        read = compiled.read_fields if reader.native else code_fields
        motion.clear()
        motion[frame] = read(reader, base.header, f.width, f.height), reader
    return motion[frame]


@dataclass(frozen=True)
class Part:
    """Frames ``start`` … ``stop`` − 1 of a segment, counted in it, which are asked for."""

    segment: Segment
    start: int
    stop: int


def decode_parts(setup: Setup, parts: Iterable[Part], level: int, longest: int) -> Iterator[tuple[Part, DecodedFrame]]:
    """The frames of parts of segments in turn, at ``level`` or the highest complete level below it.

    Where a frame's next layer is only partly there, its complete slices are added too (spec 9.2). Splats are read while frames are
    summed, those of the next segment too. Errors, of the iterator of parts too, come behind the frames before them.

    Args:
        longest: frames of the longest segment among them; 1 for a single frame, before which there is nothing to do.
    """
    reference = (setup.format.width, setup.format.height)
    running = RunningSum(setup.output, reference, setup.limits, reuse=setup.reuse, cpu=setup.cpu, threads=setup.threads)
    frames = _frames(setup, parts, level)
    if longest > 1 and running.threads > 1:
        frames = ahead(frames, min(AHEAD, longest))
    complete_frames: list[int] = []
    for part, frame, sets in frames:
        if frame == 0:
            running.restart()
            complete_frames = [part.segment.layer_frames(k) for k in range(level + 1)]
        complete = next((k for k, count in enumerate(complete_frames) if count <= frame), level + 1) - 1
        if frame >= part.start:
            shown = {key: s for key, s in sets.items() if key[0] <= complete + 1}
            partial = any(layer > complete for layer, _, _ in shown)
            yield part, DecodedFrame(part.segment.first_frame + frame, complete, running.picture(shown), partial)


def _frames(setup: Setup, parts: Iterable[Part], level: int) -> Iterator[tuple[Part, int, dict[SetKey, SplatSet]]]:
    """The splat sets of the frames of all parts, each with its part and its number in the segment."""
    for part in parts:
        for frame, sets in enumerate(_frames_of_sets(setup, part.segment, level, part.stop)):
            yield part, frame, sets


def _frames_of_sets(setup: Setup, segment: Segment, level: int, stop: int) -> Iterator[dict[SetKey, SplatSet]]:
    """The splat sets of each frame before ``stop`` by layer, object and slice, as far as they are there up to ``level``."""
    motion: Motion = {}
    tracks = {key: track for key, track in segment.tracks.items() if key[0] <= level}
    threads = _reading_threads(setup, tracks.values())
    keys = _keys(setup, [track.key for track in tracks.values()], threads)
    running = {
        name: track_states(segment, track, setup.format, setup.cpu, motion, key)
        for (name, track), key in zip(tracks.items(), keys, strict=True)
    }
    begins = {chunk.frame for track in tracks.values() for chunk in (track.key, *track.predicted)}
    for frame in range(stop):
        due = {key: states for key, states in running.items() if tracks[key].frames > frame}
        if threads > 1 and frame in begins:
            base = motion_chunk(segment, frame)
            if base is not None and base.header["prediction_tool"] == GRADED:
                _motion(segment, frame, setup.format, setup.cpu, motion)  # which all tracks need
            jobs = [partial(next, states) for states in due.values()]
            yield dict(zip(due, at_once(jobs, threads), strict=True))
        else:
            yield {key: next(states) for key, states in due.items()}


def _keys(setup: Setup, chunks: Sequence[DataChunk], threads: int) -> list[SplatSet | None]:
    """What :func:`_key_states` returns, some chunks in each thread."""
    each = -(-len(chunks) // threads)
    parts = [chunks[i : i + each] for i in range(0, len(chunks), each or 1)]
    jobs = [partial(_key_states, part, setup.format, setup.cpu) for part in parts]
    return [state for states in at_once(jobs, threads) for state in states]


def _reading_threads(setup: Setup, tracks: Iterable[Track]) -> int:
    """Threads in which chunks of these tracks are worth reading; the twins in numpy gain nothing from more than one."""
    few = sum(track.key.header["splat_count"] for track in tracks) < SIDE_BY_SIDE
    return 1 if few or setup.cpu == "reference" else kernel.thread_count(setup.threads)
