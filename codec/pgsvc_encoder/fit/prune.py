"""Pruning by learned contribution (GSP of GSVC, section 3.5 of P-GSVC): start with too many splats, drop the least useful ones.

Each splat's colour gets a learned factor w; every few iterations the splats with the smallest |w| are removed, until the budget is
reached. Afterwards w is multiplied into the colour, so it costs no bits. And, by what they are worth, before a freeze.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from pgsvc_encoder.fit.objective import Objective
from pgsvc_encoder.fit.splats import AWAY, Splats
from pgsvc_encoder.fit.training import Stage, importance

LEARNED, ENERGY = "learned", "energy"


@dataclass(frozen=True)
class Pruning:
    """How much is removed and when.

    Args:
        base, enhancement: share of the splats at the start that is removed from the base layer and from the others.
        every: iterations between removals.
        until: share of the iterations that follow the last addition, after which nothing is removed; P-GSVC, which adds nothing:
            the first 4,000 iterations of a key frame.
        measure: "learned": by |w|; "energy": by what the splat adds to the sum of squares.
    """

    base: float = 0.2
    enhancement: float = 0.4
    every: int = 100
    until: float = 0.5
    measure: str = LEARNED


class Pruner:
    """Room for the splats of a stage and those that will be removed.

    ``splats`` has the layers of the stage, each larger by what will go; ``contribution`` float [N] is w.
    """

    def __init__(self, pruning: Pruning, stage: Stage) -> None:
        self.pruning, self.stage = pruning, stage
        wanted = (stage.splats.starts[1:] - stage.splats.starts[:-1]).tolist()
        shares = [pruning.base if stage.layer + k == 0 else pruning.enhancement for k in range(len(wanted))]
        self.wanted = wanted
        self.counts = [round(n / (1 - r)) for n, r in zip(wanted, shares, strict=True)]
        self.splats = Splats.unused(self.counts, stage.splats.colour.shape[1], stage.splats.device)
        self.contribution = torch.ones(len(self.splats), device=self.splats.device)
        self.times: dict[int, float] = {}

    def plan(self, begin: int, end: int) -> None:
        """Spread the removals over a part of the iterations ``begin`` … ``end`` − 1."""
        length = max(1, round((end - begin) * self.pruning.until))
        every = max(1, min(self.pruning.every, length // 4))
        steps = max(1, length // every)
        self.times = {begin + (s + 1) * every: (s + 1) / steps for s in range(steps)}

    def after(self, iteration: int) -> None:
        """Remove what is due after this iteration."""
        if iteration in self.times:
            self._remove(self.times[iteration])

    def _remove(self, progress: float) -> None:
        s = self.splats
        value = self.contribution.abs()
        if self.pruning.measure == ENERGY:
            folded = Splats(s.position, s.shape, s.colour * self.contribution[:, None], s.starts)
            value = importance(self.stage.objective, folded)
        used = s.in_use()
        for k, (count, wanted) in enumerate(zip(self.counts, self.wanted, strict=True)):
            part = s.layer(k)
            present = torch.nonzero(used[part])[:, 0] + part.start
            surplus = len(present) - round(count - (count - wanted) * progress)
            if surplus > 0:
                gone = present[torch.argsort(value[present], stable=True)[:surplus]]
                s.position[gone] = AWAY
                self.contribution[gone] = 1

    def finish(self) -> None:
        """Put the remaining splats, weighted, where the stage wants them."""
        self._remove(1.0)
        s, out = self.splats, self.stage.splats
        used = s.in_use()
        for k in range(s.layers):
            part, target = s.layer(k), out.layer(k)
            rows = torch.nonzero(used[part])[:, 0] + part.start
            there = slice(target.start, target.start + len(rows))
            out.position[there], out.shape[there] = s.position[rows], s.shape[rows]
            out.colour[there] = s.colour[rows] * self.contribution[rows, None]


def drop_weak(objective: Objective, splats: Splats, least: float) -> None:
    """Drop splats whose loss raises the error of the levels by less than ``least`` times the top level's error per splat.

    At the usual slope of quality over rate a splat's bits are worth 0.75 of that.
    """
    worth = importance(objective, splats) / 2  # which is curvature times colour squared
    keep = worth >= least * objective.error(splats, objective.levels - 1) / max(1, len(splats))
    splats.position, splats.shape, splats.colour = (v[keep] for v in (splats.position, splats.shape, splats.colour))
    kept = torch.cat([torch.zeros(1, dtype=torch.int64), keep.cumsum(0)]).to(splats.starts.dtype)
    if splats.sets is not None:
        splats.sets = kept[splats.sets.long()]
    splats.starts = kept[splats.starts.long()]
