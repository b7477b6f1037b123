"""The faulty streams of the suite: each breaks one rule of one clause, with all CRCs right unless the CRC is the fault."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from synthetic import CHOLESKY_SHAPE, LAYER, YUV420, YUV444, Maker, index_payload, join, split
from valid_streams import layers, video

from pgsvc import headers
from pgsvc.assemble import RawChunk, make_chunk
from pgsvc.container import END, HASH, HEAD, INDEX, KEY_FRAME, PREDICTED, SIGNATURE, Address, write_chunk
from pgsvc.entropy import SymbolWriter
from pgsvc.index import read_index
from pgsvc.planar.symbols import KeySymbols, code_key

Entry = tuple[str, str, str, str, Callable[[], bytes]]
FAULTY: list[Entry] = []
EXIT_CODES = {"BadStream": 1, "HashMismatch": 1, "Unsupported": 3, "LimitExceeded": 4}


def faulty(name: str, tests: str, clause: str, error: str = "BadStream") -> Callable[[Callable[[], bytes]], None]:
    def note(make: Callable[[], bytes]) -> None:
        FAULTY.append((f"{len(FAULTY) + 1:02}-{name}", tests, error, clause, make))

    return note


def still() -> Maker:
    m = Maker(101, 16, 12, YUV420)
    layers(m, [5, 5])
    return m


KEY_HEADER = len(
    headers.KEY_FRAME.to_bytes(still().key_header(5), {"components": 3})
)  # bytes of a KEYF header in still()


def clip(**fields: int) -> Maker:
    m = Maker(102, 16, 12, YUV420, **fields)
    video(m, [5, 5], parts=(1, 2))
    return m


def edited(m: Maker, kind: bytes, change: Callable[[bytearray], object], which: int = 0) -> bytes:
    """The stream with the payload of one chunk changed in place, its CRC made again."""
    chunks = split(m.build(index=None))
    at = [i for i, c in enumerate(chunks) if c.type == kind][which]
    payload = payload_of(chunks[at])
    change(payload)
    chunks[at] = make_chunk(kind, chunks[at].address, bytes(payload))
    return join(chunks)


def payload_of(chunk: RawChunk) -> bytearray:
    header = len(write_chunk(chunk.type, chunk.address, b"")) - 4
    while True:  # the header grows with the size of the payload
        payload = chunk.raw[header:-4]
        if write_chunk(chunk.type, chunk.address, payload) == chunk.raw:
            return bytearray(payload)
        header += 1


def byte(at: int, value: int) -> Callable[[bytearray], None]:
    def change(payload: bytearray) -> None:
        payload[at] = value

    return change


def extended(m: Maker, kind: bytes, address: Address, payload: bytes) -> bytes:
    """The stream with one more chunk before ENDS, no index."""
    *body, end = split(m.build(index=None))
    return join([*body, make_chunk(kind, address, payload), end])


def retyped(old: bytes, new: bytes) -> bytes:
    """A still whose second layer has a chunk of another type."""
    chunks = split(still().build(index=None))
    at = [i for i, c in enumerate(chunks) if c.type == old][-1]
    chunks[at] = make_chunk(new, chunks[at].address, bytes(payload_of(chunks[at])))
    return join(chunks)


def head(**fields: int) -> bytes:
    """A still with HEAD fields that the writer itself would refuse to write."""
    m = still()
    names = [f.name for f in headers.HEAD.fields[:5]]
    (name, value), *rest = fields.items()
    assert not rest
    if name in names:
        return edited(m, HEAD, byte(names.index(name), value))
    m.header[name] = value
    return m.build(index=None)


# --- container -------------------------------------------------------------------------------------------------------


@faulty("signature", "the first byte of the signature is another", "4.1")
def _() -> bytes:
    return b"\x88" + still().build()[1:]


@faulty("signature-newline", "the file went through a newline conversion: CR LF became LF", "4.1")
def _() -> bytes:
    return still().build().replace(b"\r\n", b"\n", 1)


@faulty("header-missing", "the stream ends inside HEAD", "4.1")
def _() -> bytes:
    return still().build()[:20]


@faulty("crc", "one bit of a key frame payload is flipped, its CRC is not", "4.2")
def _() -> bytes:
    data = bytearray(still().build(index=None))
    data[-60] ^= 4
    return bytes(data)


@faulty("type-not-letters", "a chunk type with a digit", "4.2")
def _() -> bytes:
    return retyped(KEY_FRAME, b"KEY1")


@faulty("type-third-letter", "a chunk type whose third letter is lower case", "4.4")
def _() -> bytes:
    return extended(still(), b"texT", Address(), b"")


@faulty("critical-unknown", "a critical chunk of an unknown type", "4.4", "Unsupported")
def _() -> bytes:
    return extended(still(), b"NEWS", Address(), b"all that follows is different")


@faulty("object", "a data chunk of object 1, which format 0.1 does not have", "4.3", "Unsupported")
def _() -> bytes:
    chunks = split(still().build(index=None))
    chunks[-2] = make_chunk(KEY_FRAME, Address(0, 0, 1, 1, 0), bytes(payload_of(chunks[-2])))
    return join(chunks)


@faulty("leb128-padded", "a payload size in two bytes where one is enough", "2.3")
def _() -> bytes:
    import zlib

    *body, end = split(still().build(index=None))
    raw = b"\x80\x00" + end.raw[1:-4]
    return join(body) + raw + zlib.crc32(raw).to_bytes(4, "big")


@faulty("leb128-too-large", "a segment number of 2^32", "2.3")
def _() -> bytes:
    import zlib

    *body, end = split(still().build(index=None))
    raw = end.raw[:5] + b"\x80\x80\x80\x80\x10" + end.raw[6:-4]
    return join(body) + raw + zlib.crc32(raw).to_bytes(4, "big")


@faulty("trailing-bytes", "a byte after the ENDS chunk", "4.5")
def _() -> bytes:
    return still().build() + b"\n"


@faulty("chunk-too-large", "a chunk that announces more bytes than limit level 1 allows", "A.1", "LimitExceeded")
def _() -> bytes:
    *body, end = split(still().build(index=None))
    return join(body) + headers.CHUNK_HEADER.to_bytes(
        {"payload_size": (1 << 19) + 1, "type": int.from_bytes(KEY_FRAME, "big"), **Address(1)._asdict()}
    )


# --- structure -------------------------------------------------------------------------------------------------------


@faulty("head-not-first", "the first chunk is ENDS", "5.1")
def _() -> bytes:
    return SIGNATURE + write_chunk(END, Address(), b"")


@faulty("head-twice", "a second HEAD chunk", "5.1")
def _() -> bytes:
    m = still()
    return extended(m, HEAD, Address(), headers.HEAD.to_bytes(m.header))


@faulty("index-late", "the index comes after data", "5.1")
def _() -> bytes:
    return extended(still(), INDEX, Address(), index_payload([]))


@faulty("layer", "a data chunk of layer 2 where there are 2 layers", "5.2")
def _() -> bytes:
    m = still()
    m.key(Address(0, 0, 2), 3)
    return m.build()


@faulty("key-frame-address", "a key frame chunk with frame 1 in its address", "5.2")
def _() -> bytes:
    m = clip()
    m.key(Address(0, 1, 0, 0, 1), 3)
    return m.build()


@faulty("pred-without-keyf", "a predicted frame of a layer whose key frame is missing", "5.2")
def _() -> bytes:
    m = clip()
    m.chunks = [c for c in m.chunks if (c.type, c.address.layer) != (KEY_FRAME, 1)]
    return m.build()


@faulty("frame-gap", "a predicted chunk that begins one frame late", "5.2")
def _() -> bytes:
    m = clip()
    m.chunks = [c for c in m.chunks if (c.type, c.address.layer, c.address.frame) != (PREDICTED, 1, 1)]
    return m.build()


@faulty("pred-in-still", "a predicted frame in profile still", "5.2")
def _() -> bytes:
    m = still()
    m.predicted(Address(0, 1, 0))
    return m.build()


@faulty("order-segment", "layer 1 before layer 0 of the same frame", "5.3")
def _() -> bytes:
    first, a, b, end = split(still().build(index=None))
    return join([first, b, a, end])


@faulty("order-layer", "segment order in a stream that announces layer order", "5.3")
def _() -> bytes:
    m = clip(progression_order=LAYER)
    chunks = m.chunks
    return m.prologue() + b"".join(c.raw for c in sorted(chunks, key=lambda c: (c.address.frame, c.address.layer)))


@faulty("twice", "the same data chunk twice", "5.3")
def _() -> bytes:
    first, a, b, end = split(still().build(index=None))
    return join([first, a, b, b, end])


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


@faulty("profile", "profile 2 is not assigned", "6.1")
def _() -> bytes:
    return head(profile=2)


@faulty("head-reserved-bit", "the reserved bit of HEAD is set", "6.1")
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
    m._counts[0, 0, 0] = {"splats": 4}  # noqa: SLF001
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
