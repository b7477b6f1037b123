"""The chunks of a scene as they arrive, and the splats that they make (spec 5.2, 6.8 to 6.10, 9.4)."""

from __future__ import annotations

import zlib
from collections.abc import Container as Collection
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np

from pgsvc import headers
from pgsvc.bits import BitReader
from pgsvc.container import REFINEMENT, SPLATS, Chunk
from pgsvc.errors import BadStream, HashMismatch, LimitExceeded
from pgsvc.kernel import thread_count
from pgsvc.limits import SCENE_SPLATS, Limits
from pgsvc.range_coder import RangeReader
from pgsvc.scene.compiled import SceneDecoder, floats
from pgsvc.scene.growth import grown
from pgsvc.scene.neighbours import LowerSet
from pgsvc.scene.refine import Refinable, attributes, refine
from pgsvc.scene.slice import check_header, code_slice
from pgsvc.scene.splats import COLOUR_SPACES, FRAMES, KERNELS, SceneFormat, SceneSplats
from pgsvc.scene.state import SceneState
from pgsvc.scene.tables import SliceTables
from pgsvc.syntax import Record

MOST_SLICES = 64  # of a layer: each costs a pass over all splats below


@dataclass(frozen=True)
class Slice:
    """A SPLT or FINE chunk: its header, and the coded symbols behind it."""

    type: bytes
    header: Record
    symbols: bytes


@dataclass
class Tile:
    """The chunks of a tile by (object, layer, slice), and its hashes by level."""

    slices: dict[tuple[int, int, int], Slice] = field(default_factory=dict)
    hashes: dict[int, int] = field(default_factory=dict)

    def of_layer(self, number: int, layer: int) -> list[Slice]:
        """Slices 0, 1, … of a layer of the object with this number, as far as they follow each other."""
        out = []
        while (number, layer, len(out)) in self.slices:
            out.append(self.slices[number, layer, len(out)])
        return out

    def objects(self) -> list[int]:
        """Numbers of the objects that have slices, in order."""
        return sorted({o for o, _, _ in self.slices})

    def is_complete(self, number: int, layer: int) -> bool:
        slices = self.of_layer(number, layer)
        return bool(slices) and bool(slices[-1].header["last_slice"])


@dataclass(frozen=True)
class DecodedScene:
    """A scene at one level.

    Args:
        splats: as other programs know them.
        format: what their numbers mean.
        level: the highest level that all tiles reached; −1: a tile lacks its base.
        partial: whether slices of incomplete layers were added.
        states: by (tile, object), in order, where anything of them has arrived.
    """

    splats: SceneSplats
    format: SceneFormat
    level: int
    partial: bool
    states: dict[tuple[int, int], SceneState]


