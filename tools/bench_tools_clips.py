#!/usr/bin/env python3
"""The coding tools of predicted frames one by one: the same decoded key frame, then each tool left out.

    PGSVC_DATA=… python tools/bench_tools_clips.py [--frames 17] [--splats 600] [--clips foreman,akiyo]

Bytes are those of the PRED chunks without their hashes. "at equal quality" converts the difference in PSNR into bytes with the
slope of the main tools' own rate, by halving what a bit is worth.
"""

from __future__ import annotations

import collections
import contextlib
import math
import statistics
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from unittest import mock

import numpy as np
import torch
from bench_clips import CLIPS
from bench_peers_clips import frames_of
from bench_tools import Meter
from benchmarking import arguments, data_folder, markdown, save

from pgsvc.container import PREDICTED
from pgsvc.picture import Picture
from pgsvc.planar import differences, motion
from pgsvc.range_coder import LARGEST
from pgsvc_encoder import metrics
from pgsvc_encoder.encode_segment import SegmentEncoder
from pgsvc_encoder.fit.splats import Splats
from pgsvc_encoder.predict import group
from pgsvc_encoder.predict.frame import FramePredictor
from pgsvc_encoder.settings import Settings
from pgsvc_encoder.write import payload

MAIN, CHEAPER = "main tools", "main tools, bits worth half"
VARIANTS: dict[str, dict[str, Any]] = {
    MAIN: {},
    CHEAPER: {"grade": {"rate": 0.2}},
    "no motion fields": {"motion": False},
    "vectors 128 samples apart": {"grade": {"motion_bits": 7}},
    "low delay: no groups": {"grade": {"group_bits": 0}},
    "last frames of groups for themselves": {"grade": {"inner_weight": 0.0}},
    "no births": {"grade": {"born_share": 0.0}},
    "no pull, bits weighed at the end": {"grade": {"pull": 0.0, "price": 1.0}},
    "bits worth the same in all frames of a group": {"grade": {"between": 1.0}},
    "bits worth the same at all times": {"grade": {"steadiness": 0.0}},
    "even counts, not trained": {"even": True},
    "tools of the paper after the same key frame": {"paper": True},
}
PARTS = ("motion", "updates", "births", "positions", "shapes", "energies")


