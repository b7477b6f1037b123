"""How much larger the splats of each beginning are shown (spec 10.14): what comes nearest to the source in rendered views."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from pgsvc.container import SPLATS
from pgsvc.scene.camera import Camera
from pgsvc.scene.growth import grown
from pgsvc.scene.render import render
from pgsvc.scene.splats import SceneFormat, SceneSplats
from pgsvc.scene.state import SceneState
from pgsvc.stream import Stream

VIEW_SIZE = (256, 256)
SHARE = 3  # of 16: with it small splats grow about as much more than large ones as is best
MOST = 1.5  # octaves that the median splat grows by at the most
STRIDE = 2  # quarters of an octave that the limit is moved by in the search
SPARE = 0.06  # of the least squared error: what more there may be with less growth, which looks sharper

Growth = tuple[int, int]
"""`growth` and `growth_limit` of a SPLT chunk."""


def growths(
    data: bytes,
    source: SceneSplats,
    form: SceneFormat,
    cameras: Sequence[Camera],
    *,
    threads: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[tuple[int, int], Growth]:
    """The best growth behind each slice but the last, by (layer, slice), the same for all tiles and objects.

    Args:
        data: the scene encoded without growth.
        cameras: where source and beginnings are looked at.
        progress: told how many slices of how many are done.
    """
    beginnings = _Beginnings(data)
    views = _Views(source, form, cameras, threads)
    out: dict[tuple[int, int], Growth] = {}
    limit = None
    for done, end in enumerate(beginnings.ends[:-1], 1):
        shown = _Shown(beginnings.states(end), beginnings.unit, views)
        limit = _search(shown, 255 if limit is None else limit + STRIDE)
        if limit is None:
            break  # with more splats there are no holes either
        out[end] = (SHARE, limit)
        progress(done, len(beginnings.ends) - 1)
    return out


def _search(shown: _Shown, start: int) -> int | None:
    """The lowest limit that is about as good as the best one, which is looked for downhill; None: it is about as good without."""
    best = min(start, shown.sensible(MOST))
    while best >= STRIDE and shown.error(best - STRIDE) <= shown.error(best):
        best -= STRIDE
    allowed = shown.error(best) * (1 + SPARE)
    if shown.error(None) <= allowed:
        return None
    while best > 0 and shown.error(best - 1) <= allowed:
        best -= 1
    return best


class _Beginnings:
    """Decoded splats as they arrive, without growth."""

    def __init__(self, data: bytes) -> None:
        stream = Stream()
        stream.feed(data)
        content = stream.content
        assert content is not None
        self.unit = content.header["grid_exponent"]
        self._states = content.decode(stream.layer_count - 1, is_grown=False).states
        self._counts: dict[tuple[int, int], dict[tuple[int, int], int]] = {key: {} for key in self._states}
        for tile, own in content.tiles.items():
            for (number, layer, part), piece in own.slices.items():
                if piece.type == SPLATS:
                    self._counts[tile, number][layer, part] = piece.header["splat_count"]
        self.ends = sorted({end for counts in self._counts.values() for end in counts})

    def states(self, end: tuple[int, int]) -> list[SceneState]:
        """What there is of each object in each tile up to a (layer, slice)."""
        out = []
        for key, state in self._states.items():
            n = sum(count for at, count in self._counts[key].items() if at <= end)
            out.append(SceneState(state.position[:n], state.scale[:n], state.rotation[:n], state.opacity[:n],
                                  state.colour[:n], state.sh[:n]))  # fmt: skip
        return out


class _Views:
    def __init__(self, source: SceneSplats, form: SceneFormat, cameras: Sequence[Camera], threads: int) -> None:
        self._form, self._cameras, self._threads = form, cameras, threads
        self._wanted = [self._draw(source, camera) for camera in cameras]

    def error(self, splats: SceneSplats) -> float:
        """The mean squared error of all views."""
        pairs = zip(self._cameras, self._wanted, strict=True)
        return float(np.mean([((self._draw(splats, camera) - wanted) ** 2).mean() for camera, wanted in pairs]))

    def _draw(self, splats: SceneSplats, camera: Camera) -> np.ndarray:
        return render(splats, self._form, camera, threads=self._threads).rgb.clip(0, 1)


class _Shown:
    """A beginning with any growth; each is drawn once."""

    def __init__(self, states: list[SceneState], unit: int, views: _Views) -> None:
        self._states, self._unit, self._views = states, unit, views
        self._known: dict[int | None, float] = {}

    def sensible(self, octaves: float) -> int:
        """The limit that makes the median splat so much larger."""
        size = np.concatenate([state.scale[:, :2].mean(axis=1) for state in self._states])
        above = (float(np.median(size)) / 4096 - self._unit) if len(size) else 0.0
        return min(max(round(4 * (above + octaves * 16 / SHARE)), 0), 255)

    def error(self, limit: int | None) -> float:
        """Of the beginning grown up to a limit; None: as it is."""
        if limit not in self._known:
            header: Mapping[str, int] = {"growth": 0 if limit is None else SHARE, "growth_limit": limit or 0}
            parts = [grown(state, dict(header), self._unit).splats(self._unit) for state in self._states]
            self._known[limit] = self._views.error(SceneSplats.concatenate(parts))
        return self._known[limit]
