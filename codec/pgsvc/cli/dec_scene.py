"""pgsvc-dec for scenes: splats to files of other programs, pictures of them, or the MD5 of their states."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pgsvc.cli.common import note, numbers, progress, refuse_same_file

if TYPE_CHECKING:
    from pgsvc.scene.camera import Camera
    from pgsvc.scene.content import DecodedScene
    from pgsvc.stream import Stream

NAME = "pgsvc-dec"
ORBIT_SIZE = (640, 480)
PLANAR = ("y4m", "yuv")  # kinds that do not take RGB, or do not say so

Sides = tuple[int | None, int | None]


def decode_scene(stream: Stream, level: int, sides: Sides, a: argparse.Namespace) -> int:
    """Decode as the options say.

    Args:
        sides: width and height of ``--size``; None: left out.
    """
    _check(stream, a)
    cameras = None if a.camera is None else [_camera(a.camera, sides)]
    objects = numbers("--objects", a.objects, stream.object_count)
    assert stream.content is not None and stream.header is not None
    tiles = numbers("--tiles", a.tiles, stream.header["tile_count"])
    path = _output_name(a, level)
    refuse_same_file(a.input, path)
    background = _background(a.background)
    began = time.perf_counter()
    scene = stream.scene(level, objects=objects, tiles=tiles, check_hash=a.check_hash)
    _tell_what_lacks(stream, scene, level, tiles, a)
    if a.orbit is not None:
        cameras = _around(scene, a.orbit, sides)
    what = ""
    if cameras is not None:
        what = _draw(scene, cameras, path, background, a)
    elif path != "null" or a.output_kind is not None:  # the decoder's answer is also wanted of what no file can hold
        from pgsvc.scene.output import write_scene

        write_scene(path, scene.splats, scene.format, kind=a.output_kind)
        what = f"{len(scene.splats)} splats to {path}"
    if a.md5:
        from pgsvc.scene.digest import md5_of

        print(md5_of(scene))
    if path not in ("null", "-"):
        reached = max(scene.level, 0)
        note(a.quiet, f"{NAME}: level {reached}, {what} in {time.perf_counter() - began:.2f} s")
    return 0


def _check(stream: Stream, a: argparse.Namespace) -> None:
    """Raises UsageError for flags that contradict each other."""
    from pgsvc.errors import UsageError

    if a.camera is not None and a.orbit is not None:
        raise UsageError("--camera and --orbit: give only one of them")
    if a.orbit is not None and not 1 <= a.orbit <= 100000:
        raise UsageError(f"--orbit {a.orbit}: give 1 to 100000 pictures")
    drawing = a.camera is not None or a.orbit is not None
    if a.md5 and drawing:
        raise UsageError("--md5 is of the splats of a scene; leave out --camera and --orbit")
    for flag, value in (("--size", a.size), ("--background", a.background)):
        if value is not None and not drawing:
            raise UsageError(f"{flag} is for pictures of a scene; say where from with --camera or --orbit")
    suffix = Path(a.output or "").suffix.lower()
    if not drawing and a.output_kind is None and suffix in (".png", ".mp4", ".y4m", ".yuv"):
        raise UsageError(f"{a.output}: for a picture of a scene say where from with --camera or --orbit")
    if a.check_hash and a.objects is not None:
        raise UsageError("--check-hash: hashes are of all objects; leave out --objects")


def _output_name(a: argparse.Namespace, level: int) -> str:
    """As asked, else beside the input with the level in the name."""
    if a.output is not None:
        return a.output
    if a.md5:
        return "null"
    if a.input == "-":
        return "-"
    stem = Path(a.input)
    stem = stem.with_suffix("") if stem.suffix == ".pgs" else stem
    kind = a.output_kind or ("png" if a.camera is not None else "y4m" if a.orbit is not None else "ply")
    return f"{stem}.level{level}.{'spz' if kind == 'spz4' else kind}"


def _tell_what_lacks(
    stream: Stream, scene: DecodedScene, level: int, tiles: list[int] | None, a: argparse.Namespace
) -> None:
    """Notes of what the stream does not hold (yet).

    Raises:
        BadStream: nothing is there to decode, or something lacks and ``--strict`` is given.
    """
    from pgsvc.errors import BadStream

    assert stream.content is not None and stream.header is not None
    wanted = range(stream.header["tile_count"]) if tiles is None else tiles
    absent = [t for t in wanted if t not in stream.content.tiles]
    if len(absent) == len(wanted):
        raise BadStream("the stream ends before its first slice is complete", clause="5.4")
    if a.strict and scene.level < level:
        raise BadStream(f"the scene is complete only up to level {scene.level}", clause="5.4")
    if absent:
        note(a.quiet, f"{NAME}: tiles that are not in the stream: {', '.join(map(str, absent))}")
    if scene.level < 0:
        note(a.quiet, f"{NAME}: not even level 0 is complete: its slices so far are shown")
    elif scene.level < level:
        more = ", and what there is of higher layers" if scene.partial else ""
        note(a.quiet, f"{NAME}: decoded at level {scene.level}{more}: higher layers are not complete")


def _camera(path: str, sides: Sides) -> Camera:
    from pgsvc.scene.camera import Camera

    camera = Camera.from_json(path)
    return camera.resized(*_size(sides, (camera.width, camera.height)))


def _around(scene: DecodedScene, count: int, sides: Sides) -> list[Camera]:
    from pgsvc.scene.camera import orbit

    return orbit(scene.splats, count, *_size(sides, ORBIT_SIZE), frame=scene.format.frame)


def _size(sides: Sides, own: tuple[int, int]) -> tuple[int, int]:
    """Both sides of a picture; one that is left out follows the aspect ratio."""
    width, height = sides
    if width is None and height is None:
        return own
    if width is None:
        assert height is not None
        return max(1, round(height * own[0] / own[1])), height
    return width, max(1, round(width * own[1] / own[0])) if height is None else height


def _background(text: str | None) -> tuple[float, ...]:
    from pgsvc.errors import UsageError

    try:
        values = tuple(float(part) for part in (text or "0,0,0").split(","))
    except ValueError:
        values = ()
    if len(values) != 3 or not all(0 <= v <= 1 for v in values):
        raise UsageError(f"--background {text}: red, green and blue, 0 to 1, separated by commas are wanted")
    return values


def _draw(
    scene: DecodedScene, cameras: list[Camera], path: str, background: tuple[float, ...], a: argparse.Namespace
) -> str:
    """Pictures to a file; what was written, in words."""
    from pgsvc.output import open_writer
    from pgsvc.scene.picture import view_format, view_picture
    from pgsvc.scene.render import render

    kind = a.output_kind or ("y4m" if path == "-" else Path(path).suffix.lower().lstrip("."))
    form = view_format(cameras[0].width, cameras[0].height, rgb=kind not in PLANAR)
    with open_writer(path, form, kind=a.output_kind, frame_count_hint=len(cameras)) as writer:
        for number, camera in enumerate(cameras, 1):
            view = render(scene.splats, scene.format, camera, background=background, threads=a.threads, cpu=a.cpu)
            writer.write(view_picture(view, form))
            progress(a.quiet, number, len(cameras))
    return f"{len(scene.splats)} splats drawn, {writer.description}"
