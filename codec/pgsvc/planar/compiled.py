"""Graded tools by the native module: a key frame slice or a PRED chunk from its data to its splats in one call (spec 7.10–7.13).

The symbols of a frame of a few hundred splats are too few for numpy. What these functions return is what ``graded``, ``motion`` and
``differences`` return, which stay the way to write, to look at symbols, and to decode with ``--cpu reference``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from pgsvc import kernel
from pgsvc.errors import BadStream
from pgsvc.planar import graded_counts as counts
from pgsvc.planar.differences import Frame, Tables
from pgsvc.planar.motion import STILL, FieldCoder, coding_order, field_shape
from pgsvc.planar.splats import LOG_CHOLESKY, POWERS, SplatSet, background_of
from pgsvc.planar.tree import LARGE_PRIOR, MORE_THAN_ALL, NO_NUMBER, SMALL_PRIOR
from pgsvc.range_coder import MORE_DATA, NO_SYMBOL, ZERO_END, RangeReader
from pgsvc.syntax import Record

FAULTS = {
    1: (NO_SYMBOL, "7.9"),
    2: (NO_NUMBER, "7.10"),
    3: (MORE_THAN_ALL, "7.10"),
    4: (ZERO_END, "7.9"),
    5: (MORE_DATA, "7.9"),
}  # pgs::Fault


class Fields(NamedTuple):
    """Motion fields of a chunk in coding order.

    Args:
        steps: int32 [F, 3], frame, frame before, frame after or −1.
        modes: int32 [F].
        vectors: int32 [F, rows, columns, 2], halves of a luma sample; of no meaning where the mode is STILL.
    """

    steps: np.ndarray
    modes: np.ndarray
    vectors: np.ndarray

    def listed(self) -> list[np.ndarray | None]:
        """As :func:`pgsvc.planar.motion.code_fields` returns them."""
        return [None if m == STILL else v for m, v in zip(self.modes, self.vectors, strict=True)]


def key_splats(payload: bytes, header: Record, frame: Frame) -> SplatSet:
    """The splat state that a key frame slice with the tree of counts sets.

    Args:
        payload: the coded bytes behind the header.

    Raises:
        BadStream: the coded data break a rule.
    """
    states, faults = _key_splats([(payload, header)], frame)
    _check(faults[0])
    return states[0]


def key_splats_together(keys: Sequence[tuple[bytes, Record]], frame: Frame) -> list[SplatSet | None]:
    """The same of several slices, None where the coded data break a rule.

    Their symbols are read in turns, which takes less time than one slice after the other.
    """
    states, faults = _key_splats(keys, frame)
    return [None if fault else state for state, fault in zip(states, faults, strict=True)]


def _key_splats(keys: Sequence[tuple[bytes, Record]], frame: Frame) -> tuple[list[SplatSet], list[int]]:
    counts, c = [header["splat_count"] for _, header in keys], frame.components
    n = sum(counts)
    position, shape, colour = np.empty((n, 2), np.int32), np.empty((n, 3), np.int32), np.empty((n, c), np.int16)
    slices = [(data, _numbers(header, frame), count) for (data, header), count in zip(keys, counts, strict=True)]
    faults = kernel.native().graded_keys(slices, POWERS, _key_tables(), position, shape, colour)
    states, begin = [], 0
    for (_, header), count in zip(keys, counts, strict=True):
        own = slice(begin, begin := begin + count)
        states.append(SplatSet(position[own], shape[own], colour[own], background_of(header, c), LOG_CHOLESKY))
    return states, faults


def read_fields(reader: RangeReader, header: Record, width: int, height: int) -> Fields:
    """The motion fields at the head of a payload.

    Raises:
        BadStream: the coded data break a rule.
    """
    order = coding_order(header["frame_count"], header["group_bits"])
    steps = np.array([(s.frame, s.before, -1 if s.after is None else s.after) for s in order], np.int32)
    shape = field_shape(width, height, header["motion_bits"])
    fields = Fields(steps, np.zeros(len(order), np.int32), np.zeros((len(order), *shape, 2), np.int32))
    first = FieldCoder.first_tables()
    _check(
        kernel.native().motion_fields(reader.data, reader.state, steps, _joined(first), fields.modes, fields.vectors)
    )
    return fields


def read_frames(reader: RangeReader, header: Record, start: SplatSet, fields: Fields, frame: Frame) -> list[SplatSet]:
    """The states of a chunk's frames in time order, from that of the frame before them.

    Raises:
        BadStream: the coded data break a rule.
    """
    count = header["frame_count"]
    arrays = []
    for first in (start.position, start.shape, start.colour):
        states = np.empty((count + 1, *first.shape), first.dtype)
        states[0] = first
        arrays.append(states)
    numbers = _numbers(header, frame)
    tables = (_joined(Tables().arrays()), _key_tables())
    native = kernel.native()
    _check(native.graded_frames(reader.data, reader.state, numbers, POWERS, *fields, *tables, *arrays))
    columns = [list(states)[1:] for states in arrays]
    return [SplatSet(p, s, c, start.background, LOG_CHOLESKY) for p, s, c in zip(*columns, strict=True)]


def _check(fault: int) -> None:
    if fault:
        message, clause = FAULTS[fault]
        raise BadStream(message, clause=clause)


def _numbers(header: Record, frame: Frame) -> tuple[int, ...]:
    """pgs::Header up to its pointer."""
    chroma = header["chroma_steps"] or (0, 0)
    return (
        frame.width,
        frame.height,
        frame.components,
        frame.is_rgb,
        header["cell_bits"],
        header["shape_precision"],
        header["position_precision"],
        header["energy_step"],
        *chroma,
        header["chroma_weight"] or 0,
        header.get("motion_bits") or 4,
    )


def _joined(tables: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([t.reshape(-1) for t in tables])


@cache
def _key_tables() -> np.ndarray:
    """pgs::KeyTables; uint16 [n]."""
    energy = [counts.ENERGY_0, counts.ENERGY_1, counts.ENERGY_2]
    return _joined([SMALL_PRIOR, LARGE_PRIOR, *energy, counts.SHEAR, counts.SCALE_0, counts.SCALE_1, counts.HALF])
