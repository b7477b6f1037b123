#!/usr/bin/env python3
"""Encode time of a Kodak picture and a CIF frame beside OpenJPEG, in one run; bench_decode.py measures decoding.

    PGSVC_DATA=… python tools/bench_speed.py [--repeat 5]

Needs opj_compress (Debian: libopenjp2-tools). OpenJPEG's streams get the bytes of ours.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarking import data_folder, encode, markdown, run, save, timed, tool


def peers(work: Path, picture: Path, stream: Path, repeat: int) -> dict[str, dict[str, float]]:
    """Time OpenJPEG on the same picture at the same size."""
    raw_bits = 24 * _pixels(picture)
    ratio = raw_bits / 8 / stream.stat().st_size
    target = work / "peer.jp2"
    compress = ["opj_compress", "-i", str(picture), "-o", str(target), "-r", f"{ratio:.2f}", "-threads", "2"]
    return {"opj_compress": timed(compress, repeat)}


def _pixels(picture: Path) -> int:
    from PIL import Image

    with Image.open(picture) as image:
        return image.width * image.height


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5)
    a = parser.parse_args()
    if shutil.which("opj_compress") is None:
        sys.exit("opj_compress is not installed (Debian: libopenjp2-tools)")
    rows, table = [], []
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        cif = work / "cif.png"
        foreman = data_folder() / "video" / "foreman_352x288_300f.264"
        frame = work / "one.pgs"
        encode(foreman, frame, "--frames", "1", "--splats", "1500", "--preset", "fast")
        run(tool("pgsvc-dec", str(frame), "-o", str(cif)))
        jobs = [("Kodak 19", data_folder() / "kodak" / "kodim19.png", 9000), ("CIF frame", cif, 3000)]
        for name, picture, splats in jobs:
            times: dict[str, dict[str, float]] = {}
            for preset in ("fast", "medium"):
                stream = work / f"{preset}.pgs"
                arguments = [str(picture), str(stream), "-q", "--splats", str(splats), "--preset", preset]
                times[f"pgsvc-enc {preset}"] = timed(tool("pgsvc-enc", *arguments), 1)
            times |= peers(work, picture, stream, a.repeat)
            size = stream.stat().st_size
            rows.append({"picture": name, "splats": splats, "bytes": size, "times": times})
            for command, t in times.items():
                ratio = f"{t['cpu_s'] / times['opj_compress']['cpu_s']:.1f}"
                table.append([name, str(size), command, f"{t['wall_s']:.3f}", f"{t['cpu_s']:.3f}", ratio])
    save("speed", rows, markdown(["picture", "bytes", "command", "wall s", "CPU s", "CPU / OpenJPEG"], table))


if __name__ == "__main__":
    main()
