"""pgsvc-enc: encode pictures and video into a layered .pgs stream."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pgsvc.cli.common import note, parser, refuse_same_file, run

if TYPE_CHECKING:
    from pgsvc_encoder.cluster.connection import Cluster

NAME = "pgsvc-enc"
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
  pgsvc-enc long.mkv out.pgs --resume                  go on after an interruption"""


def build_parser() -> argparse.ArgumentParser:
    p = parser(NAME, "Encode a picture or a video into layers of 2D Gaussian splats.", EXAMPLES)
    p.add_argument("input", help="raw YUV, Y4M, PNG, JPEG, any video that PyAV reads, or - for standard input")
    p.add_argument("output", help=".pgs file")
    g = p.add_argument_group("stream")
    g.add_argument("--layers", type=int, metavar="N", help="number of layers, 1–16 (default 3)")
    g.add_argument(
        "--splats",
        metavar="N[,N…]",
        help="splats per frame, all layers together (default: 1 per 44 pixels), or of each level: 3000,6000,9000",
    )
    g.add_argument(
        "--bpp",
        metavar="X[,X…]",
        help="instead of --splats: bits per pixel of the top level, or of each level; the splats are searched for",
    )
    g.add_argument(
        "--bitrate",
        metavar="X[,X…]",
        help="video, instead of --bpp: bits per second of the top level, or of each level, such as 300k or 150k,300k,1.2M",
    )
    g.add_argument(
        "--psnr",
        metavar="X[,X…]",
        help="instead of --splats: PSNR in dB (RGB, grey or luma) of the top level, or of each level",
    )
    g.add_argument(
        "--scalability",
        choices=("quality", "resolution"),
        default="quality",
        help="all levels at full size (default), or each level at a size that fits its splats",
    )
    g.add_argument("--sizes", metavar="WxH,…", help="size of each level, the last that of the picture")
    g.add_argument(
        "--gop",
        type=int,
        default=64,
        metavar="N",
        help="frames per segment at the most, key frame included (default 64)",
    )
    g.add_argument(
        "--key-frames",
        choices=("fixed", "difference", "dynamic"),
        default="difference",
        help="where segments begin: every --gop frames; also where a picture is unlike the one before (default); "
        "or also where trial fits say so, which takes longer than the encoding and reads the input twice",
    )
    g.add_argument(
        "--order",
        choices=("segment", "layer"),
        default="segment",
        help="progression: for streaming, or for progressive download",
    )
    g = p.add_argument_group("input")
    g.add_argument("--frames", "--limit", type=int, metavar="N", help="encode at most N frames")
    g.add_argument("--skip", type=int, default=0, metavar="N", help="leave out the first N frames")
    g.add_argument("--size", metavar="WxH", help="of raw video, if its name does not tell")
    g.add_argument("--pix-fmt", metavar="NAME", help="of raw video: yuv420p (default), yuv422p, yuv444p, gray, …10le")
    g.add_argument("--depth", type=int, choices=(8, 10), help="bits per sample of raw video")
    g.add_argument("--fps", metavar="RATE", help="frames per second, such as 30 or 30000/1001")
    g.add_argument("--input-kind", metavar="KIND", help="y4m, yuv, still or video, whatever the name says")
    g.add_argument(
        "--roi",
        metavar="MASK",
        help="a region of interest, which becomes object 1 of the stream: x,y,width,height in samples, a picture that is white "
        "inside (for all frames), or a clip of as many frames as the input",
    )
    g.add_argument(
        "--roi-gain",
        type=float,
        default=6.0,
        metavar="DB",
        help="how much better the region is meant to be (default 6)",
    )
    g = p.add_argument_group("effort")
    g.add_argument(
        "--preset",
        choices=("fast", "medium", "slow", "placebo"),
        default="medium",
        help="time against quality (default medium); placebo takes three times as long as slow for next to nothing",
    )
    g.add_argument(
        "--training",
        choices=("joint", "cyclic", "random", "sequential", "pruning", "monolithic"),
        default="joint",
        help="how layers are trained (default joint; the others are there to be compared with)",
    )
    g.add_argument(
        "--tools",
        choices=("main", "paper"),
        default="main",
        help="coding tools: main (default), where precision follows from each splat's energy and common motion is sent once, which "
        "takes a fraction of the bytes, or those of P-GSVC, the paper",
    )
    g.add_argument(
        "--positions",
        choices=("tree", "anchors"),
        default="tree",
        help="main tools, positions in key frames: a tree of counts (default), or the anchor code of ProGS, to be compared with",
    )
    g.add_argument(
        "--start",
        choices=("content", "superpixels", "uniform"),
        default="content",
        help="where the fit of a key frame begins: where the picture has structure (default), with one splat on each SLIC "
        "superpixel (needs scikit-image), or anywhere; the rest is added where the error is, but for the last",
    )
    g.add_argument(
        "--quantise",
        choices=("freeze", "qat", "ptq"),
        default="freeze",
        help="key frames: freeze in steps while the rest re-adapts (default); qat, training with quantised splats in view "
        "(LSQ+), as P-GSVC; ptq, rounding at once with colours solved in closed form, fastest",
    )
    g.add_argument("--level-weights", metavar="W,…", help="of the levels' errors in joint training, base first")
    g.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda"),
        default="auto",
        help="where to fit: auto (default) takes a CUDA GPU if torch sees one and Triton is installed, else the CPU. No GPU "
        "has run this yet: its kernels are tested in Triton's interpreter",
    )
    g.add_argument("--threads", type=int, default=0, metavar="N", help="0 = one per core (default)")
    g.add_argument("--seed", type=int, default=0, metavar="N", help="of every random choice (default 0)")
    g = p.add_argument_group("running")
    g.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="video: code N segments at a time, each in a process with its share of the threads (default 1); the file is the same. "
        "Takes the memory of N encoders, and room for the raw pictures of N + 1 segments beside the output",
    )
    g.add_argument(
        "--cluster",
        metavar="ADDRESS",
        help="video: code segments on the machines of a Ray cluster: auto (the one this machine belongs to), HOST:PORT, "
        "ray://HOST:10001, or local, which starts one here; --workers at a time (default: as many as it has processors), each with "
        "--threads (default 1, or its share). Needs the extra 'cluster' on every machine. The file is the same on like processors",
    )
    g.add_argument("--report", metavar="FILE", help="write the report as JSON; with --preset fast only then is MS-SSIM measured")
    g.add_argument("--resume", action="store_true", help="keep the finished segments of an interrupted encode")
    return p


