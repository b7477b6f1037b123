"""The HEAD chunk, held against the rules that concern several of its fields (spec 6.1)."""

from __future__ import annotations

from pgsvc import headers
from pgsvc.bits import BitReader
from pgsvc.container import Chunk
from pgsvc.errors import BadStream, Unsupported
from pgsvc.limits import Limits, check_header
from pgsvc.picture import Chroma
from pgsvc.syntax import Record


def read_head(chunk: Chunk, allowed: Limits) -> tuple[Record, Limits]:
    """The stream header, and the limits that are in force.

    Raises:
        Unsupported: the stream is of a later format.
        BadStream, LimitExceeded: the header breaks a rule, or asks for more than is allowed.
    """
    version = tuple(chunk.payload[:3])
    if len(version) == 3 and (version[0] != headers.FORMAT_MAJOR or version[2] > headers.FORMAT_MINOR):
        needed = f"{version[0]}.{version[2]}"
        mine = f"{headers.FORMAT_MAJOR}.{headers.FORMAT_MINOR}"
        raise Unsupported(f"the stream needs a reader of format {needed}; this one reads {mine}", clause="6.1")
    header = headers.HEAD.read(BitReader(chunk.payload))
    limits = check_header(header, allowed)
    if header["profile"] == headers.PROFILES["still"] and header["frame_count"] != 1:
        raise BadStream("a still with more than one frame", clause="6.1", offset=chunk.offset)
    if header["min_reader_minor"] > header["format_minor"]:
        raise BadStream("min_reader_minor is above format_minor", clause="6.1", offset=chunk.offset)
    if header["matrix_coefficients"] == 0 and Chroma(header["chroma_format"]) in (Chroma.YUV420, Chroma.YUV422):
        raise BadStream("RGB with subsampled chroma", clause="6.1", offset=chunk.offset)
    of_pictures = ("full_range", "chroma_location", "has_level_sizes", "chroma_format")
    if header["profile"] == headers.SCENE and any(header[name] for name in of_pictures):
        raise BadStream("a scene whose header speaks of pictures", clause="6.1", offset=chunk.offset)
    return header, limits
