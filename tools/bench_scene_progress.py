"""PSNR of the beginnings of one scene stream, beside levels of a streamed SOG and the order of .splat files.

    PGSVC_DATA=folder python tools/bench_scene_progress.py --picture tenth.png

The source is a level of a streamed SOG; its lower levels, which replace each other, are measured against the same pictures. A
.splat file has 32 bytes a splat, sorted by alpha · volume, and no harmonics; any whole number of splats of it can be drawn.
"""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import benchmarking
import numpy as np
from PIL import Image
from plotting import Line, rate_distortion
from scene_views import COUNT, Views

from pgsvc.output.target import write_whole
from pgsvc.scene.splats import SceneSplats
from pgsvc.stream import Stream
from pgsvc_encoder.scene.adapt import VIEW_SIZE, VIEWS, adapt
from pgsvc_encoder.scene.encode import encode_scene
from pgsvc_encoder.scene.growth import VIEW_SIZE as GROWTH_SIZE
from pgsvc_encoder.scene.growth import growths
from pgsvc_encoder.scene.importance import importance, volumes
from pgsvc_encoder.scene.settings import SceneSettings
from pgsvc_encoder.scene.source import open_scene
from pgsvc_encoder.scene.views import training_views

BEGINNINGS = 20
SPLAT_BYTES = 32
LEVELS = 7


def main() -> None:
    a = benchmarking.arguments(
        __doc__, "scene_progress", level=2, quality=55.0, slices=5, layering="mixed", growth=1, picture=""
    )
    folder = benchmarking.data_folder() / "splats" / "playbot_lod"
    source = open_scene(f"{folder / 'lod-meta.json'}#{a.level}")
    splats, form = source.splats, source.format
    views, weight = Views(splats, form), importance(splats, form)
    settings = SceneSettings(layers=4, slices=a.slices, quality=a.quality, layering=a.layering)
    adapted = adapt(splats, form, settings, weight, training_views(splats, form, VIEWS, VIEW_SIZE))
    data = encode_scene(adapted, form, settings, weight).data
    if a.growth:
        cameras = training_views(splats, form, settings.growth, GROWTH_SIZE)
        growth = growths(data, splats, form, cameras)
        data = encode_scene(adapted, form, settings, weight, growth=growth).data
    ours = [beginning(data, len(data) * k // BEGINNINGS, views) for k in range(1, BEGINNINGS + 1)]
    if a.picture:
        shown = decoded(data[: len(data) // 10])
        side_by_side = np.concatenate([views.draw(shown, 0), views.source[0]], 1)
        write_png(a.picture, np.rint(255 * side_by_side).astype(np.uint8))
    sog = [sog_level(folder, k, views) for k in range(a.level, LEVELS)]
    order = np.argsort(-volumes(splats), kind="stable")
    bare = splat_file(splats)
    prefix = [
        {"bytes": SPLAT_BYTES * n, **views.quality(bare.select(order[:n]))}
        for n in (len(splats) * k // BEGINNINGS for k in range(1, BEGINNINGS + 1))
    ]
    rows = {"splats": len(splats), "pgsvc": ours, "streamed SOG": sog, ".splat": prefix}
    rows["monotone"] = all(y["psnr"] >= x["psnr"] for x, y in zip(ours, ours[1:], strict=False))
    lines = [
        Line(name, [(r["bytes"] / 1e6, r["psnr"]) for r in rows[name]], layered=name == "pgsvc")
        for name in ("pgsvc", "streamed SOG", ".splat")
    ]
    rate_distortion(a.name, {f"playbot, {len(splats):,} splats": lines}, rate="megabytes", columns=1)
    benchmarking.save(a.name, rows, table(rows) + f"\n\n![progress]({a.name}.svg)")


def decoded(data: bytes) -> SceneSplats:
    stream = Stream()
    stream.feed(data)
    stream.close()
    return stream.scene().splats


def beginning(data: bytes, size: int, views: Views) -> dict[str, Any]:
    """What the first bytes of a stream show."""
    shown = decoded(data[:size])
    return {"bytes": size, "splats": len(shown), **views.quality(shown)}


def sog_level(folder: Path, level: int, views: Views) -> dict[str, Any]:
    """A level alone: its files, and what they show."""
    size = sum(f.stat().st_size for f in (folder / f"{level}_0").iterdir())
    shown = open_scene(f"{folder / 'lod-meta.json'}#{level}").splats
    return {"bytes": size, "splats": len(shown), **views.quality(shown)}


def splat_file(splats: SceneSplats) -> SceneSplats:
    """What a .splat file keeps: no further coefficients."""
    return replace(splats, sh_rest=np.zeros_like(splats.sh_rest))


def write_png(path: str, picture: np.ndarray) -> None:
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "PNG")
    write_whole(path, out.getvalue())


def table(rows: dict[str, Any]) -> str:
    head = ["bytes", "splats", "PSNR", "SSIM"]
    ours = [[str(r["bytes"]), str(r["splats"]), f"{r['psnr']:.2f}", f"{r['ssim']:.4f}"] for r in rows["pgsvc"]]
    sog = [[str(r["bytes"]), str(r["splats"]), f"{r['psnr']:.2f}", f"{r['ssim']:.4f}"] for r in rows["streamed SOG"]]
    prefix = [[str(r["bytes"]), f"{r['psnr']:.2f}", f"{r['ssim']:.4f}"] for r in rows[".splat"]]
    return (
        f"{COUNT} views, {rows['splats']} splats. Beginnings of one stream (monotone: {rows['monotone']}):\n\n"
        + benchmarking.markdown(head, ours)
        + "\n\nLevels of a streamed SOG, each by itself:\n\n"
        + benchmarking.markdown(head, sog)
        + "\n\nBeginnings of a .splat file:\n\n"
        + benchmarking.markdown(["bytes", "PSNR", "SSIM"], prefix)
    )


if __name__ == "__main__":
    main()
