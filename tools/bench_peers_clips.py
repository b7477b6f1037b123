#!/usr/bin/env python3
"""Clips: every level of pgsvc beside x264, x265 and SVT-AV1, in one table.

    PGSVC_DATA=… python tools/bench_peers_clips.py --splats 800,1500,4000
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
from peers.video import NEVER, VideoPeer, video_peers
from plotting import Line, rate_distortion
from rate_tables import NAMES, fixed_rate_rows, level_curves, mean_lines, stream_curves

from pgsvc.picture import Chroma, Picture
from pgsvc_encoder.source import open_source

RATES = (0.05, 0.1, 0.2, 0.3, 0.5)
ANCHOR = "x264"
CLIP_NOTES = {
    "foreman": "The source of foreman was decoded from H.264 intra pictures of 0.9 bits per pixel, which may favour x264 there."
}
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
        levels = encode(path, stream, *options, f"--splats={splats}")["levels"]
        for r in levels:
            run(tool("pgsvc-dec", str(stream), "-q", "-l", str(r["level"]), "-o", str(decoded)))
            yield point(f"{splats} splats", r["level"], len(levels), r["bytes"], source, decoded.read_bytes())


def tables(rows: list[dict[str, Any]], clips: list[str], frames: int) -> str:
    """The Markdown: quality at fixed rates for every clip, then deltas against the anchor."""
    text = []
    for clip in clips:
        cells = []
        for measure in MEASURES:
            found = fixed_rate_rows(level_curves(rows, measure), [clip], RATES, measure)
            cells += [[NAMES[measure], *row] for row in found]
        text += [f"{clip}, {frames} frames, at bits per pixel:", "", markdown(["", "", *map(str, RATES)], cells), ""]
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
    parser.add_argument("--splats", default="800,1500,4000", help="budgets of pgsvc; empty for peers alone")
    parser.add_argument("--preset", default="medium")
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--frames", type=int, default=30)
    parser.add_argument("--clips", default=",".join(CLIPS))
    parser.add_argument("--peers", help="comma-separated short names; empty for none (default: all)")
    parser.add_argument(
        "--key-interval", type=int, default=NEVER, help="frames between key frames (default: only the first)"
    )
    parser.add_argument("--name", default="peers_clips", help="of the result files (default: peers_clips)")
    parser.add_argument("--resume", action="store_true", help="keep the rows that an earlier run of NAME measured")
    a = parser.parse_args()
    peers, clips = video_peers(), a.clips.split(",")
    chosen = list(peers) if a.peers is None else [p for p in a.peers.split(",") if p]
    rows, version = Rows(a.name, a.resume), codec_version()
    for clip in clips:
        path = data_folder() / "video" / CLIPS[clip]
        source = frames_of(path, a.frames)
        for short in chosen:
            peer = peers[short]
            settings = peer.settings(a.key_interval) | {"frames": len(source)}
            job = (clip, peer.codec, peer.version, settings)
            rows.add(*job, lambda p=peer, s=source: peer_points(p, s, a.key_interval))
        common = {
            "layers": a.layers,
            "preset": a.preset,
            "frames": len(source),
            "gop": min(a.key_interval, len(source)),
        }
        for splats in (int(s) for s in a.splats.split(",") if s):
            job = (clip, "pgsvc", version, common | {"splats": splats})
            rows.add(*job, lambda f=path, s=source, n=splats, c=common: pgsvc_points(f, s, n, c))
    written = plots(a.name, rows.rows, clips)
    pictures = "\n\n".join(f"![{p.stem}]({p.name})" for p in written if p.suffix == ".svg")
    rows.finish("\n".join([tables(rows.rows, clips, a.frames), "", pictures, "", *rows.notes()]))


if __name__ == "__main__":
    main()
