"""pgsvc-dec: decode any level of a stream, or of the beginning of one. Scenes go on in `pgsvc.cli.dec_scene`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pgsvc.cli.common import (
    add_decoding_options,
    given,
    limits_from,
    note,
    parser,
    progress,
    refuse_flags,
    refuse_same_file,
    run,
)

if TYPE_CHECKING:
    from pgsvc.sizes import Size
    from pgsvc.stream import Stream

NAME = "pgsvc-dec"
EXAMPLES = """\
  pgsvc-dec clip.pgs                         all layers, to clip.level2.y4m (a still: .png)
  pgsvc-dec clip.pgs --level 0 -o base.mp4   the base layer as MP4 (needs PyAV)
  pgsvc-dec clip.pgs --size 640x -o small.y4m   640 samples wide, the height to match
  pgsvc-dec clip.pgs -o - | ffplay -         Y4M on standard output
  head -c 20000 clip.pgs | pgsvc-dec - -o front.y4m   what has arrived so far
  pgsvc-dec clip.pgs --md5                   MD5 of the decoded frames, nothing written
  pgsvc-dec clip.pgs --check-hash -o null    let the stream check this decoder
  pgsvc-dec room.pgs --level 1               a scene: splats, to room.level1.ply; -o name.{ply,splat,spz,glb}
  pgsvc-dec room.pgs --tiles 1,3 --objects 0 -o part.spz   parts of a scene
  pgsvc-dec room.pgs --camera cam.json -o view.png   what a camera sees of it
  pgsvc-dec room.pgs --orbit 100 -o turn.mp4   once around it"""

PICTURE_ONLY = {"frames", "skip", "frame_md5"}
SCENE_ONLY = {"objects", "tiles", "camera", "orbit", "background"}


def build_parser() -> argparse.ArgumentParser:
    p = parser(NAME, "Decode a .pgs stream (pictures, video or scenes of Gaussian splats) at any level.", EXAMPLES)
    p.add_argument("input", help=".pgs file, or - for standard input")
    p.add_argument("-l", "--level", type=int, metavar="K", help="reconstruct layers 0 … K (default: all)")
    p.add_argument(
        "-s",
        "--size",
        metavar="WxH",
        help="render at this size, whatever the level's or the camera's own; Wx or xH keeps the aspect ratio",
    )
    p.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="name.y4m, .yuv, .png, .mp4, '-' (stdout) or 'null'; splats of a scene: name.ply, .splat, .spz, .glb",
    )
    p.add_argument(
        "--output-kind",
        metavar="KIND",
        help="y4m, yuv, png, mp4, md5 or null; ply, splat, spz, spz4 or glb; whatever the name says",
    )
    p.add_argument("--frames", "--limit", type=int, metavar="N", help="decode at most N frames")
    p.add_argument("--skip", type=int, default=0, metavar="N", help="leave out the first N frames")
    p.add_argument(
        "--md5",
        action="store_true",
        help="print MD5 of the decoded frames (planar samples) or of the splats of a scene; no file unless -o",
    )
    p.add_argument("--frame-md5", action="store_true", help="print one MD5 per frame")
    p.add_argument(
        "--check-hash", action="store_true", help="compare with the hashes in the stream; exit 1 if one differs"
    )
    p.add_argument("--strict", action="store_true", help="fail if the stream is truncated or a frame lacks the level")
    add_decoding_options(p)
    g = p.add_argument_group("scenes")
    g.add_argument("--objects", metavar="O,…", help="only these objects, such as 0,2")
    g.add_argument("--tiles", metavar="T,…", help="only these tiles, such as 1,3; pgsvc-info says where they lie")
    g.add_argument(
        "--camera",
        metavar="JSON",
        help="a picture instead of splats: width, height, fov, and position, look_at, up, or camera_to_world with a convention",
    )
    g.add_argument("--orbit", type=int, metavar="N", help="N pictures from around the scene instead of splats")
    g.add_argument("--background", metavar="R,G,B", help="0–1, behind the splats of a picture (default 0,0,0)")
    return p


def body(argv: Sequence[str] | None) -> int:
    p = build_parser()
    a = p.parse_args(argv)
    width, height = _sides(p, a.size)
    if a.skip < 0 or (a.frames is not None and a.frames < 1):
        p.error("--skip must not be negative and --frames must be at least 1")
    import pgsvc
    from pgsvc.sizes import complete_size

    allow = limits_from(a.allow)
    source = sys.stdin.buffer if a.input == "-" else a.input
    stream = pgsvc.open(source, allow=allow, cpu=a.cpu, threads=a.threads)
    level = stream.resolve_level(a.level)
    if stream.content is not None:
        from pgsvc.cli.dec_scene import decode_scene

        refuse_flags(given(p, argv) & PICTURE_ONLY, "is for pictures, and the stream holds a scene")
        _check_complete(stream, a.strict, a.quiet)
        return decode_scene(stream, level, (width, height), a)
    refuse_flags(given(p, argv) & SCENE_ONLY, "is for scenes, and the stream holds pictures")
    _check_complete(stream, a.strict, a.quiet)
    numbers = _frame_numbers(stream)[a.skip :]
    numbers = numbers[: a.frames] if a.frames is not None else numbers
    if not numbers:
        from pgsvc.errors import BadStream, UsageError

        if stream.frame_count:
            raise UsageError(f"--skip {a.skip}: the stream has {stream.frame_count} frames")
        raise BadStream("the stream ends before its first frame is complete", clause="5.4")
    size = None if a.size is None else complete_size(width, height, (stream.format.width, stream.format.height))
    return _decode(stream, level, size, numbers, a)


def _sides(p: argparse.ArgumentParser, text: str | None) -> tuple[int | None, int | None]:
    """Width and height of ``--size``; None for the side that was left out."""
    if text is None:
        return None, None
    width, cross, height = text.partition("x")
    if not cross or not (width or height) or not all(side.isdecimal() or not side for side in (width, height)):
        p.error(f"--size takes WxH, Wx or xH, not '{text}'")
    return int(width) if width else None, int(height) if height else None


def _frame_numbers(stream: Stream) -> list[int]:
    return [s.first_frame + i for _, s in sorted(stream.segments.items()) for i in range(s.frames)]


def _check_complete(stream: Stream, strict: bool, quiet: bool) -> None:
    from pgsvc.errors import BadStream

    if stream.truncated:
        if strict:
            raise BadStream("the stream is truncated: it has no ENDS chunk", clause="5.4")
        note(quiet, f"{NAME}: the stream is truncated; decoding what is complete")


def _output_name(a: argparse.Namespace, level: int, is_still: bool, is_rgb: bool) -> tuple[str, str | None]:
    """Target and kind: as asked, else beside the input with the level in the name."""
    if a.output is not None:
        return a.output, a.output_kind
    if a.md5 or a.frame_md5:
        return "null", "null"
    if a.input == "-":
        return "-", a.output_kind
    from pathlib import Path

    stem = Path(a.input)
    stem = stem.with_suffix("") if stem.suffix == ".pgs" else stem
    extension = a.output_kind or ("png" if is_still or is_rgb else "y4m")
    return f"{stem}.level{level}.{extension}", a.output_kind


def _decode(stream: Stream, level: int, size: Size | None, numbers: list[int], a: argparse.Namespace) -> int:
    from pgsvc.errors import BadStream
    from pgsvc.output import open_writer

    is_still = len(numbers) == 1
    path, kind = _output_name(a, level, is_still, stream.format.is_rgb)
    refuse_same_file(a.input, path)
    picture_format = stream.output_format(level, size)
    digest = open_writer("md5", picture_format, kind="md5") if a.md5 or a.frame_md5 else None
    began, shown, lower = time.perf_counter(), 0, {}
    with open_writer(path, picture_format, kind=kind, frame_count_hint=len(numbers)) as writer:
        decoded = stream.frames(
            level, numbers[0], numbers[-1] + 1, size=size, check_hash=a.check_hash, reuse=True
        )  # each is written before the next is asked for
        for frame in decoded:
            if frame.level < level:
                if a.strict:
                    raise BadStream(f"frame {frame.index} is complete only up to level {frame.level}", clause="5.4")
                lower[frame.level] = lower.get(frame.level, 0) + 1
            writer.write(frame.picture)
            if digest is not None:
                digest.write(frame.picture)
            shown += 1
            progress(a.quiet, shown, len(numbers))
    for k, count in sorted(lower.items()):
        note(a.quiet, f"{NAME}: {count} of {shown} frames decoded at level {k}: their higher layers are not complete")
    if digest is not None:
        for text in digest.frame_md5s if a.frame_md5 else [digest.hexdigest()]:  # type: ignore[attr-defined]
            print(text)
    if path not in ("null", "-"):
        seconds = time.perf_counter() - began
        note(
            a.quiet,
            f"{NAME}: level {level}, {shown} frame{'s' * (shown != 1)} to {writer.description} in {seconds:.2f} s",
        )
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    return run(NAME, body, argv)


if __name__ == "__main__":
    sys.exit(main())
