"""Chunks: how bytes are framed, addressed and protected (spec 4). Knows nothing of what chunks contain."""

from __future__ import annotations

import zlib
from typing import NamedTuple

from pgsvc.errors import BadStream, LimitExceeded, NeedMoreData
from pgsvc.headers import CHUNK_HEADER
from pgsvc.syntax import Record
from pgsvc.syntax_reading import EndOfRecord

SIGNATURE = b"\x89PGS\r\n\x1a\n"
HEAD, INDEX, KEY_FRAME, PREDICTED, HASH, END = b"HEAD", b"iNDX", b"KEYF", b"PRED", b"hASH", b"ENDS"
SPLATS, REFINEMENT, TILES = b"SPLT", b"FINE", b"tILe"
PICTURE_TYPES, SCENE_TYPES = (KEY_FRAME, PREDICTED), (SPLATS, REFINEMENT)
DATA_TYPES = (*PICTURE_TYPES, *SCENE_TYPES)
TYPES = frozenset((HEAD, INDEX, HASH, END, TILES, *DATA_TYPES))
LONGEST_HEADER = 5 + 4 + 5 + 5 + 1 + 1 + 5


class Address(NamedTuple):
    """Where a chunk belongs (spec 4.3). ``frame`` counts from the segment's key frame, which is frame 0."""

    segment: int = 0
    frame: int = 0
    layer: int = 0
    object: int = 0
    slice: int = 0


class Chunk(NamedTuple):
    """One chunk; ``raw`` holds all its bytes, header and CRC included, for tools that copy."""

    type: bytes
    address: Address
    payload: bytes
    raw: bytes
    offset: int

    @property
    def is_critical(self) -> bool:
        """The case of the first letter: a reader that does not know a critical chunk must stop (spec 4.4)."""
        return not self.type[0] & 32


def write_chunk(kind: bytes, address: Address, payload: bytes) -> bytes:
    """The bytes of a chunk (spec 4.2)."""
    header = {"payload_size": len(payload), "type": int.from_bytes(kind, "big"), **address._asdict()}
    body = CHUNK_HEADER.to_bytes(header) + payload
    return body + zlib.crc32(body).to_bytes(4, "big")


class ChunkParser:
    """Push parser: :meth:`feed` it bytes as they come, then take chunks until it raises :class:`NeedMoreData`.

    Args:
        max_chunk_bytes: payloads above this are refused before they are buffered (spec A).
    """

    def __init__(self, max_chunk_bytes: int) -> None:
        self._buffer = bytearray()
        self._position = 0
        self._offset = 0
        self._signature_seen = False
        self.max_chunk_bytes = max_chunk_bytes

    @property
    def pending(self) -> int:
        """Bytes fed but not yet part of a whole chunk."""
        return len(self._buffer) - self._position

    @property
    def signature_seen(self) -> bool:
        return self._signature_seen

    @property
    def offset(self) -> int:
        """Stream position of the next chunk."""
        return self._offset

    def feed(self, data: bytes) -> None:
        if self._position > 1 << 16:
            del self._buffer[: self._position]
            self._position = 0
        self._buffer += data

    def next_chunk(self) -> Chunk:
        """The next whole chunk.

        Raises:
            NeedMoreData: the buffered bytes do not hold a whole chunk yet.
            BadStream: signature, length, type, address or CRC are wrong.
            LimitExceeded: the chunk is larger than allowed.
        """
        if not self._signature_seen:
            self._take_signature()
        buffer, start = self._buffer, self._position
        if start == len(buffer):
            raise NeedMoreData("no chunk has begun")
        header, kind, payload_at = self._header(start)
        end = payload_at + header["payload_size"] + 4
        if end > len(buffer):
            raise NeedMoreData("the chunk is not complete")
        raw = bytes(buffer[start:end])
        if zlib.crc32(memoryview(raw)[:-4]) != int.from_bytes(raw[-4:], "big"):
            raise BadStream("the CRC of the chunk does not fit", clause="4.2", offset=self._offset)
        address = Address(header["segment"], header["frame"], header["layer"], header["object"], header["slice"])
        chunk = Chunk(kind, address, raw[payload_at - start : -4], raw, self._offset)
        self._position = end
        self._offset += len(raw)
        return chunk

    def _take_signature(self) -> None:
        head = bytes(self._buffer[: len(SIGNATURE)])
        if head != SIGNATURE[: len(head)]:
            raise BadStream("this is not a .pgs stream: the signature is missing", clause="4.1", offset=0)
        if len(head) < len(SIGNATURE):
            raise NeedMoreData("the signature is not complete")
        self._signature_seen = True
        self._position = self._offset = len(SIGNATURE)

    def _header(self, start: int) -> tuple[Record, bytes, int]:
        """The chunk header at ``start``, the type in it, and the position of the payload."""
        header: Record = {}
        try:
            payload_at = CHUNK_HEADER.read_into(self._buffer, start, header) >> 3
        except EndOfRecord:
            raise NeedMoreData("the chunk header is not complete") from None
        except BadStream as error:
            raise BadStream(f"chunk header: {error.message}", clause=error.clause, offset=self._offset) from None
        kind = header["type"].to_bytes(4, "big")
        if kind not in TYPES:
            self._check_type(kind)
        if header["payload_size"] > self.max_chunk_bytes:
            raise LimitExceeded(
                f"a chunk of {header['payload_size']} bytes at byte {self._offset}; allowed are {self.max_chunk_bytes}"
            )
        return header, kind, payload_at

    def _check_type(self, kind: bytes) -> None:
        """Hold a type that is not known against the rules for all of them."""
        if not (kind.isascii() and kind.isalpha()):
            raise BadStream("the chunk type is not four letters", clause="4.2", offset=self._offset)
        if kind[2] & 32:
            raise BadStream("the third letter of the chunk type is not upper case", clause="4.4", offset=self._offset)
