"""pgsvc-cut: a sub-stream by copying bytes; nothing is decoded or encoded again."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pgsvc.cli.common import given, limits_from, note, numbers, parser, refuse_flags, refuse_same_file, run

NAME = "pgsvc-cut"
EXAMPLES = """\
  pgsvc-cut clip.pgs small.pgs --level 1        layers 0 and 1
  pgsvc-cut clip.pgs small.pgs --object-level 0=0   the base of the picture, all of the region of interest (object 1)
  pgsvc-cut clip.pgs small.pgs --max-bytes 50000
  pgsvc-cut clip.pgs part.pgs --frames 30:60    frames 30 … 59 (from the key frame before)
  pgsvc-cut room.pgs part.pgs --tiles 1,3 --level 1   two parts of a scene
  pgsvc-cut clip.pgs - --level 0 | pgsvc-dec - -o base.y4m"""


def build_parser() -> argparse.ArgumentParser:
    p = parser(NAME, "Make a smaller stream from a .pgs stream by leaving chunks out.", EXAMPLES)
    p.add_argument("input", help=".pgs file, or - for standard input")
    p.add_argument("output", help=".pgs file, or - for standard output")
    p.add_argument("-l", "--level", type=int, metavar="K", help="keep layers 0 … K")
    p.add_argument(
        "--object-level",
        action="append",
        default=[],
        metavar="O=K",
        help="keep layers 0 … K of object O alone (object 0: outside the region of interest, 1: inside; of a scene as labelled); "
        "K -1: nothing of it; "
        "may be given for several objects",
    )
    p.add_argument("--max-bytes", type=int, metavar="N", help="keep the longest beginning that fits into N bytes")
    p.add_argument("--frames", metavar="A:B", help="keep what frames A … B − 1 need; either may be left out")
    p.add_argument("--tiles", metavar="T,…", help="of a scene: keep only these tiles; pgsvc-info says where they lie")
    p.add_argument("--allow", metavar="LIMITS", help="accept larger streams, as for pgsvc-dec")
    return p


def _range(p: argparse.ArgumentParser, text: str | None) -> tuple[int, int | None]:
    if text is None:
        return 0, None
    first, colon, last = text.partition(":")
    if not colon or not all(part.isdigit() or not part for part in (first, last)):
        p.error(f"--frames takes A:B, not '{text}'")
    return int(first or 0), int(last) if last else None


def _object_levels(p: argparse.ArgumentParser, texts: Sequence[str]) -> dict[int, int]:
    """Highest level of each object that is named."""
    out = {}
    for text in texts:
        number, equals, level = text.partition("=")
        if not (equals and number.isdecimal() and level.removeprefix("-").isdecimal()):
            p.error(f"--object-level takes O=K, an object and its highest level, not '{text}'")
        out[int(number)] = int(level)
    return out


def body(argv: Sequence[str] | None) -> int:
    p = build_parser()
    a = p.parse_args(argv)
    start, stop = _range(p, a.frames)
    object_levels = _object_levels(p, a.object_level)
    from pgsvc.cut import cut
    from pgsvc.output.target import write_whole
    from pgsvc.stream import Stream

    refuse_same_file(a.input, a.output)
    data = sys.stdin.buffer.read() if a.input == "-" else Path(a.input).read_bytes()
    stream = Stream(allow=limits_from(a.allow))
    stream.keep_chunks = True
    stream.feed(data)
    stream.close()
    if stream.content is None:
        refuse_flags({"tiles"} & given(p, argv), "is for scenes, and the stream holds pictures")
        tiles = None
    else:
        refuse_flags({"frames"} & given(p, argv), "is for pictures, and the stream holds a scene")
        tiles = numbers("--tiles", a.tiles, stream.content.header["tile_count"])
    result = cut(
        stream,
        level=a.level,
        object_levels=object_levels,
        max_bytes=a.max_bytes,
        start=start,
        stop=stop,
        tiles=tiles,
    )
    if a.output == "-":
        sys.stdout.buffer.write(result)
    else:
        write_whole(a.output, result)
    note(a.quiet, f"{NAME}: {len(data)} → {len(result)} bytes")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    return run(NAME, body, argv)


if __name__ == "__main__":
    sys.exit(main())
