"""Adam (Kingma and Ba 2015) by the functional form of torch.

The first optimiser of the classes in torch.optim that is made imports torch's compiler, which takes longer than many a fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.optim.adam import adam

BETAS = (0.9, 0.99)  # decay of the means of gradients and of their squares


class Adam:
    """Steps of tensors in groups, each a mapping with "params", a list of tensors, and "lr", their step size, as in torch.optim.

    Tensors whose ``grad`` is None stay as they are. On a GPU "lr" may be a tensor there, so that steps can be captured.
    """

    def __init__(self, groups: Sequence[dict[str, Any]], eps: float = 1e-15) -> None:
        self.param_groups, self.eps = list(groups), eps
        tensors = [p for g in groups for p in g["params"]]
        self.state = {p: {"mean": torch.zeros_like(p), "square": torch.zeros_like(p)} for p in tensors}
        self.steps = {p: torch.zeros((), device=p.device) for p in tensors}

    def step(self) -> None:
        """One step from the tensors' gradients."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                mean, square = self.state[p].values()
                adam(
                    [p], [p.grad], [mean], [square], [], [self.steps[p]], fused=True, capturable=not p.is_cpu,
                    amsgrad=False, beta1=BETAS[0], beta2=BETAS[1], lr=group["lr"], weight_decay=0.0, eps=self.eps,
                    maximize=False,
                )  # fmt: skip
