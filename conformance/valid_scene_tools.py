"""Valid scenes with the tools that are there to be compared with; they come after those of valid_scene."""

from __future__ import annotations

from synthetic_scene import SceneMaker
from valid_scene import VALID
from valid_streams import valid

from pgsvc.container import Address
from pgsvc.scene.colour import CHOICE
from pgsvc.scene.positions import ANCHORS, OCCUPANCY

__all__ = ["VALID"]

WHOLE = {"origin": [-(1 << 30), -(1 << 29), 0], "cube_bits": 30}


@valid(
    "scene-occupancy",
    "positions as an octree of occupied cells: of 0, 1, 9 and 20 levels, many splats in a cell, one, none; a tree beside it",
    "6.8",
    "10.12",
)
def _() -> bytes:
    m = SceneMaker(58, layer_count=4)
    tool = {"position_tool": OCCUPANCY}
    m.splats(Address(0, 0, 0, 0, 0), 70, **tool, last_slice=0)
    m.splats(Address(0, 0, 0, 0, 1), 0, **tool, last_slice=0)
    m.splats(Address(0, 0, 0, 0, 2), 1, **tool)
    m.splats(Address(0, 0, 1, 0, 0), 90, **tool, leaf_bits=12, last_slice=0)
    m.splats(Address(0, 0, 1, 0, 1), 300, **tool, leaf_bits=11)
    m.splats(Address(0, 0, 2), 50)
    m.splats(Address(0, 0, 3, 0, 0), 60, **tool, **WHOLE, leaf_bits=10, last_slice=0)
    m.splats(Address(0, 0, 3, 0, 1), 60, **tool, **WHOLE, leaf_bits=10, edges=True)
    m.hashes()
    return m.build()


@valid(
    "scene-anchors",
    "positions as anchors of 1, 2 and 5 levels, the first with sides of 1, 32 and 2^16 nodes; many splats in a cell, one, none",
    "6.8",
    "10.13",
)
def _() -> bytes:
    m = SceneMaker(59, layer_count=4)
    tool = {"position_tool": ANCHORS}
    m.splats(Address(0, 0, 0, 0, 0), 60, **tool, last_slice=0)
    m.splats(Address(0, 0, 0, 0, 1), 0, **tool, last_slice=0)
    m.splats(Address(0, 0, 0, 0, 2), 1, **tool)
    m.splats(Address(0, 0, 1, 0, 0), 40, **tool, leaf_bits=12, last_slice=0)
    m.splats(Address(0, 0, 1, 0, 1), 90, **tool, leaf_bits=11, last_slice=0)
    m.splats(Address(0, 0, 1, 0, 2), 90, **tool, leaf_bits=8)
    m.splats(Address(0, 0, 2), 50)
    m.splats(Address(0, 0, 3, 0, 0), 60, **tool, **WHOLE, leaf_bits=10, last_slice=0)
    m.splats(Address(0, 0, 3, 0, 1), 60, **tool, **WHOLE, leaf_bits=10, edges=True)
    m.hashes()
    return m.build()


@valid(
    "scene-choice",
    "each splat says who predicts its colour: without lower splats, with few and many, with each position tool; refined colours",
    "10.5",
)
def _() -> bytes:
    m = SceneMaker(60, layer_count=4, sh_degree=1)
    m.splats(Address(0, 0, 0, 0, 0), 3, prediction=CHOICE, last_slice=0)
    m.splats(Address(0, 0, 0, 0, 1), 40, prediction=CHOICE)
    m.splats(Address(0, 0, 1, 0, 0), 60, prediction=CHOICE, position_tool=OCCUPANCY, last_slice=0)
    m.splats(Address(0, 0, 1, 0, 1), 30, last_slice=0)
    m.splats(Address(0, 0, 1, 0, 2), 0, prediction=CHOICE)
    m.refinement(Address(0, 0, 2), 1, "colour")
    m.splats(Address(0, 0, 3), 80, prediction=CHOICE, position_tool=ANCHORS, colour_step=40)
    m.hashes()
    return m.build()


@valid(
    "scene-codebooks",
    "codebooks of 1, 3 and 8 bits with and without prediction, codewords at the ends of their range; a slice without splats; "
    "a refinement of such colours",
    "6.8",
    "10.5",
)
def _() -> bytes:
    m = SceneMaker(61, layer_count=3, sh_degree=1)
    ends = [-(1 << 15), (1 << 15) - 1, 0, 1, -1, (1 << 15) - 1]
    m.splats(Address(0, 0, 0, 0, 0), 30, prediction=0, codebook_bits=1, codewords=ends, last_slice=0)
    m.splats(Address(0, 0, 0, 0, 1), 60, codebook_bits=3, codewords=m.codewords(3))
    m.splats(Address(0, 0, 1, 0, 0), 0, codebook_bits=2, codewords=m.codewords(2), last_slice=0)
    m.splats(Address(0, 0, 1, 0, 1), 90, prediction=CHOICE, codebook_bits=8, codewords=m.codewords(8), last_slice=0)
    m.splats(Address(0, 0, 1, 0, 2), 30)
    m.refinement(Address(0, 0, 2), 0, "colour", "sh")
    m.hashes()
    return m.build()
