"""Where a scene is looked at from, to find out what its splats add to pictures, and to measure what a level lacks.

Captures are of two kinds: things, seen from around them, and rooms or streets, seen from among them. Nothing in a file tells
which, but from places where nobody has stood a scene is a blur: the inside of a statue, the back of a wall. So there are views
from a sphere around the scene and views from near its middle outward, in the proportion of the detail that they show.
"""

from __future__ import annotations

import math

import numpy as np

from pgsvc.scene.camera import Camera, orbit
from pgsvc.scene.frames import axes_between
from pgsvc.scene.render import render
from pgsvc.scene.splats import SceneFormat, SceneSplats

Size = tuple[int, int]

SEEN_ELEVATIONS = (50.0, 10.0, -15.0, 30.0)
TEST_ELEVATIONS = (20.0, 0.0, 40.0)
PLACES = 512  # on a ring, of which each view takes another
INSIDE_FOV = 75.0  # degrees, vertical
PROBES, PROBE_SIZE = 6, (96, 96)
CLEAR = 0.3  # a kind of views with a smaller share of the detail is left out
COVERED = 0.95  # alpha of pixels that detail is looked for in: outlines against nothing are none
NEAR_PLANE = 0.2  # of the same; splats beside a camera, of little depth, would be drawn all over the picture
NEAR_MIDDLE = 0.1  # of the distance to the middle half of the splats
GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))


def training_views(splats: SceneSplats, form: SceneFormat, count: int, size: Size, *, threads: int = 0) -> list[Camera]:
    """``count`` views that importance is found from; the same ones for the same scene."""
    return _views(splats, form, count, size, SEEN_ELEVATIONS, 0.0, threads)


def measuring_views(
    splats: SceneSplats, form: SceneFormat, count: int, size: Size, *, threads: int = 0
) -> list[Camera]:
    """``count`` views that levels are measured at, none of which is among the `training_views`."""
    return _views(splats, form, count, size, TEST_ELEVATIONS, 0.37, threads)


def inside_share(splats: SceneSplats, form: SceneFormat, threads: int = 0) -> float:
    """What part of the views should be from within; 0 … 1.

    A view from within that the scene does not fill is of little use: nobody looks into the void under a piece of ground.
    """
    around = _around(splats, form, PROBES, PROBE_SIZE, SEEN_ELEVATIONS, 0.2)
    outside = sum(_detail(splats, form, camera, threads)[0] for camera in around)
    within = (_detail(splats, form, camera, threads) for camera in _outward(splats, form, PROBES, PROBE_SIZE, 0.2))
    inside = sum(detail * filled**2 for detail, filled in within)
    share = inside / max(inside + outside, 1e-9)
    return 0.0 if share < CLEAR else 1.0 if share > 1 - CLEAR else share


def _detail(splats: SceneSplats, form: SceneFormat, camera: Camera, threads: int) -> tuple[float, float]:
    """Mean difference of neighbouring pixels where the scene covers them, and the share of those pixels."""
    view = render(splats, form, camera, threads=threads)
    green, covered = view.rgb[..., 1].clip(0, 1), view.alpha > COVERED
    both = covered[1:, :-1] & covered[:-1, :-1] & covered[:-1, 1:]
    down, right = np.abs(np.diff(green, axis=0))[:, :-1], np.abs(np.diff(green, axis=1))[:-1]
    return (float((down + right)[both].mean()) if both.any() else 0.0), float(both.mean())


def _views(
    splats: SceneSplats,
    form: SceneFormat,
    count: int,
    size: Size,
    elevations: tuple[float, ...],
    turn: float,
    threads: int,
) -> list[Camera]:
    inside = round(count * inside_share(splats, form, threads))
    around = _around(splats, form, count - inside, size, elevations, turn)
    return around + _outward(splats, form, inside, size, turn)


def _around(
    splats: SceneSplats, form: SceneFormat, count: int, size: Size, elevations: tuple[float, ...], turn: float
) -> list[Camera]:
    """Views from several heights, each from another side."""
    rings = [orbit(splats, PLACES, *size, frame=form.frame, elevation=degrees) for degrees in elevations]
    return [rings[n % len(rings)][round(PLACES * (n + turn) / count) % PLACES] for n in range(count)]


def _outward(splats: SceneSplats, form: SceneFormat, count: int, size: Size, turn: float) -> list[Camera]:
    """Views from near the median of the positions, evenly turned and as often up as down."""
    position = splats.position.astype(float)
    middle = np.median(position, axis=0)
    reach = max(float(np.median(np.linalg.norm(position - middle, axis=1))), 1e-3)
    frame = "rdf" if form.frame == "unspecified" else form.frame
    to_scene = axes_between("rdf", frame).astype(float)  # from right, down, forward
    cameras = []
    for number in range(count):
        angle, rise = GOLDEN_ANGLE * (number + turn), 0.6 * (2 * (number + 0.5) / count - 1)
        level = math.sqrt(1 - rise * rise)
        forward = to_scene @ np.array([level * math.sin(angle), -rise, level * math.cos(angle)])
        place = middle + NEAR_MIDDLE * reach * (to_scene @ np.array([math.cos(angle), 0.0, -math.sin(angle)]))
        up = to_scene @ np.array([0.0, -1.0, 0.0])
        cameras.append(Camera.look_at(place, place + forward, up, size, INSIDE_FOV, near=NEAR_PLANE * reach))
    return cameras
