"""Faulty streams, part two: headers, index, entropy-coded data, limits (spec 6, 7, A); then what was added later."""

from __future__ import annotations

from collections.abc import Callable

import faulty_framing  # noqa: F401  # its streams have the first numbers
import numpy as np
from faulty_tools import (
    KEY_HEADER,
    byte,
    clip,
    edited,
    extended,
    faulty,
    head,
    still,
)
from synthetic import CHOLESKY_SHAPE, YUV420, YUV444, Maker, index_payload, join, split

from pgsvc import headers
from pgsvc.assemble import make_chunk
from pgsvc.container import END, HASH, HEAD, INDEX, KEY_FRAME, PREDICTED, Address
from pgsvc.entropy import SymbolWriter
from pgsvc.index import read_index
from pgsvc.planar.symbols import KeySymbols, code_key

# --- headers ---------------------------------------------------------------------------------------------------------


@faulty("min-reader-minor", "the stream needs a reader of format 0.2", "6.1", "Unsupported")
def _() -> bytes:
    return head(min_reader_minor=2)


@faulty("format-major", "the stream is of format 1.1", "6.1", "Unsupported")
def _() -> bytes:
    return head(format_major=1)


@faulty("minor-below-reader", "min_reader_minor 1 in a stream of format 0.0", "6.1")
def _() -> bytes:
    return head(format_minor=0)


@faulty("profile", "profile 2, a scene, with the header of a picture", "6.1")
def _() -> bytes:
    return head(profile=2)


@faulty("level-sizes-missing", "has_level_sizes is set, but HEAD ends before the sizes", "6.1")
def _() -> bytes:
    def change(payload: bytearray) -> None:
        payload[5] |= 0x10

    return edited(still(), HEAD, change)


@faulty("bit-depth", "9 bits per sample", "6.1")
def _() -> bytes:
    return edited(still(), HEAD, byte(6, 9))


@faulty("layer-count", "no layers", "6.1")
def _() -> bytes:
    return edited(still(), HEAD, byte(7, 0))


@faulty("head-short", "HEAD ends before its last field", "6.1")
def _() -> bytes:
    return edited(still(), HEAD, bytearray.pop)


@faulty("still-of-two-frames", "frame_count 2 in profile still", "6.1")
def _() -> bytes:
    return head(frame_count=2)


@faulty("matrix-rgb-420", "matrix_coefficients 0 (RGB) in 4:2:0", "6.1")
def _() -> bytes:
    return head(matrix_coefficients=0)


@faulty("index-count-low", "the index holds one entry more than it announces", "6.2")
def _() -> bytes:
    m = still()
    return edited_index(m, lambda payload: payload.__setitem__(2 + 4 * payload[1], payload[2 + 4 * payload[1]] - 1))


@faulty("index-count-high", "the index announces 2^31 entries and holds three", "6.2")
def _() -> bytes:
    def change(payload: bytearray) -> None:
        at = 2 + 4 * payload[1]
        payload[at : at + 1] = b"\x80\x80\x80\x80\x08"

    return edited_index(still(), change)


@faulty("index-type", "an index entry names a type that is not listed", "6.2")
def _() -> bytes:
    return edited_index(still(), lambda payload: payload.__setitem__(3 + 4 * payload[1], 9))


@faulty("index-zstd", "an index that claims to be compressed and is not", "6.2")
def _() -> bytes:
    return edited_index(still(), byte(0, 1))


@faulty("index-bomb", "a compressed index of 3 KB that grows beyond 2^26 bytes", "6.2")
def _() -> bytes:
    block = (len(_ZEROS) << 3 | 1 << 1).to_bytes(3, "little")  # RLE blocks of 128 KiB, 2^26 bytes and one block more
    last = (len(_ZEROS) << 3 | 1 << 1 | 1).to_bytes(3, "little")
    count = (1 << 26) // len(_ZEROS)
    frame = b"\x28\xb5\x2f\xfd" + b"\x00\x58" + (block + b"\0") * count + last + b"\0"
    payload = b"\x01\x01" + KEY_FRAME + b"\x80\x80\x80\x04" + frame
    return inserted_index(still(), payload)


_ZEROS = bytes(1 << 17)


def edited_index(m: Maker, change: Callable[[bytearray], object]) -> bytes:
    ordered = split(m.build(index=None))[1:]
    payload = bytearray(index_payload(ordered))
    assert len(read_index(bytes(payload))) == len(ordered)
    change(payload)
    return inserted_index(m, bytes(payload))


def inserted_index(m: Maker, payload: bytes) -> bytes:
    first, *rest = split(m.build(index=None))
    return join([first, make_chunk(INDEX, Address(), payload), *rest])


@faulty("key-reserved-bits", "reserved bits of a KEYF header are set", "6.3")
def _() -> bytes:
    def change(payload: bytearray) -> None:
        payload[2] |= 0x20

    return edited(still(), KEY_FRAME, change)


