"""Augmentation of a predicted frame: the splats that matter least go where new content is described badly.

P-GSVC and GSVC inject new splats into a predicted frame, train, and prune back to the budget. The syntax knows no births: here a
new splat takes the index of one that is hardly missed, and is sent as a large move with a new shape and colour. A splat goes only
if what a round splat takes from the error at the new place exceeds what its absence costs by enough to pay for the bits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from pgsvc_encoder.fit.optimise import Optimiser
from pgsvc_encoder.fit.splats import Splats
from pgsvc_encoder.fit.training import Stage
from pgsvc_encoder.predict.places import Places, find_places


@dataclass(frozen=True)
class Augmentation:
    """How much may move.

    Args:
        rounds: of relocation in a frame; 0: none.
        share: of a set's splats that may move in a round.
        begin, end: of the rounds, as shares of the adaptation. The first iterations shake the picture: what looks like a gain then
            is none. Two rounds from 0.3 to 0.65 gain no more than one.
        worth: a splat moves if that lowers the error by this share of the error per splat, divided by the pace of the frame: the
            fewer bits a frame takes, the more a move of 45 bits must gain.
    """

    rounds: int = 1
    share: float = 0.05
    begin: float = 0.4
    end: float = 0.65
    worth: float = 1.5

    def times(self, iterations: int) -> set[int]:
        """Iterations before which splats move."""
        span = (self.end - self.begin) / max(1, self.rounds - 1)
        return {round(iterations * (self.begin + r * span)) for r in range(self.rounds)}


def augment(optimiser: Optimiser, origin: torch.Tensor, share: float, worth: float) -> torch.Tensor:
    """One round: move up to ``share`` of each set of the optimiser's splats, within its region; the rows that moved, int64.

    Args:
        origin: float32 [N, 2], where the splats lay in the frame before: moves are sent from there.
        worth: what a move must gain, in shares of the error per splat.
    """
    stage, s = optimiser.stage, optimiser.splats
    moved = []
    for i in range(s.set_count):
        part = s.set_rows(i)
        loss, error = absence(stage, s)
        threshold = worth * error / len(s)
        goes = torch.argsort(loss[part], stable=True)[: round((part.stop - part.start) * share)] + part.start
        places = find_places(stage, s, i // s.objects, len(goes), threshold, object_of(s, i))
        count = paying(places, loss[goes], threshold)
        rows = _nearest(origin, goes[:count], places.position[:count])
        begin_anew(s, rows, places)
        moved.append(rows)
    s.clamp(stage.objective.format.width, stage.objective.format.height)
    rows = torch.cat(moved)
    optimiser.forget(rows)
    return rows


def object_of(splats: Splats, i: int) -> int | None:
    """The object that a set belongs to; None where there is only one."""
    return i % splats.objects if splats.objects > 1 else None


def paying(places: Places, loss: torch.Tensor, threshold: float) -> int:
    """For how many of the places, from the best on, the gain exceeds what the splat that comes is missed by enough.

    Args:
        loss: of the splats that may come, the least missed first, at least one for each place.
    """
    pays = places.gain - loss[: len(places.gain)] > threshold
    return int(pays.long().cumprod(0).sum())


def begin_anew(splats: Splats, rows: torch.Tensor, places: Places) -> None:
    """Put splats on the first places, round and with the colour that is missing there."""
    count = len(rows)
    splats.position[rows] = places.position[:count]
    splats.shape[rows, 0] = splats.shape[rows, 2] = places.scale[:count].log2()
    splats.shape[rows, 1] = 0
    splats.colour[rows] = places.colour[:count]


def absence(stage: Stage, splats: Splats) -> tuple[torch.Tensor, float]:
    """By how much the stage's weighted error rises without each splat, float32 [N], and that error.

    At least the splat's energy: what the gradient promises beyond it is the noise of the steps.
    """
    errors, _, gradient = stage.objective.evaluate(splats, stage.mean_weights)
    energy = stage.objective.colour_diagonal(splats, stage.mean_weights) * splats.colour**2 / 2
    rise = energy.sum(1) - (gradient * splats.colour).sum(1).clamp(max=0)
    return rise, float(errors.nan_to_num().dot(stage.mean_weights))


def _nearest(origin: torch.Tensor, rows: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """For each place in turn the nearest of ``rows`` that is left: short moves take fewer bits and are more exact."""
    distance = torch.cdist(places, origin[rows])
    out = torch.zeros(len(places), dtype=torch.int64)
    for i in range(len(places)):
        j = int(distance[i].argmin())
        out[i] = rows[j]
        distance[:, j] = math.inf
    return out
