"""Valid streams with ``prediction_tool`` 2: motion fields, groups, graded differences; they come after those of valid_graded."""

from __future__ import annotations

from synthetic import GREY, LAYER, YUV420, YUV422, YUV444
from synthetic_predicted import PredictedMaker
from valid_graded import VALID
from valid_streams import valid

from pgsvc.container import Address
from pgsvc.planar.motion import CHANGED, NEW, STILL

__all__ = ["VALID"]


@valid(
    "video-motion-low-delay",
    "motion fields and graded differences, 4:2:0, every frame from the one before, 3 layers with slices, 2 chunks a track",
    "6.4",
    "7.12",
    "7.13",
)
def _() -> bytes:
    m = PredictedMaker(29, 83, 61, YUV420, frame_count=6, layer_count=3)
    for layer, number, n, last in ((0, 0, 20, 0), (0, 1, 15, 1), (1, 0, 25, 1), (2, 0, 30, 0), (2, 1, 30, 1)):
        background = [3000, 20, -30] if (layer, number) == (0, 0) else [0, 0, 0]
        m.graded(Address(0, 0, layer, 0, number), n, last_slice=last, background=background, energy_step=84 - 4 * layer)
        m.differences(Address(0, 1, layer, 0, number), 3, energy_step=80 - 4 * layer)
        m.differences(Address(0, 4, layer, 0, number), 2, shape_precision=5, births=0)
    m.hashes()
    return m.build()


@valid(
    "video-motion-groups",
    "hierarchical groups of 4 frames, the last one shorter, splats born in outer and inner frames, RGB, layer order, 2 segments",
    "7.12",
    "7.13",
    "8.2",
)
def _() -> bytes:
    m = PredictedMaker(
        30, 57, 70, YUV444, matrix_coefficients=0, frame_count=16, layer_count=2, progression_order=LAYER
    )
    for s in range(2):
        for layer, n in ((0, 30), (1, 45)):
            background = [2000, 3000, 2500] if layer == 0 else [0, 0, 0]
            m.graded(Address(s, 0, layer), n, first_frame=8 * s, background=background)
            m.differences(Address(s, 1, layer), 7, group_bits=2, still=60, births=15)
    m.hashes()
    return m.build()


@valid(
    "video-motion-grey",
    "grey 10 bit, levels of their own sizes, one group shorter than its size, no frame without motion, hardly any updates",
    "7.12",
    "7.13",
    "9.1",
)
def _() -> bytes:
    m = PredictedMaker(31, 130, 47, GREY, bit_depth=10, frame_count=9, layer_count=2)
    m.level_sizes((65, 24), (130, 47))
    for layer, n in ((0, 30), (1, 40)):
        m.graded(Address(0, 0, layer), n, background=[3500] if layer == 0 else [0])
        m.differences(Address(0, 1, layer), 5, group_bits=3, modes=(NEW, CHANGED), still=90, births=3, motion_bits=4)
        m.differences(Address(0, 6, layer), 3, group_bits=1, modes=(STILL,), still=97, births=2)
    m.hashes()
    return m.build()


@valid(
    "video-motion-extremes",
    "64 frames in one group, vectors that run into their limits, 16 and 256 samples apart, the largest differences, extreme steps",
    "7.12",
    "7.13",
    "8.1",
)
def _() -> bytes:
    m = PredictedMaker(32, 35, 18, YUV422, frame_count=72, layer_count=4)
    kinds: list[dict] = [
        {"energy_step": 84, "vectors": 32767},
        {"energy_step": 128, "chroma_steps": [15, 0], "chroma_weight": 255, "shape_precision": 63, "cell_bits": 8},
        {"energy_step": 0, "chroma_weight": 0, "shape_precision": 30, "position_precision": 30, "cell_bits": 0},
        {"energy_step": 60, "position_precision": 63, "shape_precision": 0, "chroma_steps": [0, 15], "births": 60},
    ]
    for layer, kind in enumerate(kinds):
        background = [2500, 0, 0] if layer == 0 else [0, 0, 0]
        m.graded(Address(0, 0, layer), 12, background=background)
        m.differences(Address(0, 1, layer), 6, group_bits=1, motion_bits=8, still=20, size=32767, **kind)
        m.graded(Address(1, 0, layer), 12 if layer == 0 else 0, first_frame=7, background=background)
        m.differences(Address(1, 1, layer), 64, group_bits=6, motion_bits=4, still=85, size=9, **kind)
    m.hashes()
    return m.build()


@valid(
    "video-motion-mixed",
    "chunks of both prediction tools in one track and side by side, a layer without splats, no updates at all",
    "6.4",
    "7.7",
    "7.13",
)
def _() -> bytes:
    m = PredictedMaker(33, 40, 32, YUV420, frame_count=8, layer_count=3)
    for layer, n in ((0, 20), (1, 0)):
        m.graded(Address(0, 0, layer), n, background=[2500, 0, 0] if layer == 0 else [0, 0, 0])
        m.predicted(Address(0, 1, layer), 2)
        m.differences(Address(0, 3, layer), 2, group_bits=1)
        m.predicted(Address(0, 5, layer), 1)
        m.differences(Address(0, 6, layer), 2, group_bits=5, still=100, modes=(STILL, CHANGED))
    m.key(Address(0, 0, 2), 20, shift=3)
    m.predicted(Address(0, 1, 2), 3)
    m.predicted(Address(0, 4, 2), 4, keep=True)
    m.hashes()
    return m.build()
