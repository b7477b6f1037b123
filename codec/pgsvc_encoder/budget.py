"""Targets per level: the splats that give a wanted rate or quality, found with a few trial encodes.

Over the range that is of use log2(bytes) and dB are nearly straight lines over log2(splats). Each level has a line of its own,
through what its probes have shown, and goes along it to its target. Probes are cheap encodes first; they give the slopes. The
wanted effort gives other numbers on nearly parallel lines, so a few probes with it correct the place.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pgsvc.errors import UsageError
from pgsvc_encoder.targets import Targets

NEAR = 0.25  # doublings about the last probe within which probes are averaged, for they are noisy
LONGEST_STEP = 3.0  # doublings of the splats


@dataclass(frozen=True)
class Probe:
    """What a trial encode has shown.

    Args:
        preset: effort; splats, bytes, bpp, psnr: of each level, splats and bytes with all layers below.
    """

    preset: str
    splats: tuple[int, ...]
    bytes: tuple[int, ...]
    bpp: tuple[float, ...]
    psnr: tuple[float, ...]
    seconds: float = 0.0


@dataclass(frozen=True)
class Phase:
    """Probes with one effort: at most ``probes``, ending earlier once all levels miss by less than ``close`` tolerances."""

    preset: str
    probes: int
    close: float = 1.0


@dataclass
class Line:
    """One level: measured values ``y`` over ``x`` = log2(splats)."""

    target: float
    slope: float
    slopes: tuple[float, float]
    trust: float
    width: float
    points: list[tuple[float, float]] = field(default_factory=list)
    prior: float = 0.0

    def restart(self) -> None:
        """Forget the points but not the slope: what follows was encoded with another effort."""
        self.points.clear()
        self.prior = self.slope

    def learn(self) -> None:
        """Slope through all points, those far from the target with less weight; while they are few, the one so far counts."""
        weights = [1 / (1 + ((y - self.target) / self.width) ** 2) for _, y in self.points]
        x0, y0 = (
            sum(w * v for w, v in zip(weights, axis, strict=True)) / math.fsum(weights)
            for axis in zip(*self.points, strict=True)
        )
        rise = math.fsum(w * (x - x0) * (y - y0) for w, (x, y) in zip(weights, self.points, strict=True))
        run = math.fsum(w * (x - x0) ** 2 for w, (x, _) in zip(weights, self.points, strict=True))
        slope = (self.trust * self.prior + rise) / (self.trust + run)
        self.slope = min(max(slope, self.slopes[0]), self.slopes[1])

    def next(self) -> float:
        """log2(splats) where the target is expected, from the mean of the points about the last one."""
        here = self.points[-1][0]
        near = [y - self.slope * (x - here) for x, y in self.points if abs(x - here) <= NEAR]
        step = (self.target - math.fsum(near) / len(near)) / self.slope
        return here + min(max(step, -LONGEST_STEP), LONGEST_STEP)


class Search:
    """Splats of each level for targets.

    Args:
        layers: of the stream; most: splats that are tried at most.
        measure: a trial encode with (preset, splats of each level, base first).
        on_probe: told of every probe.
    """

    def __init__(
        self,
        targets: Targets,
        layers: int,
        most: int,
        measure: Callable[[str, tuple[int, ...]], Probe],
        on_probe: Callable[[Probe], None] = lambda _: None,
    ) -> None:
        self.targets, self.layers, self.most = targets, layers, max(most, layers)
        self.measure, self.on_probe = measure, on_probe
        self.levels = list(range(layers)) if len(targets.values) == layers else [layers - 1]
        q = targets.quantity
        self.lines = [Line(targets.scale(v), q.slope, q.slopes, q.trust, q.width) for v in targets.values]
        self.probes: list[Probe] = []

    def run(self, first: Sequence[float], phases: Sequence[Phase]) -> Probe:
        """Best probe of the last phase.

        Args:
            first: splats of each level that has a target, to begin with.

        Raises:
            UsageError: a target is out of reach.
        """
        wanted = [math.log2(max(n, 1)) for n in first]
        best = None
        for phase in phases:
            seen: list[Probe] = []
            for line in self.lines:
                line.restart()
            while len(seen) < phase.probes and self.counts(wanted) not in [p.splats for p in seen]:
                probe = self.measure(phase.preset, self.counts(wanted))
                self.probes.append(probe)
                seen.append(probe)
                self.on_probe(probe)
                self._take(probe)
                self._check_reach(probe, 0.0 if phase is phases[-1] else self.targets.quantity.margin)
                wanted = [line.next() for line in self.lines]
                if self.miss(probe) <= phase.close:
                    break
            best = min(seen, key=self.miss)
        assert best is not None, "a search needs phases"
        return best

    def counts(self, wanted: Sequence[float]) -> tuple[int, ...]:
        """Splats of each level from log2 of those that have a target: rising by at least one, lower levels in equal shares."""
        numbers = [round(2.0 ** min(x, 30.0)) for x in wanted]
        if len(numbers) < self.layers:
            share, rest = divmod(min(max(numbers[-1], self.layers), self.most), self.layers)
            return tuple((k + 1) * share + min(k + 1, rest) for k in range(self.layers))
        out: list[int] = []
        for k, n in enumerate(numbers):
            out.append(min(max(n, out[-1] + 1 if out else 1), self._highest(k)))
        return tuple(out)

    def miss(self, probe: Probe) -> float:
        """The largest miss of a level, in tolerances."""
        values = self._values(probe)
        misses = [abs(y - line.target) for y, line in zip(values, self.lines, strict=True)]
        return max(misses) / self.targets.quantity.close

    def _values(self, probe: Probe) -> list[float]:
        return [self.targets.scale(getattr(probe, self.targets.kind)[k]) for k in self.levels]

    def _highest(self, level: int) -> int:
        return self.most - (self.layers - 1 - level)

    def _take(self, probe: Probe) -> None:
        for k, y, line in zip(self.levels, self._values(probe), self.lines, strict=True):
            line.points.append((math.log2(probe.splats[k]), y))
            line.learn()
        if len(self.probes) == 1 and self.layers > 1:  # the levels beside each other show the picture's slope
            ys = [self.targets.scale(getattr(probe, self.targets.kind)[k]) for k in (0, -1)]
            slope = (ys[1] - ys[0]) / math.log2(probe.splats[-1] / probe.splats[0])
            for line in self.lines:
                line.slope = line.prior = min(max(slope, line.slopes[0]), line.slopes[1])

    def _check_reach(self, probe: Probe, margin: float) -> None:
        t = self.targets
        allowed = t.quantity.close + margin
        lowest = [k + 1 if len(self.levels) > 1 else self.layers for k in self.levels]
        options = [t.option(i) for i in range(len(t.values))]
        for k, least, option, y, line in zip(
            self.levels, lowest, options, self._values(probe), self.lines, strict=True
        ):
            shown = t.words([getattr(probe, t.kind)[k]])
            if probe.splats[k] == self._highest(k) and y < line.target - allowed:
                raise UsageError(
                    f"{option}: {probe.splats[k]} splats at level {k}, the most that are tried for this picture, "
                    f"give {shown}; lower the target"
                )
            if t.kind == "bpp" and probe.splats[k] == least and y > line.target + allowed:
                raise UsageError(
                    f"{option}: the least that level {k} can have, one splat in each layer, costs {shown}; "
                    "raise the target or give fewer layers"
                )
