"""From symbols to splat state: key frames set it, predicted frames add to it (spec 7.4–7.7, 8.2)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pgsvc.errors import BadStream
from pgsvc.planar.splats import SplatSet, background_of, clip_colour, clip_position, clip_shape
from pgsvc.planar.symbols import (
    UPDATE_COLOUR,
    UPDATE_POSITION,
    UPDATE_SHAPE,
    KeySymbols,
    PredictedSymbols,
)
from pgsvc.syntax import Record


def codebooks(header: Record, components: int) -> np.ndarray:
    """Codebook entries as Q13 colours (spec 7.6); int32 [stages, 2^codebook_bits, C]."""
    books = [
        np.array(book["entries"], np.int32).reshape(-1, components) << book["entry_shift"]
        for book in header["codebooks"]
    ]
    return np.stack(books)


def colours(header: Record, components: int, indices: np.ndarray) -> np.ndarray:
    """Sum over the stages of the residual vector quantiser; int32 [N, C]."""
    books = codebooks(header, components)
    out = np.zeros((len(indices), components), np.int32)
    for stage, book in enumerate(books):
        out += book[indices[:, stage]]
    return out


def shape_values(header: Record, symbols: np.ndarray, *, signed: bool) -> np.ndarray:
    """LSQ+ dequantisation: symbol·scale + offset (spec 7.5); int64 [N, 3], Q12."""
    q = symbols.astype(np.int64) - ((1 << header["shape_bits"] >> 1) if signed else 0)
    return q * np.array(header["shape_scale"]) + np.array(header["shape_offset"]) * 16


def key_frame(header: Record, symbols: KeySymbols, width: int, height: int, components: int) -> SplatSet:
    """The splat state that a key frame slice sets.

    Raises:
        BadStream: a position lies outside the picture.
    """
    fraction = header["position_fraction_bits"]
    if len(symbols.grid) and (
        int(symbols.grid[:, 0].max()) >= width << fraction or int(symbols.grid[:, 1].max()) >= height << fraction
    ):
        raise BadStream("a position lies outside the picture", clause="7.4")
    position = (2 * symbols.grid + 1) << (7 - fraction)
    shape = shape_values(header, symbols.shape, signed=bool(header["shape_signed"]))
    return SplatSet(
        clip_position(position),
        clip_shape(shape, header["shape_domain"]),
        clip_colour(colours(header, components, symbols.colour)),
        background_of(header, components),
        header["shape_domain"],
    )


def predicted_frames(header: Record, symbols: PredictedSymbols, start: SplatSet) -> Iterator[SplatSet]:
    """The states of the frames of one PRED payload, one after the other, from the state before them (spec 8.2)."""
    components = start.colour.shape[1]
    bits = (UPDATE_POSITION, UPDATE_SHAPE, UPDATE_COLOUR)
    chosen = [(symbols.update & bit) > 0 for bit in bits]
    ends = [np.cumsum(c.sum(axis=1)) for c in chosen]
    shape_steps = shape_values(header, symbols.shape, signed=True)
    colour_steps = colours(header, components, symbols.colour)
    state = start
    for f in range(len(symbols.update)):
        (p0, p1), (s0, s1), (c0, c1) = ((e[f] - c[f].sum(), e[f]) for e, c in zip(ends, chosen, strict=True))
        position = state.position.astype(np.int64)
        position[chosen[0][f]] += symbols.position[p0:p1] << header["position_unit"]
        shape = state.shape.astype(np.int64)
        shape[chosen[1][f]] += shape_steps[s0:s1]
        colour = state.colour.astype(np.int32)
        colour[chosen[2][f]] += colour_steps[c0:c1]
        state = SplatSet(
            clip_position(position),
            clip_shape(shape, start.domain),
            clip_colour(colour),
            start.background,
            start.domain,
        )
        yield state
