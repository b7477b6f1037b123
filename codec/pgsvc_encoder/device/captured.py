"""An iteration of training as a CUDA graph: some sixty small launches become one.

A graph replays the same launches on the same memory, so what changes between iterations (weights of the levels, step sizes) lives
in tensors that are filled before. Lists of splats have the room that they had when the graph was captured. Whether it was enough is
read after each replay, with the errors; if not, the step is undone, the graph captured again with more room, and the step repeated.

Where there is no GPU the same code runs the iteration again in place of a replay, which is how the tests see it. Capturing itself
has not been run on a GPU yet; PGSVC_CUDA_GRAPH=0 leaves it out, with the same results.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import torch

from pgsvc_encoder.device.rooms import Collected
from pgsvc_encoder.fit.adam import Adam

if TYPE_CHECKING:
    from pgsvc_encoder.device.triton_kernels import TritonKernels

Result = tuple[torch.Tensor, list[torch.Tensor]]  # errors of the levels, gradients of position, shape and colour

WARM = 3  # iterations before the capture: they compile the programs and make the optimiser's state


class Iterated(Protocol):
    """What can be captured: an optimiser, whose iterations change its tensors and what ``method`` knows of them."""

    method: Adam | torch.optim.Optimizer

    def iterate(self, weights: torch.Tensor) -> Result:
        """One iteration with these weights of the levels."""
        ...


def wanted(device: torch.device) -> bool:
    """Whether iterations on the device can be captured: on a GPU, unless the environment forbids it."""
    return device.type == "cuda" and os.environ.get("PGSVC_CUDA_GRAPH") != "0"


class CapturedStep:
    """Steps of an optimiser. The gradients that a step returns are overwritten by the next.

    Args:
        kernels: of the optimiser's objective.
    """

    def __init__(self, optimiser: Iterated, kernels: TritonKernels) -> None:
        self.optimiser, self.kernels = optimiser, kernels
        self.done = 0
        self._weights: torch.Tensor | None = None
        self._replay: Callable[[], Result] | None = None
        self._live: list[torch.Tensor] = []
        self._saved: list[torch.Tensor] = []
        self._asked: Collected = []

    def __call__(self, weights: torch.Tensor) -> Result:
        """One iteration with these weights of the levels, all positive; as :meth:`Optimiser.iterate`."""
        self.done += 1
        if self._weights is None:
            self._weights = weights.to(self.kernels.device)
        self._weights.copy_(weights)
        if self.done <= WARM:
            errors, gradients = self.optimiser.iterate(self._weights)
            return errors.cpu(), gradients
        if self._replay is None:
            self._replay = self._record()
        errors, gradients = self._replay()
        while not self.kernels.rooms.holds(self._asked):
            _copy(self._live, self._saved)
            self._replay = self._record()
            errors, gradients = self._replay()
        return errors.cpu(), gradients

    def _record(self) -> Callable[[], Result]:
        method = self.optimiser.method
        assert isinstance(method, Adam)
        parameters = [p for group in method.param_groups for p in group["params"]]
        state = [v for p in parameters for v in (*method.state[p].values(), method.steps[p])]
        self._live = [p.detach() for p in parameters] + state
        self._saved = [t.clone() for t in self._live]
        if self.kernels.device.type != "cuda":
            return self._iterate
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            result = self._iterate()

        def replay() -> Result:
            graph.replay()
            return result

        return replay

    def _iterate(self) -> Result:
        assert self._weights is not None
        _copy(self._saved, self._live)
        with self.kernels.rooms.deferred() as self._asked:
            return self.optimiser.iterate(self._weights)


def _copy(to: list[torch.Tensor], values: list[torch.Tensor]) -> None:
    torch._foreach_copy_(to, values)  # pyright: ignore[reportPrivateImportUsage]
