"""Chunk → symbols → splat states, of key frames and predicted ones (spec 7, 8.1 to 8.3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from pgsvc import kernel
from pgsvc.entropy import SymbolReader
from pgsvc.headers import GRADED
from pgsvc.planar import compiled
from pgsvc.planar.dequantise import key_frame, predicted_frames
from pgsvc.planar.differences import Frame, code_frames
from pgsvc.planar.graded import code_graded
from pgsvc.planar.graded import key_frame as graded_key_frame
from pgsvc.planar.motion import code_fields
from pgsvc.planar.splats import SplatSet
from pgsvc.planar.symbols import code_key, code_predicted
from pgsvc.range_coder import RangeReader
from pgsvc.segment import motion_chunk

if TYPE_CHECKING:
    import numpy as np

    from pgsvc.picture import PictureFormat
    from pgsvc.segment import DataChunk, Segment, Track


def key_state(chunk: DataChunk, picture_format: PictureFormat, cpu: str | None) -> SplatSet:
    """The splat state that a KEYF chunk sets.

    Args:
        cpu: "reference" reads range-coded data without the native module.

    Raises:
        BadStream: the entropy-coded data break a rule.
    """
    header, f = chunk.header, picture_format
    if header["shape_tool"] == GRADED:
        is_native = kernel.select(cpu) != "reference"
        if is_native and header["position_tool"] == GRADED:
            return compiled.key_splats(chunk.symbols, header, _frame(f))
        reader = RangeReader(chunk.symbols, native=is_native)
        graded = code_graded(reader, header, f.width, f.height, f.components)
        reader.finish()
        return graded_key_frame(header, graded, is_rgb=f.is_rgb)
    reader = SymbolReader(chunk.symbols)
    symbols = code_key(reader, header)
    reader.finish()
    return key_frame(header, symbols, f.width, f.height, f.components)


def key_states(chunks: Sequence[DataChunk], f: PictureFormat, cpu: str | None) -> list[SplatSet | None]:
    """What :func:`key_state` returns of chunks that are read faster together; None: of others, or it would raise an error."""
    states: list[SplatSet | None] = [None] * len(chunks)
    if kernel.select(cpu) == "reference":
        return states
    graded = [i for i, c in enumerate(chunks) if c.header["shape_tool"] == c.header["position_tool"] == GRADED]
    keys = [(chunks[i].symbols, chunks[i].header) for i in graded]
    for i, state in zip(graded, compiled.key_splats_together(keys, _frame(f)), strict=True):
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
    fields, reader = motion_fields(segment, chunk.frame, f, cpu, motion)
    if chunk is not motion_chunk(segment, chunk.frame):
        reader = _reader(chunk, cpu)
    if isinstance(fields, compiled.Fields):
        states = compiled.read_frames(reader, chunk.header, state, fields, _frame(f))
    else:
        states, _ = code_frames(reader, chunk.header, state, fields, _frame(f))
    reader.finish()
    return states


def motion_fields(
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
