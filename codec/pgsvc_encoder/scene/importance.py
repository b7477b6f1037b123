"""What each splat adds to pictures of a scene: layers and slices are ordered by it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pgsvc.errors import UsageError
from pgsvc.scene.render import render
from pgsvc.scene.splats import SceneFormat, SceneSplats
from pgsvc_encoder.scene.settings import IMPORTANCES
from pgsvc_encoder.scene.views import Size, training_views

VIEWS = 24
VIEW_SIZE = (320, 320)
UNSEEN = 1e-3  # of the usual weight: what splats that no view shows have at the most, in the order of their volumes


def importance(
    splats: SceneSplats,
    form: SceneFormat,
    name: str = "auto",
    *,
    views: int = VIEWS,
    size: Size = VIEW_SIZE,
    threads: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> np.ndarray:
    """The importance that is asked for by name; float64 [N], above 0.

    Args:
        name: "volume", or "weight", the blend weights; "auto" is the weight.
        progress: told how many views of how many are drawn.

    Raises:
        UsageError: there is no importance of that name.
    """
    if name not in IMPORTANCES:
        raise UsageError(f"there is no importance '{name}'; use one of {', '.join(IMPORTANCES)}")
    by_volume = volumes(splats)
    if name == "volume" or not len(splats):
        return np.maximum(by_volume, np.finfo(np.float64).tiny)
    weight = blend_weights(splats, form, views, size, threads=threads, progress=progress)
    rank = np.empty(len(splats))
    rank[np.argsort(by_volume, kind="stable")] = (1 + np.arange(len(splats))) / len(splats)
    return weight + UNSEEN * max(float(weight.mean()), 1e-6) * rank


def volumes(splats: SceneSplats) -> np.ndarray:
    """alpha · exp(s₁ + s₂ + s₃): opacity by volume, after seed FGS (eq. 5, 6); float64 [N], cubic scene units."""
    alpha = 1 / (1 + np.exp(-splats.opacity.astype(np.float64)))
    return alpha * np.exp(splats.log_scale.astype(np.float64).sum(axis=1))


def blend_weights(
    splats: SceneSplats,
    form: SceneFormat,
    views: int = VIEWS,
    size: Size = VIEW_SIZE,
    *,
    threads: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> np.ndarray:
    """Each splat's share of the pixels, added up over views from around the scene and from within; float64 [N], pixels.

    The same for any number of threads.

    Args:
        views: how many.
        size: of each, pixels.
        progress: told how many views of how many are drawn.
    """
    total = np.zeros(len(splats))
    for done, camera in enumerate(training_views(splats, form, views, size, threads=threads), 1):
        seen = render(splats, form, camera, threads=threads, weights=True).weight
        assert seen is not None
        total += seen
        progress(done, views)
    return total
