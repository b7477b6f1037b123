"""Random splats in space, written as chunks: the raw material of the scenes among the conformance streams (spec 6.8, 6.9, 10).

As in ``synthetic``: no scene is fitted, randomness comes from the raw output of PCG64, and everything is integer.
"""

from __future__ import annotations

import zlib

import numpy as np
from synthetic import SEGMENT, Random, decode_all, index_payload

from pgsvc import headers
from pgsvc.assemble import RawChunk, in_order, make_chunk
from pgsvc.container import HASH, HEAD, INDEX, REFINEMENT, SIGNATURE, SPLATS, TILES, Address, write_chunk
from pgsvc.range_coder import RangeWriter
from pgsvc.scene.morton import morton3
from pgsvc.scene.neighbours import LowerSet
from pgsvc.scene.refine import Refinable, attributes, refine
from pgsvc.scene.rotation import float_directions, float_tangents
from pgsvc.scene.slice import SliceSymbols, code_slice
from pgsvc.scene.state import SceneState
from pgsvc.scene.tables import SliceTables
from pgsvc.syntax import Record

FINE_BITS = 20  # of directions and angles before they are quantised


class SceneMaker:
    """A scene under construction.

    Args:
        seed: of the random splats.
        fields: what differs from the usual HEAD fields.
    """

    def __init__(self, seed: int, **fields: int) -> None:
        self.random = Random(seed)
        self.chunks: list[RawChunk] = []
        self.header: Record = {
            "format_major": headers.FORMAT_MAJOR,
            "format_minor": headers.FORMAT_MINOR,
            "min_reader_minor": headers.FORMAT_MINOR,
            "profile": headers.SCENE,
            "limit_level": 1,
            "progression_order": SEGMENT,
            **dict.fromkeys(("full_range", "chroma_location", "has_level_sizes", "has_objects", "chroma_format"), 0),
            "layer_count": 1,
            "sh_degree": 0,
            "kernel": 0,
            "axes": 1,
            "colour_space": 0,
            "grid_exponent": -10,
            "metres_numerator": 0,
            "metres_denominator": 1,
            "tile_count": 1,
            **fields,
        }
        self._tables: dict[tuple[int, int], SliceTables] = {}
        self._slices: dict[tuple[int, int], dict[int, list[Refinable]]] = {}

    def objects(self, *layers: int) -> None:
        """Give each object so many layers."""
        self.header |= {"has_objects": 1, "object_count": len(layers), "object_layers": list(layers)}

    # --- chunks -------------------------------------------------------------------------------------------------------

    def slice_header(self, count: int, **changes) -> Record:
        return {
            "splat_count": count,
            "last_slice": 1,
            "prediction": 1,
            "position_tool": 1,
            "origin": [-300, 20, -(1 << 12)],
            "cube_bits": 12,
            "leaf_bits": 3,
            "place_precision": -6,
            "finest_scale": 8,
            "usual_scale": 24,
            "scale_step": 16,
            "rotation_precision": 40,
            "opacity_step": 2048,
            "colour_step": 96,
            "chroma_steps": [3, 5],
            "sh_steps": [92, 96, 100][: self.header["sh_degree"]],
            "growth": 0,
            "codebook_bits": 0,
            **changes,
        }

    def codewords(self, bits: int) -> list[int]:
        """Random entries of a codebook."""
        return self.random.integers(-9000, 9001, 3 << bits).tolist()

    def symbols(self, header: Record, usual: int, *, numbers: int, edges: bool) -> SliceSymbols:
        """Random symbols in the order of the boxes.

        Args:
            usual: what largest scales lie about, Q12 octaves.
            numbers: bound of what colours and scales differ from the usual ones by, in steps.
            edges: positions in the corners of the cube alone.
        """
        n, draw = header["splat_count"], self.random.integers
        side = 1 << header["cube_bits"]
        grid = draw(0, side, (n, 3))
        if edges:
            grid = draw(0, 2, (n, 3)) * (side - 1)
        cells = morton3(grid >> header["leaf_bits"])
        order = np.argsort(cells, kind="stable")
        first = usual // (header["scale_step"] << 6) + draw(-numbers, numbers + 1, n)
        fall = draw(0, 2 * numbers + 1, (n, 2))
        scale = np.stack([first, first - fall[:, 0], first - fall[:, 0] - fall[:, 1]], 1)
        rest = (self.header["sh_degree"] + 1) ** 2 - 1
        sh = draw(-3, 4, (n, rest, 3)) * (draw(0, 3, (n, 1, 1)) > 0) * (draw(0, 3, (n, rest, 3)) > 1)
        return SliceSymbols(
            cells=cells[order],
            opacity=draw(0, 65536, n) // header["opacity_step"],
            scale=scale,
            axes=self.axes(n),
            position=grid[order] + np.array(header["origin"], np.int64),
            colour=draw(-numbers * 6000, numbers * 6000 + 1, (n, 3)) + 20000,
            sh=sh,
        )

    def axes(self, n: int) -> np.ndarray:
        """Random right-handed frames, the last axis with z ≥ 0, without functions that differ from one machine to the next."""
        last = float_directions(self.random.integers(-32768, 32768, (n, 2)))
        first, second = float_tangents(last)
        along = self.random.integers(-(1 << FINE_BITS), 1 << FINE_BITS, (n, 2)) + 0.5
        along /= np.sqrt((along**2).sum(1, keepdims=True))
        c, s = along[:, :1], along[:, 1:]
        return np.stack([c * first + s * second, c * second - s * first, last], 1)

    def splats(
        self,
        address: Address,
        count: int,
        *,
        numbers: int = 6,
        edges: bool = False,
        usual: int | None = None,
        **changes,
    ) -> None:
        """Add a SPLT chunk with random splats; ``usual`` as for :meth:`symbols`, by default what the header says."""
        header = self.slice_header(count, **changes)
        if usual is None:
            usual = (header["usual_scale"] << 10) + (self.header["grid_exponent"] << 12)
        wanted = self.symbols(header, usual, numbers=numbers, edges=edges)
        writer = RangeWriter()
        known = self._known(address)
        lower = LowerSet(known, np.array(header["origin"], np.int64), header["cube_bits"], header["leaf_bits"])
        tables = self._tables.setdefault((address.segment, address.object), SliceTables())
        state = code_slice(writer, header, self.header, lower, tables, wanted)
        own = self._slices.setdefault((address.segment, address.object), {})
        own.setdefault(address.layer, []).append(Refinable(state, header))
        self.add(SPLATS, address, headers.SPLATS.to_bytes(header, self.header) + writer.finish())

    def _known(self, address: Address) -> SceneState:
        own = self._slices.get((address.segment, address.object), {})
        states = [r.state for layer in sorted(own) for r in own[layer]]
        return SceneState.concatenate(states) if states else SceneState.none((self.header["sh_degree"] + 1) ** 2 - 1)

    def refinement(self, address: Address, target: int, *names: str, last: int = 1) -> None:
        """Add a FINE chunk, which moves the numbers of these names at random."""
        chosen = {f"has_{n}": int(n in names) for n in ("opacity", "colour", "sh", "scale")}
        header = {"target_layer": target, "last_slice": last, **chosen, "reserved_bits": 0}
        slices = self._slices[address.segment, address.object][target]
        wanted = {}
        for name in attributes(header):
            now = np.concatenate([getattr(r.state, name) for r in slices]).astype(np.int64)
            step = int(np.max(slices[0].steps(name), initial=1))
            wanted[name] = now + self.random.integers(-step, step + 1, now.shape)
        writer = RangeWriter()
        refine(writer, header, slices, wanted)
        self.add(REFINEMENT, address, headers.REFINEMENT.to_bytes(header) + writer.finish())

    def table(self, levels: int | None = None) -> None:
        """Add a tILe chunk of all tiles, with numbers of no meaning."""
        count = self.header["layer_count"] if levels is None else levels
        entry = {"splats": 300, "missing": 65535, "error": 0}
        box = {"box_low": [-(1 << 31), 0, -1], "box_high": [(1 << 31) - 1, 0, 1]}
        records = [
            {"tile_number": t, **box, "level_count": count, "tile_levels": [entry] * count}
            for t in range(self.header["tile_count"])
        ]
        self.add(TILES, Address(), b"".join(headers.TILE.to_bytes(r) for r in records))

    def add(self, kind: bytes, address: Address, payload: bytes) -> None:
        self.chunks.append(make_chunk(kind, address, payload))

    def hashes(self) -> None:
        """Add hASH chunks of every level of every tile, from what the decoder makes of the stream so far."""
        stream = decode_all(self.build(index=False))
        assert stream.content is not None
        for level in range(stream.layer_count):
            crc: dict[int, int] = {}
            for (tile, _), state in stream.scene(level).states.items():
                crc[tile] = zlib.crc32(state.tobytes(), crc.get(tile, 0))
            for tile, value in crc.items():
                if stream.content.complete_level(tile) >= level:
                    payload = headers.HASH.to_bytes({"frame_count": 1, "crc32": value})
                    self.add(HASH, Address(tile, 0, level), payload)

    # --- whole streams ------------------------------------------------------------------------------------------------

    def build(self, *, index: bool = True) -> bytes:
        """The stream, with an index that is stored or with none."""
        ordered = in_order(self.header, self.chunks)
        head = SIGNATURE + write_chunk(HEAD, Address(), headers.HEAD.to_bytes(self.header))
        if index:
            head += write_chunk(INDEX, Address(), index_payload(ordered))
        return head + b"".join(c.raw for c in ordered)