@faulty("position-tool", "position_tool 2 is not assigned", "6.3")
def _() -> bytes:
    return edited(still(), KEY_FRAME, byte(3, 2))


@faulty("key-header-short", "a KEYF chunk without payload", "6.3")
def _() -> bytes:
    return edited(still(), KEY_FRAME, bytearray.clear)


@faulty("first-frame-differs", "two layers of a segment with different first_frame", "6.3")
def _() -> bytes:
    return edited(clip(), KEY_FRAME, byte(0, 1), which=1)


@faulty("segments-overlap", "the second segment begins before the first one ends", "6.3")
def _() -> bytes:
    m = clip(frame_count=9)
    m.header["frame_count"] = 9
    m.key(Address(1, 0, 0), 4, first_frame=3)
    m.key(Address(1, 0, 1), 4, first_frame=3)
    return m.build()


@faulty("frame-beyond-count", "a segment whose key frame is not below frame_count", "6.3")
def _() -> bytes:
    m = clip()
    for k in (0, 1):
        m.key(Address(1, 0, k), 4, first_frame=4)
    return m.build()


@faulty("keep-parameters-first", "keep_parameters in the first predicted chunk of a track", "6.4")
def _() -> bytes:
    m = clip()
    m.chunks = [c for c in m.chunks if (c.type, c.address.layer) != (PREDICTED, 1)]
    m.predicted(Address(0, 1, 1), 3, keep=True)
    return m.build()


@faulty("pred-reserved-bits", "reserved bits of a PRED header are set", "6.4")
def _() -> bytes:
    def change(payload: bytearray) -> None:
        payload[3] |= 0x80

    return edited(clip(), PREDICTED, change)


@faulty("pred-65-frames", "65 frames in one PRED chunk", "6.4")
def _() -> bytes:
    return edited(clip(), PREDICTED, byte(0, 65))


@faulty("codebook-shift", "entry_shift 8", "6.5")
def _() -> bytes:
    return edited(still(), KEY_FRAME, byte(KEY_HEADER - 25, 8))  # the second codebook: 1 + 8 · 3 bytes


@faulty("hash", "a hash that the picture does not have (seen with --check-hash)", "6.6", "HashMismatch")
def _() -> bytes:
    m = still()
    m.hashes()
    return edited(m, HASH, lambda payload: payload.__setitem__(-1, payload[-1] ^ 1), which=1)


@faulty("hash-short", "a hASH chunk of two bytes", "6.6")
def _() -> bytes:
    return extended(still(), HASH, Address(), b"\x01\x02")


@faulty("ends-not-empty", "an ENDS chunk with a payload", "6.7")
def _() -> bytes:
    *body, end = split(still().build(index=None))
    return join([*body, make_chunk(END, Address(), b"\0")])


# --- entropy-coded data ----------------------------------------------------------------------------------------------


@faulty("entropy-half-word", "entropy-coded data of 4n + 2 bytes", "7.1")
def _() -> bytes:
    return edited(still(), KEY_FRAME, lambda payload: payload.extend(b"\1\2"))


@faulty("entropy-zero-word", "the last word of the entropy-coded data is zero", "7.1")
def _() -> bytes:
    return edited(still(), KEY_FRAME, lambda payload: payload.extend(bytes(4)))


@faulty("entropy-empty-table", "a frequency table in which no symbol occurs", "7.3")
def _() -> bytes:
    m = still()
    header = m.key_header(1)
    m.chunks = m.chunks[:1]
    m.add(KEY_FRAME, Address(0, 0, 1), headers.KEY_FRAME.to_bytes(header, {"components": 3}))
    return m.build()


@faulty("position-outside", "a splat one grid step beyond the right edge", "7.4")
def _() -> bytes:
    m = still()
    header = m.key_header(1)
    symbols = m.key_symbols(header)
    m.chunks = m.chunks[:1]
    m.key(Address(0, 0, 1), 1, symbols=KeySymbols(np.array([[16 << 2, 0]]), symbols.shape, symbols.colour))
    return m.build()


@faulty("position-morton-range", "Morton codes that add up to more than 2^40", "7.4")
def _() -> bytes:
    m = still()
    m.chunks = m.chunks[:1]
    header = m.key_header(2)
    symbols = m.key_symbols(header)
    writer = SymbolWriter()
    far = np.array([40, 40])
    table = writer.table(41, far)
    writer.symbols(table, 2, far)
    writer.raw(far - 1, np.array([1, 2]))
    rest = SymbolWriter()
    code_key(rest, header, symbols)
    writer._steps += rest._steps[-10:]  # noqa: SLF001  the shape and colour symbols are never reached
    m.add(KEY_FRAME, Address(0, 0, 1), headers.KEY_FRAME.to_bytes(header, {"components": 3}) + writer.finish())
    return m.build()


