"""Clips with known cuts for the key-frame benchmark: pieces of real clips at one size, and what may be mistaken for a cut."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from pgsvc.picture import Chroma, Picture, PictureFormat
from pgsvc_encoder.source import open_source

FORMAT = PictureFormat(352, 288, Chroma.YUV420)
CLIPS = {
    "foreman": "foreman_352x288_300f.264",
    "akiyo": "akiyo_352x288_300f.mp4",
    "basketballpass": "basketballpass_416x240_100f.mkv",
    "park_joy": "park_joy_480x270_10f.y4m",
    "call": "call_320x192_12fps.yuv",
    "bigbuckbunny": "bigbuckbunny_1280x720_132f.mp4",
    "street": "street_1920x1080_54f.264",
    "sparks": "sparks_480x270_10bit_yuv420p10le.yuv",
}
Clips = dict[str, list[Picture]]


@dataclass(frozen=True)
class CutClip:
    """Pictures, and the numbers of those that begin a new scene at once (the first picture does not count)."""

    name: str
    pictures: list[Picture]
    cuts: list[int]


def load(folder: Path) -> Clips:
    """All frames of the clips, 8 bit, stretched to 352×288."""
    out = {}
    for name, file in CLIPS.items():
        with open_source(str(folder / file)) as source:
            out[name] = [_scaled(picture) for picture in source]
    return out


def _scaled(picture: Picture) -> Picture:
    planes = []
    for plane, (height, width) in zip(picture.planes, FORMAT.plane_shapes, strict=True):
        eight = (plane >> (picture.format.bit_depth - 8)).astype(np.uint8)
        planes.append(np.asarray(Image.fromarray(eight).resize((width, height), Image.Resampling.BICUBIC)))
    return Picture(FORMAT, tuple(planes))


def joined(name: str, clips: Clips, pieces: list[tuple[str, int, int]]) -> CutClip:
    """Pieces (clip, first frame, frames) one after the other."""
    pictures: list[Picture] = []
    cuts = []
    for clip, first, count in pieces:
        cuts.append(len(pictures))
        pictures += clips[clip][first : first + count]
    return CutClip(name, pictures, cuts[1:])


def luma_changed(picture: Picture, change: Callable[[np.ndarray], np.ndarray]) -> Picture:
    """The picture with ``change`` applied to its luma as float."""
    luma = np.clip(np.round(change(picture.planes[0].astype(float))), 0, 255).astype(np.uint8)
    return Picture(picture.format, (luma, *picture.planes[1:]))


def _darkened(picture: Picture, share: float) -> Picture:
    return luma_changed(picture, lambda x: share * x + (1 - share) * 16)


def _flash(picture: Picture) -> Picture:
    return luma_changed(picture, lambda x: 1.2 * x + 50)


def for_trial_fits(clips: Clips) -> list[CutClip]:
    """Short ones: 68 frames with cuts near and far from each other; 24 of fast motion, a still scene, and flashes without cuts."""
    pieces = [("foreman", 0, 20), ("basketballpass", 0, 22), ("call", 0, 6), ("akiyo", 0, 8), ("street", 0, 12)]
    flashes = [_flash(p) if i % 9 == 8 else p for i, p in enumerate(clips["foreman"][:24])]
    return [
        joined("five scenes", clips, pieces),
        joined("fast motion", clips, [("basketballpass", 40, 24)]),
        joined("still scene", clips, [("akiyo", 0, 24)]),
        CutClip("two flashes", flashes, []),
    ]


def all_kinds(clips: Clips) -> list[CutClip]:
    """Sixty scenes in a fixed random order; whole clips, also at half the frame rate; flashes, fades, dissolves, noise."""
    rng = np.random.default_rng(7)
    names = list(clips)
    pieces: list[tuple[str, int, int]] = []
    while len(pieces) < 60:
        name = str(rng.choice([n for n in names if not pieces or n != pieces[-1][0]]))
        count = min(len(clips[name]), int(rng.integers(4, 14)))
        pieces.append((name, int(rng.integers(0, len(clips[name]) - count + 1)), count))
    out = [joined("sixty scenes", clips, pieces)]
    out += [CutClip(name, pictures, []) for name, pictures in clips.items()]
    halved = ("foreman", "basketballpass", "park_joy", "street")
    out += [CutClip(f"{name}, every second frame", clips[name][::2], []) for name in halved]
    for name in ("foreman", "basketballpass", "bigbuckbunny"):
        part = clips[name][:60]
        flashes = [_flash(p) if i % 9 == 8 else p for i, p in enumerate(part)]
        clipped = [luma_changed(p, lambda x: 1.5 * x + 120) if i % 9 == 8 else p for i, p in enumerate(part)]
        faded = [_darkened(p, abs(i - 30) / 30) for i, p in enumerate(part)]
        noise = [luma_changed(p, lambda x: 16 + 0.2 * (x - 16) + rng.normal(0, 8, x.shape)) for p in part]
        kinds = {"flashes": flashes, "flashes to white": clipped, "fade out and in": faded, "dark and noisy": noise}
        out += [CutClip(f"{name}, {kind}", pictures, []) for kind, pictures in kinds.items()]
        out.append(CutClip(f"{name}, dissolve in 10 frames", _dissolve(part, clips["akiyo"][:60], 30, 10), []))
    return out


def _dissolve(a: list[Picture], b: list[Picture], start: int, frames: int) -> list[Picture]:
    out = []
    for i, (p, q) in enumerate(zip(a, b, strict=True)):
        share = min(1.0, max(0.0, (i - start) / frames))
        planes = tuple(
            np.round((1 - share) * x + share * y).astype(np.uint8) for x, y in zip(p.planes, q.planes, strict=True)
        )
        out.append(Picture(p.format, planes))
    return out
