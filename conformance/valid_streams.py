"""The valid streams of the suite: each function makes one and says what it tests."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from synthetic import CHOLESKY_SHAPE, GREY, LAYER, YUV420, YUV422, YUV444, Maker

from pgsvc.container import Address
from pgsvc.planar.symbols import KeySymbols

Entry = tuple[str, str, list[str], Callable[[], bytes]]
VALID: list[Entry] = []


def valid(
    name: str, tests: str, *clauses: str, number: int | None = None
) -> Callable[[Callable[[], bytes]], Callable[[], bytes]]:
    """Note a stream; its number is the next one, unless a later one is given."""

    def note(make: Callable[[], bytes]) -> Callable[[], bytes]:
        following = number or (int(VALID[-1][0].partition("-")[0]) + 1 if VALID else 1)
        VALID.append((f"{following:02}-{name}", tests, list(clauses), make))
        return make

    return note


def layers(m: Maker, counts: list[int], *, segment: int = 0, **fields) -> None:
    """One KEYF chunk for each layer, the enhancement layers with smaller splats and weaker colours."""
    m.header["layer_count"] = len(counts)
    grey = [3500] + [0] * (m.components - 1)
    for k, n in enumerate(counts):
        finer = {
            "shape_scale": [max(v >> k, 24) for v in fields.get("shape_scale", [300, 128, 300])],
            "shift": max(5 - k, 1),
        }
        m.key(Address(segment, 0, k), n, **{"background": grey if k == 0 else [0] * m.components, **fields, **finer})


def video(m: Maker, counts: list[int], *, segments: int = 1, parts: tuple[int, ...] = (2, 3), **fields) -> None:
    """Segments of 1 + sum(parts) frames; each part is one PRED chunk in each layer, all but the first keep parameters."""
    frames = 1 + sum(parts)
    m.header |= {"profile": 1, "frame_count": segments * frames}
    for s in range(segments):
        layers(m, counts, segment=s, first_frame=s * frames, **fields)
        for k in range(len(counts)):
            frame = 1
            for i, n in enumerate(parts):
                m.predicted(Address(s, frame, k), n, keep=i > 0)
                frame += n


@valid("still-grey-1x1", "smallest picture, one splat, no fraction bits", "6.1", "8.4")
def _() -> bytes:
    m = Maker(1, 1, 1, GREY)
    layers(m, [1], position_fraction_bits=0)
    m.hashes()
    return m.build()


@valid("still-grey-odd", "grey, odd size, shape_domain 0 (linear Cholesky)", "8.3", "8.4")
def _() -> bytes:
    m = Maker(2, 37, 23, GREY)
    layers(m, [40], **CHOLESKY_SHAPE)
    m.hashes()
    return m.build()


@valid("still-rgb-layer-order", "RGB, full range, 3 layers, 4 colour stages, layer order", "6.5", "8.6", "5.3")
def _() -> bytes:
    m = Maker(3, 64, 48, YUV444, matrix_coefficients=0, full_range=1, progression_order=LAYER)
    layers(m, [40, 40, 60], stages=4, codebook_bits=2, background=[1000, 3000, 5000])
    m.hashes()
    return m.build()


@valid(
    "still-420-slices",
    "4:2:0 8 bit, odd size, left chroma, 3 layers of 1, 3 and 2 slices, 3 colour stages",
    "5.2",
    "8.4",
)
def _() -> bytes:
    m = Maker(4, 67, 45, YUV420, layer_count=3)
    for k, slices in enumerate((1, 3, 2)):
        for i in range(slices):
            m.key(Address(0, 0, k, 0, i), 25, last_slice=int(i == slices - 1), stages=3, background=[1500, -50, 70])
    m.hashes()
    return m.build()


@valid(
    "still-420-10bit-centre",
    "4:2:0 10 bit, centred chroma, odd size, shape_domain 0, signed shape symbols",
    "7.5",
    "8.7",
)
def _() -> bytes:
    m = Maker(5, 33, 31, YUV420, bit_depth=10, chroma_location=1)
    layers(m, [40, 40], **{**CHOLESKY_SHAPE, "shape_offset": [1300, 0, 1300]}, shape_signed=1)
    m.hashes()
    return m.build()


@valid("still-422-centre", "4:2:2 8 bit, centred chroma, odd width, 2 layers, 1 colour stage", "8.4")
def _() -> bytes:
    m = Maker(6, 41, 26, YUV422, chroma_location=1)
    layers(m, [40, 40], stages=1, codebook_bits=6)
    m.hashes()
    return m.build()


@valid(
    "still-444-five-layers", "4:4:4 Y'CbCr, full range, 5 layers, the third without splats but with a background", "8.6"
)
def _() -> bytes:
    m = Maker(7, 40, 40, YUV444, matrix_coefficients=1, full_range=1, progression_order=LAYER)
    layers(m, [20, 20, 0, 20, 30], background=[700, 40, -40])
    m.hashes()
    return m.build()


@valid("still-one-colour", "codebook_bits 0: every splat has the one colour; equal positions", "6.5", "7.4", "7.6")
def _() -> bytes:
    m = Maker(8, 24, 24, YUV420)
    header = m.key_header(16, stages=2, codebook_bits=0)
    symbols = m.key_symbols(header)
    grid = np.repeat(symbols.grid[::4], 4, axis=0)
    m.key(Address(), 16, symbols=KeySymbols(grid, symbols.shape, symbols.colour), stages=2, codebook_bits=0)
    m.hashes()
    return m.build()


@valid(
    "video-predicted",
    "segment order, 3 layers, 7 frames in 3 PRED chunks a layer, keep_parameters",
    "5.3",
    "6.4",
    "8.2",
)
def _() -> bytes:
    m = Maker(9, 48, 36, YUV420)
    video(m, [20, 16, 16], parts=(2, 3, 1))
    m.hashes(per_chunk=3)
    return m.build()


@valid(
    "video-layer-order", "layer order, 3 layers, 2 segments, several slices of predicted frames, 10 bit", "5.3", "9.1"
)
def _() -> bytes:
    m = Maker(10, 39, 29, YUV420, bit_depth=10, progression_order=LAYER, layer_count=3, profile=1, frame_count=8)
    for s in range(2):
        for k, slices in enumerate((1, 2, 1)):
            for i in range(slices):
                m.key(Address(s, 0, k, 0, i), 14, first_frame=4 * s, last_slice=int(i == slices - 1), shift=5 - k)
                m.predicted(Address(s, 1, k, 0, i), 1)
                m.predicted(Address(s, 2, k, 0, i), 2, keep=True)
    m.hashes(per_chunk=4)
    return m.build()


@valid(
    "video-clipping", "moves of up to 2^37 units, shapes and colours that run into their bounds", "7.7", "8.1", "8.3"
)
def _() -> bytes:
    m = Maker(11, 40, 30, YUV444, profile=1, frame_count=6)
    for k, shape in enumerate((CHOLESKY_SHAPE, {})):
        m.key(Address(0, 0, k), 24, **shape)
        m.predicted(
            Address(0, 1, k),
            5,
            still=10,
            exponents=32,
            position_unit=8,
            shape_bits=7,
            shape_scale=[2500, 9000, 2500],
            shift=7,
        )
    m.header["layer_count"] = 2
    m.hashes()
    return m.build()


@valid("still-wrapping", "backgrounds and splats that wrap the 16-bit accumulator, extreme colours", "8.6", "8.7")
def _() -> bytes:
    m = Maker(12, 32, 24, YUV422, layer_count=3)
    for k, background in enumerate(([32767, -32768, 20000], [9000, -9000, 32767], [-32768, 1, -1])):
        m.key(
            Address(0, 0, k),
            30,
            shift=7,
            stages=4,
            codebook_bits=4,
            background=background,
            shape_offset=[1024, -252, 1024],
        )
    m.hashes()
    return m.build()


@valid(
    "still-extreme-shapes",
    "t = ±16, sizes 0.35 to 1024, runs of more than 64 samples, splats on the rim",
    "8.3",
    "8.5",
    "8.8",
)
def _() -> bytes:
    m = Maker(13, 210, 75, YUV420, layer_count=2)
    log = {"shape_domain": 1, "shape_bits": 7, "shape_scale": [380, 1100, 380], "shape_offset": [-390, -4400, -390]}
    linear = {
        "shape_domain": 0,
        "shape_bits": 7,
        "shape_scale": [33100, 65535, 9000],
        "shape_offset": [-20, -32768, -20],
    }
    m.key(Address(0, 0, 0), 90, edges=True, shift=4, **log)
    m.key(Address(0, 0, 1), 60, edges=True, shift=4, **linear)
    m.hashes()
    return m.build()


@valid("still-unknown-ancillary", "ancillary chunks of unknown types, safe and unsafe to copy, are skipped", "4.4")
def _() -> bytes:
    m = Maker(14, 20, 20, YUV420)
    layers(m, [10, 10])
    m.add(b"teXt", Address(), b"a note that no decoder of format 0.1 knows")
    m.add(b"zzZZ", Address(0, 0, 1, 7, 3), b"")
    m.hashes()
    return m.build()


@valid(
    "video-compressed-index", "index compressed with Zstandard, 3 segments, one PRED chunk a frame, no hashes", "6.2"
)
def _() -> bytes:
    m = Maker(15, 16, 16, GREY, progression_order=LAYER)
    video(m, [6, 6], segments=3, parts=(1, 1, 1))
    return m.build(index="compressed")


@valid("video-without-index", "no index, no hashes", "5.1")
def _() -> bytes:
    m = Maker(16, 30, 20, YUV420)
    video(m, [12, 12], parts=(3,))
    return m.build(index=None)


@valid(
    "still-narrow",
    "one column, 4:2:0: chroma as wide as luma; one-bit and seven-bit shapes; 6 fraction bits",
    "6.3",
    "7.5",
)
def _() -> bytes:
    m = Maker(17, 1, 67, YUV420, layer_count=2)
    m.key(Address(0, 0, 0), 20, shape_bits=1, shape_scale=[9000, 4096, 9000], position_fraction_bits=6)
    m.key(Address(0, 0, 1), 20, shape_bits=7, shape_scale=[100, 64, 100], position_fraction_bits=0)
    m.hashes()
    return m.build()


@valid("still-wide", "300 samples wide, 2 high, 4:2:2 10 bit: several runs in a row, all of them short", "8.5")
def _() -> bytes:
    m = Maker(18, 300, 2, YUV422, bit_depth=10)
    layers(m, [40], shape_scale=[600, 128, 200])
    m.hashes()
    return m.build()


@valid(
    "video-empty-tracks",
    "layers of no splats at all, key frames and predicted frames, 64 frames in one chunk",
    "6.4",
    "7.7",
)
def _() -> bytes:
    m = Maker(19, 9, 7, YUV420)
    video(m, [0, 0], parts=(64, 2))
    m.hashes(per_chunk=64)
    return m.build()


@valid("video-still-background", "nearly everything stands still: most update symbols are 0; position_unit 0", "7.7")
def _() -> bytes:
    m = Maker(20, 44, 30, YUV444, profile=1, frame_count=7, matrix_coefficients=0)
    m.key(Address(), 40, background=[2000, 2500, 1500])
    m.predicted(Address(0, 1), 4, still=97, position_unit=0, exponents=8)
    m.predicted(Address(0, 5), 2, still=100, keep=True)
    m.hashes()
    return m.build()


@valid(
    "still-level-sizes",
    "a quarter, half and full size, 4:2:0 with left chroma, every size odd in one axis, slices",
    "6.1",
    "8.4",
    "9.1",
)
def _() -> bytes:
    m = Maker(21, 67, 46, YUV420, layer_count=3)
    m.level_sizes((17, 12), (34, 23), (67, 46))
    for k, slices in enumerate((1, 2, 2)):
        shape = {"shape_scale": [v >> k for v in (500, 256, 500)], "shift": 5 - k}
        for i in range(slices):
            m.key(Address(0, 0, k, 0, i), 25, last_slice=int(i == slices - 1), background=[1500, -50, 70], **shape)
    m.hashes()
    return m.build()


@valid(
    "video-level-sizes",
    "predicted frames, two levels of one size, the highest below the reference size as after a cut, 10 bit",
    "6.1",
    "8.4",
    "9.2",
)
def _() -> bytes:
    m = Maker(22, 48, 36, YUV420, bit_depth=10, chroma_location=1)
    m.level_sizes((21, 18), (21, 18), (47, 35))
    video(m, [20, 16, 16], segments=2, parts=(2, 1))
    m.hashes(per_chunk=3)
    return m.build()


@valid(
    "still-extreme-level-sizes",
    "1x1, a 64th of each side; sizes that shrink one axis alone; needles and giants, 4:2:2 centred",
    "8.4",
    "8.8",
)
def _() -> bytes:
    m = Maker(23, 64, 50, YUV422, chroma_location=1, layer_count=4)
    m.level_sizes((1, 1), (2, 50), (63, 50), (64, 50))
    log = {"shape_domain": 1, "shape_bits": 7, "shape_scale": [380, 1100, 380], "shape_offset": [-390, -4400, -390]}
    linear = {
        "shape_domain": 0,
        "shape_bits": 7,
        "shape_scale": [33100, 65535, 9000],
        "shape_offset": [-20, -32768, -20],
    }
    for k in range(4):
        m.key(Address(0, 0, k), 30, edges=k > 1, shift=4, **(linear if k % 2 else log))
    m.hashes()
    return m.build()


@valid("still-level-sizes-rgb", "RGB in layer order, the second level larger in one axis only", "6.1", "8.4")
def _() -> bytes:
    m = Maker(24, 45, 31, YUV444, matrix_coefficients=0, full_range=1, progression_order=LAYER)
    layers(m, [30, 30], background=[1000, 3000, 5000])
    m.level_sizes((15, 11), (45, 11))
    m.hashes()
    return m.build()