class SceneContent:
    """What a stream of profile ``scene`` holds.

    Args:
        header: the stream header.
        object_layers: layers of each object.
        limits: in force.
        native: False: slices are decoded by numpy alone.
        threads: that decode; 0: as many as there are processors.
    """

    def __init__(
        self, header: Record, object_layers: tuple[int, ...], limits: Limits, *, native: bool, threads: int = 0
    ) -> None:
        self.header, self.object_layers, self._native = header, object_layers, native
        self._threads = thread_count(threads)
        self.tiles: dict[int, Tile] = {}
        self.table: list[Record] = []
        self._has_table = False
        self._most, self.splats = SCENE_SPLATS * limits.splats, 0
        metres = header["metres_numerator"]
        self.format = SceneFormat(
            header["sh_degree"],
            FRAMES[header["axes"]],
            metres / header["metres_denominator"] if metres else None,
            KERNELS[header["kernel"]],
            COLOUR_SPACES[header["colour_space"]],
        )

    # --- taking chunks ------------------------------------------------------------------------------------------------

    def take(self, chunk: Chunk) -> None:
        """Take a SPLT or FINE chunk; layer and object are in range.

        Raises:
            BadStream, LimitExceeded: as the chunk deserves.
        """
        a = chunk.address
        if a.frame:
            raise BadStream("a slice of a scene must have frame 0 in its address", clause="5.2")
        if a.segment >= self.header["tile_count"]:
            raise BadStream(f"tile {a.segment} of {self.header['tile_count']}", clause="5.2")
        if a.slice >= MOST_SLICES:
            raise BadStream(f"slice {a.slice} of a scene", clause="5.2")
        tile = self.tiles.setdefault(a.segment, Tile())
        before = tile.slices.get((a.object, a.layer, a.slice - 1))
        if a.slice and (before is None or before.header["last_slice"]):
            raise BadStream(f"slice {a.slice} does not follow a slice", clause="5.2")
        reader = BitReader(chunk.payload)
        if chunk.type == SPLATS:
            header = headers.SPLATS.read(reader, self.header)
            check_header(header)
            self.splats += header["splat_count"]
            if self.splats > self._most:
                raise LimitExceeded(
                    f"a scene of {self.splats} splats or more; allowed are {self._most} (--allow splats=…)",
                    clause="A.2",
                )
        else:
            header = headers.REFINEMENT.read(reader)
            self._check_refinement(tile, a.object, a.layer, header)
        part = Slice(chunk.type, header, chunk.payload[reader.pos // 8 :])
        tile.slices[a.object, a.layer, a.slice] = part

    @staticmethod
    def _check_refinement(tile: Tile, number: int, layer: int, header: Record) -> None:
        """Rules of spec 6.9, which also bound the work that few bytes ask for."""
        target, chosen = header["target_layer"], set(attributes(header))
        if target >= layer or not tile.is_complete(number, target):
            raise BadStream("a refinement of a layer that is not complete below it", clause="6.9")
        if not any(part.type == SPLATS for part in tile.of_layer(number, target)):
            raise BadStream("a refinement of a layer without splats", clause="6.9")
        if not chosen:
            raise BadStream("a refinement of nothing", clause="6.9")
        for part in tile.of_layer(number, layer):
            if (
                part.type == REFINEMENT
                and part.header["target_layer"] == target
                and chosen & set(attributes(part.header))
            ):
                raise BadStream("a layer refines the same numbers twice", clause="6.9")

    def take_hash(self, tile: int, level: int, crc32: int) -> None:
        if tile in self.tiles:
            self.tiles[tile].hashes[level] = crc32

    def take_table(self, payload: bytes) -> None:
        """Take a tILe chunk.

        Raises:
            BadStream: it does not hold whole entries, each of another tile and in their order, or is not the first.
        """
        if self._has_table:
            raise BadStream("a second table of tiles", clause="4.4")
        self._has_table = True
        reader = BitReader(payload)
        last = -1
        while reader.remaining:
            record = headers.TILE.read(reader)
            if not last < record["tile_number"] < self.header["tile_count"]:
                raise BadStream(f"tile {record['tile_number']} is out of place in the table", clause="6.10")
            last = record["tile_number"]
            self.table.append(record)

    # --- asking -------------------------------------------------------------------------------------------------------

    def complete_level(self, tile: int) -> int:
        """The highest level that a tile can be decoded at; −1 if not even its base is complete."""
        level, there = -1, self.tiles.get(tile)
        while there is not None and level + 1 < max(self.object_layers):
            objects = [o for o, layers in enumerate(self.object_layers) if level + 1 < layers]
            if not all(there.is_complete(o, level + 1) for o in objects):
                break
            level += 1
        return level

    # --- decoding -----------------------------------------------------------------------------------------------------

    def decode(
        self,
        level: int,
        *,
        objects: Collection[int] | None = None,
        tiles: Collection[int] | None = None,
        check_hash: bool = False,
        is_grown: bool = True,
    ) -> DecodedScene:
        """The scene at ``level``, or of each tile the highest complete level below it and what there is of the next layer.

        Args:
            objects, tiles: numbers of those that are wanted; None: all.
            is_grown: as they are shown; False: as later slices see them, which no hash is of.

        Raises:
            BadStream: the data of a slice are wrong.
            HashMismatch: a tile differs from what the encoder saw.
        """
        states: dict[tuple[int, int], SceneState] = {}
        reached, partial = level, False
        wanted = range(self.header["tile_count"])
        there = sorted(n for n in self.tiles if tiles is None or n in tiles)
        if len(there) < (len(wanted) if tiles is None else sum(n in tiles for n in wanted)):
            reached = -1  # nothing of some tile
        complete = {n: min(level, self.complete_level(n)) for n in there}
        numbers = {n: [o for o in self.tiles[n].objects() if objects is None or o in objects] for n in there}
        pairs = [(self.tiles[n], o, complete[n], level, is_grown) for n in there for o in numbers[n]]
        decoded = self._decode_objects(pairs)
        for number in there:
            reached = min(reached, complete[number])
            crc, incomplete = 0, False
            for o in numbers[number]:
                states[number, o], more = next(decoded)
                incomplete |= more
                crc = zlib.crc32(states[number, o].tobytes(), crc) if check_hash else 0
            partial |= incomplete
            comparable = objects is None and is_grown and not incomplete
            known = self.tiles[number].hashes.get(complete[number]) if comparable else None
            if check_hash and known is not None and crc != known:
                raise HashMismatch(f"tile {number} at level {complete[number]} does not have the hash in the stream")
        return DecodedScene(self._floats(states), self.format, reached, partial, states)

    def _decode_objects(self, pairs: list[tuple[Tile, int, int, int, bool]]) -> Iterator[tuple[SceneState, bool]]:
        """What :meth:`_decode_object` returns of tiles and objects, in order, which threads decode side by side."""
        threads = min(self._threads, len(pairs))
        if threads <= 1 or not self._native:
            yield from (self._decode_object(*pair) for pair in pairs)
            return
        pool = ThreadPoolExecutor(threads)
        try:
            yield from pool.map(lambda pair: self._decode_object(*pair), pairs)
        finally:  # also where the first of them is in error
            pool.shutdown(cancel_futures=True)

    def _decode_object(
        self, tile: Tile, number: int, complete: int, level: int, is_grown: bool
    ) -> tuple[SceneState, bool]:
        """The splats that an object has of a tile, and whether slices of an incomplete layer are among them."""
        parts = list(self._parts(tile, number, min(level, complete + 1)))
        partial = any(layer > complete for layer, _ in parts)
        state = self._native_object(parts) if self._native else self._twin_object(parts)
        last = next((part.header for _, part in reversed(parts) if part.type == SPLATS), None)
        if last is not None and is_grown:
            state = grown(state, last, self.header["grid_exponent"])
        return state, partial

    def _native_object(self, parts: list[tuple[int, Slice]]) -> SceneState:
        done: dict[int, list[Refinable]] = {}
        decoder = SceneDecoder(sum(p.header["splat_count"] for _, p in parts if p.type == SPLATS), self.header)
        for layer, part in parts:
            reader = RangeReader(part.symbols)
            if part.type == REFINEMENT:
                target = part.header["target_layer"]
                first = sum(len(r.state) for below in done if below < target for r in done[below])
                decoder.refine(reader, part.header, done[target], first)
            else:
                done.setdefault(layer, []).append(decoder.slice(reader, part.header))
            reader.finish()
        return decoder.state

    def _twin_object(self, parts: list[tuple[int, Slice]]) -> SceneState:
        """The same by numpy."""
        done: dict[int, list[Refinable]] = {}
        tables = SliceTables()
        for layer, part in parts:
            reader = RangeReader(part.symbols, native=False)
            if part.type == REFINEMENT:
                refine(reader, part.header, done[part.header["target_layer"]])
            else:
                h = part.header
                known = _all(done, self.header, sh=False) if h["splat_count"] else SceneState.none(0)
                lower = LowerSet(known, np.array(h["origin"], np.int64), h["cube_bits"], h["leaf_bits"])
                state = code_slice(reader, h, self.header, lower, tables)
                done.setdefault(layer, []).append(Refinable(state, h))
            reader.finish()
        return _all(done, self.header)

    def _parts(self, tile: Tile, number: int, top: int) -> Iterator[tuple[int, Slice]]:
        for layer in range(min(top + 1, self.object_layers[number])):
            for part in tile.of_layer(number, layer):
                yield layer, part

    def _floats(self, states: dict[tuple[int, int], SceneState]) -> SceneSplats:
        several, unit = len(self.object_layers) > 1, self.header["grid_exponent"]
        ids = [np.full(len(state), o, np.uint8) if several else None for (_, o), state in states.items()]
        if not self._native:
            parts = [state.splats(unit, own) for state, own in zip(states.values(), ids, strict=True)]
            return SceneSplats.concatenate(parts) if parts else SceneSplats.none(self.format.rest_count)
        out = SceneSplats.empty(sum(map(len, states.values())), self.format.rest_count)
        first = 0
        for state in states.values():
            floats(state, unit, out.select(slice(first, first + len(state))), self._threads)
            first += len(state)
        return replace(out, object_id=np.concatenate([i for i in ids if i is not None])) if several and ids else out


def _all(done: dict[int, list[Refinable]], header: Record, *, sh: bool = True) -> SceneState:
    """The splats that are decoded, layer by layer; ``sh``: with their coefficients."""
    parts = [r.state if sh else r.state.without_sh() for layer in sorted(done) for r in done[layer]]
    return SceneState.concatenate(parts) if parts else SceneState.none((header["sh_degree"] + 1) ** 2 - 1 if sh else 0)


__all__ = ["SPLATS", "DecodedScene", "SceneContent"]
