"""Motion fields of predicted frames: vectors on a coarse grid that move every splat of every layer (spec 7.12).

What moves in a picture moves splats that lie near each other alike. So their common motion is sent once, with the first slice of
the base layer, and what the splats of all layers send are differences to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pgsvc.planar.graded import LENGTHS, code_signed
from pgsvc.planar.symbols import bit_length
from pgsvc.range_coder import AdaptiveCoder
from pgsvc.syntax import Record

STILL, NEW, CHANGED = range(3)  # motion_mode: no motion, vectors of their own, differences to the field coded before
LOWEST, HIGHEST = -(1 << 15), (1 << 15) - 1  # vectors
FIRST_LENGTH = (80, 64, 24, 16, 8, 4, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1)  # initial counts of bit lengths
VECTOR_SHIFT = 7  # vectors are halves of a luma sample, positions Q8


class Step(NamedTuple):
    """A frame of a chunk in coding order: its number, and the frames that it is predicted from.

    Frames are numbered from 1; 0 is the frame before the chunk. ``after`` is None where only an earlier frame is used.
    """

    frame: int
    before: int
    after: int | None


def coding_order(frame_count: int, group_bits: int) -> list[Step]:
    """The frames of a chunk: groups of 2^group_bits frames, the last one with what is left (spec 7.12)."""
    size = 1 << group_bits
    groups = (group_order(first, min(first + size, frame_count)) for first in range(0, frame_count, size))
    return [step for group in groups for step in group]


def group_order(first: int, last: int) -> list[Step]:
    """Frames ``first`` + 1 … ``last``: the last one first, then those between by halving."""
    out = [Step(last, first, None)]
    _between(out, first, last)
    return out


def _between(out: list[Step], before: int, after: int) -> None:
    if after - before > 1:
        middle = (before + after) >> 1
        out.append(Step(middle, before, after))
        _between(out, before, middle)
        _between(out, middle, after)


def field_shape(width: int, height: int, motion_bits: int) -> tuple[int, int]:
    """Rows and columns of vectors for a picture in luma samples."""
    return ((height - 1) >> motion_bits) + 2, ((width - 1) >> motion_bits) + 2


class FieldSymbols(NamedTuple):
    """Symbols of the field of one frame.

    Args:
        mode: STILL, NEW or CHANGED.
        residual: int64 [rows, columns, 2], what the neighbours do not promise; of no meaning with STILL.
    """

    mode: int
    residual: np.ndarray


class FieldCoder:
    """Codes the fields of a chunk in turn; keeps what it learned, and the last one that was sent."""

    def __init__(self, coder: AdaptiveCoder, header: Record, width: int, height: int) -> None:
        self.coder = coder
        self.last = np.zeros((*field_shape(width, height, header["motion_bits"]), 2), np.int64)
        self.modes, self.lengths, self.halves = self.first_tables()

    @staticmethod
    def first_tables() -> list[np.ndarray]:
        """Tables of the modes [2, 3], of the bit lengths [2, 16] and of the bits below the leading one [16, 2]; uint16."""
        lengths = np.tile(np.array(FIRST_LENGTH, np.uint16), (2, 1))
        return [np.full((2, 3), 8, np.uint16), lengths, np.full((LENGTHS, 2), 8, np.uint16)]

    def symbols(self, field: np.ndarray | None) -> FieldSymbols:
        """The shorter way to send a field next."""
        if field is None:
            return FieldSymbols(STILL, self.last)
        found = [FieldSymbols(m, _residual(field - (self.last if m == CHANGED else 0))) for m in (NEW, CHANGED)]
        return min(found, key=lambda s: int(bit_length(np.abs(s.residual)).sum()))

    def code(self, step: Step, symbols: FieldSymbols | None) -> np.ndarray | None:
        """The field of a frame; int32 [rows, columns, 2] in halves of a luma sample, None where there is no motion."""
        inner = np.array([step.after is not None], np.int32)
        mode = int(self.coder.adaptive(self.modes, inner, symbols and np.array([symbols.mode], np.int32))[0])
        if mode == STILL:
            return None
        rows, columns, _ = self.last.shape
        axis = np.repeat(np.arange(2), rows * columns)
        flat = None if symbols is None else np.moveaxis(symbols.residual, 2, 0).reshape(-1)
        residual = code_signed(self.coder, self.lengths, axis, flat, self.halves).reshape(2, rows, columns)
        field = np.stack([_restored(one) for one in residual], 2)
        self.last = np.clip(field + self.last, LOWEST, HIGHEST) if mode == CHANGED else field
        return self.last.astype(np.int32)


def code_fields(
    coder: AdaptiveCoder,
    header: Record,
    width: int,
    height: int,
    fields: Sequence[np.ndarray | None] | None = None,
) -> list[np.ndarray | None]:
    """Motion fields of the frames of a chunk, in coding order, at the head of its payload.

    Args:
        fields: int [rows, columns, 2] in halves of a luma sample, or None where there is no motion; when writing.
    """
    coded = FieldCoder(coder, header, width, height)
    order = coding_order(header["frame_count"], header["group_bits"])
    if fields is None:
        return [coded.code(step, None) for step in order]
    return [coded.code(step, coded.symbols(field)) for step, field in zip(order, fields, strict=True)]


def vectors(field: np.ndarray, position: np.ndarray, width: int, height: int, motion_bits: int) -> np.ndarray:
    """The field at splat centres, interpolated bilinearly; int64 [N, 2], Q8 (spec 7.12).

    Args:
        position: int [N, 2], Q8 luma samples; outside the picture the nearest place inside counts.
    """
    shift = 8 + motion_bits
    x = np.clip(position[:, 0].astype(np.int64), 0, (width << 8) - 1)
    y = np.clip(position[:, 1].astype(np.int64), 0, (height << 8) - 1)
    column, row = x >> shift, y >> shift
    fx, fy = (x & (1 << shift) - 1)[:, None], (y & (1 << shift) - 1)[:, None]
    rest_x, rest_y = (1 << shift) - fx, (1 << shift) - fy
    top = field[row, column] * rest_x + field[row, column + 1] * fx
    bottom = field[row + 1, column] * rest_x + field[row + 1, column + 1] * fx
    total = (top * rest_y + bottom * fy) << VECTOR_SHIFT
    return (total + (1 << 2 * shift - 1)) >> 2 * shift


def _residual(d: np.ndarray) -> np.ndarray:
    """The inverse of :func:`_restored` for both components of a field."""
    out = d.astype(np.int64)
    left, above = d[1:, :-1], d[:-1, 1:]
    right = np.concatenate([d[:-1, 2:], d[:-1, -1:]], 1)
    out[1:, 1:] -= np.maximum(np.minimum(left, above), np.minimum(np.maximum(left, above), right))
    out[1:, 0] -= d[:-1, 0]
    out[0, 1:] -= d[0, :-1]
    return out


def _restored(residual: np.ndarray) -> np.ndarray:
    """One component of a field, int64 [rows, columns], from what the median of left, above and above right does not promise.

    Each number needs the one before, so these are Python's integers.
    """
    out: list[list[int]] = []
    for line in residual.tolist():
        row: list[int] = []
        for column, number in enumerate(line):
            if out:
                above, right = out[-1][column], out[-1][min(column + 1, len(line) - 1)]
                left = row[-1] if row else above
            else:
                left = above = right = row[-1] if row else 0
            median = max(min(left, above), min(max(left, above), right))
            row.append(min(max(number + median, LOWEST), HIGHEST))
        out.append(row)
    return np.array(out, np.int64)
