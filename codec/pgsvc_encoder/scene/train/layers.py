"""The splats of a training: a set of tensors for each layer, so that layers can be frozen, and levels are the first ones joined."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from pgsvc.scene.splats import SceneFormat, SceneSplats
from pgsvc_encoder.scene.rasterise import Parameters

NAMES = ("position", "log_scale", "rotation", "opacity", "sh_dc", "sh_rest")


class Layers:
    """Splats by layer.

    Args:
        parts: for each layer the tensors of `NAMES`, float32.
    """

    def __init__(self, parts: Sequence[Parameters]) -> None:
        self.parts = list(parts)

    @property
    def counts(self) -> list[int]:
        """Splats of each layer."""
        return [len(part[0]) for part in self.parts]

    def level(self, k: int, degree: int) -> Parameters:
        """The splats of layers 0 … k, as far as their colours have this degree; gradients go to the layers' tensors."""
        joined = [torch.cat(tensors) if k else tensors[0] for tensors in zip(*self.parts[: k + 1], strict=True)]
        joined[5] = joined[5][:, : (degree + 1) ** 2 - 1].contiguous()
        return tuple(joined)  # type: ignore[return-value]

    def train(self, layers: Sequence[int]) -> None:
        """Let gradients arrive at these layers alone."""
        for k, part in enumerate(self.parts):
            for tensor in part:
                tensor.requires_grad_(k in layers)
                tensor.grad = None

    def numbers(self) -> tuple[SceneSplats, np.ndarray]:
        """The splats by layer, with rotations of length 1, and the layer of each, int64 [N]."""
        arrays = {
            name: np.concatenate([part[i].detach().cpu().numpy() for part in self.parts])
            for i, name in enumerate(NAMES)
        }
        rotation = arrays["rotation"].astype(np.float64)
        length = np.linalg.norm(rotation, axis=1, keepdims=True)
        arrays["rotation"] = (rotation / np.maximum(length, 1e-30)).astype(np.float32)
        return SceneSplats(**arrays), np.repeat(np.arange(len(self.parts)), self.counts)


def format_of(whole: SceneFormat, degree: int) -> SceneFormat:
    """The format of splats whose colours have a lower degree."""
    return SceneFormat(degree, whole.frame, whole.metres_per_unit, whole.kernel, whole.colour_space)
