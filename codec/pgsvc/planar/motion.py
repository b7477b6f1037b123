"""Motion fields of predicted frames: vectors on a coarse grid that move every splat of every layer (spec 7.12).

What moves in a picture moves splats that lie near each other alike. So their common motion is sent once, with the first slice of
the base layer, and what the splats of all layers send are differences to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pgsvc.planar.graded import LENGTHS, code_signed
from pgsvc.range_coder import AdaptiveCoder
from pgsvc.syntax import Record

STILL, NEW, CHANGED = range(3)  # motion_mode: no motion, vectors of their own, differences to the field coded before
VECTOR_LIMIT = 1 << 15
FIRST_LENGTH = (80, 64, 24, 16, 8, 4, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1)  # initial counts of bit lengths
VECTOR_SHIFT = 5  # vectors are eighths of a luma sample, positions Q8


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


def code_fields(
    coder: AdaptiveCoder,
    header: Record,
    width: int,
    height: int,
    fields: Sequence[np.ndarray | None] | None = None,
) -> list[np.ndarray | None]:
    """Motion fields of the frames of a chunk, in coding order, at the head of its payload.

    Args:
        fields: int64 [rows, columns, 2] in eighths of a luma sample, or None where there is no motion; when writing.
    """
    rows, columns = field_shape(width, height, header["motion_bits"])
    modes = np.full((2, 3), 8, np.uint16)
    tables = [np.tile(np.array(FIRST_LENGTH, np.uint16), (2, 1)), np.full((LENGTHS, 2), 8, np.uint16)]
    last = np.zeros((rows, columns, 2), np.int64)
    out: list[np.ndarray | None] = []
    for i, step in enumerate(coding_order(header["frame_count"], header["group_bits"])):
        wanted = None if fields is None else fields[i]
        mode, residual = STILL, None
        if wanted is not None:
            mode, residual = min(
                ((m, _residual(wanted - (last if m == CHANGED else 0))) for m in (NEW, CHANGED)),
                key=lambda choice: float(np.log2(1.0 + np.abs(choice[1])).sum()),
            )
        inner = np.array([step.after is not None], np.int32)
        mode = int(coder.adaptive(modes, inner, None if fields is None else np.array([mode], np.int32))[0])
        if mode == STILL:
            out.append(None)
            continue
        axis = np.repeat(np.arange(2), rows * columns)
        flat = None if residual is None else np.moveaxis(residual, 2, 0).reshape(-1)
        coded = code_signed(coder, tables[0], axis, flat, tables[1]).reshape(2, rows, columns)
        last = _restored(np.moveaxis(coded, 0, 2), last if mode == CHANGED else np.zeros_like(last))
        out.append(last)
    return out


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


def _predicted(d: np.ndarray, row: int, column: int) -> np.ndarray:
    """What the neighbours that are known promise of a vector: the median of left, above and above right."""
    if row == 0:
        return d[0, column - 1] if column else np.zeros(2, np.int64)
    above = d[row - 1, column]
    if column == 0:
        return above
    left, right = d[row, column - 1], d[row - 1, min(column + 1, d.shape[1] - 1)]
    return np.maximum(np.minimum(left, above), np.minimum(np.maximum(left, above), right))


def _residual(d: np.ndarray) -> np.ndarray:
    out = d.copy()
    for row in range(d.shape[0]):
        for column in range(d.shape[1]):
            out[row, column] -= _predicted(d, row, column)
    return out


def _restored(residual: np.ndarray, base: np.ndarray) -> np.ndarray:
    d = residual.copy()
    for row in range(d.shape[0]):
        for column in range(d.shape[1]):
            sum_ = d[row, column] + _predicted(d, row, column)
            d[row, column] = np.clip(sum_, -VECTOR_LIMIT, VECTOR_LIMIT - 1)
    return np.clip(d + base, -VECTOR_LIMIT, VECTOR_LIMIT - 1)
