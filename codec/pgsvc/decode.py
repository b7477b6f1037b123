"""Decoding of a segment: chunk → symbols → splat state → sum → picture, frame by frame (spec 8, 9)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pgsvc.entropy import SymbolReader
from pgsvc.planar.dequantise import key_frame, predicted_frames
from pgsvc.planar.reconstruct import add_layer, check_cost, empty_sums, to_picture
from pgsvc.planar.splats import SplatSet
from pgsvc.planar.symbols import code_key, code_predicted

if TYPE_CHECKING:
    from pgsvc.segment import DataChunk, Segment, Track
    from pgsvc.stream import DecodedFrame, Stream


def track_states(track: Track, width: int, height: int, components: int) -> Iterator[SplatSet]:
    """The splat states of a track, key frame first, then each predicted frame.

    Raises:
        BadStream: the entropy-coded data break a rule.
    """
    header = track.key.header
    reader = SymbolReader(track.key.symbols)
    symbols = code_key(reader, header)
    reader.finish()
    state = key_frame(header, symbols, width, height, components)
    yield state
    for chunk in track.predicted:
        states = _predicted_states(chunk, state)
        yield from states
        state = states[-1]


def _predicted_states(chunk: DataChunk, state: SplatSet) -> list[SplatSet]:
    reader = SymbolReader(chunk.symbols)
    symbols = code_predicted(reader, chunk.header, len(state))
    reader.finish()
    return predicted_frames(chunk.header, symbols, state)


def decode_segment(stream: Stream, segment: Segment, level: int, start: int, stop: int) -> Iterator[DecodedFrame]:
    """Frames ``start`` … ``stop`` − 1 of a segment at ``level`` or the highest complete level below it.

    Where a frame's next layer is only partly there, its complete slices are added too (spec 9.2).
    """
    from pgsvc.stream import DecodedFrame

    f = stream.format
    running: dict[tuple[int, int], Iterator[SplatSet]] = {
        key: track_states(track, f.width, f.height, f.components)
        for key, track in segment.tracks.items()
        if key[0] <= level
    }
    slices = [len(segment.slices(layer)) for layer in range(level + 1)]
    for frame in range(stop):
        complete = min(level, segment.complete_level(frame, stream.layer_count))
        layers: list[list[SplatSet]] = [[] for _ in range(level + 1)]
        for (layer, number), states in list(running.items()):
            if segment.tracks[layer, number].frames <= frame or number >= slices[layer]:
                continue
            layers[layer].append(next(states))
        if frame < start:
            continue
        shown = layers[: complete + 2]
        check_cost((s for sets in shown for s in sets), f, stream.limits)
        sums = empty_sums(f)
        for sets in shown:
            add_layer(sums, f, sets, cpu=stream.cpu, threads=stream.threads)
        partial = any(shown[complete + 1 :])
        yield DecodedFrame(segment.first_frame + frame, complete, to_picture(sums, f), partial)
