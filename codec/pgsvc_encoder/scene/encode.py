"""From splats to a stream: tiles, layers, slices, quality layers, and what a receiver sees of them (spec 10)."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from pgsvc import headers
from pgsvc.assemble import RawChunk, assemble, make_chunk
from pgsvc.container import HASH, REFINEMENT, SPLATS, TILES, Address
from pgsvc.errors import UsageError
from pgsvc.limits import SCENE_SPLATS, smallest_level
from pgsvc.scene.growth import grown
from pgsvc.scene.refine import Refinable
from pgsvc.scene.splats import SceneFormat, SceneSplats
from pgsvc.scene.state import SceneState
from pgsvc.scene.tables import SliceTables
from pgsvc.syntax import Record
from pgsvc_encoder.scene.canonical import Canonical, canonical
from pgsvc_encoder.scene.drop import dropped
from pgsvc_encoder.scene.importance import importance as importance_of
from pgsvc_encoder.scene.layers import (
    budgets,
    even_slices,
    layers_of,
    slices_of,
    spatial_layers,
    tiles_of,
)
from pgsvc_encoder.scene.precision import Balance, slice_steps
from pgsvc_encoder.scene.settings import POSITION_TOOLS, SceneSettings
from pgsvc_encoder.scene.stream_header import finest_octave, stream_header
from pgsvc_encoder.scene.write import Cube, write_refinement, write_slice

INVISIBLE = 1 / 510  # alphas below are drawn by no renderer, which leaves out contributions below 1/255
REFINED = (("colour",), ("opacity", "scale"), ("sh",))  # what the slices of a quality layer make finer, in their order


@dataclass
class EncodedScene:
    """A stream and what went into it.

    Args:
        data: the whole stream.
        header: its stream header.
        layer: int64 [N], the layer of each of the given splats; −1: left out.
        bits: by layer and part of the syntax.
        order: by (tile, object, layer), int64 [n]: which of the given splats are decoded from there, in their order.
    """

    data: bytes
    header: Record
    layer: np.ndarray
    bits: list[dict[str, float]]
    order: dict[tuple[int, int, int], np.ndarray]

    def decoded(self, level: int) -> np.ndarray:
        """Which of the given splats a decoder shows at a level, in its order; int64 [n]."""
        keys = sorted(k for k in self.order if k[2] <= level)
        return np.concatenate([self.order[k] for k in keys]) if keys else np.zeros(0, np.int64)


@dataclass
class _Part:
    """An object in a tile while it is written: decoded slices by layer, and which splats they are."""

    cube: Cube
    tables: SliceTables = field(default_factory=SliceTables)
    slices: dict[int, list[Refinable]] = field(default_factory=dict)
    goals: dict[int, list[Canonical]] = field(default_factory=dict)
    members: dict[int, list[np.ndarray]] = field(default_factory=dict)

    def known(self, rest_count: int) -> SceneState:
        states = [r.state for layer in sorted(self.slices) for r in self.slices[layer]]
        return SceneState.concatenate(states) if states else SceneState.none(rest_count)

    def shown(self, rest_count: int, grid_exponent: int) -> SceneState:
        """The same, grown."""
        return grown(self.known(rest_count), self.slices[max(self.slices)][-1].header, grid_exponent)


def encode_scene(
    splats: SceneSplats,
    form: SceneFormat,
    settings: SceneSettings | None = None,
    importance: np.ndarray | None = None,
    *,
    layer: np.ndarray | None = None,
    balance: Balance | None = None,
    growth: Mapping[tuple[int, int], tuple[int, int]] | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> EncodedScene:
    """The stream of a scene; ``encode_scene(splats, form).data`` are its bytes.

    Args:
        settings: None for the usual ones.
        importance: float [N], what each splat adds to pictures, by which layers and slices go; 0: it is left out. None: as the
            settings say, whose ``drop`` is not looked at otherwise.
        layer: int [N], the layer of each splat, −1: left out; None: as the settings say, which are not looked at otherwise.
        growth: `growth` and `growth_limit` by (layer, slice), where there is any.
        progress: told how many splats of how many are written.

    Raises:
        UsageError: the settings do not fit the scene.
    """
    settings = settings or SceneSettings()
    if not len(splats):
        raise UsageError("the scene has no splats")
    if importance is None:
        importance = importance_of(splats, form, settings.importance)
        if settings.drop:
            importance = dropped(splats, form, settings, importance)
    whole = canonical(splats)
    objects = splats.object_id if splats.object_id is not None else np.zeros(len(whole), np.uint8)
    splat_layers = settings.layers - settings.quality_layers
    layer = (
        _layers(whole, importance, settings, splat_layers) if layer is None else _given(layer, len(whole), splat_layers)
    )
    tile = tiles_of(whole.position, settings.tiles)
    count = int(objects.max()) + 1
    object_layers = [settings.layers] * count
    head = stream_header(whole, form, settings, object_layers, int(tile.max()) + 1)
    mean = float(importance[layer >= 0].mean())
    job = _Job(settings, head, whole, importance / max(mean, 1e-30), balance or Balance(), growth or {}, progress)
    chunks: list[RawChunk] = []
    bits: list[dict[str, float]] = [{} for _ in range(settings.layers)]
    table: list[Record] = []
    order: dict[tuple[int, int, int], np.ndarray] = {}
    for t in range(head["tile_count"]):
        parts = []
        for o in range(count):
            members = np.flatnonzero((tile == t) & (objects == o) & (layer >= 0))
            parts.append(_Part(Cube.around(whole.position[members], head["grid_exponent"])))
            chunks += job.write_object(parts[-1], Address(t, 0, 0, o), members, layer, splat_layers, bits)
            order |= {(t, o, k): np.concatenate(which) for k, which in parts[-1].members.items()}
        table.append(_tile_record(job, t, np.flatnonzero(tile == t), layer, parts, settings.layers))
        chunks += job.hashes(t)
    if len(table) > 1 or settings.tiles > 1:
        payload = b"".join(headers.TILE.to_bytes(record) for record in table)
        chunks.append(make_chunk(TILES, Address(), payload))
    largest = max(len(c.raw) for c in chunks)
    head["limit_level"] = smallest_level(1, 1, -(-int((layer >= 0).sum()) // SCENE_SPLATS), 1, largest)
    return EncodedScene(assemble(head, chunks), head, layer, bits, order)


def _layers(whole: Canonical, importance: np.ndarray, settings: SceneSettings, count: int) -> np.ndarray:
    seen = np.flatnonzero((whole.alpha >= INVISIBLE) & (importance > 0))
    levels = budgets(len(seen), count, settings.splats)
    own = layers_of(whole.position[seen], importance[seen], levels, spatial_layers(settings.layering, count))
    layer = np.full(len(whole), -1, np.int64)
    layer[seen] = own
    return layer


def _given(layer: np.ndarray, count: int, layers: int) -> np.ndarray:
    """Layers that the caller has chosen, as int64 [N]; every one has splats."""
    own = np.asarray(layer)
    if own.shape != (count,) or own.dtype.kind not in "iu":
        raise UsageError(f"{count} splats need as many numbers of layers, not {own.dtype} {own.shape}")
    own = own.astype(np.int64)
    if own.min() < -1 or not np.array_equal(np.unique(own[own >= 0]), np.arange(layers)):
        raise UsageError(f"the splats' layers are not 0 to {layers - 1}, as the settings say, each with splats")
    return own


@dataclass
class _Job:
    """What stays the same while a scene is written, and the decoded states for the hashes."""

    settings: SceneSettings
    head: Record
    whole: Canonical
    weight: np.ndarray
    balance: Balance
    growth: Mapping[tuple[int, int], tuple[int, int]]
    progress: Callable[[int, int], None]
    done: int = 0
    crc: dict[int, int] = field(default_factory=dict)

    def write_object(
        self,
        part: _Part,
        address: Address,
        members: np.ndarray,
        layer: np.ndarray,
        splat_layers: int,
        bits: list[dict[str, float]],
    ) -> Iterator[RawChunk]:
        for k in range(self.head["layer_count"]):
            own = (
                self._splats(part, members[layer[members] == k])
                if k < splat_layers
                else self._finer(part, splat_layers)
            )
            for number, (kind, payload, cost) in enumerate(own):
                for name, value in cost.items():
                    bits[k][name] = bits[k].get(name, 0.0) + value
                yield make_chunk(kind, address._replace(layer=k, slice=number), payload)
            state = part.shown(self.rest_count, self.head["grid_exponent"])
            self.crc[k] = zlib.crc32(state.tobytes(), self.crc.get(k, 0))

    @property
    def rest_count(self) -> int:
        return (self.head["sh_degree"] + 1) ** 2 - 1

    def _splats(self, part: _Part, members: np.ndarray) -> Iterator[tuple[bytes, bytes, dict[str, float]]]:
        """The SPLT payloads of a layer, most important splats first."""
        s = self.settings
        layer = len(part.slices)
        part.slices[layer], part.goals[layer], part.members[layer] = [], [], []
        if layer < spatial_layers(s.layering, s.layers - s.quality_layers):
            slices = even_slices(self.whole.position[members], self.weight[members], s.slices)
        else:
            slices = slices_of(self.weight[members], s.slices)
        finest = round(4 * (finest_octave(self.whole) - self.head["grid_exponent"]))
        for number, which in enumerate(slices):
            chosen = members[which]
            growth, limit = self.growth.get((layer, number), (0, 0))
            steps = slice_steps(
                s.quality,
                float(self.weight[chosen].mean()) if len(chosen) else 1.0,
                self.head["sh_degree"],
                self.balance,
            )
            fields = {
                **self._coarser(steps),
                "last_slice": int(number == len(slices) - 1),
                "prediction": s.prediction,
                "position_tool": POSITION_TOOLS[s.positions],
                "finest_scale": min(max(finest, 0), 255),
                "growth": growth,
                "growth_limit": limit,
                "codebook_bits": s.codebook_bits,
            }
            goal = self.whole.select(chosen)
            written = write_slice(goal, part.cube, part.known(self.rest_count), part.tables, fields, self.head)
            part.slices[layer].append(Refinable(written.state, fields))
            part.goals[layer].append(goal.select(written.order))
            part.members[layer].append(chosen[written.order])
            self.done += len(chosen)
            self.progress(self.done, len(self.whole))
            yield SPLATS, written.payload, written.bits

    def _coarser(self, steps: Record) -> Record:
        """Steps that the quality layers will divide by three, each of them."""
        factor = 3**self.settings.quality_layers
        if factor == 1:
            return steps
        more = round(8 * np.log2(factor))
        return {
            **steps,
            "opacity_step": min(steps["opacity_step"] * factor, 1 << 14),
            "scale_step": min(steps["scale_step"] * factor, 255),
            "colour_step": min(steps["colour_step"] + more, 128),
            "sh_steps": [min(e + more, 128) for e in steps["sh_steps"]],
        }

    def _finer(self, part: _Part, splat_layers: int) -> Iterator[tuple[bytes, bytes, dict[str, float]]]:
        """The FINE payloads of a quality layer: colours of all layers first, then the rest."""
        names = [n for n in REFINED if n != ("sh",) or self.rest_count]
        jobs = [(n, k) for n in names for k in range(splat_layers)]
        for number, (attributes, k) in enumerate(jobs):
            header: Record = {f"has_{a}": int(a in attributes) for a in ("opacity", "colour", "sh", "scale")}
            header |= {"target_layer": k, "last_slice": int(number == len(jobs) - 1), "reserved_bits": 0}
            cost: dict[str, float] = {}
            payload = write_refinement(
                part.slices[k],
                part.goals[k],
                header,
                lambda w, cost=cost, attributes=attributes: cost.update({"+".join(attributes): w.bits()}),
            )
            yield REFINEMENT, payload, cost

    def hashes(self, tile: int) -> Iterator[RawChunk]:
        """hASH chunks of all levels of a tile."""
        for k, crc in sorted(self.crc.items()):
            yield make_chunk(HASH, Address(tile, 0, k), headers.HASH.to_bytes({"frame_count": 1, "crc32": crc}))
        self.crc.clear()


def _tile_record(
    job: _Job, number: int, members: np.ndarray, layer: np.ndarray, parts: list[_Part], layers: int
) -> Record:
    """Where a tile lies, and what it lacks at each level (spec 6.10)."""
    low, high = (f(job.whole.position[members]) for f in (lambda p: p.min(0), lambda p: p.max(0)))
    grid = [np.floor(np.ldexp(x, -job.head["grid_exponent"])).astype(int).tolist() for x in (low, high)]
    weight, own = job.weight[members], layer[members]
    total = max(float(weight.sum()), 1e-30)
    levels = []
    for k in range(layers):
        there = (own >= 0) & (own <= k)
        missing = 1 - float(weight[there].sum()) / total
        levels.append(
            {"splats": int(there.sum()), "missing": round(65535 * max(missing, 0)), "error": _error(job, parts, k)}
        )
    box = {"box_low": grid[0], "box_high": grid[1]}
    return {"tile_number": number, **box, "level_count": layers, "tile_levels": levels}


def _error(job: _Job, parts: list[_Part], level: int) -> int:
    """The usual step of luma among the splats of a level, Q16."""
    steps = [r.steps("colour")[0] for part in parts for k in part.slices if k <= level for r in part.slices[k]]
    return int(min(np.mean(steps), 65535)) if steps else 65535


__all__ = ["EncodedScene", "encode_scene"]
