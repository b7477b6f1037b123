"""Valid scenes; they come after the pictures."""

from __future__ import annotations

from synthetic import LAYER
from synthetic_scene import SceneMaker
from valid_progs import VALID
from valid_streams import valid

from pgsvc.container import Address

__all__ = ["VALID"]


@valid("scene-one-splat", "the smallest scene: one splat in a cube of one grid unit", "6.1", "6.8", "10.4", number=50)
def _() -> bytes:
    m = SceneMaker(50, kernel=2, axes=7, colour_space=1, metres_numerator=1, metres_denominator=3)
    m.splats(Address(), 1, cube_bits=0, leaf_bits=0)
    m.hashes()
    return m.build()


@valid(
    "scene-layers", "3 layers of 1, 2 and 3 slices with steps of their own, prediction, degree 1", "9.4", "10.5", "10.7"
)
def _() -> bytes:
    m = SceneMaker(51, layer_count=3, sh_degree=1)
    for k, slices in enumerate(((40,), (50, 30), (60, 60, 20))):
        for i, n in enumerate(slices):
            finer = {"scale_step": 16 >> k, "opacity_step": 2048 >> k, "colour_step": 100 - 8 * k + 4 * i}
            m.splats(Address(0, 0, k, 0, i), n, last_slice=int(i == len(slices) - 1), place_precision=-6 - k, **finer)
    m.hashes()
    return m.build()


@valid(
    "scene-tiles-objects",
    "3 tiles of 2 objects with 3 and 2 layers, layer order, a table of tiles, degree 2, one tile without splats of object 1",
    "5.2",
    "5.3",
    "6.6",
    "6.10",
)
def _() -> bytes:
    m = SceneMaker(52, layer_count=3, sh_degree=2, tile_count=3, progression_order=LAYER)
    m.objects(3, 2)
    for t in range(3):
        for o, k in ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1)):
            n = 0 if (t, o) == (1, 1) else 12 + 9 * k
            m.splats(Address(t, 0, k, o), n, origin=[4096 * t, 0, -5], usual_scale=20 + o)
    m.table()
    m.hashes()
    return m.build()


@valid(
    "scene-quality",
    "quality layers: each attribute refined, twice over, slices of a layer refined together, splats after a refinement; degree 3",
    "6.9",
    "10.9",
)
def _() -> bytes:
    m = SceneMaker(53, layer_count=5, sh_degree=3)
    m.splats(Address(0, 0, 0, 0, 0), 25, last_slice=0)
    m.splats(Address(0, 0, 0, 0, 1), 15, opacity_step=3000, colour_step=80, sh_steps=[100, 0, 90])
    m.refinement(Address(0, 0, 1), 0, "opacity", "scale", "colour", "sh")
    m.refinement(Address(0, 0, 2, 0, 0), 0, "colour", last=0)
    m.splats(Address(0, 0, 2, 0, 1), 30, last_slice=0)
    m.refinement(Address(0, 0, 2, 0, 2), 0, "sh", "scale", last=0)
    m.splats(Address(0, 0, 2, 0, 3), 10)
    m.refinement(Address(0, 0, 3, 0, 0), 2, "colour", "opacity", last=0)
    m.refinement(Address(0, 0, 3, 0, 1), 0, "opacity")
    m.refinement(Address(0, 0, 4), 2, "scale", "colour", "sh", "opacity")
    m.hashes()
    return m.build()


@valid(
    "scene-many-in-a-cell",
    "300 splats in a cube that is one cell, then 200 over 8 cells: shares of many splats, places of 16 bits",
    "10.4",
    "10.5",
)
def _() -> bytes:
    m = SceneMaker(54, layer_count=3)
    m.splats(Address(0, 0, 0), 300, leaf_bits=12, place_precision=-128)
    m.splats(Address(0, 0, 1), 200, leaf_bits=11, prediction=0)
    m.splats(Address(0, 0, 2), 40, leaf_bits=0, edges=True, place_precision=127)
    m.hashes()
    return m.build()


@valid(
    "scene-other-cubes",
    "slices with cubes of their own: small, far away, the whole grid; splats of lower layers outside them; grid_exponent 32",
    "10.4",
    "10.5",
)
def _() -> bytes:
    m = SceneMaker(55, layer_count=4, sh_degree=1, grid_exponent=32)
    whole = {"origin": [-(1 << 30), -(1 << 29), 0], "cube_bits": 30, "leaf_bits": 10}
    m.splats(Address(0, 0, 0), 60, **whole)
    m.splats(Address(0, 0, 1), 30, origin=[100, 100, 100], cube_bits=5, leaf_bits=5)
    m.splats(Address(0, 0, 2), 30, origin=[(1 << 30) - (1 << 20)] * 3, cube_bits=20, leaf_bits=0, edges=True)
    m.splats(Address(0, 0, 3), 50, **whole | {"leaf_bits": 26, "origin": [0, 0, -(1 << 30)]})
    m.hashes()
    return m.build()


@valid(
    "scene-extremes",
    "numbers of 17 bits that run into every range, finest and coarsest steps, directions of 0 to 12 bits, grid_exponent -64",
    "10.2",
    "10.6",
    "10.7",
)
def _() -> bytes:
    m = SceneMaker(56, layer_count=4, sh_degree=3, grid_exponent=-64)
    coarse = {
        "scale_step": 255,
        "opacity_step": 65535,
        "colour_step": 128,
        "chroma_steps": [15, 15],
        "sh_steps": [128] * 3,
    }
    fine = {"scale_step": 1, "opacity_step": 256, "colour_step": 0, "chroma_steps": [0, 0], "sh_steps": [0, 1, 0]}
    m.splats(Address(0, 0, 0), 30, numbers=30000, rotation_precision=127, place_precision=127, **coarse)
    m.splats(Address(0, 0, 1), 30, numbers=20, rotation_precision=-128, place_precision=-128, **fine)
    m.splats(
        Address(0, 0, 2), 30, numbers=3, rotation_precision=60, finest_scale=255, usual_scale=255, opacity_step=65534
    )
    m.refinement(Address(0, 0, 3), 0, "opacity", "scale", "colour", "sh")
    m.hashes()
    return m.build()


@valid(
    "scene-kept-table",
    "as an extractor leaves it: a table of tiles of more levels than there are, a tile that is missing, no index",
    "6.10",
    "9.4",
)
def _() -> bytes:
    m = SceneMaker(57, layer_count=2, tile_count=3)
    for t in (0, 2):
        for k in range(2):
            m.splats(Address(t, 0, k), 20, last_slice=int(not (t == 2 and k == 1)))
    m.table(levels=16)
    m.hashes()
    return m.build(index=False)
