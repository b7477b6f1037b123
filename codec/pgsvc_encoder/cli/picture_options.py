"""The options of pgsvc-enc that are about pictures and video, and those that pictures share with scenes."""

from __future__ import annotations

import argparse

SHARED = {"input", "output", "quiet", "layers", "splats", "order", "threads", "report", "seed", "input_kind"}
"""Destinations of options that scenes know too."""


def add_stream_options(p: argparse.ArgumentParser) -> None:
    g = p.add_argument_group("stream")
    g.add_argument("--layers", type=int, metavar="N", help="number of layers, 1–16 (default 3; of scenes 4)")
    g.add_argument(
        "--splats",
        metavar="N[,N…]",
        help="splats per frame, all layers together (default: 1 per 44 pixels), or of each level: 3000,6000,9000. "
        "Scenes: of the top level, or of each (default: all of the input, half of them at the level below, and so on)",
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
        help="progression: for streaming (default), or for progressive download (default of scenes, whose segments are tiles)",
    )


def add_input_options(p: argparse.ArgumentParser) -> None:
    g = p.add_argument_group("input")
    g.add_argument("--frames", "--limit", type=int, metavar="N", help="encode at most N frames")
    g.add_argument("--skip", type=int, default=0, metavar="N", help="leave out the first N frames")
    g.add_argument("--size", metavar="WxH", help="of raw video, if its name does not tell")
    g.add_argument("--pix-fmt", metavar="NAME", help="of raw video: yuv420p (default), yuv422p, yuv444p, gray, …10le")
    g.add_argument("--depth", type=int, choices=(8, 10), help="bits per sample of raw video")
    g.add_argument("--fps", metavar="RATE", help="frames per second, such as 30 or 30000/1001")
    g.add_argument("--input-kind", metavar="KIND", help="y4m, yuv, still, video or scene, whatever the name says")
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


def add_effort_options(p: argparse.ArgumentParser) -> None:
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


def add_running_options(p: argparse.ArgumentParser) -> None:
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
    g.add_argument(
        "--report", metavar="FILE", help="write the report as JSON; with --preset fast only then is MS-SSIM measured"
    )
    g.add_argument("--resume", action="store_true", help="keep the finished segments of an interrupted encode")
