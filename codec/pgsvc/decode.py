"""Decoding of a segment: chunk → symbols → splat state → sum → picture, frame by frame (spec 8, 9)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pgsvc import kernel
from pgsvc.entropy import SymbolReader
from pgsvc.headers import GRADED
from pgsvc.planar.dequantise import key_frame, predicted_frames
from pgsvc.planar.differences import Frame, code_frames
from pgsvc.planar.graded import code_graded
from pgsvc.planar.graded import key_frame as graded_key_frame
from pgsvc.planar.motion import code_fields
from pgsvc.planar.reconstruct import add_layer, check_cost, empty_sums, to_picture
from pgsvc.planar.splats import SplatSet
from pgsvc.planar.symbols import code_key, code_predicted
from pgsvc.range_coder import RangeReader
from pgsvc.segment import motion_chunk

if TYPE_CHECKING:
    import numpy as np

    from pgsvc.limits import Limits
    from pgsvc.picture import Picture, PictureFormat
    from pgsvc.segment import DataChunk, Segment, Track


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
        cpu, threads: of the sum, see :mod:`pgsvc.kernel`.
    """

    format: PictureFormat
    output: PictureFormat
    limits: Limits
    cpu: str | None
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
        adaptive = RangeReader(chunk.symbols, native=kernel.select(cpu) != "reference")
        graded = code_graded(adaptive, header, f.width, f.height, f.components)
        adaptive.finish()
        return graded_key_frame(header, graded, is_rgb=f.is_rgb)
    reader = SymbolReader(chunk.symbols)
    symbols = code_key(reader, header)
    reader.finish()
    return key_frame(header, symbols, f.width, f.height, f.components)


Motion = dict[int, "list[np.ndarray | None]"]  # fields by the first frame of their chunk


def track_states(
    segment: Segment, track: Track, picture_format: PictureFormat, cpu: str | None = None, motion: Motion | None = None
) -> Iterator[SplatSet]:
    """The splat states of a track of the segment, key frame first, then each predicted frame.

    Args:
        motion: what the tracks of a segment share when they are decoded side by side, an empty dictionary at first.

    Raises:
        BadStream: the entropy-coded data break a rule.
    """
    state = key_state(track.key, picture_format, cpu)
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
    base = motion_chunk(segment, chunk.frame)
    assert base is not None, "checked when the chunk was taken"
    reader = RangeReader(chunk.symbols, native=kernel.select(cpu) != "reference")
    if base is chunk or chunk.frame not in motion:
        source = reader if base is chunk else RangeReader(base.symbols, native=kernel.select(cpu) != "reference")
        motion.clear()
        motion[chunk.frame] = code_fields(source, base.header, f.width, f.height)
    frame = Frame(f.width, f.height, f.components, f.is_rgb)
    states, _ = code_frames(reader, chunk.header, state, motion[chunk.frame], frame)
    reader.finish()
    return states


def decode_segment(setup: Setup, segment: Segment, level: int, start: int, stop: int) -> Iterator[DecodedFrame]:
    """Frames ``start`` … ``stop`` − 1 of a segment at ``level`` or the highest complete level below it.

    Where a frame's next layer is only partly there, its complete slices are added too (spec 9.2).
    """
    f, output = setup.format, setup.output
    reference = (f.width, f.height)
    motion: Motion = {}
    running: dict[tuple[int, int, int], Iterator[SplatSet]] = {
        key: track_states(segment, track, f, setup.cpu, motion)
        for key, track in segment.tracks.items()
        if key[0] <= level
    }
    slices = [[len(segment.slices(k, o)) for o in range(len(segment.object_layers))] for k in range(level + 1)]
    for frame in range(stop):
        complete = min(level, segment.complete_level(frame))
        layers: list[list[SplatSet]] = [[] for _ in range(level + 1)]
        for key, states in list(running.items()):
            layer, number, piece = key
            if segment.tracks[key].frames <= frame or piece >= slices[layer][number]:
                continue
            layers[layer].append(next(states))
        if frame < start:
            continue
        shown = layers[: complete + 2]
        check_cost((s for sets in shown for s in sets), output, setup.limits, reference)
        sums = empty_sums(output)
        for sets in shown:
            add_layer(sums, output, sets, reference=reference, cpu=setup.cpu, threads=setup.threads)
        partial = any(shown[complete + 1 :])
        yield DecodedFrame(segment.first_frame + frame, complete, to_picture(sums, output), partial)