@faulty("entropy-end-state", "one word more than the symbols need", "7.8")
def _() -> bytes:
    def change(payload: bytearray) -> None:  # the first word is read last
        payload[KEY_HEADER:KEY_HEADER] = b"\1\2\3\4"

    return edited(still(), KEY_FRAME, change)


# --- limits ----------------------------------------------------------------------------------------------------------


@faulty("limit-level", "limit level 0 does not exist", "A.1")
def _() -> bytes:
    return head(limit_level=0)


@faulty("limit-size", "a picture 1025 wide in limit level 1", "A.1")
def _() -> bytes:
    return head(width=1025)


@faulty("limit-splats", "a slice that announces 16385 splats in limit level 1", "A.2", "LimitExceeded")
def _() -> bytes:
    m = still()
    m.chunks = m.chunks[:1]
    m.add(KEY_FRAME, Address(0, 0, 1), headers.KEY_FRAME.to_bytes(m.key_header(16385), {"components": 3}))
    return m.build()


@faulty("limit-splats-together", "two slices of together 16385 splats in limit level 1", "A.2", "LimitExceeded")
def _() -> bytes:
    m = still()
    m.chunks = m.chunks[:1]
    for i in range(2):
        header = m.key_header(8193, last_slice=i)
        m.add(KEY_FRAME, Address(0, 0, 1, 0, i), headers.KEY_FRAME.to_bytes(header, {"components": 3}))
    return m.build()


@faulty("limit-predicted", "a predicted chunk of 64 frames of 8192 splats in limit level 1", "A.2", "LimitExceeded")
def _() -> bytes:
    m = Maker(103, 16, 12, YUV420, profile=1, frame_count=65)
    m.add(KEY_FRAME, Address(), headers.KEY_FRAME.to_bytes(m.key_header(8192), {"components": 3}))
    m._counts[0, 0, 0, 0] = {"splats": 4}  # noqa: SLF001
    m.predicted(Address(0, 1), 64)
    return m.build()


@faulty("limit-covered", "700 splats that each cover 131,000 samples in limit level 1", "A.3", "LimitExceeded")
def _() -> bytes:
    m = Maker(104, 512, 256, YUV444)
    same = np.zeros((700, 3), np.int32)
    m.key(
        Address(),
        700,
        symbols=KeySymbols(np.zeros((700, 2), np.int64), same, np.zeros((700, 2), np.int32)),
        **{**CHOLESKY_SHAPE, "shape_offset": [32767, 0, 32767]},
    )
    return m.build()


# --- added later: the numbers of the others stay ---------------------------------------------------------------------


@faulty("slice-gap", "slice 2 of a layer that has only slice 0", "5.2")
def _() -> bytes:
    m = still()
    m.chunks = m.chunks[:1]
    m.key(Address(0, 0, 1, 0, 0), 3, last_slice=0)
    m.key(Address(0, 0, 1, 0, 2), 3)
    return m.build()


@faulty("slice-after-last", "slice 1 after slice 0 was said to be the last", "5.2")
def _() -> bytes:
    m = still()
    m.key(Address(0, 0, 1, 0, 1), 3)
    return m.build()


@faulty("keep-other-shape-bits", "kept parameters with another shape_bits than they had", "6.4")
def _() -> bytes:
    m = clip()
    m.chunks = [c for c in m.chunks if (c.type, c.address.layer, c.address.frame) != (PREDICTED, 1, 2)]
    m.predicted(Address(0, 2, 1), 2, keep=True, shape_bits=6)
    return m.build()


def sized(*sizes: tuple[int, int]) -> Maker:
    """A still of 16x12 with two levels of these sizes."""
    m = still()
    m.level_sizes(*sizes)
    return m


@faulty("level-size-zero", "a level 0 samples wide", "6.1")
def _() -> bytes:
    return edited(sized((1, 6), (16, 12)), HEAD, byte(-4, 0))


@faulty("level-size-above-reference", "a level one row higher than the reference size", "6.1")
def _() -> bytes:
    return sized((8, 6), (16, 13)).build(index=None)


@faulty("level-sizes-decrease", "level 1 is one column narrower than level 0", "6.1")
def _() -> bytes:
    return sized((9, 6), (8, 12)).build(index=None)


@faulty("level-size-too-small", "a level of 2 columns of 129, less than a 64th", "6.1")
def _() -> bytes:
    m = Maker(105, 129, 2, YUV420, layer_count=2)
    m.level_sizes((2, 1), (129, 2))
    return m.build(index=None)


@faulty("level-sizes-short", "sizes of one level where there are two", "6.1")
def _() -> bytes:
    return edited(sized((8, 6), (16, 12)), HEAD, lambda payload: payload.__delitem__(slice(-2, None)))


@faulty(
    "level-size-hash", "a hash of another size than the level's own (seen with --check-hash)", "6.6", "HashMismatch"
)
def _() -> bytes:
    m = still()
    m.hashes()
    m.level_sizes((8, 6), (15, 12))
    return m.build()
