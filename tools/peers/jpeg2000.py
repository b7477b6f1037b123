"""JPEG 2000 by OpenJPEG, rate allocation for least squared error: one stream per rate, or quality layers in one stream.

A layer's prefix is a codestream of its own: the same packets up to the end of the layer, the number of layers and the length of
the tile-part set to what is there, and an end marker. The lengths of packets come from the PLT marker of a second encoding,
which is otherwise the same; the measured stream has no PLT, so that every byte of it is needed.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image, features

from peers import Point, StillPeer

SOC, COD, SOT, PLT, SOD, EOC = (bytes([0xFF, code]) for code in (0x4F, 0x52, 0x90, 0x58, 0x93, 0xD9))
TOPS = (0.09, 0.15, 0.3, 0.6, 1.05, 1.6)  # bits per pixel of whole streams
SHARES = (1 / 3, 2 / 3, 1)  # of the bytes, at the end of each layer
SINGLES = (0.05, 0.09, 0.15, 0.25, 0.4, 0.7, 1.05)
SETTINGS = {"colour": "irreversible (ICT)", "wavelet": "9/7", "progression": "LRCP", "file": "raw codestream"}


def encode(picture: np.ndarray, rates: Sequence[float], plt: bool = False, mct: int = 1) -> bytes:
    """A codestream whose layers end near ``rates`` bits per pixel (ascending); ``mct`` 0: without a colour transform."""
    out = io.BytesIO()
    options = {"quality_mode": "rates", "quality_layers": [24 / r for r in rates], "progression": "LRCP"}
    transform = {"irreversible": True, "mct": mct, "no_jp2": True, "plt": plt}
    Image.fromarray(picture).save(out, "JPEG2000", **options, **transform)
    return out.getvalue()


def decode(stream: bytes) -> np.ndarray:
    """[H, W, 3] uint8 of a codestream."""
    with Image.open(io.BytesIO(stream)) as image:
        return np.asarray(image.convert("RGB"))


def segments(stream: bytes) -> list[tuple[bytes, int, int]]:
    """(marker, begin, end) of the marker segments up to the first packet; the last one is SOD."""
    found, at = [], 2
    while stream[at : at + 2] != SOD:
        end = at + 2 + struct.unpack_from(">H", stream, at + 2)[0]
        found.append((stream[at : at + 2], at, end))
        at = end
    return [*found, (SOD, at, at + 2)]


def layer_sizes(stream_with_plt: bytes, layers: int) -> list[int]:
    """Bytes of the packets of each layer of a stream of one tile in LRCP order."""
    sizes, value = [], 0
    for marker, begin, end in segments(stream_with_plt):
        for byte in stream_with_plt[begin + 5 : end] if marker == PLT else b"":
            value = value << 7 | byte & 0x7F
            if not byte & 0x80:
                sizes.append(value)
                value = 0
    packets = len(sizes) // layers
    return [sum(sizes[k * packets : (k + 1) * packets]) for k in range(layers)]


def prefixes(picture: np.ndarray, rates: Sequence[float], mct: int = 1) -> list[bytes]:
    """The codestreams of the first layer, the first two, … all layers of one encoding."""
    whole = encode(picture, rates, mct=mct)
    sizes = layer_sizes(encode(picture, rates, plt=True, mct=mct), len(rates))
    places = {marker: begin for marker, begin, _ in segments(whole)}
    first = places[SOD] + 2
    if first + sum(sizes) + len(EOC) != len(whole):
        raise ValueError("the lengths of the packets do not add up to the stream")
    cut = []
    for k in range(len(rates)):
        end = first + sum(sizes[: k + 1])
        part = bytearray(whole[:end] + EOC)
        struct.pack_into(">H", part, places[COD] + 6, k + 1)
        struct.pack_into(">I", part, places[SOT] + 6, end - places[SOT])
        cut.append(bytes(part))
    return cut


def _layered(picture: np.ndarray) -> Iterator[Point]:
    for top in TOPS:
        streams = prefixes(picture, [top * share for share in SHARES])
        for k, stream in enumerate(streams):
            yield Point(f"{top} bpp", k, len(streams), len(stream), decode(stream))


def _single(picture: np.ndarray) -> Iterator[Point]:
    for rate in SINGLES:
        stream = encode(picture, [rate])
        yield Point(f"{rate} bpp", 0, 1, len(stream), decode(stream))


def _peer(codec: str, encode: object, **settings: object) -> StillPeer:
    return StillPeer(codec, f"OpenJPEG {features.version_codec('jpg_2000')}", encode, SETTINGS | settings)


def layered() -> StillPeer:
    """Three quality layers in one stream; each prefix of layers is a point."""
    return _peer("JPEG 2000 layers", _layered, bpp=list(TOPS), layers=[round(s, 3) for s in SHARES])


def single() -> StillPeer:
    """One stream of one layer per rate."""
    return _peer("JPEG 2000", _single, bpp=list(SINGLES))
