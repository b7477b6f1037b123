"""The sum of the frames of a segment, of which only what changes is summed again (spec 8.6).

The sum is modulo 2^16 and every splat's contribution is rounded by itself: parts of it in any order give the bits of a whole sum.
Splats that rest are summed apart; those that changed since the last frame are added to a copy. A splat that begins to change is
taken out of the resting ones, one that stops is added to them. Where that would cost more than to sum the resting ones again, they
are summed again.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np

from pgsvc import kernel
from pgsvc.limits import Limits
from pgsvc.picture import Picture, PictureFormat
from pgsvc.planar.canvas import Canvas
from pgsvc.planar.changes import Splats, joined
from pgsvc.planar.kept import Kept, SetKey, Step, bases, domains, shaped
from pgsvc.planar.reconstruct import add_layer, check_cost, check_counts, empty_sums, to_picture
from pgsvc.planar.splats import SplatSet
from pgsvc.sizes import Size
from pgsvc.threads import at_once


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
        self._drawn: list[np.ndarray] = []  # samples of the last frame that was drawn alone
        self._kept: Kept | None = None

    def restart(self) -> None:
        """The next picture has nothing to do with the last one, such as the first of another segment."""
        self._kept = None

    def picture(self, shown: Mapping[SetKey, SplatSet], *, alone: bool = False) -> Picture:
        """The picture of a frame.

        Args:
            shown: the splat sets by layer, object and slice.
            alone: no other frame of the segment is asked for, so nothing need be kept for it.

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
        if alone:
            return self._alone([*shown.values()])
        if self._kept is None or not self._kept.holds(shown):
            self._kept = Kept(shown, output, self._reference, self._limits, cpu, threads)
        if not self._canvases:
            groups = output.plane_groups
            self._canvases = [Canvas(output, g, reuse=self._reuse, cpu=cpu, threads=threads) for g in groups]
        steps = self._kept.steps(shown)
        jobs = [partial(_shown, step, canvas) for canvas, step in zip(self._canvases, steps, strict=True)]
        at_a_time = 1 if self._canvases[0].is_small else threads
        return Picture(output, tuple([plane for planes in at_once(jobs, at_a_time) for plane in planes]))

    def _alone(self, sets: list[SplatSet]) -> Picture:
        """A frame of which nothing need be kept; all else is done before it is drawn, which fills the caches."""
        output, domain = self._output, domains(sets)
        splats = joined([Splats.of(s) for s in sets])
        summed, covered = shaped(splats, domain, output, self._reference, self._cpu, self.threads)
        check_counts(len(domain), int(covered.sum()), self._limits)
        if not self._drawn or not self._reuse:
            self._drawn = [np.empty(g.shape, output.dtype) for g in output.plane_groups]
        picture = Picture(output, tuple([plane for planes in self._drawn for plane in planes]))
        draw, how = kernel.native().draw, (kernel.ISA[self._cpu], self.threads)
        for s, base, out, g in zip(summed, bases(sets, output), self._drawn, output.plane_groups, strict=True):
            draw(*s, base, out, g.step_x, g.step_y, g.origin_x, g.origin_y, *how)
        return picture


def _shown(step: Step, canvas: Canvas) -> np.ndarray:
    """Samples of a canvas after a step."""
    step(canvas)
    return canvas.samples()
