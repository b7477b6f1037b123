"""The sum of the frames of a segment, of which only what changes is summed again (spec 8.6).

The sum is modulo 2^16 and every splat's contribution is rounded by itself: parts of it in any order give the bits of a whole sum.
Splats that rest are summed apart; those that changed since the last frame are added to a copy. A splat that begins to change is
taken out of the resting ones, one that stops is added to them. Where that would cost more than to sum the resting ones again, they
are summed again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial

import numpy as np

from pgsvc import kernel
from pgsvc.limits import Limits
from pgsvc.picture import Picture, PictureFormat
from pgsvc.planar.canvas import Canvas, Summed
from pgsvc.planar.reconstruct import add_layer, check_cost, check_counts, empty_sums, neutral_values, to_picture
from pgsvc.planar.scale import Shaped, at_size
from pgsvc.planar.splats import POWERS, SplatSet
from pgsvc.sizes import Size
from pgsvc.threads import at_once

SetKey = tuple[int, int, int]  # layer, object, slice
Step = Callable[[Canvas], None]  # what makes the canvas of a plane group show the next frame
MOST_MOVING = 7 / 8  # share of the covered samples above which a frame is summed whole


class RunningSum:
    """Pictures of frames, in time order.

    Args:
        output: of the pictures.
        reference: the size that the splats speak of.
        limits: checked before a frame is summed (spec A.3).
        reuse: whether a picture may be written over by the next one.
        cpu, threads: of the sum; "reference" sums every frame whole.
    """

    def __init__(
        self,
        output: PictureFormat,
        reference: Size,
        limits: Limits,
        *,
        reuse: bool = False,
        cpu: str | None = None,
        threads: int = 0,
    ) -> None:
        self._output, self._reference, self._limits, self._reuse = output, reference, limits, reuse
        self._cpu, self.threads = kernel.select(cpu), kernel.thread_count(threads)
        self._canvases: list[Canvas] = []
        self._kept: _Kept | None = None

    def restart(self) -> None:
        """The next picture has nothing to do with the last one, such as the first of another segment."""
        self._kept = None

    def picture(self, shown: Mapping[SetKey, SplatSet]) -> Picture:
        """The picture of a frame.

        Args:
            shown: the splat sets by layer, object and slice.

        Raises:
            LimitExceeded: the splats are too many or cover too much.
        """
        output, cpu, threads = self._output, self._cpu, self.threads
        if cpu == "reference":
            sets = list(shown.values())
            check_cost(sets, output, self._limits, self._reference)
            sums = empty_sums(output)
            add_layer(sums, output, sets, reference=self._reference, cpu=cpu, threads=threads)
            return to_picture(sums, output, cpu=cpu, threads=threads)
        if self._kept is None or not self._kept.holds(shown):
            self._kept = _Kept(shown, output, self._reference, self._limits, cpu, threads)
        if not self._canvases:
            groups = output.plane_groups
            self._canvases = [Canvas(output, g, reuse=self._reuse, cpu=cpu, threads=threads) for g in groups]
        steps = self._kept.steps(shown)
        jobs = [partial(_drawn, canvas, step) for canvas, step in zip(self._canvases, steps, strict=True)]
        at_a_time = 1 if self._canvases[0].is_small else threads
        return Picture(output, tuple(plane for planes in at_once(jobs, at_a_time) for plane in planes))


def _drawn(canvas: Canvas, step: Step) -> np.ndarray:
    """Samples of a canvas after a step."""
    step(canvas)
    return canvas.samples()


class _Kept:
    """What is kept while the same sets are shown: their splats as of the last frame, and which of them rest."""

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
        sets = list(shown.values())
        self._domain = np.repeat(np.array([s.domain for s in sets], np.uint8), [len(s) for s in sets])
        base = neutral_values(output)
        for s in sets:
            base += s.background  # int16, wraps
        self._base = [base[g.components] for g in output.plane_groups]
        self._splats: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None  # position, shape, colour
        self._covered = np.zeros(len(self._domain), np.int64)
        self._rests = np.ones(len(self._domain), bool)
        self._summed: list[Summed] = []  # of each plane group

    def holds(self, shown: Mapping[SetKey, SplatSet]) -> bool:
        """Whether these are the same sets at another time."""
        return self._sizes == {key: len(s) for key, s in shown.items()}

    def steps(self, shown: Mapping[SetKey, SplatSet]) -> list[Step]:
        """What makes the canvases of the plane groups show a frame; they do not depend on each other."""
        sets = shown.values()
        splats = (_joined(sets, "position"), _joined(sets, "shape"), _joined(sets, "colour"))
        old, self._splats = self._splats, splats
        if old is None:
            return self._all(*splats)
        rows = np.empty(len(self._domain), np.int64)
        rows = rows[: kernel.native().changed_rows(*splats, *old, rows)]
        if not len(rows) and self._rests.all():
            return [lambda canvas: None for _ in self._summed]
        if self._covered[rows].sum() > MOST_MOVING * self._covered.sum():
            return self._all(*splats)
        position, shape, colour = (values[rows] for values in splats)
        return self._changes(rows, *self._shaped(position, shape, colour, self._domain[rows]))

    def _all(self, position: np.ndarray, shape: np.ndarray, colour: np.ndarray) -> list[Step]:
        """A frame that is summed whole, after which all splats rest."""
        self._summed, self._covered = self._shaped(position, shape, colour, self._domain)
        self._check()
        self._rests[:] = True
        return [
            partial(Canvas.restart, base=base, splats=summed)
            for base, summed in zip(self._base, self._summed, strict=True)
        ]

    def _changes(self, rows: np.ndarray, new: list[Summed], covered: np.ndarray) -> list[Step]:
        """A frame in which splats of these rows are others than in the one before."""
        moves = np.zeros(len(self._domain), bool)
        moves[rows] = True
        rests = ~moves
        starts, stops = np.nonzero(self._rests & moves)[0], np.nonzero(rests & ~self._rests)[0]
        cost = int(self._covered[starts].sum() + self._covered[stops].sum())
        again = cost > int(self._covered[rests].sum())
        gone = [summed.rows(starts) for summed in self._summed]
        for kept, values in zip(self._summed, new, strict=True):
            for array, some in zip(kept, values, strict=True):
                array[rows] = some  # plane groups may share these
        self._covered[rows] = covered
        self._check()
        self._rests = rests

        def step(base: np.ndarray, gone: Summed, kept: Summed, new: Summed, canvas: Canvas) -> None:
            if again:
                canvas.restart(base, kept.rows(rests))
            else:
                canvas.begin(gone)
                canvas.rest(kept.rows(stops))
            if len(rows):
                canvas.show(new)

        groups = zip(self._base, gone, self._summed, new, strict=True)
        return [partial(step, *of_group) for of_group in groups]

    def _check(self) -> None:
        check_counts(len(self._domain), int(self._covered.sum()), self._limits)

    def _shaped(
        self, position: np.ndarray, shape: np.ndarray, colour: np.ndarray, domain: np.ndarray
    ) -> tuple[list[Summed], np.ndarray]:
        """Splats as the plane groups have them, and how many samples each covers."""
        n, size = len(shape), (self._output.width, self._output.height)
        factor, form, covered = np.empty((n, 3), np.int32), np.empty((n, 3), np.int64), np.empty(n, np.int64)
        kernel.native().geometry(shape, domain, POWERS, *self._reference, *size, factor, form, covered, self._threads)
        splats = Shaped(position, factor, form, colour)
        groups = self._output.plane_groups
        return [Summed(*at_size(splats, self._reference, size, g, cpu=self._cpu)) for g in groups], covered


def _joined(sets: Iterable[SplatSet], name: str) -> np.ndarray:
    """One of the arrays of all sets together, always a copy."""
    return np.concatenate([getattr(s, name) for s in sets])
