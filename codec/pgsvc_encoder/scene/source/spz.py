"""SPZ files, versions 2 to 4, after nianticlabs/spz (README.md, src/cc/load-spz.cc, include/spz/splat-types.h).

Versions 2 and 3 are one gzip stream; version 4 has a plain header, records of extensions, a table of sizes and a zstd stream
for each attribute. Attributes come in the same order in all. The README gives the frame as RUB; a record
``SPZ_ADOBE_coordinate_system`` overrides it. Files of programs that write without conversion are really "rdf" and do not
say so (as users of spz report; splat-transform since version 3): for those the frame has to be given.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np

from pgsvc.scene.output import spz as layout
from pgsvc.scene.splats import SceneFormat
from pgsvc_encoder.scene.source.base import Reading, check_count, damaged
from pgsvc_encoder.scene.source.spz_fields import splats_of

_REST = (0, 3, 8, 15, 24)
_RATIO, _ALWAYS = 256, 1 << 26  # a gzip stream may be so many times its size, or so many bytes in any case


def read_spz(data: bytes, name: str) -> Reading:
    """Splats of degree 0 … 3; what a file of degree 4 has more is left out, and said in `Reading.losses`.

    Raises:
        UsageError: damage, or another version.
    """
    packed = data.startswith(b"\x1f\x8b")
    start = _inflated(data, layout.HEADER.size, name)[: layout.HEADER.size] if packed else data[: layout.HEADER.size]
    if len(start) < layout.HEADER.size or not start.startswith(layout.MAGIC):
        raise damaged(name, "it does not begin with a header of SPZ")
    _, version, count, degree, bits, flags, _ = layout.HEADER.unpack(start)
    if version not in ((2, 3) if packed else (4,)):
        raise damaged(name, f"it says that it is version {version}, and 2, 3 and 4 are read")
    check_count(count, name)
    if degree >= len(_REST) or bits > 23:
        raise damaged(name, f"degree {degree} or {bits} fraction bits are not possible")
    sizes = [9 * count, count, 3 * count, 3 * count, (3 if version == 2 else 4) * count, 3 * _REST[degree] * count]
    if packed:
        streams, records = _sections(data, sizes, flags, name)
    else:
        streams, records = _streams(data, sizes if degree else sizes[:5], flags, name)
    format = SceneFormat(
        sh_degree=min(degree, 3),
        frame=_frame(records, name),
        kernel="antialiased" if flags & layout.ANTIALIASED else "classic",
    )
    losses = ["the coefficients of degree 4 are left out"] if degree == 4 else []
    return Reading(splats_of(streams, version, bits, format.rest_count), format, losses)


def _inflated(data: bytes, size: int, name: str) -> bytes:
    """The first ``size`` bytes of a gzip stream, or fewer where it has no more; its check sum holds if it ends.

    Raises:
        UsageError: it is no gzip stream, or is cut off.
    """
    stream = zlib.decompressobj(wbits=31)
    try:
        whole = stream.decompress(data, size + 1)
    except zlib.error as error:
        raise damaged(name, f"its gzip stream breaks off ({error})") from error
    if not stream.eof and len(whole) <= size:
        raise damaged(name, "its gzip stream is cut off")
    return whole


def _sections(data: bytes, sizes: list[int], flags: int, name: str) -> tuple[list[bytes], bytes]:
    """The attributes of versions 2 and 3, and the records behind them."""
    size = layout.HEADER.size + sum(sizes)
    if size > max(_ALWAYS, _RATIO * len(data)):
        raise damaged(name, f"{len(data)} bytes cannot hold the {size} that its header asks for")
    room = _ALWAYS if flags & layout.EXTENSIONS else 0
    whole = _inflated(data, size + room, name)
    if len(whole) < size or len(whole) > size + room:
        raise damaged(name, f"it should hold {size} bytes, and has {'fewer' if len(whole) < size else 'more'}")
    ends = layout.HEADER.size + np.cumsum([0, *sizes])
    return [whole[a:b] for a, b in zip(ends[:-1], ends[1:], strict=True)], whole[size:]


def _streams(data: bytes, sizes: list[int], flags: int, name: str) -> tuple[list[bytes], bytes]:
    """The attributes of version 4, and the records before them."""
    if len(data) < layout.HEADER_4.size:
        raise damaged(name, "its header is cut off")
    *_, number, table = layout.HEADER_4.unpack_from(data)
    start = table + 16 * number
    if number != len(sizes) or not layout.HEADER_4.size <= table or start > len(data):
        raise damaged(name, "its table of streams is not possible")
    streams = []
    for index, size in enumerate(sizes):
        small, whole = struct.unpack_from("<QQ", data, table + 16 * index)
        if whole != size or small > len(data) - start:
            raise damaged(name, "the sizes of its streams are not possible")
        streams.append(_unpacked(data[start : start + small], size, name))
        start += small
    if start != len(data):
        raise damaged(name, f"{len(data) - start} bytes follow its last stream")
    return streams, data[layout.HEADER_4.size : table] if flags & layout.EXTENSIONS else b""


def _unpacked(data: bytes, size: int, name: str) -> bytes:
    import zstandard

    try:
        if zstandard.get_frame_parameters(data).content_size not in (size, zstandard.CONTENTSIZE_UNKNOWN):
            raise damaged(name, "a zstd stream has another size than it should")
        whole = zstandard.ZstdDecompressor(max_window_size=1 << 27).decompress(data, max_output_size=max(size, 1))
    except zstandard.ZstdError as error:
        raise damaged(name, f"a zstd stream breaks off ({error})") from error
    if len(whole) != size:
        raise damaged(name, "a zstd stream has another size than it should")
    return whole


def _frame(records: bytes, name: str) -> str:
    """What the records of extensions say of the frame; records of other types are passed over."""
    place, frame = 0, layout.FRAME
    while place < len(records):
        if len(records) - place < layout.EXTENSION.size:
            raise damaged(name, "a record of an extension is cut off")
        kind, size = layout.EXTENSION.unpack_from(records, place)
        place += layout.EXTENSION.size
        if size > len(records) - place:
            raise damaged(name, "a record of an extension is cut off")
        if kind == layout.COORDINATE_SYSTEM:
            code = int.from_bytes(records[place : place + size], "little")
            if code and code not in layout.COORDINATE_SYSTEMS:
                raise damaged(name, f"its coordinate system {code} is none that scenes have here")
            frame = layout.COORDINATE_SYSTEMS.get(code, frame)
        place += size
    return frame
