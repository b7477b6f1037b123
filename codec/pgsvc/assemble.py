"""Put chunks together into a stream: header, index, chunks in progression order, end (spec 5.1). Used to write and to cut."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from pgsvc import headers
from pgsvc.container import DATA_TYPES, END, HEAD, INDEX, SIGNATURE, TILES, Address, write_chunk
from pgsvc.index import IndexEntry, write_index
from pgsvc.syntax import Record

FEW = 16  # chunks; their headers tell where each is as soon as an index would, which can be a fiftieth of a small still


class RawChunk(NamedTuple):
    """A whole chunk as bytes, with what is needed to put it in its place."""

    type: bytes
    address: Address
    raw: bytes


def make_chunk(kind: bytes, address: Address, payload: bytes) -> RawChunk:
    return RawChunk(kind, address, write_chunk(kind, address, payload))


def order_key(chunk: RawChunk, progression_order: int) -> tuple[int, ...]:
    """Sort key of a chunk (spec 5.3): its address, the layer first in layer order; other chunks follow the data they speak of.

    The table of a scene's tiles comes first.
    """
    if chunk.type == TILES:
        return (-1,)
    a = chunk.address
    is_data = chunk.type in DATA_TYPES
    within = (0, a.object, a.slice) if is_data else (1, a.object, a.slice)
    if progression_order == headers.LAYER_ORDER:
        return (a.layer, a.segment, a.frame, *within)
    return (a.segment, a.frame, a.layer, *within)


def prologue(header: Record, chunks: Iterable[RawChunk]) -> bytes:
    """Signature, HEAD and, unless the chunks are few, iNDX for chunks that follow in this order, ENDS included."""
    entries = [IndexEntry(c.type, c.address, len(c.raw)) for c in chunks]
    head = SIGNATURE + write_chunk(HEAD, Address(), headers.HEAD.to_bytes(header))
    return head + (write_chunk(INDEX, Address(), write_index(entries)) if len(entries) > FEW else b"")


def in_order(header: Record, chunks: Iterable[RawChunk]) -> list[RawChunk]:
    """The chunks sorted, and ENDS."""
    ordered = sorted(chunks, key=lambda c: order_key(c, header["progression_order"]))
    return [*ordered, make_chunk(END, Address(), b"")]


def assemble(header: Record, chunks: Iterable[RawChunk]) -> bytes:
    """A whole stream."""
    ordered = in_order(header, chunks)
    return prologue(header, ordered) + b"".join(c.raw for c in ordered)
