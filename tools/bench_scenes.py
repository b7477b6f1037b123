"""Scenes beside SPZ v4 and SOG made from the same splats: bytes by attribute, PSNR and SSIM of eight views, bytes at equal PSNR.

    PGSVC_DATA=folder python tools/bench_scenes.py --program node_modules/.bin/splat-transform

Each scene is encoded in four layers at several qualities; bytes at the PSNR of a peer lie between two of them, on a straight
line of log(bytes), with all splats and without those that ``--drop`` leaves out; bytes per splat are by those of the source. Scenes
that are done stay done with ``--resume 1``; ``--peers`` names a folder that keeps the files of the peers from run to run.
"""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any

import benchmarking
import numpy as np
from peers import scenes as peers
from scene_views import Views

from pgsvc.stream import Stream
from pgsvc_encoder.scene.adapt import VIEW_SIZE, VIEWS, adapt
from pgsvc_encoder.scene.drop import dropped
from pgsvc_encoder.scene.encode import encode_scene
from pgsvc_encoder.scene.importance import importance
from pgsvc_encoder.scene.settings import SceneSettings
from pgsvc_encoder.scene.source import open_scene
from pgsvc_encoder.scene.views import training_views

SCENES = {
    "playbot 8k": "playbot_lod/4_0",
    "playbot 31k": "playbot_lod/3_0",
    "playbot 125k": "playbot_lod/2_0",
    "angel": "statues/angel.sog",
    "massa": "statues/massa.sog",
    "st-peter": "statues/st-peter.sog",
    "guitar": "guitar.compressed.ply",
    "sh3": "inria_sh3/kacytran1122_iter7000_point_cloud.ply",
}
PARTS = ("boxes", "position", "rotation", "scale", "opacity", "colour", "sh", "header")


def main() -> None:
    a = benchmarking.arguments(
        __doc__,
        "scenes",
        scenes=",".join(SCENES),
        qualities="30,40,50,60,70,80",
        drop=0.1,
        program="",
        resume=0,
        peers="",
    )
    program, folder = peers.find(a.program), benchmarking.data_folder() / "splats"
    kept = benchmarking.RESULTS / f"{a.name}.json"
    done: list[dict[str, Any]] = json.loads(kept.read_text())["rows"] if a.resume and kept.exists() else []
    for name in a.scenes.split(","):
        if name not in {row["scene"] for row in done}:
            qualities = [float(q) for q in a.qualities.split(",")]
            source = open_scene(str(folder / SCENES[name]), repair=True)
            files = Path(a.peers) / name.replace(" ", "_") if a.peers else None
            done.append(measure(name, source, program, qualities, a.drop, files))
            benchmarking.save(a.name, done, table(done), quiet=True)
    benchmarking.save(a.name, done, table(done))


def measure(
    name: str, source: Any, program: str, qualities: list[float], drop: float, files: Path | None
) -> dict[str, Any]:
    """All points of one scene; ``files``: where the peers' are kept, without ending."""
    splats, form = source.splats, source.format
    views, weight = Views(splats, form), importance(splats, form)
    row: dict[str, Any] = {"scene": name, "splats": len(splats), "sh_degree": form.sh_degree, "ours": []}
    for settings in (SceneSettings(layers=4, quality=q, drop=d) for d in (0.0, drop) for q in qualities):
        began = time.perf_counter()
        kept = dropped(splats, form, settings, weight) if settings.drop else weight
        cameras = training_views(splats, form, VIEWS, VIEW_SIZE)
        encoded = encode_scene(adapt(splats, form, settings, kept, cameras), form, settings, kept)
        seconds = time.perf_counter() - began
        stream = Stream()
        stream.feed(encoded.data)
        began = time.process_time()
        decoded = stream.scene()
        decode = time.process_time() - began
        bits = {p: sum(layer.get(p, 0.0) for layer in encoded.bits) / len(splats) for p in PARTS}
        row["ours"].append(
            {
                "quality": settings.quality,
                "drop": settings.drop,
                "splats": len(decoded.splats),
                "bytes": len(encoded.data),
                "bits": bits,
                "encode_s": seconds,
                "decode_cpu_s": decode,
                **views.quality(decoded.splats),
            }
        )
        print(name, row["ours"][-1], flush=True)
    for kind in peers.KINDS:
        size, read, seconds = peers.coded(program, kind, splats, form, files)
        row[kind] = {"bytes": size, "encode_s": seconds, **views.quality(read)}
        row[kind]["ours_at_equal_psnr"] = {
            d: at_psnr([p for p in row["ours"] if p["drop"] == d], row[kind]["psnr"]) for d in (0.0, drop)
        }
        print(name, kind, row[kind], flush=True)
    return row


def at_psnr(points: list[dict[str, Any]], psnr: float) -> float | None:
    """Bytes at a PSNR, between two points; None outside them."""
    x, y = [p["psnr"] for p in points], [math.log(p["bytes"]) for p in points]
    rising = all(b > a for a, b in zip(x, x[1:], strict=False))
    return math.exp(float(np.interp(psnr, x, y))) if rising and x[0] <= psnr <= x[-1] else None


def table(rows: list[dict[str, Any]]) -> str:
    drops = sorted({p["drop"] for r in rows for p in r["ours"]})
    names = ["pgsvc" if not d else f"--drop {d:g}" for d in drops]
    head = ["scene", "splats", "SH"]
    for kind in peers.KINDS:
        head += [f"{kind} bytes/splat", "PSNR", "SSIM", *(w for n in names for w in (f"{n} bytes/splat", f"of {kind}"))]
    lines = []
    for r in rows:
        line = [r["scene"], str(r["splats"]), str(r["sh_degree"])]
        for kind in peers.KINDS:
            peer, n = r[kind], r["splats"]
            line += [f"{peer['bytes'] / n:.2f}", f"{peer['psnr']:.2f}", f"{peer['ssim']:.5f}"]
            for d in drops:
                ours = {float(k): v for k, v in peer["ours_at_equal_psnr"].items()}.get(d)
                line += ["n/a", "n/a"] if ours is None else [f"{ours / n:.2f}", f"{100 * ours / peer['bytes']:.0f} %"]
        lines.append(line)
    out = "Bytes at the PSNR of the peer, four layers in the stream:\n\n" + benchmarking.markdown(head, lines)
    head = [
        "scene",
        "quality",
        "drop",
        "splats",
        "bytes",
        "bits/splat",
        *PARTS,
        "PSNR",
        "SSIM",
        "encode s",
        "million splats/s",
    ]
    lines = []
    for r in rows:
        for p in r["ours"]:
            n = r["splats"]
            line = [
                r["scene"],
                f"{p['quality']:g}",
                f"{p['drop']:g}",
                str(p["splats"]),
                str(p["bytes"]),
                f"{8 * p['bytes'] / n:.1f}",
            ]
            line += [f"{p['bits'][part]:.2f}" for part in PARTS]
            line += [
                f"{p['psnr']:.2f}",
                f"{p['ssim']:.5f}",
                f"{p['encode_s']:.1f}",
                f"{n / p['decode_cpu_s'] / 1e6:.2f}",
            ]
            lines.append(line)
    return (
        out + "\n\nBits per splat by what they say (decoding on one thread):\n\n" + benchmarking.markdown(head, lines)
    )


if __name__ == "__main__":
    main()
