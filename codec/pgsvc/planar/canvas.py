"""The sums of a plane group from frame to frame, and the samples that follow from them (spec 8.6, 8.7).

Splats that rest are in planes of their own. Those that move are added to a copy, in which only the patches are made new that splats
reach, and only where a frame changes something samples are made again.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np

from pgsvc import kernel
from pgsvc.picture import PictureFormat, PlaneGroup
from pgsvc.reference import Sums

SMALL = 1 << 18  # samples; of smaller planes all is made new, as that takes less time than to find out what


class Summed(NamedTuple):
    """Splats as a plane group has them.

    Args:
        position: int32 [N, 2], Q8; form: int64 [N, 3], Q32.
        colour: int16 [N, C of the group], Q13.
    """

    position: np.ndarray
    form: np.ndarray
    colour: np.ndarray

    def rows(self, chosen: np.ndarray) -> Summed:
        """Some of them."""
        return Summed(self.position[chosen], self.form[chosen], self.colour[chosen])


class Canvas:
    """One plane group.

    Args:
        reuse: whether :meth:`samples` may return the same planes again, with other samples.
        cpu, threads: of the sum, one of the native instruction sets.
    """

    def __init__(self, output: PictureFormat, group: PlaneGroup, *, reuse: bool, cpu: str, threads: int) -> None:
        self._grid = (group.step_x, group.step_y, group.origin_x, group.origin_y)
        self._size = (group.width, group.height)
        self._shape = group.shape
        self._bits, self._dtype, self._reuse = output.bit_depth, output.dtype, reuse
        self._cpu, self._threads = cpu, threads
        self._moving: Sums | None = None  # a copy of what rests to which what moves is added; made when it is needed
        self._shown: Sums = ()
        self._samples: np.ndarray | None = None  # of what is shown
        self._all = kernel.all_patches(*self._shape[1:])
        self._none = np.zeros_like(self._all)  # never written to
        self._stale = self._all  # where the copy is not what rests
        self._changed = self._none
        self.is_small = group.width * group.height < SMALL

    @cached_property
    def _resting(self) -> Sums:
        return kernel.empty_sums(*self._shape)

    @cached_property
    def _joined(self) -> Sums:
        """Octaves of what is shown with all coarser ones."""
        return kernel.empty_sums(*self._shape, first=1)

    def restart(self, base: np.ndarray, splats: Summed) -> None:
        """Only these splats rest, on planes of one value each; what is shown are they."""
        kernel.native().fill(self._resting, base)
        self._add(self._resting, splats)
        self._stale = self._changed = self._all
        self._shown = self._resting

    def begin(self, splats: Summed) -> None:
        """These splats rest no longer."""
        self._add(self._resting, splats, subtract=True)
        self._stale = self._with(self._stale, splats)

    def rest(self, splats: Summed) -> None:
        """These splats, which were shown beside the resting ones, rest from now on."""
        self._add(self._resting, splats)  # where they are the copy is stale

    def show(self, splats: Summed) -> None:
        """These splats are shown beside those that rest, all that are others than in the frame before among them."""
        reached = self._with(self._none, splats)
        if self._stale is self._all or self._changed is self._all:
            self._changed = self._all
        else:
            self._changed = self._changed | self._stale | reached  # what is shown no longer lay where the copy is stale
        if self._moving is None:
            self._moving = kernel.empty_sums(*self._shape)
        kernel.native().copy_patches(self._resting, self._moving, self._stale)
        self._add(self._moving, splats)
        self._stale = reached
        self._shown = self._moving

    def samples(self) -> np.ndarray:
        """Samples of what is shown; uint8 or uint16 [C, H, W]."""
        is_whole = self._changed is self._all or bool(self._changed.all())
        if is_whole and not self._reuse:
            samples, self._samples = self._made(None, self._all), None
        else:
            marked = self._all if self._samples is None else self._changed
            self._samples = self._made(self._samples, marked)
            samples = self._samples if self._reuse else self._samples.copy()
        self._changed = self._none
        return samples

    def _made(self, out: np.ndarray | None, marked: np.ndarray) -> np.ndarray:
        options = {"joined": self._joined, "cpu": self._cpu, "threads": self._threads}
        return kernel.to_samples(self._shown, self._bits, self._dtype, out=out, marked=marked, **options)

    def _add(self, sums: Sums, splats: Summed, *, subtract: bool = False) -> None:
        if len(splats.position):
            kernel.sum_i16(sums, *splats, *self._grid, subtract, cpu=self._cpu, threads=self._threads)

    def _with(self, patches: np.ndarray, splats: Summed) -> np.ndarray:
        """These patches and those that splats reach."""
        if self.is_small:
            return self._all
        if len(splats.position) and patches is not self._all:
            patches = patches.copy()
            kernel.native().mark_patches(*splats, *self._size, *self._grid, patches)
        return patches
