"""Damaged streams for the fuzzer, each from its number and the seed alone.

They are made from good streams: flipped bits, cuts, splices, inserted bytes, lying lengths, header fields changed through the
declared syntax, half of them with the CRCs made again.
"""

from __future__ import annotations

import random

MOST_VALUES = 1 << 12  # of a field that another field brings


class Mutator:
    """Damaged streams, each from its number and the seed alone."""

    def __init__(self, seed: int, corpus: list[bytes]) -> None:
        self._seed, self._corpus = seed, corpus

    def __call__(self, number: int) -> bytes:
        rng = random.Random(f"{self._seed}.{number}")
        data = bytearray(rng.choice(self._corpus))
        if rng.random() < 0.4:
            data = change_field(rng, data)
        else:
            for _ in range(rng.choice((1, 1, 2, 4))):
                rng.choice(DAMAGES)(rng, data, self._corpus)
        if rng.random() < 0.5:
            repair_crcs(data)
        return bytes(data)


def flip_bits(rng: random.Random, data: bytearray, corpus: list[bytes]) -> None:
    for _ in range(rng.choice((1, 1, 3, 10))):
        if data:
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def set_bytes(rng: random.Random, data: bytearray, corpus: list[bytes]) -> None:
    if data:
        at = rng.randrange(len(data))
        size = rng.choice((1, 1, 2, 4, 8))
        data[at : at + size] = bytes([rng.choice((0, 1, 127, 128, 255))]) * len(data[at : at + size])


def exchange_chunks(rng: random.Random, data: bytearray, corpus: list[bytes]) -> None:
    """Two chunks change places, or one comes twice."""
    places = chunk_places(data)
    if places:
        (a, _, a_end), (b, _, b_end) = sorted((rng.choice(places), rng.choice(places)))
        first, second = data[a : a_end + 4], data[b : b_end + 4]
        data[b : b_end + 4] = first
        if a < b and rng.random() < 0.7:
            data[a : a_end + 4] = second


def cut_off(rng: random.Random, data: bytearray, corpus: list[bytes]) -> None:
    del data[rng.randrange(len(data) + 1) :]


def take_out(rng: random.Random, data: bytearray, corpus: list[bytes]) -> None:
    at = rng.randrange(len(data) + 1)
    del data[at : at + rng.choice((1, 2, 4, 30, 300))]


def insert_bytes(rng: random.Random, data: bytearray, corpus: list[bytes]) -> None:
    at = rng.randrange(len(data) + 1)
    data[at:at] = rng.randbytes(rng.choice((1, 2, 4, 16)))


def double(rng: random.Random, data: bytearray, corpus: list[bytes]) -> None:
    at = rng.randrange(len(data) + 1)
    data[at:at] = data[at : at + rng.choice((1, 4, 40, 400))]


def splice(rng: random.Random, data: bytearray, corpus: list[bytes]) -> None:
    """The chunks of two streams mixed: the front of one, the end of the other."""
    other = rng.choice(corpus)
    a, b = chunk_places(data), chunk_places(other)
    at = rng.choice(a)[0] if a else len(data)
    data[at:] = other[rng.choice(b)[0] :] if b else b""


def lie_about_length(rng: random.Random, data: bytearray, corpus: list[bytes]) -> None:
    places = chunk_places(data)
    if places:
        at = rng.choice(places)[0]
        data[at] = (data[at] & 128 if rng.random() < 0.5 else 0) | rng.randrange(128)


DAMAGES = (
    flip_bits,
    flip_bits,
    set_bytes,
    cut_off,
    take_out,
    insert_bytes,
    double,
    splice,
    lie_about_length,
    exchange_chunks,
)


def chunk_places(data: bytes | bytearray) -> list[tuple[int, int, int]]:
    """(start, payload start, end without CRC) of the chunks, as far as their lengths lead."""
    from pgsvc.bits import BitReader
    from pgsvc.container import LONGEST_HEADER
    from pgsvc.errors import BadStream
    from pgsvc.headers import CHUNK_HEADER

    places, at = [], 8
    while at < len(data):
        reader = BitReader(bytes(data[at : at + LONGEST_HEADER]))
        try:
            header = CHUNK_HEADER.read(reader)
        except BadStream:
            break
        payload = at + reader.pos // 8
        end = payload + header["payload_size"]
        if end + 4 > len(data):
            break
        places.append((at, payload, end))
        at = end + 4
    return places


def repair_crcs(data: bytearray) -> None:
    import zlib

    for start, _, end in chunk_places(data):
        data[end : end + 4] = zlib.crc32(data[start:end]).to_bytes(4, "big")


