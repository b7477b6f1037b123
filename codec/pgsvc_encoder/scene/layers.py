"""Which splats go into which tile, layer and slice."""

from __future__ import annotations

import numpy as np

from pgsvc.errors import UsageError
from pgsvc.scene.morton import morton3

CHOICE = 2  # splats to choose from, for each that an octree takes


def budgets(count: int, layers: int, wanted: tuple[int, ...] | None) -> list[int]:
    """Splats of levels 0, 1, …: exactly ``wanted``, or doubling up to all.

    Raises:
        UsageError: more are wanted than there are.
    """
    if wanted is None:
        return [max(1, count >> layers - 1 - k) if count else 0 for k in range(layers)]
    if wanted[-1] > count:
        raise UsageError(f"--splats asks for {wanted[-1]} splats, but the scene has {count}")
    return list(wanted)


def by_importance(importance: np.ndarray, levels: list[int]) -> np.ndarray:
    """Layer of each splat, −1 for those that are left out; int64 [N]."""
    layer = np.full(len(importance), -1, np.int64)
    order = np.argsort(-importance, kind="stable")
    for k, (start, stop) in enumerate(zip([0, *levels], levels, strict=False)):
        layer[order[start:stop]] = k
    return layer


def by_octree(position: np.ndarray, importance: np.ndarray, levels: list[int]) -> np.ndarray:
    """Layers of an octree: the most important splat of each cell first, cells as fine as the budgets of levels allow.

    Each level takes the splats that lead their cells at the finest depth at which there are no more of them than the budget, and
    of the next depth as many, by importance, as still fit; so the counts are exact.
    """
    low = position.min(0) if len(position) else np.zeros(3)
    side = max(float((position - low).max(initial=0)), 1e-30) * (1 + 1e-9)
    codes = morton3(np.minimum((position - low) / side * 2**20, 2**20 - 1).astype(np.int64))
    order = np.lexsort((-importance, codes))
    layer = np.full(len(position), -1, np.int64)
    taken = np.zeros(len(position), bool)
    for k, budget in enumerate(levels):
        for depth in range(21):
            cell = codes[order] >> 3 * (20 - depth)
            free = _leaders(cell, importance[order], taken[order])
            room = budget - int(taken.sum())
            leaders = order[free]
            if len(leaders) > room or depth == 20:
                leaders = leaders[np.argsort(-importance[leaders], kind="stable")][:room]
            taken[leaders] = True
            layer[leaders] = k
            if taken.sum() >= budget:
                break
        rest = np.flatnonzero(~taken)
        missing = budget - int(taken.sum())
        if missing > 0:  # several splats in one cell of the finest depth
            more = rest[np.argsort(-importance[rest], kind="stable")][:missing]
            taken[more], layer[more] = True, k
    return layer


def layers_of(position: np.ndarray, importance: np.ndarray, levels: list[int], even: int) -> np.ndarray:
    """Layer of each splat, −1 for those that are left out: the first ``even`` layers by an octree, the others by importance.

    The octree is of the more important splats, `CHOICE` times as many as it takes: in a cell without any nothing is to be seen.
    """
    layer = np.full(len(position), -1, np.int64)
    if even:
        some = np.argsort(-importance, kind="stable")[: CHOICE * levels[even - 1]]
        layer[some] = by_octree(position[some], importance[some], levels[:even])
    rest = np.flatnonzero(layer < 0)
    more = by_importance(importance[rest], [n - int((layer >= 0).sum()) for n in levels[even:]])
    layer[rest] = np.where(more < 0, -1, more + even)
    return layer


def _leaders(cell: np.ndarray, importance: np.ndarray, taken: np.ndarray) -> np.ndarray:
    """Indices of the most important splat of each cell (sorted) in which none is taken yet."""
    if not len(cell):
        return np.zeros(0, np.int64)
    start = np.flatnonzero(np.diff(cell, prepend=cell[0] - 1))
    group = np.cumsum(np.diff(cell, prepend=cell[0] - 1) != 0) - 1
    best = np.maximum.reduceat(importance, start)
    is_taken = np.maximum.reduceat(taken, start)
    leads = (importance == best[group]) & ~is_taken[group]
    first = np.unique(group[leads], return_index=True)[1]
    return np.flatnonzero(leads)[first]


def slices_of(importance: np.ndarray, count: int) -> list[np.ndarray]:
    """Indices of the splats of each slice of a layer, most important first, as equal as can be."""
    order = np.argsort(-importance, kind="stable")
    return [part for part in np.array_split(order, min(count, max(1, len(order))))]


def even_slices(position: np.ndarray, importance: np.ndarray, count: int) -> list[np.ndarray]:
    """The same by an octree, each slice over all of space, most important first in a cell."""
    ends = [len(part) for part in np.array_split(position, min(count, max(1, len(position))))]
    own = by_octree(position, importance, np.cumsum(ends).tolist())
    return [np.flatnonzero(own == number) for number in range(len(ends))]


def spatial_layers(layering: str, count: int) -> int:
    """How many of the first layers of splats lie evenly in space, of so many."""
    return {"importance": 0, "mixed": count // 2, "octree": count}[layering]


def tiles_of(position: np.ndarray, count: int) -> np.ndarray:
    """Tile of each splat: space is cut across its longest side, where it halves the splats, ``count`` − 1 times; int64 [N]."""
    tile = np.zeros(len(position), np.int64)
    sizes = {0: np.arange(len(position))}
    while len(sizes) < count:
        largest = max(sizes, key=lambda t: len(sizes[t]))
        members = sizes[largest]
        if len(members) < 2:
            break
        spans = np.percentile(position[members], 99, axis=0) - np.percentile(position[members], 1, axis=0)
        order = members[np.argsort(position[members, int(spans.argmax())], kind="stable")]
        new = len(sizes)
        sizes[largest], sizes[new] = order[: len(order) // 2], order[len(order) // 2 :]
        tile[sizes[new]] = new
    return tile
