"""Payloads of data chunks, the mirror image of the decoder's parsing (spec 6.3, 6.4, 6.6)."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

from pgsvc import headers
from pgsvc.assemble import RawChunk, make_chunk
from pgsvc.container import HASH, Address
from pgsvc.entropy import SymbolWriter
from pgsvc.picture import Picture
from pgsvc.planar.differences import DifferenceSymbols, Frame, code_frames
from pgsvc.planar.graded import GradedSymbols, code_graded
from pgsvc.planar.motion import code_fields
from pgsvc.planar.splats import SplatSet
from pgsvc.planar.symbols import KeySymbols, PredictedSymbols, code_key, code_predicted
from pgsvc.range_coder import RangeWriter
from pgsvc.syntax import Record


def key_payload(header: Record, symbols: KeySymbols) -> bytes:
    """Payload of a KEYF chunk. The splats must be in canonical order: their Morton codes do not decrease (spec 7.4)."""
    writer = SymbolWriter()
    code_key(writer, header, symbols)
    return _key_header(header, len(header["background"])) + writer.finish()


def graded_payload(header: Record, symbols: GradedSymbols, width: int, height: int) -> bytes:
    """Payload of a KEYF chunk with graded tools; the cells must be in Morton order (spec 7.10)."""
    writer = RangeWriter()
    components = len(header["background"])
    code_graded(writer, header, width, height, components, symbols)
    return _key_header(header, components) + writer.finish()


def _key_header(header: Record, components: int) -> bytes:
    """A background of nothing is not written."""
    header = {**header, "has_background": int(any(header["background"]))}
    return headers.KEY_FRAME.to_bytes(header, {"components": components})


def predicted_payload(header: Record, symbols: PredictedSymbols, components: int) -> bytes:
    """Payload of a PRED chunk; with ``keep_parameters`` the header's own scales and codebooks are not written."""
    writer = SymbolWriter()
    code_predicted(writer, header, symbols.update.shape[1], symbols)
    return headers.PREDICTED_FRAMES.to_bytes(header, {"components": components}) + writer.finish()


def differences_payload(
    header: Record,
    start: SplatSet,
    fields: Sequence[np.ndarray | None],
    symbols: Sequence[DifferenceSymbols],
    frame: Frame,
    *,
    has_motion: bool,
) -> bytes:
    """Payload of a PRED chunk with graded differences.

    Args:
        start: the decoded splats of the frame before the chunk.
        fields, symbols: of the frames, in coding order.
        has_motion: whether this is the chunk that holds the fields, that of slice 0 of layer 0.
    """
    writer = RangeWriter()
    if has_motion:
        code_fields(writer, header, frame.width, frame.height, fields)
    code_frames(writer, header, start, fields, frame, symbols)
    return headers.PREDICTED_FRAMES.to_bytes(header, {"components": frame.components}) + writer.finish()


def hash_chunk(segment: int, frame: int, level: int, pictures: Sequence[Picture]) -> RawChunk:
    """hASH chunk over consecutive decoded pictures of one level."""
    crc = 0
    for picture in pictures:
        crc = zlib.crc32(picture.tobytes(), crc)
    payload = headers.HASH.to_bytes({"frame_count": len(pictures), "crc32": crc})
    return make_chunk(HASH, Address(segment, frame, level), payload)
