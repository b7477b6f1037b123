"""Opacities and colours that make up for what quantisation did to shapes and places.

Geometry is decoded first; then the rest is fitted, through the rasteriser, to pictures of the source. Opacities come before
colours, which see them as they are decoded. Coefficients that change with the direction stay: fitted, they serve the views
that were seen and fail others. With the same order and the same steps the stream takes the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch

from pgsvc.scene.camera import Camera
from pgsvc.scene.render import render
from pgsvc.scene.splats import SceneFormat, SceneSplats
from pgsvc.stream import Stream
from pgsvc_encoder.scene.encode import EncodedScene, encode_scene
from pgsvc_encoder.scene.rasterise import parameters, rasterise
from pgsvc_encoder.scene.settings import SceneSettings

VIEWS, VIEW_SIZE = 24, (400, 400)  # enough of them, and as fine as scenes are usually seen
RATES = {"opacity": 0.02, "sh_dc": 0.005}  # of Adam, falling to a fiftieth
NAMES = ("position", "log_scale", "rotation", "opacity", "sh_dc", "sh_rest")
GEOMETRY = NAMES[:3]


def adapt(
    splats: SceneSplats,
    form: SceneFormat,
    settings: SceneSettings,
    importance: np.ndarray,
    cameras: Sequence[Camera],
    *,
    threads: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> SceneSplats:
    """Splats with other opacities and colours, to be encoded with the same settings and importance.

    Args:
        cameras: where the source is looked at.
        progress: told how many iterations of how many are done.
    """
    first, second = settings.adapt, settings.adapt // 2
    targets = [torch.from_numpy(render(splats, form, camera, threads=threads).rgb).clamp(0, 1) for camera in cameras]
    views = _Views(cameras, targets, form, threads, torch.Generator().manual_seed(settings.seed))
    decoded, order = _decoded(encode_scene(splats, form, settings, importance))
    source = splats.select(order)
    start = replace(source, **{name: getattr(decoded, name) for name in GEOMETRY})
    fitted = views.fit(start, ("opacity", "sh_dc"), first, lambda i: progress(i, first + second))
    out = _with(splats, order, fitted)
    decoded, _ = _decoded(encode_scene(out, form, settings, importance))
    start = replace(fitted, opacity=decoded.opacity)
    colour = views.fit(start, ("sh_dc",), second, lambda i: progress(first + i, first + second))
    return _with(splats, order, replace(colour, opacity=fitted.opacity))


def _decoded(encoded: EncodedScene) -> tuple[SceneSplats, np.ndarray]:
    stream = Stream()
    stream.feed(encoded.data)
    return stream.scene().splats, encoded.decoded(stream.layer_count - 1)


def _with(splats: SceneSplats, order: np.ndarray, some: SceneSplats) -> SceneSplats:
    """``splats`` with opacities and colours of ``some``, which are those at ``order``."""
    out = {name: getattr(splats, name).copy() for name in RATES}
    for name, array in out.items():
        array[order] = getattr(some, name)
    return replace(splats, **out)


class _Views:
    """Pictures to be met, seen in a random order, each as often as the others."""

    def __init__(
        self,
        cameras: Sequence[Camera],
        targets: list[torch.Tensor],
        form: SceneFormat,
        threads: int,
        generator: torch.Generator,
    ) -> None:
        self._views, self._form, self._threads = list(zip(cameras, targets, strict=True)), form, threads
        self._generator, self._waiting = generator, list[int]()

    def fit(
        self, start: SceneSplats, names: Sequence[str], iterations: int, progress: Callable[[int], None]
    ) -> SceneSplats:
        """The splats with the named numbers fitted."""
        leaves: dict[str, torch.Tensor] = dict(zip(NAMES, parameters(start), strict=True))
        groups = [{"params": [leaves[name]], "lr": RATES[name]} for name in names]
        optimiser = torch.optim.Adam(groups, betas=(0.9, 0.99), eps=1e-15)
        falling = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda i: max(0.02, 1 - i / max(iterations, 1)))
        background = torch.zeros(3)
        for i in range(iterations):
            camera, target = self._next()
            optimiser.zero_grad()
            rgb, _, _ = rasterise(tuple(leaves.values()), camera, self._form, background, self._threads)  # type: ignore[arg-type]
            torch.nn.functional.mse_loss(rgb.clamp(0, 1), target).backward()
            optimiser.step()
            falling.step()
            progress(i + 1)
        return replace(start, **{name: leaves[name].detach().numpy() for name in names})

    def _next(self) -> tuple[Camera, torch.Tensor]:
        if not self._waiting:
            self._waiting = torch.randperm(len(self._views), generator=self._generator).tolist()
        return self._views[self._waiting.pop()]
