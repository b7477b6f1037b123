"""Valid scenes whose beginnings are shown larger; they come last."""

from __future__ import annotations

from synthetic import LAYER
from synthetic_scene import SceneMaker
from valid_scene_tools import VALID
from valid_streams import valid

from pgsvc.container import Address

__all__ = ["VALID"]


@valid(
    "scene-growth",
    "growth of each slice, by slices without splats too, kept through refinements; two objects with growths of their own, one "
    "of them at its top",
    "6.8",
    "9.4",
    "10.14",
)
def _() -> bytes:
    m = SceneMaker(62, layer_count=4, tile_count=2, progression_order=LAYER)
    m.objects(4, 2)
    for t in range(2):
        m.splats(Address(t, 0, 0, 0, 0), 20, growth=4, growth_limit=60 + t, last_slice=0)
        m.splats(Address(t, 0, 0, 0, 1), 30, growth=3, growth_limit=50)
        m.splats(Address(t, 0, 0, 1), 15, growth=1, growth_limit=90)
        m.splats(Address(t, 0, 1, 0, 0), 30, last_slice=0)
        m.splats(Address(t, 0, 1, 0, 1), 0, growth=2, growth_limit=48)
        m.splats(Address(t, 0, 1, 1), 15, growth=5, growth_limit=30)
        m.refinement(Address(t, 0, 2), 0, "scale", "colour")
        m.splats(Address(t, 0, 3), 40)
    m.hashes()
    return m.build()


@valid(
    "scene-growth-limits",
    "growth into both ends of the range of scales, from sizes around the limit, by all of what is lacking; grid_exponent 32",
    "10.2",
    "10.14",
)
def _() -> bytes:
    m = SceneMaker(63, layer_count=4, grid_exponent=32)
    wide = {"numbers": 200, "scale_step": 255}
    m.splats(Address(0, 0, 0), 40, growth=16, growth_limit=255, **wide)
    m.splats(Address(0, 0, 1), 40, growth=16, growth_limit=0, **wide)
    m.splats(Address(0, 0, 2), 40, growth=15, growth_limit=24, numbers=6, scale_step=1)
    m.splats(Address(0, 0, 3), 10)
    m.hashes()
    return m.build()
