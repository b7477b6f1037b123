"""What the faulty streams are made with: small good streams, ways to spoil them, and the list that collects them."""

from __future__ import annotations

from collections.abc import Callable

from synthetic import YUV420, Maker, join, split
from valid_streams import layers, video

from pgsvc import headers
from pgsvc.assemble import RawChunk, make_chunk
from pgsvc.container import HEAD, Address, write_chunk

Entry = tuple[str, str, str, str, Callable[[], bytes]]
FAULTY: list[Entry] = []
EXIT_CODES = {"BadStream": 1, "HashMismatch": 1, "Unsupported": 3, "LimitExceeded": 4}


def faulty(
    name: str, tests: str, clause: str, error: str = "BadStream", number: int | None = None
) -> Callable[[Callable[[], bytes]], None]:
    """Note a stream; its number is the next one, unless a later one is given."""

    def note(make: Callable[[], bytes]) -> None:
        following = number or (int(FAULTY[-1][0].partition("-")[0]) + 1 if FAULTY else 1)
        FAULTY.append((f"{following:02}-{name}", tests, error, clause, make))

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
