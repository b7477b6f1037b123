"""The float sum on a GPU, by Triton; with TRITON_INTERPRET=1 in Triton's interpreter, on CPU tensors, for tests.

Which octave a splat belongs to (``octaves.py``) only the device knows; no shape depends on it, as captured CUDA graphs need.
"""

from __future__ import annotations

import math

import torch

from pgsvc.reference import OCTAVES, octave_size
from pgsvc_encoder.device import kernels_f32 as programs
from pgsvc_encoder.device.kernels import Aim, Gradients, Grid
from pgsvc_encoder.device.launch import launch
from pgsvc_encoder.device.lists import TILE, Jobs, TileLists, row_jobs, tile_lists
from pgsvc_encoder.device.octaves import enlarged, gathered, grid_in, in_samples, octaves_of, scale_of
from pgsvc_encoder.device.rooms import Rooms

LEVEL_BLOCK, JOIN_BLOCK = 1024, 32


class TritonKernels:
    """See :class:`pgsvc_encoder.device.kernels.Kernels`; the same input gives the same bits in each run on one kind of GPU.

    Args:
        device: where the tensors are: a CUDA device, or the CPU for the interpreter.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.rooms = Rooms()
        self._starts: dict[tuple[int, ...], torch.Tensor] = {}

    def sums(
        self, planes: torch.Tensor, geometry: torch.Tensor, colour: torch.Tensor, starts: torch.Tensor, grid: Grid
    ) -> None:
        *shape, height, width = planes.shape
        n = starts.tolist()[-1]
        if not n:
            return
        lists, coarse = self._lists(geometry[:n], starts, width, height, grid), None
        for octave in reversed(range(OCTAVES)):
            size = octave_size(height, width, octave)
            own = planes.new_zeros(*shape, *size) if octave else planes
            if coarse is not None:
                own += enlarged(coarse, *size)
            self._add(own, geometry, colour, lists, octave, grid_in(grid, octave))
            coarse = own

    def _add(
        self,
        planes: torch.Tensor,
        geometry: torch.Tensor,
        colour: torch.Tensor,
        lists: TileLists,
        octave: int,
        grid: Grid,
    ) -> None:
        """Add the splats of an octave to its planes, with its grid."""
        layers, components, height, width = planes.shape
        tiles = lists.columns[octave] * lists.rows[octave]
        launch(
            programs.forward,
            (tiles, layers),
            planes,
            geometry,
            colour,
            lists.order,
            lists.first[octave],
            lists.columns[octave],
            tiles,
            width,
            height,
            width * height,
            *grid,
            C=components,
            TILE=TILE,
            num_warps=4,
        )

    def backward(
        self, gradient: torch.Tensor, geometry: torch.Tensor, colour: torch.Tensor, starts: torch.Tensor, grid: Grid
    ) -> Gradients:
        layers, components, height, width = gradient.shape
        out, n = (torch.zeros_like(geometry), torch.zeros_like(colour)), starts.tolist()[-1]
        if not n:
            return out
        jobs, octaves = self._jobs(geometry[:n], width, height, grid)
        gradients = [gradient]
        for _ in range(1, OCTAVES):
            gradients.append(gathered(gradients[-1]))
        layer = torch.searchsorted(
            self._on_device(starts), torch.arange(n, dtype=torch.int32, device=self.device), right=True
        )
        image_of, begin = torch.zeros_like(octaves), 0
        for octave, g in enumerate(gradients):
            image_of = torch.where(octaves == octave, begin + (layer - 1) * g[0].numel(), image_of)
            begin += g.numel()
        partial = torch.empty(len(jobs.splat), 8, device=self.device)
        launch(
            programs.backward,
            (len(jobs.splat),),
            partial,
            torch.cat([g.flatten() for g in gradients]),
            geometry,
            colour,
            jobs.splat,
            jobs.begin,
            jobs.end,
            octaves,
            image_of,
            width,
            height,
            *grid,
            C=components,
            ROWS=programs.BLOCK_ROWS,
            COLUMNS=programs.BLOCK_COLUMNS,
            num_warps=1,
        )
        sums = self._joined(partial, jobs, n)
        e_dx, e_dx2, e_v, e_v_dx, e_v_dy = sums[:, :5].unbind(1)
        _, _, a, b, c = geometry[:n].unbind(1)
        out[0][:n] = 2 * torch.stack([c * e_v - a * a * e_dx, -b * e_v, a * e_dx2, e_v_dy, -e_v_dx], 1)
        out[1][:n] = sums[:, 5 : 5 + components]
        return out

    def step(
        self, geometry: torch.Tensor, colour: torch.Tensor, starts: torch.Tensor, aim: Aim, grid: Grid
    ) -> tuple[torch.Tensor, Gradients]:
        target, weight, factor, given = aim
        planes = target.new_zeros(len(weight), *target.shape) if given is None else given.clone()
        self.sums(planes, geometry, colour, starts, grid)
        root = None if factor is None else factor.sqrt()
        if root is not None:  # f · (sum − target)² is the square of √f · sum − √f · target
            planes *= root
            target = target * root
        sse = self.levels(planes, target, weight)
        if root is not None:
            planes *= root
        return sse, self.backward(planes, geometry, colour, starts, grid)

    def levels(self, sums: torch.Tensor, target: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """Squared errors of the levels, float64 [K, C]; ``sums`` become the gradient of the errors times ``weight`` [K, C]."""
        layers, components = weight.shape
        plane = sums[0, 0].numel()
        blocks = math.ceil(plane / LEVEL_BLOCK)
        partial = torch.empty(blocks, layers, components, device=self.device)
        launch(
            programs.levels,
            (blocks, components),
            sums,
            target,
            weight,
            partial,
            plane,
            K=layers,
            C=components,
            BLOCK=LEVEL_BLOCK,
            num_warps=4,
        )
        return partial.double().sum(0)

    def curvature(
        self, geometry: torch.Tensor, colour: torch.Tensor, size: tuple[int, int], weight: torch.Tensor, grid: Grid
    ) -> torch.Tensor:
        """As the protocol says, but roughly: sums over a splat's octave count 4^octave times, as when a smooth signal is enlarged.

        Enlarging smooths, so these are too large: w² by up to a sixth, the derivatives, which are less smooth, by up to a half.
        """
        n, (width, height) = len(geometry), size
        if not n:
            return torch.zeros(0, 6, device=self.device)
        jobs, octaves = self._jobs(geometry, width, height, grid)
        partial = torch.zeros(len(jobs.splat), 8, device=self.device)
        launch(
            programs.curvature,
            (len(jobs.splat),),
            partial,
            geometry,
            jobs.splat,
            jobs.begin,
            jobs.end,
            octaves,
            width,
            *grid,
            ROWS=programs.BLOCK_ROWS,
            COLUMNS=programs.BLOCK_COLUMNS,
            num_warps=1,
        )
        six = self._joined(partial, jobs, n)[:, :6] * scale_of(octaves)[:, None] ** 2
        six[:, :5] *= 4 * (colour**2 * weight).sum(1, keepdim=True)
        six[:, 1] *= geometry[:, 3] ** 2
        return six

    def _on_device(self, starts: torch.Tensor) -> torch.Tensor:
        """The layers' borders on the device; copied once, as a captured graph cannot copy from the host."""
        key = tuple(starts.tolist())
        if key not in self._starts:
            self._starts[key] = starts.to(self.device)
        return self._starts[key]

    def _lists(self, geometry: torch.Tensor, starts: torch.Tensor, width: int, height: int, grid: Grid) -> TileLists:
        borders, octaves = self._on_device(starts), octaves_of(geometry, grid)
        splats = in_samples(geometry, octaves, grid)

        def make(room) -> tuple[TileLists, torch.Tensor]:
            lists = tile_lists(splats, octaves, borders, (width, height), room)
            return lists, lists.needed

        n = len(geometry)
        return self.rooms.fit(("tiles", n, width, height), (3 * n + 16, 8 * n + 64), make)

    def _jobs(self, geometry: torch.Tensor, width: int, height: int, grid: Grid) -> tuple[Jobs, torch.Tensor]:
        """And the octaves of the splats, int64 [N]."""
        octaves = octaves_of(geometry, grid)
        splats = in_samples(geometry, octaves, grid)

        def make(room) -> tuple[Jobs, torch.Tensor]:
            jobs = row_jobs(splats, octaves, height, room[0])
            return jobs, jobs.needed

        n = len(geometry)
        return self.rooms.fit(("jobs", n, width, height), (n + n // 8 + 1,), make), octaves

    def _joined(self, partial: torch.Tensor, jobs: Jobs, count: int) -> torch.Tensor:
        """The sums of each splat's jobs, [N, 8]."""
        out = torch.empty(count, 8, device=self.device)
        launch(
            programs.join,
            (math.ceil(count / JOIN_BLOCK),),
            out,
            partial,
            jobs.first,
            count,
            len(partial),
            BLOCK=JOIN_BLOCK,
            num_warps=4,
        )
        return out
