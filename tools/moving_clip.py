"""Clips from a still, to measure what frames cost: key frames, or frames in which the splats of a part of the picture move."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pgsvc import headers
from pgsvc.assemble import RawChunk, assemble, make_chunk
from pgsvc.container import KEY_FRAME, PREDICTED, Address
from pgsvc.planar.differences import DifferenceSymbols, Frame
from pgsvc.planar.symbols import UPDATE_POSITION
from pgsvc.segment import MOTION
from pgsvc.states import track_states
from pgsvc.stream import Stream
from pgsvc_encoder.write.payload import differences_payload

CARRIED = ("cell_bits", "shape_precision", "position_precision", "energy_step", "chroma_steps", "chroma_weight")


def repeated(still: bytes, frames: int) -> bytes:
    """A stream of ``frames`` key frames, each a segment, all that of ``still``."""
    stream = _read(still)
    tracks = stream.segments[0].tracks
    chunks = []
    for n in range(frames):
        for key, track in tracks.items():
            header = headers.KEY_FRAME.to_bytes(
                {**track.key.header, "first_frame": n}, {"components": stream.format.components}
            )
            chunks.append(make_chunk(KEY_FRAME, Address(n, 0, *key), header + track.key.symbols))
    return _clip(stream, chunks, frames)


def moving(still: bytes, share: float, frames: int) -> bytes:
    """A stream of ``1 + frames`` frames.

    Args:
        still: a stream of one key frame with main tools.
        share: of the picture's width, from the left: splats with centres in there move by one or two of their steps in every frame.
        frames: predicted ones, at most 64.
    """
    stream = _read(still)
    f, segment = stream.format, stream.segments[0]
    chunks = [RawChunk(c.type, c.address, c.raw) for c in stream.chunks if c.type == KEY_FRAME]
    rng = np.random.default_rng(1)
    for key, track in segment.tracks.items():
        start = next(track_states(segment, track, f))
        header = {"frame_count": frames, "prediction_tool": headers.GRADED, "group_bits": 0, "motion_bits": 6}
        header |= {name: track.key.header[name] for name in CARRIED}
        chosen = start.position[:, 0] < share * f.width * 256
        update = np.where(chosen, UPDATE_POSITION, 0).astype(np.int32)
        plain = DifferenceSymbols.none(len(start), f.components)
        moves = (rng.choice(np.array([-2, -1, 1, 2]), (int(chosen.sum()), 2)) for _ in range(frames))
        symbols = [replace(plain, update=update, position=m) for m in moves]
        frame = Frame(f.width, f.height, f.components, f.is_rgb)
        payload = differences_payload(header, start, [None] * frames, symbols, frame, has_motion=key == MOTION)
        chunks.append(make_chunk(PREDICTED, Address(0, 1, *key), payload))
    return _clip(stream, chunks, 1 + frames)


def _read(still: bytes) -> Stream:
    stream = Stream()
    stream.keep_chunks = True
    stream.feed(still)
    stream.close()
    return stream


def _clip(stream: Stream, chunks: list[RawChunk], frames: int) -> bytes:
    assert stream.header is not None
    return assemble({**stream.header, "profile": headers.PROFILES["video"], "frame_count": frames}, chunks)
