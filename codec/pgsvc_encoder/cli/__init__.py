"""pgsvc-enc: encode pictures, video and scenes into a layered .pgs stream."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from pgsvc.cli.common import given, parser, refuse_flags, run
from pgsvc_encoder.cli import picture_options, scene_options

NAME = "pgsvc-enc"
NOT_OF_TRAINING = {
    "repair",
    "frame",
    "units",
    "colour_space",
    "labels",
    "layering",
    "importance",
    "adapt",
    "growth",
    "drop",
}
EXAMPLES = """\
  pgsvc-enc photo.png photo.pgs                        three layers, medium effort
  pgsvc-enc in_352x288_30fps.yuv out.pgs --layers 3    raw video, size from the name
  pgsvc-enc in.yuv out.pgs --size 352x288 --fps 30     raw video, size given
  pgsvc-enc clip.mp4 out.pgs --frames 30 --splats 4000 --preset fast
  ffmpeg -i clip.mkv -f yuv4mpegpipe - | pgsvc-enc - out.pgs
  pgsvc-enc photo.png out.pgs --splats 2000,5000,9000 --scalability resolution
  pgsvc-enc photo.png out.pgs --bpp 0.1,0.2,0.4        bits per pixel of each level; --psnr 27,30,32: its quality
  pgsvc-enc clip.mp4 out.pgs --bitrate 150k,300k,600k  bits per second of each level
  pgsvc-enc clip.mp4 out.pgs --roi 120,40,160,180 --roi-gain 6   a region of interest: x,y,width,height, or a mask in a file
  pgsvc-enc long.mkv out.pgs --workers 4               four segments at a time; the file is the same
  pgsvc-enc long.mkv out.pgs --cluster auto            on the machines of the Ray cluster that this one belongs to
  pgsvc-enc long.mkv out.pgs --resume                  go on after an interruption
  pgsvc-enc room.ply room.pgs --layers 4               a scene of 3D splats: PLY, .splat, SPZ, SOG
  pgsvc-enc room.ply room.pgs --adapt 0 --no-views     the same in a fraction of the time
  pgsvc-enc room.spz room.pgs --drop 0.1               without splats that pictures hardly miss
  pgsvc-enc room.ply room.pgs --labels objects.txt     with objects that are decoded apart
  pgsvc-enc scene/lod-meta.json#2 out.pgs --splats 20000,80000,300000 --quality 65   a level of a streamed SOG
  pgsvc-enc lego/transforms_train.json lego.pgs --splats 2000,4000,8000,16000   trained from posed pictures; also COLMAP's text
  pgsvc-enc room.ply room.pgs --tiles 16 --frame rdf --units 1   parts of space, decoded apart; axes and metres"""


def build_parser() -> argparse.ArgumentParser:
    p = parser(NAME, "Encode a picture, a video or a scene into layers of Gaussian splats.", EXAMPLES)
    p.add_argument(
        "input",
        help="raw YUV, Y4M, PNG, JPEG, any video that PyAV reads, or - for standard input; or a scene: PLY (also compressed), "
        ".splat, SPZ, SOG as a file, a folder or its meta.json, or lod-meta.json#LEVEL; or posed pictures: transforms.json, "
        "or a folder with one or with a text model of COLMAP",
    )
    p.add_argument("output", help=".pgs file")
    picture_options.add_stream_options(p)
    scene_options.add_scene_options(p)
    scene_options.add_training_options(p)
    picture_options.add_input_options(p)
    picture_options.add_effort_options(p)
    picture_options.add_running_options(p)
    return p


def body(argv: Sequence[str] | None) -> int:
    p = build_parser()
    a = p.parse_args(argv)
    from pgsvc_encoder.options import check_extras
    from pgsvc_encoder.scene.posed import is_posed
    from pgsvc_encoder.scene.source.recognise import is_scene

    check_extras()
    command = [NAME, *(sys.argv[1:] if argv is None else argv)]
    scene_flags, training_flags = scene_options.DESTINATIONS, scene_options.TRAINING
    if a.input_kind is None and a.input != "-" and is_posed(a.input):
        from pgsvc_encoder.cli.training import encode_posed_pictures

        shared = scene_flags | training_flags | picture_options.SHARED | {"resume", "device"}
        refuse_flags(given(p, argv) - shared, "is not for posed pictures")
        refuse_flags(
            given(p, argv) & NOT_OF_TRAINING, "is for scenes that are there already, and the input is posed pictures"
        )
        return encode_posed_pictures(a, command)
    refuse_flags(given(p, argv) & training_flags, "is for posed pictures, and the input is none")
    if a.input_kind == "scene" or (a.input_kind is None and a.input != "-" and is_scene(a.input)):
        from pgsvc_encoder.cli.scene import encode_scene_file

        shared = scene_flags | picture_options.SHARED
        refuse_flags(given(p, argv) - shared, "is for pictures, and the input is a scene")
        return encode_scene_file(a, command)
    from pgsvc_encoder.cli.pictures import encode_pictures

    refuse_flags(given(p, argv) & scene_flags, "is for scenes, and the input is none")
    return encode_pictures(a, command)


def main(argv: Sequence[str] | None = None) -> int:
    code = run(NAME, body, argv)
    if argv is None:
        from pgsvc_encoder.start import leave

        leave(code)
    return code
