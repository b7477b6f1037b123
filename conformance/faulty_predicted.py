"""Faulty streams, part four: predicted frames with graded differences (spec 6.4, 7.9, 7.12, 7.13)."""

from __future__ import annotations

import contextlib

import numpy as np
from faulty_tools import byte, edited, faulty
from synthetic import YUV420
from synthetic_predicted import PredictedMaker

from pgsvc import headers
from pgsvc.container import KEY_FRAME, PREDICTED, Address
from pgsvc.planar.differences import Frame, code_frames
from pgsvc.planar.tree import LARGE_PRIOR, SMALL_PRIOR
from pgsvc.range_coder import RangeWriter

TOOL, GROUPS, CELL_BITS, ENERGY_STEP = 1, 2, 3, 5  # bytes of the PRED header where frame_count takes one


def graded_clip(**second) -> PredictedMaker:
    """Two layers of four frames; the fields of the second layer's predicted frames are changed."""
    m = PredictedMaker(107, 16, 12, YUV420, layer_count=2, frame_count=4)
    for layer in range(2):
        m.graded(Address(0, 0, layer), 5)
        m.differences(Address(0, 1, layer), **{"frames": 3, "group_bits": 1, **(second if layer else {})})
    return m


def with_symbols(data: bytes) -> bytes:
    """The clip, with other range-coded data in its second layer."""
    m = graded_clip()
    header = headers.PREDICTED_FRAMES.to_bytes(m.differences_header(3, group_bits=1), {"components": 3})
    return edited(m, PREDICTED, lambda payload: payload.__setitem__(slice(len(header), None), data), 1)


@faulty("prediction-tool", "prediction_tool 3 is not assigned", "6.4")
def _() -> bytes:
    return edited(graded_clip(), PREDICTED, byte(TOOL, 3))


@faulty("motion-group-bits", "group_bits 7", "6.4")
def _() -> bytes:
    return edited(graded_clip(), PREDICTED, byte(GROUPS, 7 << 4 | 5))


@faulty("motion-bits-few", "motion_bits 3", "6.4")
def _() -> bytes:
    return edited(graded_clip(), PREDICTED, byte(GROUPS, 1 << 4 | 3))


@faulty("motion-bits-many", "motion_bits 9", "6.4")
def _() -> bytes:
    return edited(graded_clip(), PREDICTED, byte(GROUPS, 1 << 4 | 9))


@faulty("differences-cell-bits", "cell_bits 9 in a PRED header", "6.4")
def _() -> bytes:
    return edited(graded_clip(), PREDICTED, byte(CELL_BITS, 9 << 4))


@faulty("differences-energy-step", "energy_step 129 in a PRED header", "6.4")
def _() -> bytes:
    return edited(graded_clip(), PREDICTED, byte(ENERGY_STEP, 129))


@faulty("differences-basic-key", "graded differences to a key frame of tools 1", "6.4")
def _() -> bytes:
    m = PredictedMaker(108, 16, 12, YUV420, layer_count=2, frame_count=4)
    m.graded(Address(0, 0, 0), 5)
    m.differences(Address(0, 1, 0), 3)
    m.key(Address(0, 0, 1), 5)
    m.differences(Address(0, 1, 1), 3)
    return m.build()


@faulty("motion-missing", "a layer of graded differences over a base layer without predicted frames", "6.4")
def _() -> bytes:
    m = graded_clip()
    m.chunks = [c for c in m.chunks if (c.type, c.address.layer) != (PREDICTED, 0)]
    return m.build()


@faulty("motion-of-other-tool", "a layer of graded differences over a base layer of prediction_tool 1", "6.4")
def _() -> bytes:
    m = graded_clip()
    m.chunks = [c for c in m.chunks if (c.type, c.address.layer) != (PREDICTED, 0)]
    m.predicted(Address(0, 1, 0), 3)
    return m.build()


@faulty("motion-begins-elsewhere", "a slice whose second chunk begins where the base layer's slice 0 has none", "6.4")
def _() -> bytes:
    m = PredictedMaker(109, 16, 12, YUV420, frame_count=5, layer_count=2)
    for number in range(2):
        m.graded(Address(0, 0, 0, 0, number), 5, last_slice=number)
        m.differences(Address(0, 1, 0, 0, number), 1)
        m.predicted(Address(0, 2, 0, 0, number), 1 if number else 3)
    header = m.differences_header(2)
    m.add(PREDICTED, Address(0, 3, 0, 0, 1), headers.PREDICTED_FRAMES.to_bytes(header, {"components": 3}))
    return m.build()


