"""What a user may ask of the encoding of a scene."""

from __future__ import annotations

from dataclasses import dataclass

from pgsvc.errors import UsageError
from pgsvc.headers import LAYER_ORDER

LAYERINGS = ("mixed", "importance", "octree")
IMPORTANCES = ("auto", "volume", "weight")
POSITION_TOOLS = {"tree": 1, "occupancy": 2, "anchors": 3}


@dataclass(frozen=True)
class SceneSettings:
    """How a scene is encoded.

    Args:
        layers: how many, quality layers included.
        quality_layers: how many of them, the last ones, make splats of the layers below finer.
        splats: of each level of splats, exactly; None: shares that double from layer to layer.
        quality: 0 … 100, how fine the numbers are at the top level: 10 more are half the steps.
        slices: of each layer of splats; every complete slice is shown.
        tiles: parts of space that can be decoded alone.
        layering: "importance", most important splats first; "octree", one splat to a cell, cells halved from slice to slice;
            "mixed", an octree in the lower half of the layers of splats, which look whole at once, and importance in the others.
        importance: "volume", alpha · volume (after seed FGS); "weight", what splats add to rendered views; "auto": weight.
        positions: coding tool: "tree" of counts, "occupancy" octree, or "anchors" of ProGS.
        prediction: from splats of lower layers: 0 none, 1 weighted mean, 2 a choice for each splat.
        codebook_bits: log2 of the entries of a codebook for colours (after seed FGS), 0: colours by steps.
        adapt: iterations in which opacities and colours adapt to the decoded shapes and places, 0: none.
        growth: views in which it is found how much larger splats are shown while later slices are missing, 0: they are not.
        drop: splats are left out that add less to pictures than this share of what their bits would add elsewhere.
        order: progression order (spec 5.3).
        repair: mend what can be mended of an input instead of refusing it.
        seed: of every random choice.
    """

    layers: int = 4
    quality_layers: int = 0
    splats: tuple[int, ...] | None = None
    quality: float = 60.0
    slices: int = 3
    tiles: int = 1
    layering: str = "mixed"
    importance: str = "auto"
    positions: str = "tree"
    prediction: int = 1
    codebook_bits: int = 0
    adapt: int = 72
    growth: int = 4
    drop: float = 0.0
    order: int = LAYER_ORDER
    repair: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        """Raises UsageError for what no scene can be encoded with."""
        if not 1 <= self.layers <= 16:
            raise UsageError("a stream has 1 to 16 layers")
        if not 0 <= self.quality_layers < self.layers:
            raise UsageError("there must be a layer of splats below the quality layers")
        if self.splats is not None and len(self.splats) != self.layers - self.quality_layers:
            raise UsageError(f"--splats gives {len(self.splats)} levels, not {self.layers - self.quality_layers}")
        if self.splats is not None and any(a >= b for a, b in zip(self.splats, self.splats[1:], strict=False)):
            raise UsageError("--splats must grow from level to level")
        if not 0 <= self.quality <= 100:
            raise UsageError("--quality goes from 0 to 100")
        if not 0 <= self.drop <= 1:
            raise UsageError("--drop is a share of what the bits of a splat are worth, 0 to 1")
        if self.adapt < 0:
            raise UsageError("--adapt is a number of iterations")
        if self.growth < 0:
            raise UsageError("--growth is a number of views")
        if not 1 <= self.tiles <= 4096 or not 1 <= self.slices <= 64:
            raise UsageError("1 to 4096 tiles and 1 to 64 slices a layer are possible")
