"""Frames between two others, while the later of the two is fitted: what they will be predicted from is then good for them, too.

The prediction of an inner frame lies between the splats of its ends (spec 7.13). Its error has a gradient by the splats of
the later end, and splats that follow the picture on a straight way through all frames of the group need the fewest bits.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from pgsvc_encoder.fit.objective import Objective
from pgsvc_encoder.fit.splats import Splats


class InnerFrames:
    """The frames between the last frame of a group and the one before the group.

    Args:
        before: splats of the frame before the group.
        objectives: of the frames between, in the order of time.
        weight: of the error of each, against that of the last frame.
    """

    def __init__(self, before: Splats, objectives: Sequence[Objective], weight: float) -> None:
        self.before, self.objectives, self.weight = before, objectives, weight

    def add_gradient(
        self,
        iteration: int,
        after: Splats,
        levels: torch.Tensor,
        held: torch.Tensor,
        gradients: Sequence[torch.Tensor],
        share_of_all: float = 1.0,
    ) -> None:
        """Add the gradients by position, shape and colour of the last frame's splats; one of the frames in each iteration.

        Args:
            levels: weights of the levels, float64 [K].
            held: bool [N], splats that are those of the frame before; the others are new and not in between.
            share_of_all: below 1 where the gradients of several frames are added.
        """
        if not self.objectives or self.weight <= 0:
            return
        number = iteration % len(self.objectives)
        share = (number + 1) / (len(self.objectives) + 1)
        splats = self._at(share, after)
        geometry = splats.geometry()
        _, by_geometry, by_colour = self.objectives[number].evaluate(splats, levels, geometry=geometry)
        factor = (self.weight * len(self.objectives) * share * share_of_all) * held[:, None]
        for gradient, part in zip(gradients, (*splats.chain(geometry, by_geometry), by_colour), strict=True):
            gradient += part * factor

    def around(self, after: Splats, rows: torch.Tensor) -> InnerFrames:
        """The same frames for the splats that ``rows``, bool [N], chooses; the others stay as in ``after``."""
        rest = InnerFrames(self.before.chosen(~rows), (), 0.0), after.chosen(~rows)
        count = len(self.objectives) + 1
        objectives = [o.around(rest[0]._at(i / count, rest[1])) for i, o in enumerate(self.objectives, 1)]
        return InnerFrames(self.before.chosen(rows), objectives, self.weight)

    def _at(self, share: float, after: Splats) -> Splats:
        b = self.before
        pairs = ((b.position, after.position), (b.shape, after.shape), (b.colour, after.colour))
        position, shape, colour = (torch.lerp(x, y, share) for x, y in pairs)
        return Splats(position, shape, colour, after.starts)
