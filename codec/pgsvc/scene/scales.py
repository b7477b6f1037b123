"""Scales and opacities of a slice: against the neighbours' and by the splat's size, with the thinnest ones named (spec 10.5)."""

from __future__ import annotations

import numpy as np

from pgsvc.range_coder import AdaptiveCoder
from pgsvc.scene import steps
from pgsvc.scene.neighbours import Neighbours
from pgsvc.scene.state import SceneState, clip_scale
from pgsvc.scene.symbols import as_context, code_number
from pgsvc.scene.tables import ABOVE, HEIGHTS, LEVELS, LOOKS, SIZES, THICKNESSES, SliceTables, spread_context
from pgsvc.syntax import Record


def code_scale(
    coder: AdaptiveCoder,
    header: Record,
    side_bits: np.ndarray,
    near: Neighbours,
    known: SceneState,
    tables: SliceTables,
    wanted: np.ndarray | None,
    unit: int,
) -> np.ndarray:
    """Scales of the state, largest first; int32 [N, 3].

    Args:
        side_bits: int64 [N, 3], log2 of the boxes' sides in grid units.
        wanted: int64 [N, 3], steps, when writing.
    """
    step = header["scale_step"] << 6
    largest = _code_largest(coder, header, side_bits, near, known, tables, wanted, unit)
    levels = np.clip((largest * step - steps.octaves(header["usual_scale"], unit) >> 11) + LEVELS // 2, 0, LEVELS - 1)
    context = LOOKS * levels + _look(near, known.scale[:, 0].astype(np.int64) - known.scale[:, 1], LOOKS)
    second = None if wanted is None else wanted[:, 0] - wanted[:, 1]
    middle = largest - code_number(coder, tables.scale[1], context, second)
    least = steps.octaves(header["finest_scale"], unit)
    heights = np.clip(middle * step - least >> 11, 0, HEIGHTS - 1)
    context = THICKNESSES * heights + _look(near, known.scale[:, 2].astype(np.int64) - least, THICKNESSES)
    floor = (least + step // 2) // step
    more = None if wanted is None else (np.maximum(wanted[:, 2] - floor, 0) + steps.THICKER // 2) // steps.THICKER
    thin = coder.adaptive(tables.thin, as_context(context), None if more is None else (more == 0).astype(np.int32))
    thick = thin == 0
    size = np.zeros(len(middle), np.int64)
    rest = None if more is None else more[thick] - 1
    size[thick] = 1 + code_number(coder, tables.scale[2], context[thick], rest)
    return clip_scale(np.stack([largest, middle, np.minimum(middle, floor + steps.THICKER * size)], 1) * step)


def _code_largest(
    coder: AdaptiveCoder,
    header: Record,
    side_bits: np.ndarray,
    near: Neighbours,
    known: SceneState,
    tables: SliceTables,
    wanted: np.ndarray | None,
    unit: int,
) -> np.ndarray:
    """The largest scales against the neighbours' or the usual one; where these are large for the box, it is likely less. Steps."""
    step, n = header["scale_step"] << 6, len(near.index)
    mean = (
        near.mean(known.scale[:, 0]) if near.exist else np.full(n, steps.octaves(header["usual_scale"], unit), np.int64)
    )
    guess = (mean + step // 2) // step
    spread = near.spread(known.scale[:, 0], guess * step) // step if near.exist else None
    aim = None if wanted is None else wanted[:, 0] - guess
    size = code_number(coder, tables.scale[0], spread_context(n, spread), None if aim is None else np.abs(aim))
    box = side_bits.sum(1) * 4096 // 3 + (unit << 12)
    above = np.clip((mean - box >> 12) + ABOVE // 2, 0, ABOVE - 1)
    some = size > 0
    down = coder.adaptive(
        tables.less, as_context(above[some]), None if aim is None else (aim < 0)[some].astype(np.int32)
    )
    size[some] = np.where(down > 0, -size[some], size[some])
    return guess + size


def code_opacity(
    coder: AdaptiveCoder,
    header: Record,
    largest: np.ndarray,
    near: Neighbours,
    known: np.ndarray,
    tables: SliceTables,
    wanted: np.ndarray | None,
    unit: int,
) -> np.ndarray:
    """Square roots of alpha, evenly: what is nearly transparent is seen only where it is large. Q16, int64 [N].

    Args:
        largest: int32 [N], the largest scales, Q12 octaves.
        known: int32 [M], of the splats that are decoded already.
        wanted: int64 [N], steps, when writing.
    """
    last = -(-65535 // header["opacity_step"])
    sizes = np.clip(
        (largest.astype(np.int64) - steps.octaves(header["usual_scale"], unit) >> 12) + SIZES // 2, 0, SIZES - 1
    )
    look = near.mean(known) >> 14 if near.exist else np.full(len(largest), 4)
    below = code_number(coder, tables.opacity, SIZES * look + sizes, None if wanted is None else last - wanted)
    return np.maximum(last - below, 0) * header["opacity_step"]


def _look(near: Neighbours, values: np.ndarray, contexts: int) -> np.ndarray:
    """The neighbours' mean of differences of scales in half octaves, 0 … contexts − 2, the last where there are none."""
    if not near.exist:
        return np.full(len(near.index), contexts - 1)
    return np.clip(near.mean(values) >> 11, 0, contexts - 2)