@faulty("motion-frame-count", "a layer with fewer frames in a chunk than the base layer", "6.4")
def _() -> bytes:
    return graded_clip(frames=2).build()


@faulty("motion-other-groups", "a layer with other groups than the base layer", "6.4")
def _() -> bytes:
    return graded_clip(group_bits=2).build()


@faulty("motion-other-grid", "a layer with another motion_bits than the base layer", "6.4")
def _() -> bytes:
    return graded_clip(motion_bits=4).build()


@faulty("keep-parameters-of-other-tool", "keep_parameters after a chunk of prediction_tool 2", "6.4")
def _() -> bytes:
    m = PredictedMaker(110, 16, 12, YUV420, layer_count=2, frame_count=5)
    for layer in range(2):
        m.graded(Address(0, 0, layer), 5)
        m.differences(Address(0, 1, layer), 3)
    m.predicted(Address(0, 4, 0), 1)
    m._counts[0, 1, 0, 0]["kept"] = m.rvq(1, 3)  # noqa: SLF001
    m.predicted(Address(0, 4, 1), 1, keep=True)
    return m.build()


@faulty("differences-zero-byte", "range-coded data of predicted frames that ends in a zero byte", "7.9")
def _() -> bytes:
    return edited(graded_clip(), PREDICTED, lambda payload: payload.append(0), 1)


@faulty("differences-left-over", "five bytes more than the symbols of predicted frames need", "7.9")
def _() -> bytes:
    return edited(graded_clip(), PREDICTED, lambda payload: payload.extend(b"\1\2\3\4\5"), 1)


@faulty("motion-left-over", "five bytes more than motion fields and symbols of the base layer need", "7.9")
def _() -> bytes:
    return edited(graded_clip(), PREDICTED, lambda payload: payload.extend(b"\1\2\3\4\5"), 0)


@faulty("differences-no-symbol", "a number that no update has", "7.9")
def _() -> bytes:
    return with_symbols(b"\xff" * 40)


class Finished(Exception):
    pass


class SpoiltWriter(RangeWriter):
    """Writes 6 as the first count of a tree, and stops there."""

    def adaptive(self, counts: np.ndarray, context: np.ndarray, values: np.ndarray | None) -> np.ndarray:
        if counts.shape == SMALL_PRIOR.shape:
            super().adaptive(counts, context, np.full(len(context), 6))
            raise Finished
        return super().adaptive(counts, context, values)


@faulty("born-more-than-all", "of five splats that are born, six lie in half of the picture", "7.10")
def _() -> bytes:
    m, writer = graded_clip(), SpoiltWriter()
    m.chunks = [c for c in m.chunks if (c.type, c.address.layer) != (PREDICTED, 1)]
    header = m.differences_header(3, group_bits=1)
    all_born = m.changes(header, 5, still=0, births=100, size=0)
    with contextlib.suppress(Finished):
        code_frames(writer, header, m.state(Address(0, 1, 1)), [None] * 3, Frame(16, 12, 3, False), [all_born] * 3)
    written = headers.PREDICTED_FRAMES.to_bytes(header, {"components": 3})
    m.add(PREDICTED, Address(0, 1, 1), written + writer.finish())
    return m.build()


@faulty("share-without-a-number", "the eighth sixteenth of 13 splats, which holds no whole number", "7.10")
def _() -> bytes:
    writer = RangeWriter()
    writer.adaptive(LARGE_PRIOR.copy(), np.array([0], np.int32), np.array([7]))
    m = PredictedMaker(111, 16, 12, YUV420, layer_count=2)
    for layer in range(2):
        m.graded(Address(0, 0, layer), 13)
    header = headers.KEY_FRAME.to_bytes(m.graded_header(13, has_background=0), {"components": 3})
    return edited(m, KEY_FRAME, lambda payload: payload.__setitem__(slice(len(header), None), writer.finish()), 1)
