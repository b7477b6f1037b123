"""Ground truth of smaller levels: means are kept and edges stay where they are."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("PIL", reason="resampling needs the encoder extra")

from pgsvc.picture import Chroma, Picture, PictureFormat  # noqa: E402
from pgsvc_encoder.source.resize import resized  # noqa: E402


def edge_picture(picture_format: PictureFormat, edge: float, soft: float) -> Picture:
    """A vertical soft edge at luma position ``edge`` in every plane, sampled where each plane's samples lie."""
    top = (1 << picture_format.bit_depth) - 1
    planes = []
    for g in picture_format.plane_groups:
        x = (g.origin_x + np.arange(g.width) * g.step_x) / 256
        row = top * (0.2 + 0.6 / (1 + np.exp(-(x - edge) / soft)))
        plane = np.repeat(np.round(row)[None], g.height, 0).astype(picture_format.dtype)
        planes += [plane] * (g.components.stop - g.components.start)
    return Picture(picture_format, tuple(planes))


def edge_position(picture: Picture, component: int) -> float:
    """Where the plane crosses half height, as a share of the picture's width."""
    f = picture.format
    g = next(g for g in f.plane_groups if g.components.start <= component < g.components.stop)
    row = picture.planes[component][g.height // 2].astype(float)
    half = 0.5 * ((1 << f.bit_depth) - 1)
    i = int(np.argmax(row > half))
    x = i - 1 + (half - row[i - 1]) / (row[i] - row[i - 1])
    return (g.origin_x + x * g.step_x) / 256 / f.width


@pytest.mark.parametrize("location", [0, 1])
@pytest.mark.parametrize("width", [24, 27, 31, 47])
def test_a_moving_edge_stays_in_place(width: int, location: int) -> None:
    picture_format = PictureFormat(48, 32, Chroma.YUV420, bit_depth=10, chroma_location=location)
    for edge in np.arange(20, 26, 0.7):
        small = resized(edge_picture(picture_format, edge, 2.5), width, 20)
        for component in (0, 1):
            assert edge_position(small, component) * 48 == pytest.approx(edge, abs=0.12)


def test_means_are_kept_and_formats_fit() -> None:
    rng = np.random.default_rng(0)
    for chroma in Chroma:
        f = PictureFormat(37, 29, chroma)
        picture = Picture(f, tuple(rng.integers(60, 200, s).astype(np.uint8) for s in f.plane_shapes))
        small = resized(picture, 19, 15)
        assert small.format.plane_shapes == PictureFormat(19, 15, chroma).plane_shapes
        for a, b in zip(picture.planes, small.planes, strict=True):
            assert abs(a.mean() - b.mean()) < 4
        assert resized(picture, 37, 29) is picture
