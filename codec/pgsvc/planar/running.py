"""The sum of the frames of a segment, of which only what changes is summed again (spec 8.6).

The sum is modulo 2^16 and every splat's contribution is rounded by itself: parts of it in any order give the bits of a whole sum.
Splats that rest stay in accumulators of their own; those that changed since the last frame are added to a copy. A splat that
begins to change is taken out of the resting ones, one that stops is added to them. Where that would cost more than to sum the
resting ones again, they are summed again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from pgsvc import kernel
from pgsvc.limits import Limits
from pgsvc.picture import Picture, PictureFormat
from pgsvc.planar.reconstruct import add_layer, check_cost, check_counts, empty_sums, neutral_values, to_picture
from pgsvc.planar.scale import Shaped, at_size
from pgsvc.planar.splats import POWERS, SplatSet
from pgsvc.sizes import Size

SetKey = tuple[int, int, int]  # layer, object, slice
MOST_MOVING = 7 / 8  # share of the covered samples above which a frame is summed whole
Summed = tuple[np.ndarray, np.ndarray, np.ndarray]  # position, form, colour as a plane group has them


class RunningSum:
    """Pictures of the frames of a segment, in time order.

    Args:
        output: of the pictures.
        reference: the size that the splats speak of.
        limits: checked before a frame is summed (spec A.3).
        cpu, threads: of the sum; "reference" sums every frame whole.
    """

    def __init__(
        self, output: PictureFormat, reference: Size, limits: Limits, *, cpu: str | None = None, threads: int = 0
    ) -> None:
        self._output, self._reference, self._limits = output, reference, limits
        self._cpu, self.threads = kernel.select(cpu), kernel.thread_count(threads)
        self._kept: _Kept | None = None

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
        return to_picture(self._kept.sums(shown), output, cpu=cpu, threads=threads)


class _Kept:
    """What is kept while the same sets are shown: their splats as of the last frame, and the sum of those that rest."""

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
        self._base = [base[g.components, None, None] for g in output.plane_groups]
        self._resting = [
            kernel.empty_sums(len(b), g.height, g.width) for b, g in zip(self._base, output.plane_groups, strict=True)
        ]
        self._moving: list[np.ndarray] = []  # a copy to which what moves is added; made when it is needed
        self._grids = [(g.step_x, g.step_y, g.origin_x, g.origin_y) for g in output.plane_groups]
        self._splats: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None  # position, shape, colour
        self._covered = np.zeros(len(self._domain), np.int64)
        self._rests = np.ones(len(self._domain), bool)
        self._summed: list[Summed] = []  # of each plane group

    def holds(self, shown: Mapping[SetKey, SplatSet]) -> bool:
        """Whether these are the same sets at another time."""
        return self._sizes == {key: len(s) for key, s in shown.items()}

    def sums(self, shown: Mapping[SetKey, SplatSet]) -> list[np.ndarray]:
        """The accumulators of a frame; int16 [C, H, W] of each plane group, which the next call may change."""
        sets = shown.values()
        splats = (_joined(sets, "position"), _joined(sets, "shape"), _joined(sets, "colour"))
        old, self._splats = self._splats, splats
        if old is None:
            return self._whole(*splats)
        rows = np.empty(len(self._domain), np.int64)
        rows = rows[: kernel.native().changed_rows(*splats, *old, rows)]
        if self._covered[rows].sum() > MOST_MOVING * self._covered.sum():
            return self._whole(*splats)
        position, shape, colour = splats
        return self._with_moving(rows, *self._shaped(position[rows], shape[rows], colour[rows], self._domain[rows]))

    def _whole(self, position: np.ndarray, shape: np.ndarray, colour: np.ndarray) -> list[np.ndarray]:
        """The accumulators of a frame that is summed whole, after which all splats rest."""
        self._summed, self._covered = self._shaped(position, shape, colour, self._domain)
        self._check()
        self._clear()
        self._add(self._resting, self._summed)
        self._rests[:] = True
        return self._resting

    def _with_moving(self, rows: np.ndarray, new: list[Summed], covered: np.ndarray) -> list[np.ndarray]:
        """The accumulators of a frame in which splats of these rows are others than in the one before."""
        moves = np.zeros(len(self._domain), bool)
        moves[rows] = True
        rests = ~moves
        starts, stops = self._rests & moves, rests & ~self._rests
        cost = int(self._covered[starts].sum() + self._covered[stops].sum())
        again = cost > int(self._covered[rests].sum())
        if not again:
            self._add(self._resting, self._rows(starts), subtract=True)
        for kept, values in zip(self._summed, new, strict=True):
            for array, some in zip(kept, values, strict=True):
                array[rows] = some  # plane groups may share these
        self._covered[rows] = covered
        self._check()
        if again:
            self._clear()
        self._add(self._resting, self._rows(rests if again else stops))
        self._rests = rests
        if not len(rows):
            return self._resting
        if not self._moving:
            self._moving = [kernel.empty_sums(*acc.shape) for acc in self._resting]
        for acc, resting in zip(self._moving, self._resting, strict=True):
            acc[:] = resting
        self._add(self._moving, new)
        return self._moving

    def _check(self) -> None:
        check_counts(len(self._domain), int(self._covered.sum()), self._limits)

    def _shaped(
        self, position: np.ndarray, shape: np.ndarray, colour: np.ndarray, domain: np.ndarray
    ) -> tuple[list[Summed], np.ndarray]:
        """Splats as the plane groups have them, and how many samples each covers."""
        n, size = len(shape), (self._output.width, self._output.height)
        factor, form, covered = np.empty((n, 3), np.int32), np.empty((n, 3), np.int64), np.empty(n, np.int64)
        kernel.native().geometry(shape, domain, POWERS, *self._reference, *size, factor, form, covered)
        splats = Shaped(position, factor, form, colour)
        groups = self._output.plane_groups
        return [at_size(splats, self._reference, size, g, cpu=self._cpu) for g in groups], covered

    def _rows(self, chosen: np.ndarray) -> list[Summed]:
        """Splats as they were summed last; ``chosen`` bool [N]."""
        rows = np.nonzero(chosen)[0]
        return [(position[rows], form[rows], colour[rows]) for position, form, colour in self._summed]

    def _clear(self) -> None:
        """No splat rests."""
        for acc, base in zip(self._resting, self._base, strict=True):
            acc[:] = base

    def _add(self, sums: list[np.ndarray], groups: list[Summed], *, subtract: bool = False) -> None:
        for acc, grid, (position, form, colour) in zip(sums, self._grids, groups, strict=True):
            if len(position):
                kernel.sum_i16(acc, position, form, colour, *grid, subtract, cpu=self._cpu, threads=self._threads)


def _joined(sets: Iterable[SplatSet], name: str) -> np.ndarray:
    """One of the arrays of all sets together, always a copy."""
    return np.concatenate([getattr(s, name) for s in sets])
