"""One step of training: Adam or Adan over the tensors of splats, fed with the kernels' gradients."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from pgsvc.errors import MissingExtra
from pgsvc_encoder.device import captured
from pgsvc_encoder.device.captured import CapturedStep
from pgsvc_encoder.fit.adam import Adam
from pgsvc_encoder.fit.newton import Newton
from pgsvc_encoder.fit.splats import Splats
from pgsvc_encoder.fit.training import Stage

# Called after an iteration with the mean squared error of each level before it and the gradients of position, shape and colour.
Step = Callable[[torch.Tensor, Sequence[torch.Tensor]], None]

# Called with the splats and their gradients of position, shape and colour.
Adjust = Callable[[Splats, list[torch.Tensor]], None]

ADAM, ADAN = "adam", "adan"


@dataclass(frozen=True)
class Rates:
    """Step sizes: position in luma samples, shape in octaves (a, b) and ratio (t), colour in code values / 2^BitDepth."""

    position: float = 0.7
    shape: float = 0.2
    colour: float = 0.03


class Optimiser:
    """Steps of one stage; some tensors can be frozen.

    Args:
        splats: of the stage, or a larger set with the same layers.
        frozen: names among position, shape, colour.
        shape_mask: float [3], zero for frozen shape components.
        contribution: float [N], learned factor of each splat's colour (the weight of GSVC's pruning), or None.
        adjust: changes the gradients of position, shape and colour in place before they are used.
    """

    def __init__(
        self,
        stage: Stage,
        splats: Splats,
        rates: Rates,
        *,
        method: str = ADAM,
        frozen: frozenset[str] = frozenset(),
        shape_mask: torch.Tensor | None = None,
        contribution: torch.Tensor | None = None,
        adjust: Adjust | None = None,
    ) -> None:
        self.stage, self.splats, self.contribution, self.adjust = stage, splats, contribution, adjust
        self.shape_mask = None if shape_mask is None else shape_mask.to(splats.device)
        named = {"position": rates.position, "shape": rates.shape, "colour": rates.colour}
        self.free = [name for name in named if name not in frozen]
        groups = [{"params": [getattr(splats, name)], "peak": named[name]} for name in self.free]
        if contribution is not None:
            groups.append({"params": [contribution], "peak": rates.colour})
        self.method: Adam | Newton | torch.optim.Optimizer = _method(method, groups)
        self._captured: CapturedStep | None = None
        if method == ADAM and adjust is None and captured.wanted(splats.device):
            self._captured = captured.CapturedStep(self, stage.objective.kernels)  # type: ignore[arg-type]

    def step(self, iteration: int, rate: float, progress: float = 1.0) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """One iteration at ``rate`` of the full step sizes; the errors of the levels before it, and the gradients.

        Args:
            progress: share of a fit's iterations; 1 for splats that are fitted already.
        """
        for group in self.method.param_groups:
            if isinstance(group["lr"], torch.Tensor):
                group["lr"].fill_(group["peak"] * rate)
            else:
                group["lr"] = group["peak"] * rate
        weights = self.stage.weights(iteration, progress)
        if self._captured is not None and bool((weights > 0).all()):
            return self._captured(weights)
        return self.iterate(weights)

    def iterate(self, weights: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """One iteration with these weights of the levels and the present step sizes; see :meth:`step`."""
        s = self.splats
        geometry = s.geometry()
        w = self.contribution
        colour = s.colour if w is None else s.colour * w[:, None]
        objective = self.stage.objective
        errors, by_geometry, by_colour = objective.evaluate(s, weights, geometry=geometry, colour=colour)
        by_position, by_shape = s.chain(geometry, by_geometry)
        if w is not None:
            w.grad = (by_colour * s.colour).sum(1)
            by_colour = by_colour * w[:, None]
        if self.shape_mask is not None:
            by_shape = by_shape * self.shape_mask
        gradients = [by_position.contiguous(), by_shape, by_colour]
        if self.adjust is not None:
            self.adjust(s, gradients)
        for name, gradient in zip(("position", "shape", "colour"), gradients, strict=True):
            getattr(s, name).grad = gradient if name in self.free else None
        self.method.step()
        s.clamp(objective.format.width, objective.format.height)
        return errors, gradients

    def memory(self) -> list[torch.Tensor]:
        """What Adam knows of the gradients of each tensor that is not frozen: means and mean squares, one after the other."""
        return [value for state in self.method.state.values() for value in state.values()]

    def recall(self, steps: int, memory: Sequence[torch.Tensor]) -> None:
        """Go on after so many steps of Adam with what :meth:`memory` told, or with zeros."""
        assert isinstance(self.method, Adam)
        for count in self.method.steps.values():
            count.fill_(steps)
        for own, value in zip(self.memory(), memory, strict=True):
            own.copy_(value)

    def forget(self, rows: torch.Tensor) -> None:
        """Drop what was learned about these splats before they moved: contribution and the method's memory of gradients."""
        if self.contribution is not None:
            self.contribution[rows] = 1
        for state in self.method.state.values():
            for value in state.values():
                if isinstance(value, torch.Tensor) and value.dim() and len(value) == len(self.splats):
                    value[rows] = 0


def _method(name: str, groups: list[dict]) -> Adam | torch.optim.Optimizer:
    """Adam, the better of the two at equal iterations (tools/bench_fit.py), or the Adan of the papers."""
    if name == ADAM:
        for group in groups:  # on a GPU step sizes are in tensors, for captured graphs
            first = group["params"][0]
            group["lr"] = 0.0 if first.is_cpu else torch.zeros((), device=first.device)
        return Adam(groups)
    if name == ADAN:
        try:
            from pytorch_optimizer import Adan
        except ImportError as error:
            raise MissingExtra("training with Adan", "bench") from error
        return Adan(groups, betas=(0.98, 0.92, 0.99), eps=1e-15)
    raise ValueError(f"no optimiser is called {name}")


def cosine(progress: float, final: float) -> float:
    """Share of the step sizes: falls from 1 to ``final`` along half a cosine."""
    return final + (1 - final) * 0.5 * (1 + math.cos(math.pi * progress))


class Plateau:
    """Tells when the loss has stopped changing (P-GSVC 4.1): by less than ``least_change`` of itself in ``patience`` iterations."""

    def __init__(self, patience: int, least_change: float) -> None:
        self.patience, self.least_change = patience, least_change
        self.losses: list[float] = []

    def __call__(self, loss: float) -> bool:
        """Takes the next loss; whether the mean over the last ``patience`` differs too little from the mean of those before."""
        self.losses.append(loss)
        if len(self.losses) < 2 * self.patience:
            return False
        now, before = (
            math.fsum(self.losses[a:b]) for a, b in ((-self.patience, None), (-2 * self.patience, -self.patience))
        )
        return abs(before - now) <= self.least_change * before
