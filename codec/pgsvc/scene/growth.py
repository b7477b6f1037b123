"""Splats of a beginning, shown larger than they are while those that will fill the gaps between them are missing (spec 10.14)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pgsvc.scene.state import SceneState, clip_scale
from pgsvc.scene.steps import octaves
from pgsvc.syntax import Record


def grown(state: SceneState, header: Record, grid_exponent: int) -> SceneState:
    """The splats of an object in a tile as they are shown; small ones grow more than large ones.

    Args:
        header: of the last SPLT chunk that is decoded.
    """
    if not header["growth"]:
        return state
    limit = octaves(header["growth_limit"], grid_exponent)
    size = (state.scale[:, 0] + state.scale[:, 1]) >> 1
    growth = header["growth"] * np.maximum(0, limit - size) >> 4
    return replace(state, scale=clip_scale(state.scale + growth[:, None]))
