#!/usr/bin/env python3
"""Rate and quality of every level of video clips, bits per splat and frame, seconds per frame.

PGSVC_DATA=… python tools/bench_clips.py [--frames 30] [--splats 1500,4000] [--preset medium]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

from benchmarking import data_folder, encode, markdown, save

CLIPS = {
    "foreman": "foreman_352x288_300f.264",
    "basketballpass": "basketballpass_416x240_100f.mkv",
    "akiyo": "akiyo_352x288_300f.mp4",
    "bigbuckbunny": "bigbuckbunny_1280x720_132f.mp4",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="medium")
    parser.add_argument("--frames", type=int, default=30)
    parser.add_argument("--splats", default="1500,4000", help="budgets, comma-separated")
    parser.add_argument("--clips", default=",".join(CLIPS))
    parser.add_argument("--keep", metavar="FOLDER", help="keep the streams here")
    parser.add_argument("--name", default="clips")
    a = parser.parse_args()
    rows, table = [], []
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(a.keep or scratch)
        work.mkdir(exist_ok=True)
        for clip in a.clips.split(","):
            for splats in a.splats.split(","):
                source = data_folder() / "video" / CLIPS[clip]
                arguments = ["--frames", str(a.frames), "--splats", splats, "--preset", a.preset]
                report = encode(source, work / f"{clip}_{splats}.pgs", *arguments)
                frames = report.pop("frames")
                for known in ("command", "versions", "machine"):  # those of the whole run are in the head of the file
                    report.pop(known)
                seconds = {
                    kind: statistics.fmean(f["seconds"] for f in frames if f["is_key"] == wanted)
                    for kind, wanted in (("key", True), ("predicted", False))
                    if any(f["is_key"] == wanted for f in frames)
                }
                row = {
                    "clip": clip,
                    "splats": int(splats),
                    "frames": len(frames),
                    "seconds_per_frame": seconds,
                    **report,
                }
                rows.append(
                    {**row, "psnr_by_frame": [[round(level["psnr"], 3) for level in f["levels"]] for f in frames]}
                )
                for r in report["levels"]:
                    last = r["level"] == len(report["levels"]) - 1
                    table.append(
                        [
                            clip,
                            splats,
                            str(r["level"]),
                            f"{r['bpp']:.4f}",
                            f"{r['psnr']:.2f}",
                            f"{r['psnr_yuv']:.2f}",
                            f"{r['ms_ssim']:.4f}",
                            f"{report['bits_per_splat_key']:.1f} / {report.get('bits_per_splat_predicted', 0):.1f}"
                            if last
                            else "",
                            " / ".join(f"{s:.2f}" for s in seconds.values()) if last else "",
                        ]
                    )
                    print("  ".join(table[-1]), flush=True)
    head = [
        "clip",
        "splats",
        "level",
        "bpp",
        "PSNR-Y",
        "PSNR-YUV",
        "MS-SSIM",
        "bits per splat key / predicted",
        "s key / predicted",
    ]
    save(a.name, rows, markdown(head, table))


if __name__ == "__main__":
    main()
