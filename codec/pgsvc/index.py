"""The index at the front (spec 6.2): address and size of every chunk after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pgsvc.bits import BitReader
from pgsvc.container import Address
from pgsvc.errors import BadStream
from pgsvc.headers import ADDRESS, INDEX_ENTRY, INDEX_HEADER

MAX_INDEX_BYTES = 1 << 26
SHORTEST_ENTRY = 7  # bytes
_STORED, _ZSTANDARD = 0, 1


@dataclass(frozen=True)
class IndexEntry:
    """One chunk: its type, address and whole size in bytes, header and CRC included."""

    type: bytes
    address: Address
    size: int


def write_index(entries: Sequence[IndexEntry]) -> bytes:
    """Payload of an iNDX chunk; compressed where that is smaller."""
    types = sorted({e.type for e in entries})
    body = b"".join(
        INDEX_ENTRY.to_bytes({"type_index": types.index(e.type), **e.address._asdict(), "chunk_size": e.size})
        for e in entries
    )
    import zstandard

    packed = zstandard.ZstdCompressor(level=19).compress(body)
    compression = _ZSTANDARD if len(packed) < len(body) else _STORED
    header = {
        "compression": compression,
        "type_count": len(types),
        "types": [int.from_bytes(t, "big") for t in types],
        "entry_count": len(entries),
    }
    return INDEX_HEADER.to_bytes(header) + (packed if compression else body)


def read_index(payload: bytes, max_entries: int | None = None) -> list[IndexEntry] | None:
    """Parse an iNDX payload.

    Args:
        max_entries: an index with more entries is ignored (spec 5.1), since a few bytes can announce millions of them.

    Raises:
        BadStream: the payload does not hold exactly the entries that it announces.
    """
    reader = BitReader(payload)
    header = INDEX_HEADER.read(reader)
    body = payload[reader.pos // 8 :]
    if header["compression"] == _ZSTANDARD:
        import zstandard

        try:
            # Not decompress(): that allocates whatever size the frame header claims.
            with zstandard.ZstdDecompressor(max_window_size=MAX_INDEX_BYTES).stream_reader(body) as unpacked:
                body = unpacked.read(MAX_INDEX_BYTES + 1)
        except zstandard.ZstdError as error:
            raise BadStream(f"the index does not decompress: {error}", clause="6.2") from None
    if len(body) > MAX_INDEX_BYTES:
        raise BadStream("the index is larger than 2^26 bytes", clause="6.2")
    if header["entry_count"] * SHORTEST_ENTRY > len(body):
        raise BadStream("the index is shorter than its entry count", clause="6.2")
    if max_entries is not None and header["entry_count"] > max_entries:
        return None
    reader = BitReader(body)
    types = [t.to_bytes(4, "big") for t in header["types"]]
    entries = []
    for _ in range(header["entry_count"]):
        e = INDEX_ENTRY.read(reader)
        if e["type_index"] >= len(types):
            raise BadStream("an index entry names a type that is not listed", clause="6.2")
        address = Address(*(e[f.name] for f in ADDRESS.fields))
        entries.append(IndexEntry(types[e["type_index"]], address, e["chunk_size"]))
    if reader.remaining:
        raise BadStream("the index is longer than its entry count", clause="6.2")
    return entries
