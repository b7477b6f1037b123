#!/usr/bin/env python3
"""Clips: every level of pgsvc, with its main tools and with those of the paper, beside video codecs and Motion JPEG 2000.

    PGSVC_DATA=… python tools/bench_peers_clips.py --splats 400,800,1500
    PGSVC_DATA=… python tools/bench_peers_clips.py --splats "" --clips foreman --frames 10 --name try     peers alone, 10 frames

One key frame at the start unless --key-interval says otherwise. Writes tools/results/NAME.json, .md and plots. An interrupted
run goes on with --resume.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench_clips import CLIPS
from bench_peers_stills import decibel
from benchmarking import data_folder, encode, markdown, run, tool
from bjontegaard_table import METHOD, bjontegaard_rows, bjontegaard_table
from measures import measure_clip, yuv_pictures
from peer_rows import Rows, codec_version
from peers import motion_jpeg2000
from peers.video import NEVER, VideoPeer, video_peers
from plotting import Line, rate_distortion
from rate_tables import NAMES, at_quality, fixed_rate_rows, level_curves, mean_lines, stream_curves

from pgsvc.picture import Chroma, Picture
from pgsvc_encoder.source import open_source

RATES = (0.05, 0.1, 0.2, 0.3, 0.5)
ANCHOR = "x264 veryfast"
CLIP_NOTES = {
    "foreman": "The source of foreman was decoded from H.264 intra pictures of 0.9 bits per pixel, which may favour x264 there."
}
TOOLS = {"main": "pgsvc", "paper": "pgsvc, tools of the paper"}
FRAMES = {"bigbuckbunny": 30}  # of long clips of large pictures at the most
MEASURES = ("psnr_y", "psnr_yuv", "ms_ssim", "vmaf", "lpips")


def frames_of(path: Path, count: int) -> list[Picture]:
    """The first frames of a clip, which must be 8-bit 4:2:0."""
    with open_source(str(path), frames=count) as source:
        if source.format.chroma != Chroma.YUV420 or source.format.bit_depth != 8:
            raise SystemExit(f"{path.name} is not 8-bit 4:2:0")
        return list(source)


def point(stream: str, level: int, levels: int, size: int, source: list[Picture], raw: bytes) -> dict[str, Any]:
    """A row of one decoded clip."""
    fmt = source[0].format
    decoded = yuv_pictures(raw, fmt.width, fmt.height)
    rate = 8 * size / (fmt.width * fmt.height * len(source))
    head = {"stream": stream, "level": level, "levels": levels, "bytes": size, "bpp": rate}
    plain = yuv_pictures(b"".join(f.tobytes() for f in source), fmt.width, fmt.height)
    return head | measure_clip(plain, decoded, float(fmt.frame_rate))


def peer_points(peer: VideoPeer, source: list[Picture], key_interval: int) -> Iterator[dict[str, Any]]:
    fmt = source[0].format
    raw = b"".join(f.tobytes() for f in source)
    for factor, size, decoded in peer.points(raw, (fmt.width, fmt.height), str(fmt.frame_rate), key_interval):
        yield point(f"factor {factor}", 0, 1, size, source, decoded)


def pgsvc_points(path: Path, source: list[Picture], splats: int, settings: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every level of one stream, decoded by the decoder's own command; bytes are those of the stream cut there."""
    with tempfile.TemporaryDirectory() as work:
        stream, decoded = Path(work) / "s.pgs", Path(work) / "d.yuv"
        options = [f"--{name}={value}" for name, value in settings.items()]
        report = encode(path, stream, *options, f"--splats={splats}")
        levels, frames = report["levels"], report["frames"]
        for r in levels:
            run(tool("pgsvc-dec", str(stream), "-q", "-l", str(r["level"]), "-o", str(decoded)))
            found = point(f"{splats} splats", r["level"], len(levels), r["bytes"], source, decoded.read_bytes())
            yield found | {"psnr_by_frame": [round(f["levels"][r["level"]]["psnr"], 2) for f in frames]}


def jpeg_points(source: list[Picture]) -> Iterator[dict[str, Any]]:
    """Every level of Motion JPEG 2000."""
    for rate, level, size, raw in motion_jpeg2000.points(source):
        yield point(f"{rate} bpp", level, len(motion_jpeg2000.SHARES), size, source, raw)


def against_paper(rows: list[dict[str, Any]], clips: list[str]) -> str:
    """Bytes of the main tools at the PSNR-Y of whole streams of the tools of the paper, and quality along the clip."""
    curves = level_curves(rows, "psnr_y")
    cells = []
    for row in rows:
        if row["codec"] != TOOLS["paper"] or row["level"] != row["levels"] - 1 or row["source"] not in clips:
            continue
        rate = at_quality(curves.get(TOOLS["main"], {}).get(row["source"], ()), row["psnr_y"])
        share = "n/a" if rate is None else f"{100 * rate / row['bpp']:.1f} %"
        cells.append([row["source"], row["stream"], f"{row['psnr_y']:.2f}", f"{row['bpp']:.4f}", share])
    head = ["clip", "tools of the paper", "PSNR-Y", "bpp", "main tools need"]
    drift = [
        [r["source"], r["codec"], r["stream"], f"{r['bpp']:.4f}", *(f"{r['psnr_by_frame'][i]:.2f}" for i in (0, 1, -1))]
        for r in rows
        if "psnr_by_frame" in r and r["level"] == r["levels"] - 1 and len(r["psnr_by_frame"]) > 1
    ]
    names = ["clip", "codec", "stream", "bpp", "key frame", "second frame", "last frame"]
    return "\n".join(
        [
            "Whole streams at equal PSNR-Y:",
            "",
            markdown(head, cells),
            "",
            "PSNR along the clip:",
            "",
            markdown(names, drift),
        ]
    )


