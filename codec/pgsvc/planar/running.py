"""The sum of the frames of a segment, of which only what changes is summed again (spec 8.6).

The sum is modulo 2^16 and every splat's contribution is rounded by itself: taking the old one away and adding the new one gives
the bits of a whole sum. Where that would cost more than a whole sum, all splats are summed.
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
Grid = tuple[int, int, int, int]  # of a plane group: steps and origins
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
        self._cpu, self._threads = kernel.select(cpu), threads
        self._kept: _Kept | None = None

    def picture(self, shown: Mapping[SetKey, SplatSet]) -> Picture:
        """The picture of a frame.

        Args:
            shown: the splat sets by layer, object and slice.

        Raises:
            LimitExceeded: the splats are too many or cover too much.
        """
        output, cpu, threads = self._output, self._cpu, self._threads
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
    """What is kept while the same sets are shown: their splats as of the last frame, and the accumulators."""

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
        self._sums = [
            np.empty((len(b), g.height, g.width), np.int16)
            for b, g in zip(self._base, output.plane_groups, strict=True)
        ]
        self._splats: tuple[np.ndarray, ...] | None = None  # position, shape, colour
        self._covered = np.zeros(len(self._domain), np.int64)
        self._summed: list[Summed] = []  # of each plane group

    def holds(self, shown: Mapping[SetKey, SplatSet]) -> bool:
        """Whether these are the same sets at another time."""
        return self._sizes == {key: len(s) for key, s in shown.items()}

    def sums(self, shown: Mapping[SetKey, SplatSet]) -> list[np.ndarray]:
        """The accumulators of a frame; int16 [C, H, W] of each plane group, which the next call changes."""
        sets = shown.values()
        splats = tuple(_joined(sets, name) for name in ("position", "shape", "colour"))
        first, self._splats, old = self._splats is None, splats, self._splats
        rows = slice(None)
        if old is not None:
            changed = np.empty(len(self._domain), np.int64)
            count = kernel.native().changed_rows(*splats, *old, changed)
            if count == 0:
                return self._sums
            if count < len(changed):
                rows = changed[:count]
        position, shape, colour = (values[rows] for values in splats)
        factor, form, covered = self._geometry(shape, self._domain[rows])
        before = int(self._covered[rows].sum())
        self._covered[rows] = covered
        total = int(self._covered.sum())
        check_counts(len(self._domain), total, self._limits)
        self._add(rows, Shaped(position, factor, form, colour), first or before + int(covered.sum()) >= total)
        return self._sums

    def _geometry(self, shape: np.ndarray, domain: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """factor, form and covered samples of splats."""
        n, size = len(shape), (self._output.width, self._output.height)
        out = np.empty((n, 3), np.int32), np.empty((n, 3), np.int64), np.empty(n, np.int64)
        kernel.native().geometry(shape, domain, POWERS, *self._reference, *size, *out)
        return out

    def _add(self, rows: slice | np.ndarray, splats: Shaped, whole: bool) -> None:
        """Take the splats of the rows as they are now; sum all again if ``whole``."""
        output, cpu = self._output, self._cpu
        size, groups = (output.width, output.height), output.plane_groups
        grids = [(g.step_x, g.step_y, g.origin_x, g.origin_y) for g in groups]
        new = [at_size(splats, self._reference, size, g, cpu=cpu) for g in groups]
        if not whole:
            for acc, grid, kept in zip(self._sums, grids, self._summed, strict=True):
                position, form, colour = kept
                self._sum(acc, grid, (position[rows], form[rows], colour[rows]), subtract=True)
        if isinstance(rows, slice):
            self._summed = new
        else:
            for kept, fresh in zip(self._summed, new, strict=True):
                for values, some in zip(kept, fresh, strict=True):
                    values[rows] = some  # plane groups may share these
        for acc, grid, base, kept, fresh in zip(self._sums, grids, self._base, self._summed, new, strict=True):
            if whole:
                acc[:] = base
            self._sum(acc, grid, kept if whole else fresh)

    def _sum(self, acc: np.ndarray, grid: Grid, splats: Summed, *, subtract: bool = False) -> None:
        position, form, colour = splats
        kernel.sum_i16(acc, position, form, colour, *grid, subtract, cpu=self._cpu, threads=self._threads)


def _joined(sets: Iterable[SplatSet], name: str) -> np.ndarray:
    """One of the arrays of all sets together, always a copy."""
    return np.concatenate([getattr(s, name) for s in sets])