def change_field(rng: random.Random, data: bytearray) -> bytearray:
    """One field of one chunk header or payload header takes another value, also one out of its range; lengths follow."""
    from pgsvc import container, headers
    from pgsvc.bits import BitReader
    from pgsvc.errors import BadStream

    structures = {
        container.HEAD: headers.HEAD,
        container.KEY_FRAME: headers.KEY_FRAME,
        container.PREDICTED: headers.PREDICTED_FRAMES,
        container.INDEX: headers.INDEX_HEADER,
        container.HASH: headers.HASH,
        container.SPLATS: headers.SPLATS,
        container.REFINEMENT: headers.REFINEMENT,
        container.TILES: headers.TILE,
    }
    places = chunk_places(data)
    if not places:
        return data
    start, at, end = rng.choice(places)
    head = headers.CHUNK_HEADER.read(BitReader(bytes(data[start:at])))
    kind, payload = head["type"].to_bytes(4, "big"), bytes(data[at:end])
    if kind in structures and rng.random() < 0.85:
        structure = structures[kind]
        head_payload = bytes(data[places[0][1] : places[0][2]])
        context = {"components": 1 if head_payload[5:] and head_payload[5] & 7 == 0 else 3}
        context["sh_degree"] = head_payload[7] >> 4 & 3 if head_payload[3:4] == b"\2" and len(head_payload) > 7 else 0
        reader = BitReader(payload)
        try:
            record = structure.read(reader, context)
            field = rng.choice([f for f in structure.fields if record[f.name] is not None])
            record[field.name] = other_value(rng, field, record[field.name])
            if record.get("has_level_sizes") and record["level_sizes"] is None:
                record["level_sizes"] = some_level_sizes(rng, record)
            if record.get("has_objects") and record["object_layers"] is None:
                record["object_count"] = rng.randint(2, 4)
                more = [rng.randint(0, record["layer_count"]) for _ in range(record["object_count"] - 1)]
                record["object_layers"] = [record["layer_count"], *more]
            add_missing(rng, structure, record, context)
            payload = relaxed(structure).to_bytes(record, context) + payload[reader.pos // 8 :]
        except (BadStream, ValueError, TypeError, KeyError):
            return data
    else:
        field = rng.choice([f for f in headers.CHUNK_HEADER.fields if f.name != "payload_size"])
        head[field.name] = other_value(rng, field, head[field.name])
    head["payload_size"] = len(payload)
    data[start:end] = headers.CHUNK_HEADER.to_bytes(head) + payload
    repair_crcs(data)
    return data


def relaxed(structure):  # noqa: ANN001, ANN201
    """The structure without its ranges, to write what the decoder must refuse."""
    from dataclasses import replace

    from pgsvc.syntax import Structure

    fields = tuple(
        replace(
            f, allowed=None, descriptor=relaxed(f.descriptor) if isinstance(f.descriptor, Structure) else f.descriptor
        )
        for f in structure.fields
    )
    return replace(structure, fields=fields)


def add_missing(rng: random.Random, structure, record, context) -> None:  # noqa: ANN001
    """Values, mostly ones that a conforming stream may have, for fields that are there since another field changed."""
    scope = {**context, **record}
    for field in structure.fields:
        if record.get(field.name) is None and (field.when is None or field.when(scope)):
            count = field.count(scope) if callable(field.count) else field.count
            if count is not None and count > MOST_VALUES:
                raise ValueError("more numbers than a field can have that a reader gets to")
            values = [some_value(rng, field, scope) for _ in range(1 if count is None else count)]
            record[field.name] = scope[field.name] = values[0] if count is None else values


def some_value(rng: random.Random, field, scope):  # noqa: ANN001, ANN201
    if not isinstance(field.descriptor, str):
        inner: dict = {}
        add_missing(rng, field.descriptor, inner, scope)
        return inner
    if field.allowed is not None and rng.random() < 0.95:
        return rng.choice(field.allowed)
    return other_number(rng, field.descriptor, 0)


def other_value(rng: random.Random, field, value):  # noqa: ANN001, ANN201
    if isinstance(value, list):
        value = list(value)
        if value and not isinstance(value[0], dict):
            i = rng.randrange(len(value))
            value[i] = other_number(rng, field.descriptor, value[i])
        elif value:
            i, inner = rng.randrange(len(value)), rng.choice(field.descriptor.fields)
            value[i] = {**value[i], inner.name: other_value(rng, inner, value[i][inner.name])}
        return value
    return other_number(rng, field.descriptor, value)


def some_level_sizes(rng: random.Random, record) -> list[dict[str, int]]:  # noqa: ANN001
    """A size for each layer, mostly ones that a conforming stream may have."""
    sides = []
    for side in (record["width"], record["height"]):
        low = -(-side // rng.choice((1, 2, 64, 64, 80)))
        sides.append(sorted(rng.randint(low, side) for _ in range(record["layer_count"])))
    return [{"level_width": w, "level_height": h} for w, h in zip(*sides, strict=True)]


def other_number(rng: random.Random, descriptor: str, value: int) -> int:
    bits = 32 if descriptor == "leb" else int(descriptor[1:])
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if descriptor[0] == "i" else (0, (1 << bits) - 1)
    choices = (value + 1, value - 1, value ^ 1 << rng.randrange(bits), rng.randint(low, high), low, high, value * 2)
    return min(max(rng.choice(choices), low), high)
