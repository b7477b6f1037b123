"""Valid streams with graded tools; they come after those of valid_streams."""

from __future__ import annotations

from synthetic import GREY, YUV420, YUV422, YUV444, Maker
from valid_streams import VALID, valid

from pgsvc.container import Address

__all__ = ["VALID"]


@valid("still-graded-rgb", "graded tools, RGB, 3 layers with finer and finer steps", "7.9", "7.10", "7.11")
def _() -> bytes:
    m = Maker(25, 83, 61, YUV444, matrix_coefficients=0, full_range=1, layer_count=3)
    for k, n in enumerate((30, 60, 90)):
        background = [2000, 3000, 2500] if k == 0 else [0, 0, 0]
        m.graded(Address(0, 0, k), n, background=background, energy_step=86 - 4 * k, shape_precision=9 - 2 * k)
    m.hashes()
    return m.build()


@valid(
    "still-graded-extremes",
    "graded tools, 4:2:0 10 bit, one row of cells, cells of 1 and of 256 samples, the finest and coarsest steps, long energies",
    "7.10",
    "7.11",
)
def _() -> bytes:
    m = Maker(26, 130, 3, YUV420, bit_depth=10, layer_count=4)
    m.graded(Address(0, 0, 0), 40, cell_bits=0, shape_precision=0, position_precision=0, energies=32767, energy_step=3)
    m.graded(Address(0, 0, 1), 40, cell_bits=8, shape_precision=63, position_precision=63, shears=32767)
    m.graded(Address(0, 0, 2), 40, energy_step=128, energies=2, chroma_steps=[15, 0], chroma_weight=255)
    m.graded(Address(0, 0, 3), 300, energy_step=0, chroma_steps=[0, 15], chroma_weight=0, shape_precision=20)
    m.hashes()
    return m.build()


@valid(
    "video-graded",
    "graded key frames in grey, slices, predicted frames after them, a layer without splats, 2 segments",
    "7.7",
    "7.11",
    "8.2",
)
def _() -> bytes:
    m = Maker(27, 40, 52, GREY, profile=1, frame_count=6, layer_count=3)
    for s in range(2):
        for layer, number, n, last in ((0, 0, 25, 1), (1, 0, 0, 1), (2, 0, 20, 0), (2, 1, 15, 1)):
            background = [3000] if layer == 0 else [0]
            address = Address(s, 0, layer, 0, number)
            m.graded(address, n, last_slice=last, first_frame=3 * s, background=background)
            m.predicted(Address(s, 1, layer, 0, number), 2)
    m.hashes()
    return m.build()


@valid("still-mixed-tools", "layers of both families of coding tools, sizes of their own", "6.3", "8.2")
def _() -> bytes:
    m = Maker(28, 50, 34, YUV422, layer_count=3)
    m.level_sizes((25, 17), (50, 34), (50, 34))
    m.key(Address(0, 0, 0), 25, background=[2500, 10, -10])
    m.graded(Address(0, 0, 1), 40, energy_step=80)
    m.key(Address(0, 0, 2), 25, shift=3, shape_scale=[80, 64, 80])
    m.hashes()
    return m.build()
