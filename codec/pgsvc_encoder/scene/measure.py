"""How far a decoded level of a scene is from what was encoded: number by number, and in pictures of test views."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from pgsvc.cut import cut
from pgsvc.scene.output.check import sigmoid
from pgsvc.scene.picture import view_format, view_picture
from pgsvc.scene.render import render
from pgsvc.scene.splats import SH_C0, SceneFormat, SceneSplats
from pgsvc.stream import Stream
from pgsvc_encoder import metrics
from pgsvc_encoder.scene.canonical import canonical, matrices
from pgsvc_encoder.scene.encode import EncodedScene
from pgsvc_encoder.scene.stream_header import finest_octave
from pgsvc_encoder.scene.views import Size, measuring_views

TEST_VIEWS = 8
TEST_SIZE = (480, 360)
OCTAVE = math.log(2)

ERRORS = ("position", "log_scale", "angle", "opacity", "colour", "sh")
"""Largest errors: scene units, natural logarithms, degrees, alpha, and shares of white."""


def level_rows(
    encoded: EncodedScene,
    splats: SceneSplats,
    form: SceneFormat,
    *,
    views: int = TEST_VIEWS,
    size: Size = TEST_SIZE,
    threads: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[dict[str, Any]]:
    """One row per level, measured on the decoded stream: splats, bytes, bits per splat, largest errors, quality of pictures.

    Args:
        splats: those that were encoded.
        views: test views, 0: pictures are not drawn.
        progress: told how many of how many levels are measured, that of the original included.

    Raises:
        HashMismatch: the decoder sees another scene than the encoder, which no stream should ever do.
    """
    stream = Stream(threads=threads)
    stream.keep_chunks = True
    stream.feed(encoded.data)
    stream.close()
    assert stream.content is not None
    cameras = measuring_views(splats, form, views, size, threads=threads) if views else []
    wanted = [_picture(splats, form, camera, threads) for camera in cameras]
    finest = OCTAVE * finest_octave(canonical(splats))
    progress(1, stream.layer_count + 1)
    rows = []
    for level in range(stream.layer_count):
        presented = stream.scene(level, check_hash=True).splats
        shown = [_picture(presented, form, camera, threads) for camera in cameras]
        decoded = stream.content.decode(level, is_grown=False).splats
        rows.append(
            {
                "level": level,
                "splats": len(decoded),
                "bytes": len(cut(stream, level=level)),
                "bits_per_splat": _bits(encoded, level, len(decoded)),
                "largest_error": errors(splats.select(encoded.decoded(level)), decoded, finest),
                **(_quality(wanted, shown) if cameras else {"psnr": None, "ssim": None}),
            }
        )
        progress(level + 2, stream.layer_count + 1)
    return rows


def errors(source: SceneSplats, decoded: SceneSplats, finest: float = -np.inf) -> dict[str, float | None]:
    """Largest error of each of `ERRORS`; None where there is nothing to measure.

    Scales are compared largest with largest. An angle is that of a splat's largest or smallest axis, where the axis beside it
    differs by more than an octave: the axes of round splats point nowhere.

    Args:
        finest: natural logarithm of the smallest scale that can be seen; those below count as it.
    """

    def largest(values: np.ndarray) -> float | None:
        return float(values.max()) if values.size else None

    orders = [np.argsort(-s.log_scale, axis=1, kind="stable") for s in (source, decoded)]
    pairs = list(zip((source, decoded), orders, strict=True))
    scales = [np.maximum(np.take_along_axis(s.log_scale, o, 1).astype(np.float64), finest) for s, o in pairs]
    axes = [np.take_along_axis(matrices(s.rotation), o[:, None, :], 2) for s, o in pairs]
    rest = np.abs(source.sh_rest.astype(np.float64) - decoded.sh_rest)
    return {
        "position": largest(np.linalg.norm(source.position.astype(np.float64) - decoded.position, axis=1)),
        "log_scale": largest(np.abs(scales[0] - scales[1])),
        "angle": largest(_angles(scales[0], *axes)),
        "opacity": largest(np.abs(sigmoid(source.opacity) - sigmoid(decoded.opacity))),
        "colour": largest(SH_C0 * np.abs(source.sh_dc.astype(np.float64) - decoded.sh_dc)),
        "sh": largest(rest),
    }


def _angles(scale: np.ndarray, source: np.ndarray, decoded: np.ndarray) -> np.ndarray:
    """Degrees [n] between axes whose directions mean something; ``scale`` [N, 3] and axes [N, 3, 3], largest first."""
    found = []
    for axis in (0, 2):
        rows = np.abs(scale[:, axis] - scale[:, 1]) > OCTAVE
        cosine = np.abs((source[rows, :, axis] * decoded[rows, :, axis]).sum(axis=1)).clip(0, 1)
        found.append(np.degrees(np.arccos(cosine)))
    return np.concatenate(found)


def _bits(encoded: EncodedScene, level: int, count: int) -> dict[str, float]:
    """Bits per splat of a level by part of the syntax, all layers up to it together."""
    total: dict[str, float] = {}
    for layer in encoded.bits[: level + 1]:
        for name, value in layer.items():
            total[name] = total.get(name, 0.0) + value / max(count, 1)
    return total


def _picture(splats: SceneSplats, form: SceneFormat, camera: Any, threads: int) -> Any:
    view = render(splats, form, camera, background=(0.5, 0.5, 0.5), threads=threads)
    return view_picture(view, view_format(camera.width, camera.height))


def _quality(wanted: list[Any], shown: list[Any]) -> dict[str, float]:
    """Means over the views of PSNR in dB and of SSIM."""
    pairs = list(zip(wanted, shown, strict=True))
    psnr = [metrics.psnr(a, b)["psnr"] for a, b in pairs]
    return {
        "psnr": math.fsum(psnr) / len(psnr) if all(map(math.isfinite, psnr)) else math.inf,
        "ssim": math.fsum(metrics.ssim(a, b) for a, b in pairs) / len(pairs),
    }