class ByTable(Meter):
    """Counts bits by the table that the latest adaptive symbol came from."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: collections.Counter[str] = collections.Counter()
        self.labels: dict[int, str] = {}
        self.label = "motion"

    def add(self, tables: differences.Tables) -> None:
        """Tell the tables of differences apart; all other tables behind the fields are those of births."""
        self.label = "updates"
        self.labels[id(tables.update)] = "updates"
        names = {
            "position": "positions",
            "scale": "shapes",
            "shear": "shapes",
            "energy": "energies",
            "chroma": "energies",
        }
        for kind, name in names.items():
            self.labels[id(tables.lengths[kind])] = self.labels[id(tables.halves[kind])] = name

    def adaptive(self, counts: np.ndarray, context: np.ndarray, values: np.ndarray | None) -> np.ndarray:
        if self.labels:
            self.label = self.labels.get(id(counts), "births")
        return self._counted(super().adaptive(counts, context, values))

    def uniform(self, sizes: np.ndarray, values: np.ndarray | None) -> np.ndarray:
        assert sizes.max(initial=1) <= LARGEST
        return self._counted(super().uniform(sizes, values))

    def _counted(self, values: np.ndarray) -> np.ndarray:
        self.parts[self.label] += self.bits.pop()
        return values

    def finish(self) -> bytes:
        return b""


def split(arguments: tuple[Any, ...], *, has_motion: bool) -> collections.Counter[str]:
    """Bits of a payload by what they say; ``arguments`` are those of ``differences_payload``."""
    header, start, fields, symbols, frame = arguments
    meter = ByTable()
    if has_motion:
        motion.code_fields(meter, header, frame.width, frame.height, fields)
    kept: list[differences.Tables] = []  # as long as they live, no other table has their identity

    class Known(differences.Tables):
        def __init__(self) -> None:
            super().__init__()
            kept.append(self)
            meter.add(self)

    with mock.patch.object(differences, "Tables", Known):
        differences.code_frames(meter, header, start, fields, frame, symbols)
    return meter.parts


def even() -> contextlib.ExitStack:
    """All tables of predicted frames begin with eights."""
    stack = contextlib.ExitStack()
    for name in ("FIRST_UPDATE", "FIRST_LENGTH", "FIRST_ENERGY"):
        old = np.array(getattr(differences, name), dtype=object)
        flat = ((8,) * 16, (8,) * 16) if name == "FIRST_ENERGY" else (8,) * 16
        new = tuple((8,) * 9 for _ in old) if name == "FIRST_UPDATE" else flat
        stack.enter_context(mock.patch.object(differences, name, new))
    stack.enter_context(mock.patch.object(differences, "FIRST_HALF", 8))
    stack.enter_context(mock.patch.object(motion, "FIRST_LENGTH", (8,) * 16))
    return stack


def key_frame(pictures: Sequence[Picture], settings: Settings) -> SegmentEncoder:
    """An encoder that has coded its key frame; ``kept`` holds the states."""
    encoder = SegmentEncoder(0, 0, settings, lambda *_: None)
    original = encoder._key

    def keep(*arguments: Any) -> Any:
        encoder.kept = original(*arguments)  # type: ignore[attr-defined]
        return encoder.kept  # type: ignore[attr-defined]

    with mock.patch.object(encoder, "_key", keep):
        list(encoder.frames(pictures[:1]))
    return encoder


def measure(
    first: SegmentEncoder, pictures: Sequence[Picture], settings: Settings, variant: dict[str, Any]
) -> dict[str, Any]:
    """Bytes of the PRED chunks, mean PSNR of the predicted frames at the top, bits by what they say."""
    changed = replace(settings, overrides={"difference_grade": variant.get("grade", {})})
    encoder = SegmentEncoder(0, 0, changed, lambda *_: None)
    encoder.background, encoder.base_header = first.background, first.base_header
    parts: collections.Counter[str] = collections.Counter()

    def counted(*arguments: Any, has_motion: bool) -> bytes:
        parts.update(split(arguments, has_motion=has_motion))
        return payload.differences_payload(*arguments, has_motion=has_motion)

    def paper(states: Any, objective: Any) -> FramePredictor:
        reached = objective.error(Splats.from_sets(states), -1)
        return FramePredictor(states, encoder.training, encoder.effort.difference, encoder.rng, reached)

    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.object(encoder, "_key", lambda *_: (list(first.kept[0]), first.kept[1])))  # type: ignore[attr-defined]
        stack.enter_context(mock.patch.object(group, "differences_payload", counted))
        if variant.get("motion") is False:
            stack.enter_context(mock.patch.object(group.GroupPredictor, "_motion", lambda *_: None))
        if variant.get("even"):
            stack.enter_context(even())
        if variant.get("paper"):
            stack.enter_context(mock.patch.object(encoder, "_predictor", paper))
        frames = list(encoder.frames(pictures))[1:]
    size = sum(len(c.raw) for c in encoder.result.chunks if c.type == PREDICTED)
    psnr = statistics.fmean(metrics.psnr(f.sources[-1], f.pictures[-1])["psnr"] for f in frames)
    return {"bytes": size, "psnr": psnr, "bits": dict(parts)}


def tables(rows: list[dict[str, Any]]) -> str:
    text = []
    for clip in dict.fromkeys(r["clip"] for r in rows):
        known = {r["variant"]: r for r in rows if r["clip"] == clip}
        main, cheaper = known[MAIN], known[CHEAPER]
        slope = (cheaper["psnr"] - main["psnr"]) / math.log2(cheaper["bytes"] / main["bytes"])
        cells = []
        for label, r in known.items():
            more = math.log2(r["bytes"] / main["bytes"])
            equal = 2 ** (more - (r["psnr"] - main["psnr"]) / slope) - 1
            cells.append(
                [label, str(r["bytes"]), f"{100 * (2**more - 1):+.1f} %", f"{r['psnr']:.2f}", f"{100 * equal:+.1f} %"]
            )
        head = [f"{clip}, {main['frames']} predicted frames", "bytes", "against main", "PSNR", "bytes at equal quality"]
        per = main["splats"] * main["frames"]
        text += [markdown(head, cells), "", f"Slope: {slope:.2f} dB for each doubling of the bytes.", ""]
        share = [[f"{main['bits'].get(p, 0) / per:.3f}" for p in PARTS]]
        text += ["Bits of the main tools for each splat and frame:", "", markdown(list(PARTS), share), ""]
    return "\n".join(text)


def main() -> None:
    a = arguments(__doc__, "tools_clips", preset="medium", splats=600, frames=17, clips="foreman,akiyo")
    torch.set_num_threads(1)
    rows: list[dict[str, Any]] = []
    for clip in a.clips.split(","):
        pictures = frames_of(data_folder() / "video" / CLIPS[clip], a.frames)
        settings = Settings(splats=a.splats, preset=a.preset, threads=1)
        first = key_frame(pictures, settings)
        for label, variant in VARIANTS.items():
            row = {"clip": clip, "variant": label, "splats": a.splats, "frames": len(pictures) - 1}
            rows.append(row | measure(first, pictures, settings, variant))
            print(clip, label, rows[-1]["bytes"], f"{rows[-1]['psnr']:.2f}", flush=True)
    save(a.name, rows, tables(rows))


if __name__ == "__main__":
    main()
