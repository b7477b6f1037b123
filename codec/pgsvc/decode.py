"""Decoding of segments: splat states → sum → picture, frame by frame (spec 8, 9)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from pgsvc import kernel
from pgsvc.headers import GRADED
from pgsvc.planar.kept import SetKey
from pgsvc.planar.running import RunningSum
from pgsvc.planar.splats import SplatSet
from pgsvc.segment import motion_chunk
from pgsvc.states import Motion, key_states, motion_fields, track_states
from pgsvc.threads import ahead, at_once

if TYPE_CHECKING:
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
            picture = running.picture(shown, alone=part.stop - part.start == 1)
            yield part, DecodedFrame(part.segment.first_frame + frame, complete, picture, partial)


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
    begins = {chunk.frame for track in tracks.values() for chunk in track.predicted}  # where there is something to read
    if any(key is None for key in keys):
        begins.add(0)
    for frame in range(stop):
        due = {key: states for key, states in running.items() if tracks[key].frames > frame}
        if threads > 1 and frame in begins:
            base = motion_chunk(segment, frame)
            if base is not None and base.header["prediction_tool"] == GRADED:
                motion_fields(segment, frame, setup.format, setup.cpu, motion)  # which all tracks need
            jobs = [partial(next, states) for states in due.values()]
            yield dict(zip(due, at_once(jobs, threads), strict=True))
        else:
            yield {key: next(states) for key, states in due.items()}


def _keys(setup: Setup, chunks: Sequence[DataChunk], threads: int) -> list[SplatSet | None]:
    """What :func:`key_states` returns, some chunks in each thread."""
    each = -(-len(chunks) // threads)
    parts = [chunks[i : i + each] for i in range(0, len(chunks), each or 1)]
    jobs = [partial(key_states, part, setup.format, setup.cpu) for part in parts]
    return [state for states in at_once(jobs, threads) for state in states]


def _reading_threads(setup: Setup, tracks: Iterable[Track]) -> int:
    """Threads in which chunks of these tracks are worth reading; the twins in numpy gain nothing from more than one."""
    few = sum(track.key.header["splat_count"] for track in tracks) < SIDE_BY_SIDE
    return 1 if few or setup.cpu == "reference" else kernel.thread_count(setup.threads)
