"""How far splats are from where they were predicted, in the steps in which that would be sent, and what it costs.

A fit that does not know of the rate moves every number of every splat. Here a pull towards the prediction acts on each group of
numbers that is sent or not sent together (position, shape, colour) and leaves most splats where they were predicted: a group lasso,
whose solutions are sparse (Yuan and Lin, 2006). Splats that the pull holds need no bits.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from pgsvc.planar import graded
from pgsvc.planar.differences import Steps
from pgsvc.planar.splats import SplatSet
from pgsvc.syntax import Record
from pgsvc_encoder.fit.splats import Splats
from pgsvc_encoder.quantise.nearest import YCOCG

SOFT = 0.05  # squared steps within which the pull gives way, so that it has a gradient everywhere


class Offsets:
    """Splats as offsets from predicted ones, in steps (spec 7.13).

    Args:
        headers: of the PRED chunks of the sets.
        predicted: the sets, those of the objects of layer 0 first.
        objects: sets of each layer.
    """

    def __init__(
        self, headers: Sequence[Record], predicted: Sequence[SplatSet], *, is_rgb: bool, objects: int = 1
    ) -> None:
        self.origin = Splats.from_sets(list(predicted), objects)
        steps = [Steps.of(h, s, is_rgb=is_rgb) for h, s in zip(headers, predicted, strict=True)]
        self.position = _powers([s.position for s in steps])
        self.shape = _powers([s.shape for s in steps])
        exponents = np.concatenate(
            [graded.colour_exponent(h, s.shape) for h, s in zip(headers, predicted, strict=True)]
        )
        self.energy = torch.from_numpy(2.0 ** (exponents / 4096) / 8192).float()
        components = self.origin.colour.shape[1]
        self.to_energy = torch.from_numpy(YCOCG if is_rgb else np.eye(components)).float()
        self.to_colour = torch.linalg.inv(self.to_energy)
        self.free = torch.zeros(len(self.origin), dtype=torch.bool)  # splats that are new and pay for themselves

    def part(self, rows: slice | torch.Tensor) -> Offsets:
        """Those of some splats; of a slice, sharing memory with these."""
        out = object.__new__(Offsets)
        o = self.origin
        out.origin = Splats(o.position[rows], o.shape[rows], o.colour[rows], o.starts)
        out.position, out.shape, out.energy, out.free = (
            x[rows] for x in (self.position, self.shape, self.energy, self.free)
        )
        out.to_energy, out.to_colour = self.to_energy, self.to_colour
        return out

    def of(self, splats: Splats) -> list[torch.Tensor]:
        """Offsets of position, shape and energy in steps; float32 [N, 2], [N, 3], [N, C]."""
        o = self.origin
        return [
            (splats.position - o.position) / self.position,
            (splats.shape - o.shape) / self.shape,
            (splats.colour - o.colour) @ self.to_energy.T / self.energy,
        ]

    def place(self, splats: Splats, group: int, offsets: torch.Tensor, rows: torch.Tensor) -> None:
        """Put one group of numbers of some splats, bool [N], at offsets in steps."""
        o = self.origin
        if group == 0:
            splats.position[rows] = (o.position + offsets * self.position)[rows]
        elif group == 1:
            splats.shape[rows] = (o.shape + offsets * self.shape)[rows]
        else:
            splats.colour[rows] = (o.colour + (offsets * self.energy) @ self.to_colour.T)[rows]

    def pull(self, splats: Splats, strength: float) -> list[torch.Tensor]:
        """Gradient of ``strength`` times the sum of the lengths of all groups of offsets."""
        position, shape, energy = (
            strength * d / (d.square().sum(1, keepdim=True) + SOFT).sqrt() * ~self.free[:, None]
            for d in self.of(splats)
        )
        return [position / self.position, shape / self.shape, (energy / self.energy) @ self.to_energy]

    def per_step(self, gradients: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Gradients by position, shape and energy in steps, from those by natural numbers."""
        position, shape, colour = gradients
        return [position * self.position, shape * self.shape, colour @ self.to_colour * self.energy]

    def curvature_per_step(self, group: int, curvature: torch.Tensor) -> torch.Tensor:
        """What a squared step of each number adds to the error, from the diagonal of the Gauss–Newton matrix by natural numbers."""
        if group == 0:
            return curvature * self.position**2
        if group == 1:
            return curvature * self.shape**2
        return curvature @ self.to_colour.square() * self.energy**2


def _powers(exponents: list[np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(2.0 ** np.concatenate(exponents)).float()
