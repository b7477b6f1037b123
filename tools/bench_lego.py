#!/usr/bin/env python3
"""Layered training of a scene with exact numbers of splats, the comparison of L3GS (table 3) and joint training.

    PGSVC_DATA=… python tools/bench_lego.py [--levels 1000,2000,4000,8000] [--iterations 750] [--downscale 2] [--degree 1]
                                           [--seeds 2]

separate is one model for each level and cannot be cut; sort is one of the top level, its splats in order of importance; layered
trains each layer over the frozen ones below; recover does so from a whole model divided by importance, which is the way of L3GS;
joint trains all levels in turn. Each method has the same number of iterations in all:
--iterations for each level. Quality is measured on pictures that no training has seen, of the splats as trained and of the decoded
streams; bytes are those of the file cut to the level. Every method is trained with each of the seeds 0, 1 …; the table has means
and how far the seeds lie apart. Finished trainings are kept in the folder --work and not repeated.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarking import ROOT, arguments, data_folder, markdown, save

import pgsvc
from pgsvc.cut import cut
from pgsvc.output.png import png_bytes
from pgsvc.scene.render import render
from pgsvc.scene.splats import SceneFormat, SceneSplats
from pgsvc_encoder.scene.encode import encode_scene
from pgsvc_encoder.scene.posed import PosedPictures, open_posed
from pgsvc_encoder.scene.settings import SceneSettings
from pgsvc_encoder.scene.train import TrainingSettings, train_views
from pgsvc_encoder.scene.train.evaluate import evaluate

METHODS = ("separate", "sort", "layered", "recover", "joint")
WHITE = (1.0, 1.0, 1.0)


def decoded_levels(data: bytes, layers: int) -> list[tuple[int, SceneSplats, SceneFormat]]:
    """Bytes of the file cut to each level, and what a decoder makes of it."""
    whole = pgsvc.Stream()
    whole.keep_chunks = True
    whole.feed(data)
    levels = []
    for k in range(layers):
        part = cut(whole, level=k)
        stream = pgsvc.Stream()
        stream.feed(part)
        scene = stream.scene(check_hash=True)
        levels.append((len(part), scene.splats, scene.format))
    return levels


def train(
    pictures: PosedPictures, name: str, levels: Sequence[int], how: TrainingSettings, quality: float, work: Path
) -> list[dict[str, Any]]:
    """Trains and encodes one scene; a record for each level, kept in ``work`` with pictures of the decoded levels."""
    kept = work / f"{name}.json"
    if kept.is_file():
        return json.loads(kept.read_text())
    began = time.perf_counter()
    trained = train_views(pictures, tuple(levels), how, resume=work / f"{name}.resume")
    seconds = time.perf_counter() - began
    settings = SceneSettings(layers=len(levels), quality=quality)
    data = encode_scene(trained.splats, trained.format, settings, trained.importance, layer=trained.layer).data
    records = []
    for k, (size, splats, form) in enumerate(decoded_levels(data, len(levels))):
        own = trained.splats.select(trained.layer <= k)
        assert len(own) == len(splats) == levels[k], "a level has another number of splats than was asked for"
        records.append({
            "splats": len(splats), "bytes": size, "seconds": round(seconds, 1),
            "trained": evaluate(own, trained.format, pictures.test), "decoded": evaluate(splats, form, pictures.test),
        })  # fmt: skip
        picture = render(splats, form, pictures.test[5 % len(pictures.test)].camera, background=WHITE).to_rgb8()
        (work / f"{name}_{k}.png").write_bytes(png_bytes(picture, 8))
    (work / f"{name}.pgs").write_bytes(data)
    part = kept.with_suffix(".part")
    part.write_text(json.dumps(records))
    os.replace(part, kept)
    (work / f"{name}.resume").unlink(missing_ok=True)
    return records


def measure(
    pictures: PosedPictures, levels: Sequence[int], iterations: int, degree: int, quality: float, work: Path, seed: int
) -> list[dict[str, Any]]:
    """A record for each method and level."""
    rows = []
    for method in reversed(METHODS):
        if method == "separate":
            how = TrainingSettings(iterations=iterations, sh_degree=degree, seed=seed)
            records = [train(pictures, f"separate{n}", [n], how, quality, work)[0] for n in levels]
        else:
            how = TrainingSettings(method, iterations * len(levels), degree, seed=seed)
            records = train(pictures, method, levels, how, quality, work)
        rows += [{"method": method, "level": k, "seed": seed, **record} for k, record in enumerate(records)]
        print(f"seed {seed}, {method}: {[round(r['trained']['psnr'], 2) for r in records]} dB", flush=True)
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    """By level, a line for each method: means of its seeds, of PSNR also the largest less the least."""
    groups: dict[tuple[int, str], list[dict[str, Any]]] = {}
    for r in rows:
        groups.setdefault((r["level"], r["method"]), []).append(r)
    body = []
    for (_, method), same in sorted(groups.items(), key=lambda group: (group[0][0], METHODS.index(group[0][1]))):
        quality = []
        for kind in ("trained", "decoded"):
            psnr = [r[kind]["psnr"] for r in same]
            apart = f" ({max(psnr) - min(psnr):.2f})" if len(same) > 1 else ""
            quality += [f"{fmean(psnr):.2f}{apart}", f"{fmean(r[kind]['ssim'] for r in same):.4f}"]
        splats, size = same[0]["splats"], fmean(r["bytes"] for r in same)
        body.append([f"{splats:,}", method, *quality, f"{size:,.0f}", f"{8 * size / splats:.0f}"])
    head = ["splats", "method", "PSNR", "SSIM", "decoded: PSNR", "SSIM", "bytes", "bits per splat"]
    return markdown(head, body)


def main() -> None:
    defaults = {"levels": "1000,2000,4000,8000", "iterations": 750, "downscale": 2, "degree": 1, "quality": 60.0}
    files = {"test": "DERIVED_transforms_test20.json", "work": str(ROOT / "build" / "lego")}
    a = arguments(__doc__, "lego", **defaults, **files, seeds=2)
    folder = data_folder() / "multiview" / "lego400"
    pictures = open_posed(folder / "transforms_train.json", downscale=a.downscale, test=folder / a.test)
    levels = [int(n) for n in a.levels.split(",")]
    settings = f"{a.levels}_{a.iterations}_{a.downscale}_{a.degree}_{a.quality:g}"
    rows = []
    for seed in range(a.seeds):
        work = Path(a.work) / settings / f"seed{seed}"
        work.mkdir(parents=True, exist_ok=True)
        rows += measure(pictures, levels, a.iterations, a.degree, a.quality, work, seed)
    camera = pictures.train[0].camera
    about = (
        f"lego, {len(pictures.train)} pictures of {camera.width}×{camera.height} to train with and {len(pictures.test)} to test, "
        f"colours of degree {a.degree}, {a.iterations * len(levels):,} iterations for each method, means of {a.seeds} seeds "
        "(in brackets how far apart their PSNR lies); seconds of training with the first one: "
    )
    seconds = {m: [r["seconds"] for r in rows if r["method"] == m and r["seed"] == 0] for m in METHODS}
    spent = {m: sum(s) if m == "separate" else s[0] for m, s in seconds.items()}
    about += ", ".join(f"{m} {s:.0f}" for m, s in spent.items()) + "."
    record = {name: getattr(a, name) for name in ("iterations", "downscale", "degree", "seeds")} | {"levels": rows}
    save(a.name, record, f"{about}\n\n{table(rows)}")


if __name__ == "__main__":
    main()
