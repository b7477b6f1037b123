"""What is kept from frame to frame while the same splat sets are shown: their splats, and which of them rest (spec 8.6)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial

import numpy as np

from pgsvc import kernel
from pgsvc.limits import Limits
from pgsvc.picture import PictureFormat
from pgsvc.planar.canvas import Canvas, Summed
from pgsvc.planar.changes import Splats, changed, joined
from pgsvc.planar.reconstruct import check_counts, neutral_values
from pgsvc.planar.scale import Shaped, at_size
from pgsvc.planar.splats import POWERS, SplatSet
from pgsvc.sizes import Size

SetKey = tuple[int, int, int]  # layer, object, slice
Step = Callable[[Canvas], None]  # what makes the canvas of a plane group show the next frame
MOST_MOVING = 7 / 8  # share of the covered samples above which a frame is summed whole
NONE = np.zeros(0, np.int64)


def bases(sets: Iterable[SplatSet], output: PictureFormat) -> list[np.ndarray]:
    """What the sums of each plane group begin with; int16 [C of the group], Q13."""
    base = neutral_values(output)
    for s in sets:
        base += s.background  # wraps
    return [base[g.components] for g in output.plane_groups]


def domains(sets: Iterable[SplatSet]) -> np.ndarray:
    """The shape domain of each splat; uint8 [N]."""
    return np.frombuffer(b"".join([bytes([s.domain]) * len(s) for s in sets]), np.uint8)


def shaped(
    splats: Splats, domain: np.ndarray, output: PictureFormat, reference: Size, cpu: str, threads: int
) -> tuple[list[Summed], np.ndarray]:
    """Splats as the plane groups have them, and how many samples each covers, int64 [N]."""
    n, size = len(domain), (output.width, output.height)
    factor, form, covered = np.empty((n, 3), np.int32), np.empty((n, 3), np.int64), np.empty(n, np.int64)
    kernel.native().geometry(splats.shape, domain, POWERS, *reference, *size, factor, form, covered, threads)
    of_state = Shaped(splats.position, factor, form, splats.colour)
    return [Summed(*at_size(of_state, reference, size, g, cpu=cpu)) for g in output.plane_groups], covered


class Kept:
    """Splats as of the last frame, and which of them rest.

    Args:
        shown: the sets of the first frame.
        output: of the pictures.
        reference: the size that the splats speak of.
        limits: checked before a frame is summed (spec A.3).
        cpu, threads: of the sum.
    """

    def __init__(
        self,
        shown: Mapping[SetKey, SplatSet],
        output: PictureFormat,
        reference: Size,
        limits: Limits,
        cpu: str,
        threads: int,
    ) -> None:
        self._output, self._reference, self._limits = output, reference, limits
        self._cpu, self._threads = cpu, threads
        self._sizes = {key: len(s) for key, s in shown.items()}
        self._domain = domains(shown.values())
        self._base = bases(shown.values(), output)
        self._sets: list[Splats] = []  # of the last frame
        self._summed: list[Summed] = []  # of each plane group
        self._covered = NONE  # samples by each splat
        self._cost = 0  # their sum
        self._rests = np.ones(len(self._domain), bool)
        self._moving = NONE  # rows of those that do not rest

    def holds(self, shown: Mapping[SetKey, SplatSet]) -> bool:
        """Whether these are the same sets at another time."""
        return self._sizes == {key: len(s) for key, s in shown.items()}

    def steps(self, shown: Mapping[SetKey, SplatSet]) -> list[Step]:
        """What makes the canvases of the plane groups show a frame; they do not depend on each other."""
        before, self._sets = self._sets, [Splats.of(s) for s in shown.values()]
        if not before:
            return self._all()
        rows, splats = changed(before, self._sets)
        if not len(rows) and not len(self._moving):
            return [lambda canvas: None for _ in self._summed]
        cost = int(self._covered[rows].sum())
        return self._all() if cost > MOST_MOVING * self._cost else self._changes(rows, splats, cost)

    def _whole(self) -> Iterable[tuple[np.ndarray, Summed]]:
        """What sums begin with, and all splats, as of the sets now; all of them rest."""
        self._summed, self._covered = self._shaped(joined(self._sets), self._domain)
        self._check(int(self._covered.sum()))
        self._rests[self._moving] = True
        self._moving = NONE
        return zip(self._base, self._summed, strict=True)

    def _all(self) -> list[Step]:
        """A frame that is summed whole, after which all splats rest."""
        return [partial(Canvas.restart, base=base, splats=summed) for base, summed in self._whole()]

    def _changes(self, rows: np.ndarray, splats: Splats, cost: int) -> list[Step]:
        """A frame in which the splats of these rows are others than in the one before, where they covered ``cost`` samples."""
        new, covered = self._shaped(splats, self._domain[rows])
        starts = rows[self._rests[rows]]
        self._rests[self._moving] = True
        self._rests[rows] = False
        stops = self._moving[self._rests[self._moving]]
        again = int(self._covered[starts].sum() + self._covered[stops].sum()) > self._cost - cost
        gone = [summed.rows(starts) for summed in self._summed]
        pairs = [pair for groups in zip(self._summed, new, strict=True) for pair in zip(*groups, strict=True)]
        for array, some in {id(array): (array, some) for array, some in pairs}.values():  # plane groups may share these
            array[rows] = some
        self._covered[rows] = covered
        self._check(self._cost - cost + int(covered.sum()))
        self._moving = rows

        def step(base: np.ndarray, gone: Summed, kept: Summed, new: Summed, canvas: Canvas) -> None:
            if again:
                canvas.restart(base, kept.rows(self._rests))
            else:
                canvas.begin(gone)
                canvas.rest(kept.rows(stops))
            if len(rows):
                canvas.show(new)

        groups = zip(self._base, gone, self._summed, new, strict=True)
        return [partial(step, *of_group) for of_group in groups]

    def _check(self, covered: int) -> None:
        self._cost = covered
        check_counts(len(self._domain), covered, self._limits)

    def _shaped(self, splats: Splats, domain: np.ndarray) -> tuple[list[Summed], np.ndarray]:
        return shaped(splats, domain, self._output, self._reference, self._cpu, self._threads)