def tables(rows: list[dict[str, Any]], clips: list[str], frames: int) -> str:
    """The Markdown: quality at fixed rates for every clip, then deltas against the anchor."""
    text = []
    for clip in clips:
        cells = []
        for measure in MEASURES:
            found = fixed_rate_rows(level_curves(rows, measure), [clip], RATES, measure)
            cells += [[NAMES[measure], *row] for row in found]
        text += [
            f"{clip}, {min(frames, FRAMES.get(clip, frames))} frames, at bits per pixel:",
            "",
            markdown(["", "", *map(str, RATES)], cells),
            "",
        ]
        for measure in MEASURES:
            curves = level_curves(rows, measure) | stream_curves(rows, measure)
            curves = decibel(curves) if measure == "ms_ssim" else curves
            curves = {n: {s: c for s, c in by.items() if s == clip} for n, by in curves.items()}
            if not curves.get(ANCHOR) or measure == "lpips":
                continue
            deltas = bjontegaard_table(curves[ANCHOR], {n: c for n, c in curves.items() if n != ANCHOR and c})
            unit = NAMES[measure] + ("" if measure == "vmaf" else " in dB")
            head = [f"{clip}, against {ANCHOR}", "BD-rate", f"BD-{unit}", "overlap"]
            text += [markdown(head, [cells[:4] for cells in bjontegaard_rows(deltas)]), ""]
    notes = [CLIP_NOTES[c] for c in clips if c in CLIP_NOTES]
    return "\n".join([*text, " ".join([f"Bjøntegaard deltas by {METHOD} interpolation.", *notes])])


def plots(name: str, rows: list[dict[str, Any]], clips: list[str]) -> list[Path]:
    """One figure per clip, one panel per measure."""
    written = []
    for clip in clips:
        panels = {
            NAMES[m]: [Line(codec, points, layered) for codec, layered, points in mean_lines(rows, [clip], m)]
            for m in MEASURES
        }
        labels = {NAMES[m]: f"{NAMES[m]} in dB" if m.startswith("psnr") else NAMES[m] for m in MEASURES}
        written += rate_distortion(f"{name}_{clip}", panels, labels, title=clip)
    return written


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--splats", default="400,800,1500", help="budgets of pgsvc; empty for peers alone")
    parser.add_argument("--paper", default="", help="budgets with the tools of the paper (default: none)")
    parser.add_argument("--preset", default="medium")
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--frames", type=int, default=60, help="of each clip; bigbuckbunny has 30")
    parser.add_argument("--clips", default=",".join(CLIPS))
    parser.add_argument("--peers", help="comma-separated short names; empty for none (default: all)")
    parser.add_argument(
        "--key-interval", type=int, default=NEVER, help="frames between key frames (default: only the first)"
    )
    parser.add_argument("--name", default="peers_clips", help="of the result files (default: peers_clips)")
    parser.add_argument("--resume", action="store_true", help="keep the rows that an earlier run of NAME measured")
    a = parser.parse_args()
    peers, clips = video_peers(), a.clips.split(",")
    chosen = [*peers, "mjpeg2000"] if a.peers is None else [p for p in a.peers.split(",") if p]
    rows, version = Rows(a.name, a.resume), codec_version()
    for clip in clips:
        path = data_folder() / "video" / CLIPS[clip]
        source = frames_of(path, min(a.frames, FRAMES.get(clip, a.frames)))
        for short in (name for name in chosen if name in peers):
            peer = peers[short]
            settings = peer.settings(a.key_interval) | {"frames": len(source)}
            job = (clip, peer.codec, peer.version, settings)
            rows.add(*job, lambda p=peer, s=source: peer_points(p, s, a.key_interval))
        if "mjpeg2000" in chosen:
            job = (clip, motion_jpeg2000.CODEC, motion_jpeg2000.VERSION, motion_jpeg2000.CLIP_SETTINGS)
            rows.add(*job[:3], job[3] | {"frames": len(source)}, lambda s=source: jpeg_points(s))
        common = {
            "layers": a.layers,
            "preset": a.preset,
            "frames": len(source),
            "gop": min(a.key_interval, len(source)),
        }
        for tools, budgets in (("main", a.splats), ("paper", a.paper)):
            for splats in (int(n) for n in budgets.split(",") if n):
                settings = common | {"tools": tools}
                job = (clip, TOOLS[tools], version, settings | {"splats": splats})
                rows.add(*job, lambda f=path, s=source, n=splats, c=settings: pgsvc_points(f, s, n, c))
    written = plots(a.name, rows.rows, clips)
    pictures = "\n\n".join(f"![{p.stem}]({p.name})" for p in written if p.suffix == ".svg")
    compared = [against_paper(rows.rows, clips), ""] if a.paper else []
    rows.finish("\n".join([*compared, tables(rows.rows, clips, a.frames), "", pictures, "", *rows.notes()]))


if __name__ == "__main__":
    main()