def body(argv: Sequence[str] | None) -> int:
    a = build_parser().parse_args(argv)
    from pgsvc_encoder.options import check_extras, settings_from
    from pgsvc_encoder.start import import_torch

    check_extras()
    import_torch()
    settings = settings_from(a)
    from pgsvc.errors import UsageError
    from pgsvc_encoder import report
    from pgsvc_encoder.encode import encode
    from pgsvc_encoder.progress import ProgressBar
    from pgsvc_encoder.region import Region
    from pgsvc_encoder.source import open_source

    if a.report is None and (a.quiet or a.preset == "fast"):
        settings = replace(settings, ms_ssim=False)  # nobody would see it, or it would take a quarter of the time
    output = Path(a.output)
    if not output.parent.is_dir():
        raise UsageError(f"the folder of {output} does not exist")
    refuse_same_file(a.input, a.output)
    with (
        open_source(
            a.input,
            size=a.size,
            pix_fmt=a.pix_fmt,
            depth=a.depth,
            fps=a.fps,
            skip=a.skip,
            frames=a.frames,
            kind=a.input_kind,
        ) as source,
        _connected(a) as cluster,
    ):
        region = None if a.roi is None else Region.from_text(a.roi, source, skip=a.skip)
        bar = ProgressBar(settings, source, quiet=a.quiet)
        try:
            result = encode(
                source,
                output,
                settings,
                region=region,
                resume=a.resume,
                workers=a.workers,
                cluster=cluster,
                progress=bar,
                on_key=bar.key_frame,
                notice=bar.say,
            )
        except KeyboardInterrupt:
            note(
                a.quiet, f"{NAME}: finished segments are kept in {output}.parts; the same command with --resume goes on"
            )
            raise
        finally:
            bar.close()
    if a.report is not None:
        report.write(Path(a.report), [NAME, *(sys.argv[1:] if argv is None else argv)], result)
    note(a.quiet, report.format_table(result["levels"], result["seconds"], len(result["frames"])))
    return 0


def _connected(a: argparse.Namespace) -> AbstractContextManager[Cluster | None]:
    """The cluster, if one is asked for; one that is started here has room for what is asked of it."""
    if a.cluster is None:
        return nullcontext()
    from pgsvc.kernel import thread_count
    from pgsvc_encoder.cluster.connection import Cluster

    return Cluster(a.cluster, max(thread_count(), (a.workers or 1) * (a.threads or 1)))


def main(argv: Sequence[str] | None = None) -> int:
    code = run(NAME, body, argv)
    if argv is None:
        from pgsvc_encoder.start import leave

        leave(code)
    return code


if __name__ == "__main__":
    sys.exit(main())
