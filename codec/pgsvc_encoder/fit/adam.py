"""Adam (Kingma and Ba 2015) in plain tensor operations.

The first optimiser of torch.optim that is made imports torch's compiler, which takes longer than many a fit; its arithmetic is a
few lines.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

BETAS = (0.9, 0.99)  # decay of the means of gradients and of their squares


class Adam:
    """Steps of tensors in groups, each a mapping with "params", a list of tensors, and "lr", their step size, as in torch.optim.

    Tensors whose ``grad`` is None stay as they are.
    """

    def __init__(self, groups: Sequence[dict[str, Any]], eps: float = 1e-15) -> None:
        self.param_groups, self.eps, self.steps = list(groups), eps, 0
        self.state = {
            p: {"mean": torch.zeros_like(p), "square": torch.zeros_like(p)} for g in groups for p in g["params"]
        }

    def step(self) -> None:
        """One step from the tensors' gradients."""
        self.steps += 1
        first, second = (1 - beta**self.steps for beta in BETAS)
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                mean, square = self.state[p].values()
                mean.lerp_(p.grad, 1 - BETAS[0])
                square.mul_(BETAS[1]).addcmul_(p.grad, p.grad, value=1 - BETAS[1])
                size = square.sqrt().div_(math.sqrt(second)).add_(self.eps)
                p.addcdiv_(mean, size, value=-group["lr"] / first)
