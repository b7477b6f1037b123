"""Faulty streams, part six: objects (spec 4.3, 5.2, 6.1)."""

from __future__ import annotations

import faulty_predicted  # noqa: F401  its streams come first
from faulty_tools import byte, edited, extended, faulty
from synthetic import YUV420, Maker, join, split
from synthetic_predicted import PredictedMaker

from pgsvc import headers
from pgsvc.container import HASH, HEAD, PREDICTED, Address

OBJECT_COUNT, FIRST, SECOND = -3, -2, -1  # bytes of the HEAD payload of a stream with two objects


def region(kind: type[Maker] = Maker, **fields: int) -> Maker:
    """Two layers of two objects."""
    m = kind(120, 16, 12, YUV420, layer_count=2, **fields)
    m.objects(2, 2)
    for layer in range(2):
        for number in range(2):
            m.graded(Address(0, 0, layer, number), 5)
    return m


def moving() -> PredictedMaker:
    m = region(PredictedMaker, frame_count=3)
    assert isinstance(m, PredictedMaker)
    for layer in range(2):
        for number in range(2):
            m.differences(Address(0, 1, layer, number), 2)
    return m


def without(m: Maker, kind: bytes, address: Address) -> bytes:
    m.chunks = [c for c in m.chunks if (c.type, c.address) != (kind, address)]
    return m.build(index=None)


@faulty("object-of-two", "a data chunk of object 2 in a stream of two objects", "5.2")
def _() -> bytes:
    m = region()
    m.graded(Address(0, 0, 1, 2), 3)
    return m.build()


@faulty("object-layer", "a data chunk of layer 1 of an object that has one layer", "5.2")
def _() -> bytes:
    m = region()
    m.objects(2, 1)
    return m.build()


@faulty("object-order", "object 1 before object 0 of the same layer", "5.3")
def _() -> bytes:
    first, a, b, *rest = split(region().build(index=None))
    return join([first, b, a, *rest])


@faulty("object-count-low", "object_count 1", "6.1")
def _() -> bytes:
    return edited(region(), HEAD, byte(OBJECT_COUNT, 1))


@faulty("object-count-high", "object_count 17", "6.1")
def _() -> bytes:
    def more(payload: bytearray) -> None:
        payload[OBJECT_COUNT] = 17
        payload.extend([2] * 15)

    return edited(region(), HEAD, more)


@faulty("object-layers-high", "an object with 17 layers", "6.1")
def _() -> bytes:
    return edited(region(), HEAD, byte(SECOND, 17))


@faulty("object-without-base", "object 0 has no layer", "6.1")
def _() -> bytes:
    return edited(region(), HEAD, byte(FIRST, 0))


@faulty("object-layers-few", "no object has as many layers as the stream", "6.1")
def _() -> bytes:
    m = region()
    m.objects(1, 1)
    return m.build(index=None)


@faulty("object-layers-many", "an object has more layers than the stream", "6.1")
def _() -> bytes:
    return edited(region(), HEAD, byte(SECOND, 3))


@faulty("object-layers-missing", "has_objects is set, but HEAD ends before the layers of all objects", "6.1")
def _() -> bytes:
    return edited(region(), HEAD, lambda payload: payload.pop())


@faulty("object-slice-gap", "slice 1 of an object that has no slice 0; the other object has one", "5.2")
def _() -> bytes:
    m = Maker(121, 16, 12, YUV420)
    m.objects(1, 1)
    m.graded(Address(), 5, last_slice=0)
    m.graded(Address(0, 0, 0, 1, 1), 5)
    return m.build()


@faulty(
    "object-pred-without-keyf",
    "a predicted frame of an object whose key frame is missing; the other object has one",
    "5.2",
)
def _() -> bytes:
    return without(moving(), b"KEYF", Address(0, 0, 1, 1))


@faulty(
    "object-motion-missing",
    "predicted frames of object 1 without those of object 0, whose motion they need",
    "6.4",
)
def _() -> bytes:
    return without(moving(), PREDICTED, Address(0, 1, 0, 0))


@faulty("object-hash", "a hash of object 1 alone", "6.6")
def _() -> bytes:
    return extended(region(), HASH, Address(0, 0, 0, 1), headers.HASH.to_bytes({"frame_count": 1, "crc32": 0}))


@faulty(
    "object-limit-splats",
    "two objects that together have more splats than limit level 1 allows",
    "A.2",
    "LimitExceeded",
)
def _() -> bytes:
    m = Maker(122, 16, 12, YUV420, layer_count=1)
    m.objects(1, 1)
    for number, n in enumerate((1 << 13, (1 << 13) + 1)):
        m.graded(Address(0, 0, 0, number), n, energies=0, shears=0)
    return m.build(index=None)
