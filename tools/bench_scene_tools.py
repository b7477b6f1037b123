"""The coding tools of scenes one by one: what a stream costs without each, at equal PSNR.

    PGSVC_DATA=folder python tools/bench_scene_tools.py

Bytes at the PSNR of the main tools lie between two qualities, on a straight line of log(bytes).
"""

from __future__ import annotations

from typing import Any

import benchmarking
from bench_scenes import SCENES, at_psnr
from scene_views import Views

from pgsvc.stream import Stream
from pgsvc_encoder.scene.encode import encode_scene
from pgsvc_encoder.scene.importance import importance
from pgsvc_encoder.scene.precision import Balance
from pgsvc_encoder.scene.settings import SceneSettings
from pgsvc_encoder.scene.source import open_scene

TOOLS: dict[str, dict[str, Any]] = {
    "main": {},
    "one slice a layer": {"slices": 1},
    "one layer": {"layers": 1},
    "one layer, one slice": {"layers": 1, "slices": 1},
    "a quality layer": {"layers": 5, "quality_layers": 1},
    "octree layers": {"layering": "octree"},
    "positions: occupancy": {"positions": "occupancy"},
    "positions: anchors of ProGS": {"positions": "anchors"},
    "colours, scales: not predicted": {"prediction": 0},
    "colours: each splat chooses who predicts": {"prediction": 2},
    "colours: codebook of 8": {"codebook_bits": 3},
    "colours: codebook of 32": {"codebook_bits": 5},
    "colours: codebook of 256": {"codebook_bits": 8},
    "importance: alpha · volume": {"importance": "volume"},
}
SPREAD = (-14, -7, 0, 7, 14)  # qualities around the one that is asked for


def main() -> None:
    a = benchmarking.arguments(__doc__, "scene_tools", scenes="playbot 31k,angel", quality=55.0)
    rows = []
    for name in a.scenes.split(","):
        source = open_scene(str(benchmarking.data_folder() / "splats" / SCENES[name]), repair=True)
        splats, form = source.splats, source.format
        views = Views(splats, form)
        weights = {kind: importance(splats, form, kind) for kind in ("weight", "volume")}
        target = None
        for tool, changes in TOOLS.items():
            points = []
            for more in SPREAD:
                settings = SceneSettings(**{"layers": 4, "quality": a.quality + more, "adapt": 0, **changes})
                weight = weights[changes.get("importance", "weight")]
                encoded = encode_scene(splats, form, settings, weight, balance=Balance())
                stream = Stream()
                stream.feed(encoded.data)
                quality = views.quality(stream.scene().splats)
                points.append({"quality": a.quality + more, "bytes": len(encoded.data), **quality})
            target = target or points[len(SPREAD) // 2]
            equal = at_psnr(points, target["psnr"])
            row = {"scene": name, "splats": len(splats), "tool": tool, "points": points, "at_equal_psnr": equal}
            rows.append(row | {"psnr": target["psnr"], "main": target["bytes"]})
            print(name, tool, equal and 8 * equal / len(splats), flush=True)
        benchmarking.save(a.name, rows, table(rows), quiet=True)
    benchmarking.save(a.name, rows, table(rows))


def table(rows: list[dict[str, Any]]) -> str:
    lines = []
    for r in rows:
        equal, middle = r["at_equal_psnr"], r["points"][len(SPREAD) // 2]
        line = [r["scene"], r["tool"], f"{8 * middle['bytes'] / r['splats']:.2f}", f"{middle['psnr']:.2f}"]
        if equal is None:
            line += ["n/a", "n/a", "n/a"]
        else:
            more = 8 * (equal - r["main"]) / r["splats"]
            line += [f"{8 * equal / r['splats']:.2f}", f"{more:+.2f}", f"{100 * equal / r['main'] - 100:+.1f} %"]
        lines.append(line)
    head = ["scene", "tools", "bits/splat", "PSNR", "bits/splat at the PSNR of main", "more", "bytes"]
    return benchmarking.markdown(head, lines)


if __name__ == "__main__":
    main()
