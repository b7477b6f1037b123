"""Valid streams with a region of interest: several objects; they come after those of valid_predicted."""

from __future__ import annotations

from synthetic import LAYER, YUV420, YUV422, YUV444, Maker
from synthetic_predicted import PredictedMaker
from valid_predicted import VALID
from valid_streams import valid

from pgsvc.container import Address

__all__ = ["VALID"]


@valid(
    "still-objects",
    "a region of interest: 2 objects in 3 layers, slices numbered in each object, tools of both families, an object without splats",
    "4.3",
    "5.2",
    "6.1",
)
def _() -> bytes:
    m = Maker(34, 60, 45, YUV420, layer_count=3)
    m.objects(3, 3)
    m.graded(Address(0, 0, 0, 0), 30, background=[3000, 20, -30])
    m.graded(Address(0, 0, 0, 1), 12, energy_step=74, last_slice=0)
    m.graded(Address(0, 0, 0, 1, 1), 9, energy_step=70)
    m.key(Address(0, 0, 1, 0), 25, shift=3, last_slice=0)
    m.key(Address(0, 0, 1, 0, 1), 15, shift=3)
    m.graded(Address(0, 0, 1, 1), 20, energy_step=66)
    m.graded(Address(0, 0, 2, 0), 0)
    m.key(Address(0, 0, 2, 1), 30, shift=2, shape_scale=[80, 64, 80], position_fraction_bits=4)
    m.hashes()
    return m.build()


@valid(
    "video-objects-motion",
    "2 objects of 2 and 3 layers, motion fields of the first move both, groups, births, layer order, levels of their own sizes",
    "6.1",
    "6.4",
    "7.12",
    "9.1",
)
def _() -> bytes:
    m = PredictedMaker(35, 61, 50, YUV444, matrix_coefficients=0, frame_count=9, layer_count=3, progression_order=LAYER)
    m.objects(2, 3)
    m.level_sizes((31, 25), (61, 50), (61, 50))
    for layer, number, n in ((0, 0, 25), (0, 1, 10), (1, 0, 30), (1, 1, 20), (2, 1, 40)):
        background = [2000, 3000, 2500] if (layer, number) == (0, 0) else [0, 0, 0]
        step = 84 - 4 * layer - 8 * number
        m.graded(Address(0, 0, layer, number), n, background=background, energy_step=step)
        m.differences(Address(0, 1, layer, number), 5, group_bits=2, energy_step=step - 2)
        m.differences(Address(0, 6, layer, number), 3, energy_step=step, births=0)
    m.hashes()
    return m.build()


@valid(
    "video-objects-kept",
    "3 objects of 3, 1 and 0 layers, predicted frames that keep parameters of their own track, 2 segments",
    "5.2",
    "6.4",
    "7.7",
)
def _() -> bytes:
    m = Maker(36, 48, 38, YUV422, profile=1, frame_count=8, layer_count=3)
    m.objects(3, 1, 0)
    for s in range(2):
        for layer, number, n in ((0, 0, 20), (0, 1, 15), (1, 0, 25), (2, 0, 25)):
            background = [2800, 10, -20] if (layer, number) == (0, 0) else [0, 0, 0]
            m.key(Address(s, 0, layer, number), n, first_frame=4 * s, background=background, shift=max(4 - layer, 1))
            m.predicted(Address(s, 1, layer, number), 2)
            m.predicted(Address(s, 3, layer, number), 1, keep=True)
    m.hashes()
    return m.build()
