"""Faulty streams, part one: chunks and their order (spec 4, 5)."""

from __future__ import annotations

from faulty_tools import (
    clip,
    extended,
    faulty,
    payload_of,
    retyped,
    still,
)
from synthetic import LAYER, index_payload, join, split

from pgsvc import headers
from pgsvc.assemble import make_chunk
from pgsvc.container import END, HEAD, INDEX, KEY_FRAME, PREDICTED, SIGNATURE, Address, write_chunk

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


@faulty("object", "a data chunk of object 1 in a stream of one object", "5.2")
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
