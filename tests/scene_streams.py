"""A small scene and streams of it for tests of the command lines, and what a stream decodes to."""

from __future__ import annotations

import json
from pathlib import Path

from scene_samples import some_splats

import pgsvc
from pgsvc.scene.content import DecodedScene
from pgsvc.scene.output import write_scene
from pgsvc.scene.splats import SceneFormat
from pgsvc_encoder import cli as enc

CAMERA = {"width": 64, "height": 48, "fov": 60, "position": [0, 0, -8], "look_at": [0, 0, 0], "up": [0, -1, 0]}
PICTURE = Path(__file__).resolve().parent.parent / "conformance/valid/04-still-420-slices.pgs"


def write_streams(place: Path) -> None:
    """A scene, and streams of it: of four layers in three tiles; of two objects with a quality layer."""
    splats = some_splats(400, 1, objects=False, seed=5)
    write_scene(str(place / "room.ply"), splats, SceneFormat(1))
    (place / "labels.txt").write_text(" ".join(str(n % 2) for n in range(400)))
    (place / "cam.json").write_text(json.dumps(CAMERA))
    ply, tiles, objects = (str(place / n) for n in ("room.ply", "tiles.pgs", "objects.pgs"))
    assert enc.main(["-q", ply, tiles, "--splats", "40,90,170,350", "--tiles", "3", "--importance", "volume"]) == 0
    more = ["--layers", "3", "--quality-layers", "1", "--labels", str(place / "labels.txt")]
    assert enc.main(["-q", ply, objects, *more, "--importance", "volume", "--order", "segment"]) == 0


def files(place: Path) -> set[str]:
    """Names in a folder."""
    return {p.name for p in place.iterdir()}


def decoded(path: Path, **options) -> DecodedScene:
    """What ``Stream.scene`` gives, with its hashes compared where they can be."""
    with pgsvc.open(path) as stream:
        return stream.scene(check_hash="objects" not in options, **options)
