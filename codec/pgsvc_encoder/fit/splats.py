"""Trainable splats of all layers in one set of tensors, and their way to the geometry of the kernels."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch

from pgsvc.planar.splats import CHOLESKY, SplatSet

LN2 = math.log(2.0)
A_MIN, A_MAX, T_MAX = -1.5, 10.0, 16.0  # the ranges of spec 8.3
AWAY = -1e6  # x and y of a splat that is not in use yet: outside every picture, so it costs and learns nothing


@dataclass
class Splats:
    """Splats of K layers, those of layer k at ``starts[k]`` … ``starts[k + 1]`` − 1.

    Args:
        position: float32 [N, 2], luma samples.
        shape: float32 [N, 3], (a, t, b): l1 = 2^a, l2 = t·l3, l3 = 2^b luma samples (log Cholesky, spec 8.3).
        colour: float32 [N, C], 1.0 = 2^BitDepth code values.
        starts: int32 [K + 1].
        sets: int32 [K · O + 1], borders of the parts of O objects in each layer, object 0 first; None: one set in each layer.
    """

    position: torch.Tensor
    shape: torch.Tensor
    colour: torch.Tensor
    starts: torch.Tensor
    sets: torch.Tensor | None = None

    @staticmethod
    def unused(counts: list[int], components: int, device: torch.device | str = "cpu") -> Splats:
        """Room for ``counts[k]`` splats in each layer, none in use; borders are on the CPU, the rest on the device."""
        n = sum(counts)
        starts = torch.tensor(np.concatenate([[0], np.cumsum(counts)]), dtype=torch.int32)
        return Splats(torch.full((n, 2), AWAY), torch.zeros(n, 3), torch.zeros(n, components), starts).to(device)

    @staticmethod
    def from_sets(sets: list[SplatSet], objects: int = 1) -> Splats:
        """Float twins of decoded splat sets, layer by layer, in each layer those of so many objects."""
        counts = np.concatenate([[0], np.cumsum([len(s) for s in sets])])
        position = np.concatenate([s.position for s in sets]) / 256.0
        shape = np.concatenate([_log_shape(s) for s in sets])
        colour = np.concatenate([s.colour for s in sets]) / 8192.0
        position, shape, colour = (torch.tensor(x, dtype=torch.float32) for x in (position, shape, colour))
        borders = torch.tensor(counts, dtype=torch.int32)
        return Splats(position, shape, colour, borders[::objects].contiguous(), borders if objects > 1 else None)

    @property
    def device(self) -> torch.device:
        """Where position, shape and colour are."""
        return self.position.device

    def to(self, device: torch.device | str) -> Splats:
        """The same splats on a device, sharing memory with this set where it is there already."""
        return replace(self, **{name: getattr(self, name).to(device) for name in ("position", "shape", "colour")})

    def __len__(self) -> int:
        return len(self.position)

    @property
    def layers(self) -> int:
        return len(self.starts) - 1

    def layer(self, k: int) -> slice:
        return slice(int(self.starts[k]), int(self.starts[k + 1]))

    def part(self, first: int, last: int) -> Splats:
        """Layers ``first`` … ``last`` − 1, sharing memory with this set."""
        rows = slice(int(self.starts[first]), int(self.starts[last]))
        starts = self.starts[first : last + 1] - self.starts[first]
        sets = None
        if self.sets is not None:
            sets = self.sets[first * self.objects : last * self.objects + 1] - self.starts[first]
        return Splats(self.position[rows], self.shape[rows], self.colour[rows], starts, sets)

    @property
    def borders(self) -> torch.Tensor:
        """Borders of the splat sets, int32 [S + 1]: set i belongs to layer i // O and object i mod O."""
        return self.starts if self.sets is None else self.sets

    @property
    def objects(self) -> int:
        """O, the sets of each layer."""
        return 1 if self.sets is None else (len(self.sets) - 1) // self.layers

    @property
    def set_count(self) -> int:
        return len(self.borders) - 1

    def set_rows(self, i: int) -> slice:
        """The splats of a set."""
        return slice(int(self.borders[i]), int(self.borders[i + 1]))

    def split(self, inside: torch.Tensor) -> None:
        """Make two objects of each layer, in place: object 1 of the splats ``inside``, bool [N], and object 0 of the others."""
        set_of = 2 * self.layer_of() + inside
        self.take(torch.argsort(set_of, stable=True))
        counts = torch.bincount(set_of, minlength=2 * self.layers).cumsum(0)
        self.sets = torch.cat([self.starts[:1], counts.to(self.starts.dtype)])

    def copy(self) -> Splats:
        """The same splats in memory of their own."""
        return Splats(self.position.clone(), self.shape.clone(), self.colour.clone(), self.starts, self.sets)

    def merged(self) -> Splats:
        """The same splats as one layer, sharing memory with this set."""
        return Splats(self.position, self.shape, self.colour, self.starts[[0, -1]])

    def chosen(self, rows: torch.Tensor) -> Splats:
        """Copies of the splats that ``rows``, bool [N], chooses, in the same layers; sets are left out."""
        before = torch.cat([torch.zeros(1, dtype=torch.int32), rows.cumsum(0, dtype=torch.int32)])
        return Splats(self.position[rows], self.shape[rows], self.colour[rows], before[self.starts.long()])

    def take(self, rows: torch.Tensor) -> None:
        """Put splats into another order, in place; ``rows`` is a permutation."""
        for values in (self.position, self.shape, self.colour):
            values.copy_(values[rows])

    def swap(self, a: torch.Tensor, b: torch.Tensor) -> None:
        """Let the splats of two lists of rows, int64 and without a row in common, change places."""
        for values in (self.position, self.shape, self.colour):
            values[torch.cat([a, b])] = values[torch.cat([b, a])]

    def layer_of(self) -> torch.Tensor:
        """int64 [N], the layer of each splat."""
        return _number_of(self.starts)

    def set_of(self) -> torch.Tensor:
        """int64 [N], the set of each splat."""
        return _number_of(self.borders)

    def in_use(self) -> torch.Tensor:
        """bool [N]."""
        return self.position[:, 0] > AWAY / 2

    def geometry(self) -> torch.Tensor:
        """float32 [N, 5]: x, y, A, B, C of spec 8.3 in luma samples."""
        ab = torch.exp2(-self.shape[:, ::2])
        return torch.cat([self.position, ab, self.shape[:, 1:2] * ab[:, :1]], 1)

    def chain(self, geometry: torch.Tensor, grad: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Gradients of position and shape from the gradient of the geometry."""
        by_log = (grad[:, 2:] * geometry[:, 2:]).mul_(-LN2)  # of A, B, C
        g_t = grad[:, 4] * geometry[:, 2]
        return grad[:, :2], torch.stack([by_log[:, 0] + by_log[:, 2], g_t, by_log[:, 1]], 1)

    def clamp(self, width: int, height: int) -> None:
        """Keep splats in use inside the picture and inside the ranges of the format."""
        used = self.in_use()
        margin = 1 / 256
        for axis, size in ((0, width), (1, height)):
            column = self.position[:, axis]
            torch.where(used, column.clamp(margin, size - margin), column, out=column)
        self.shape[:, 0].clamp_(A_MIN, A_MAX)
        self.shape[:, 1].clamp_(-T_MAX, T_MAX)
        self.shape[:, 2].clamp_(A_MIN, A_MAX)


def _number_of(borders: torch.Tensor) -> torch.Tensor:
    return torch.repeat_interleave(torch.arange(len(borders) - 1), (borders[1:] - borders[:-1]).long())


def _log_shape(s: SplatSet) -> np.ndarray:
    shape = s.shape / 4096.0
    if s.domain == CHOLESKY:
        return np.stack([np.log2(shape[:, 0]), shape[:, 1] / shape[:, 2], np.log2(shape[:, 2])], 1)
    return shape
