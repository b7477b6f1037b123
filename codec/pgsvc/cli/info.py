"""pgsvc-info: what is inside a stream. What is shown of scenes is in `pgsvc.cli.info_scene`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pgsvc.cli.common import limits_from, parser, run

if TYPE_CHECKING:
    from pgsvc.container import Chunk
    from pgsvc.segment import Segment
    from pgsvc.stream import Stream

NAME = "pgsvc-info"
EXAMPLES = """\
  pgsvc-info clip.pgs
  pgsvc-info clip.pgs --chunks       every chunk: offset, bytes, type, address
  pgsvc-info clip.pgs --json | jq .layers
  pgsvc-info room.pgs                a scene: also what its numbers mean, and where its tiles lie"""

CHROMA_NAMES = ("grey", "4:2:0", "4:2:2", "4:4:4")


def build_parser() -> argparse.ArgumentParser:
    p = parser(NAME, "Show what a .pgs stream holds, layer by layer.", EXAMPLES)
    p.add_argument("input", help=".pgs file, or - for standard input")
    p.add_argument("--json", action="store_true", help="as JSON")
    p.add_argument("--chunks", action="store_true", help="list the chunks")
    p.add_argument("--allow", metavar="LIMITS", help="accept larger streams, as for pgsvc-dec")
    return p


def describe(stream: Stream, size: int) -> dict[str, Any]:
    """Everything that pgsvc-info shows, as plain data."""
    from pgsvc.container import DATA_TYPES

    header = stream.header
    assert header is not None
    layers = []
    for k in range(stream.layer_count):
        data = [c for c in stream.chunks if c.type in DATA_TYPES and c.address.layer == k]
        objects = [_object(stream, k, o, data) for o in range(stream.object_count)]
        layers.append(
            {
                "layer": k,
                "width": stream.level_size(k)[0],
                "height": stream.level_size(k)[1],
                "chunks": len(data),
                "bytes": sum(len(c.raw) for c in data),
                "splats": max((_splats(s, k) for s in stream.segments.values()), default=0),
                "frames": sum(s.layer_frames(k) for s in stream.segments.values()),
                **({"objects": objects} if len(objects) > 1 else {}),
            }
        )
    return {
        "bytes": size,
        "header": header,
        "segments": len(stream.segments),
        "frames": stream.frame_count,
        "truncated": stream.truncated,
        "layers": layers,
    }


def _splats(segment: Segment, layer: int, number: int | None = None) -> int:
    """Splats of a layer in a frame of the segment, of all objects or the one with this number."""
    tracks = ((k, o, t) for (k, o, _), t in segment.tracks.items())
    return sum(t.key.header["splat_count"] for k, o, t in tracks if k == layer and number in (None, o))


def _object(stream: Stream, layer: int, number: int, data: list[Chunk]) -> dict[str, int]:
    """What an object has of a layer; ``data``: chunks of the layer."""
    own = [c for c in data if c.address.object == number]
    return {
        "object": number,
        "chunks": len(own),
        "bytes": sum(len(c.raw) for c in own),
        "splats": max((_splats(s, layer, number) for s in stream.segments.values()), default=0),
        "frames": sum(s.object_frames(layer, number) for s in stream.segments.values()),
    }


def chunk_rows(stream: Stream) -> list[dict[str, Any]]:
    return [
        {"offset": c.offset, "bytes": len(c.raw), "type": c.type.decode(), **c.address._asdict()} for c in stream.chunks
    ]


def text(info: dict[str, Any]) -> str:
    """The table for people."""
    h = info["header"]
    rgb = h["chroma_format"] == 3 and h["matrix_coefficients"] == 0
    kind = "RGB" if rgb else CHROMA_NAMES[h["chroma_format"]]
    rate = h["frame_rate_numerator"] / h["frame_rate_denominator"]
    sized = bool(h["has_level_sizes"])
    lines = [
        f"format {h['format_major']}.{h['format_minor']}, {'video' if h['profile'] else 'still'}, limit level {h['limit_level']}, "
        f"{'layer' if h['progression_order'] else 'segment'} order",
        f"{h['width']}x{h['height']} {kind} {h['bit_depth']} bit"
        + (f", {info['frames']} frames at {rate:g} frames/s in {info['segments']} segments" if h["profile"] else ""),
        f"{info['bytes']} bytes" + (" (truncated)" if info["truncated"] else ""),
        f"{'layer':>5} {'splats':>8} {'frames':>7} {'chunks':>7} {'bytes':>10} {'bit/pixel':>10}"
        + f" {'size':>11}" * sized,
    ]
    pixels = h["width"] * h["height"]
    for r in info["layers"]:
        bpp = 8 * r["bytes"] / pixels / max(1, info["frames"])
        size = f" {r['width']}x{r['height']}"
        lines.append(
            f"{r['layer']:>5} {r['splats']:>8} {r['frames']:>7} {r['chunks']:>7} {r['bytes']:>10} {bpp:>10.4f}"
            + f"{size:>12}" * sized
        )
        for o in r.get("objects", []):
            bpp = 8 * o["bytes"] / pixels / max(1, info["frames"])
            lines.append(
                f"{r['layer']:>3}.{o['object']} {o['splats']:>8} {o['frames']:>7} {o['chunks']:>7} {o['bytes']:>10} {bpp:>10.4f}"
            )
    return "\n".join(lines)


def chunk_text(rows: list[dict[str, Any]]) -> str:
    lines = [f"{'offset':>10} {'bytes':>9} type {'segment':>8} {'frame':>6} {'layer':>6} {'object':>7} {'slice':>6}"]
    for r in rows:
        lines.append(
            f"{r['offset']:>10} {r['bytes']:>9} {r['type']} {r['segment']:>8} {r['frame']:>6} {r['layer']:>6} "
            f"{r['object']:>7} {r['slice']:>6}"
        )
    return "\n".join(lines)


def body(argv: Sequence[str] | None) -> int:
    a = build_parser().parse_args(argv)
    from pathlib import Path

    from pgsvc.stream import Stream

    data = sys.stdin.buffer.read() if a.input == "-" else Path(a.input).read_bytes()
    stream = Stream(allow=limits_from(a.allow))
    stream.keep_chunks = True
    stream.feed(data)
    stream.close()
    if stream.content is None:
        info, words = describe(stream, len(data)), text
    else:
        from pgsvc.cli import info_scene

        info, words = info_scene.describe(stream, len(data)), info_scene.text
    if a.chunks:
        info["chunks"] = chunk_rows(stream)
    if a.json:
        print(json.dumps(info, indent=1))
    else:
        print(words(info))
        if a.chunks:
            print(chunk_text(info["chunks"]))
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    return run(NAME, body, argv)


if __name__ == "__main__":
    sys.exit(main())
