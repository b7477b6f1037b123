"""Views on the device of a training, with their losses; as many are kept as fit in some memory."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from pgsvc.scene.camera import Camera
from pgsvc_encoder.scene.posed.base import View
from pgsvc_encoder.scene.train.loss import PictureLoss

KEPT_BYTES = 2 << 30


class TrainingViews:
    """Cameras with pictures.

    Args:
        views: where they come from.
        background: red, green, blue behind pictures with alpha.
        dssim: of the loss.
    """

    def __init__(self, views: Sequence[View], background: Sequence[float], dssim: float, device: str) -> None:
        self._views, self._colour, self._dssim, self._device = list(views), tuple(background), dssim, device
        self._loaded: dict[int, tuple[torch.Tensor, PictureLoss]] = {}
        self.background = torch.tensor(self._colour, dtype=torch.float32, device=device)

    def __len__(self) -> int:
        return len(self._views)

    @property
    def cameras(self) -> list[Camera]:
        """Of all views."""
        return [view.camera for view in self._views]

    def __getitem__(self, number: int) -> tuple[Camera, torch.Tensor, PictureLoss]:
        """A camera, its picture float32 [H, W, 3], and the loss against it."""
        if number not in self._loaded:
            self._make_room(self._views[number].camera)
            rgb, _ = self._views[number].load(self._colour)
            target = torch.from_numpy(rgb).to(self._device)
            self._loaded[number] = target, PictureLoss(target, self._dssim)
        return self._views[number].camera, *self._loaded[number]

    def _make_room(self, camera: Camera) -> None:
        """Forget the oldest pictures while another one of this camera's size would be too much."""
        each = 3 * 3 * 4 * camera.width * camera.height  # the picture and what its loss keeps
        while self._loaded and (len(self._loaded) + 1) * each > KEPT_BYTES:
            del self._loaded[next(iter(self._loaded))]

    def alpha(self, number: int) -> torch.Tensor | None:
        """The alpha channel of a view's picture, float32 [H, W], or None; read again each time."""
        _, alpha = self._views[number].load(self._colour)
        return None if alpha is None else torch.from_numpy(alpha)
