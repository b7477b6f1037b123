"""Random splats, written as chunks: the raw material of the conformance streams (spec 6, 7).

No picture is fitted; what matters is that every path of the decoder is taken. Randomness comes straight from the raw
output of PCG64, which numpy guarantees not to change, and everything is integer, so that every machine makes the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pgsvc import headers
from pgsvc.assemble import RawChunk, in_order, make_chunk
from pgsvc.container import DATA_TYPES, HEAD, INDEX, KEY_FRAME, PREDICTED, SIGNATURE, Address, write_chunk
from pgsvc.index import IndexEntry, write_index
from pgsvc.limits import LEVELS
from pgsvc.planar import graded
from pgsvc.planar.graded import GradedSymbols
from pgsvc.planar.symbols import KeySymbols, PredictedSymbols, float12_join, morton
from pgsvc.stream import Stream
from pgsvc.syntax import Record
from pgsvc_encoder.write.payload import graded_payload, hash_chunk, key_payload, predicted_payload

GREY, YUV420, YUV422, YUV444 = range(4)
SEGMENT, LAYER = headers.SEGMENT_ORDER, headers.LAYER_ORDER
LOG_SHAPE = {"shape_domain": 1, "shape_scale": [300, 128, 300], "shape_offset": [-64, -252, -64]}
CHOLESKY_SHAPE = {"shape_domain": 0, "shape_scale": [600, 300, 600], "shape_offset": [150, -600, 150]}


class Random:
    """Integers from PCG64's raw output."""

    def __init__(self, seed: int) -> None:
        self._bits = np.random.PCG64(seed)

    def integers(self, low: int, high: int, shape: int | tuple[int, ...]) -> np.ndarray:
        """int64, low ≤ value < high."""
        raw = self._bits.random_raw(int(np.prod(shape))) >> np.uint64(16)
        return (low + (raw % np.uint64(high - low)).astype(np.int64)).reshape(shape)


def index_payload(chunks: Sequence[RawChunk]) -> bytes:
    """An iNDX payload that is never compressed: its bytes do not depend on the version of zstd."""
    types = sorted({c.type for c in chunks})
    header = {
        "compression": 0,
        "type_count": len(types),
        "types": [int.from_bytes(t, "big") for t in types],
        "entry_count": len(chunks),
    }
    rows = [{"type_index": types.index(c.type), **c.address._asdict(), "chunk_size": len(c.raw)} for c in chunks]
    return headers.INDEX_HEADER.to_bytes(header) + b"".join(headers.INDEX_ENTRY.to_bytes(r) for r in rows)


class Maker:
    """A stream under construction.

    Args:
        seed: of the random splats.
        fields: what differs from the usual HEAD fields.
    """

    def __init__(self, seed: int, width: int, height: int, chroma: int = YUV420, **fields: int) -> None:
        self.random = Random(seed)
        self.components = 1 if chroma == GREY else 3
        self.chunks: list[RawChunk] = []
        self.head_padding = b""
        self._counts: dict[tuple[int, ...], Record] = {}
        self.header: Record = {
            "format_major": headers.FORMAT_MAJOR,
            "format_minor": headers.FORMAT_MINOR,
            "min_reader_minor": headers.FORMAT_MINOR,
            "profile": headers.PROFILES["still"],
            "limit_level": 1,
            "progression_order": SEGMENT,
            "full_range": 0,
            "chroma_location": 0,
            "has_level_sizes": 0,
            "has_objects": 0,
            "chroma_format": chroma,
            "bit_depth": 8,
            "layer_count": 1,
            "width": width,
            "height": height,
            "colour_primaries": 2,
            "transfer_characteristics": 2,
            "matrix_coefficients": 2,
            "frame_rate_numerator": 25,
            "frame_rate_denominator": 1,
            "frame_count": 1,
            **fields,
        }

    def level_sizes(self, *sizes: tuple[int, int]) -> None:
        """Give each level a size of its own: (width, height)."""
        listed = [{"level_width": width, "level_height": height} for width, height in sizes]
        self.header |= {"has_level_sizes": 1, "level_sizes": listed}

    def objects(self, *layers: int) -> None:
        """Give each object so many layers."""
        self.header |= {"has_objects": 1, "object_count": len(layers), "object_layers": list(layers)}

    # --- chunks -------------------------------------------------------------------------------------------------------

    def rvq(self, stages: int, bits: int, shift: int = 5) -> Record:
        """Random codebooks; each stage is half as strong as the one before."""
        size = self.components << bits
        books = [
            {"entry_shift": max(shift - i, 0), "entries": self.random.integers(-128, 128, size).tolist()}
            for i in range(stages)
        ]
        return {"stage_count": stages, "codebook_bits": bits, "codebooks": books}

    def key_header(self, count: int, **changes) -> Record:
        """KEYF fields with random codebooks; ``stages``, ``codebook_bits`` and ``shift`` shape these."""
        rvq = self.rvq(changes.pop("stages", 2), changes.pop("codebook_bits", 3), changes.pop("shift", 5))
        return {
            "first_frame": 0,
            "splat_count": count,
            "last_slice": 1,
            "has_background": 1,
            "reserved_bits": 0,
            "position_fraction_bits": 2,
            "position_tool": 1,
            "shape_tool": 1,
            "colour_tool": 1,
            "shape_signed": 0,
            "reserved_bit": 0,
            "shape_bits": 6,
            "background": [0] * self.components,
            **LOG_SHAPE,
            **rvq,
            **changes,
        }

    def key_symbols(self, header: Record, *, edges: bool = False) -> KeySymbols:
        """Random symbols in canonical order; with ``edges`` all positions lie on the rim of the picture."""
        n, fraction = header["splat_count"], header["position_fraction_bits"]
        size = [self.header["width"] << fraction, self.header["height"] << fraction]
        grid = np.stack([self.random.integers(0, s, n) for s in size], 1)
        if edges:
            side = self.random.integers(0, 4, n)
            for value, axis, at in ((0, 0, 0), (1, 0, size[0] - 1), (2, 1, 0), (3, 1, size[1] - 1)):
                grid[side == value, axis] = at
        grid = grid[np.argsort(morton(grid), kind="stable")]
        return KeySymbols(
            grid,
            self.random.integers(0, 1 << header["shape_bits"], (n, 3)).astype(np.int32),
            self.random.integers(0, 1 << header["codebook_bits"], (n, header["stage_count"])).astype(np.int32),
        )

    def key(
        self, address: Address, count: int, *, edges: bool = False, symbols: KeySymbols | None = None, **changes
    ) -> None:
        """Add a KEYF chunk with random splats."""
        header = self.key_header(count, **changes)
        payload = key_payload(header, symbols or self.key_symbols(header, edges=edges))
        self._counts[address.segment, address.layer, address.object, address.slice] = {"splats": count}
        self.add(KEY_FRAME, address, payload)

    def graded_header(self, count: int, **changes) -> Record:
        """KEYF fields with graded tools."""
        chroma = {"chroma_steps": [3, 2], "chroma_weight": 15} if self.components > 1 else {}
        return {
            "first_frame": 0,
            "splat_count": count,
            "last_slice": 1,
            "has_background": 1,
            "reserved_bits": 0,
            "position_fraction_bits": 0,
            **dict.fromkeys(("position_tool", "shape_tool", "colour_tool"), headers.GRADED),
            "cell_bits": 3,
            "shape_precision": 8,
            "position_precision": 8,
            "energy_step": 84,
            "background": [0] * self.components,
            "chroma_steps": None,
            "chroma_weight": None,
            **chroma,
            **changes,
        }

    def graded_symbols(self, header: Record, *, energies: int = 40, shears: int = 40) -> GradedSymbols:
        """Random symbols; energies and shears are below these bounds, scales and places anywhere in their ranges."""
        n, bits = header["splat_count"], header["cell_bits"]
        sides = (self.header["width"], self.header["height"])
        cells = np.stack([self.random.integers(0, -(-side >> bits), n) for side in sides], 1)
        cells = cells[np.argsort(morton(cells), kind="stable")]
        energy = self.random.integers(-energies, energies + 1, (n, self.components))
        size = graded.energy_bits(header, energy)
        shear, shear_exp = self.random.integers(-shears, shears + 1, n), graded.shear_exponent(header, size)
        slant = graded.slant_bits(graded.shear_value(shear, shear_exp))
        exponent = graded.scale_exponent(header, size, slant)
        rest = np.maximum(-1 - exponent, 0)
        coarse = self.random.integers(0, 16, (n, 2)) >> np.maximum(exponent + 1, 0)[:, None]
        low = self.random.integers(0, 1 << 20, (n, 2)) & ((1 << rest) - 1)[:, None]
        scales = coarse << rest[:, None] | low
        shape = graded.shapes(shear, shear_exp, scales, exponent)
        widths = graded.place_bits(header, size, slant, shape)
        place = self.random.integers(0, 1 << 20, (n, 2)) & ((1 << widths) - 1)
        return GradedSymbols(cells, energy, shear, scales, place)

    def graded(self, address: Address, count: int, *, energies: int = 40, shears: int = 40, **changes) -> None:
        """Add a KEYF chunk with graded tools and random splats."""
        header = self.graded_header(count, **changes)
        symbols = self.graded_symbols(header, energies=energies, shears=shears)
        self._counts[address.segment, address.layer, address.object, address.slice] = {"splats": count}
        self.add(KEY_FRAME, address, graded_payload(header, symbols, self.header["width"], self.header["height"]))

    def predicted(self, address: Address, frames: int = 1, *, keep: bool = False, still: int = 50, **changes) -> None:
        """Add a PRED chunk: random moves and changes of the splats of its track.

        Args:
            still: percentage of splats that do not change.
            changes: ``exponents`` bounds the moves, the rest are header fields.
        """
        track = self._counts[address.segment, address.layer, address.object, address.slice]
        n, exponents = track["splats"], changes.pop("exponents", 3)
        rvq = self.rvq(changes.pop("stages", 1), changes.pop("codebook_bits", 3), changes.pop("shift", 2))
        header = {
            "frame_count": frames,
            "prediction_tool": headers.BASIC,
            "keep_parameters": int(keep),
            "reserved_bits": 0,
            "position_unit": 4,
            "reserved_bits_2": 0,
            "shape_bits": 5,
            "shape_scale": [64, 64, 64],
            "shape_offset": [0, 0, 0],
            **rvq,
            **changes,
        }
        if keep:
            header |= {name: track["kept"][name] for name in ("stage_count", "codebook_bits")}
        else:
            track["kept"] = header
        update = np.where(
            self.random.integers(0, 100, (frames, n)) < still, 0, self.random.integers(1, 8, (frames, n))
        ).astype(np.int32)
        moved, shaped, coloured = (int(((update & bit) > 0).sum()) for bit in (1, 2, 4))
        magnitude = float12_join(
            self.random.integers(0, exponents, (moved, 2)), self.random.integers(0, 64, (moved, 2))
        )
        symbols = PredictedSymbols(
            update,
            np.where(self.random.integers(0, 2, (moved, 2)) > 0, -magnitude, magnitude),
            self.random.integers(0, 1 << header["shape_bits"], (shaped, 3)).astype(np.int32),
            self.random.integers(0, 1 << header["codebook_bits"], (coloured, header["stage_count"])).astype(np.int32),
        )
        self.add(PREDICTED, address, predicted_payload(header, symbols, self.components))

    def add(self, kind: bytes, address: Address, payload: bytes) -> None:
        self.chunks.append(make_chunk(kind, address, payload))

    def hashes(self, per_chunk: int = 8) -> None:
        """Add hASH chunks over runs of at most ``per_chunk`` frames, from what the decoder makes of the stream so far."""
        stream = decode_all(self.build(index=None))
        for level in range(stream.layer_count):
            frames = list(stream.frames(level))
            for number, segment in stream.segments.items():
                own = [f for f in frames if 0 <= f.index - segment.first_frame < segment.frames]
                for i in range(0, len(own), per_chunk):
                    self.chunks.append(hash_chunk(number, i, level, [f.picture for f in own[i : i + per_chunk]]))

    # --- whole streams ------------------------------------------------------------------------------------------------

    def prologue(self) -> bytes:
        """Signature and HEAD."""
        return SIGNATURE + write_chunk(HEAD, Address(), headers.HEAD.to_bytes(self.header) + self.head_padding)

    def build(self, index: str | None = "stored") -> bytes:
        """The stream.

        Args:
            index: ``stored``, ``compressed`` or None for a stream without one.
        """
        ordered = in_order(self.header, self.chunks)
        body = b"".join(c.raw for c in ordered)
        if index is None:
            return self.prologue() + body
        if index == "compressed":
            payload = write_index([IndexEntry(c.type, c.address, len(c.raw)) for c in ordered])
            assert payload[0] == 1, "zstd did not make the index smaller"
        else:
            payload = index_payload(ordered)
        return self.prologue() + write_chunk(INDEX, Address(), payload) + body


def decode_all(data: bytes) -> Stream:
    """The parsed stream, under the loosest limits, numpy reference kernel excluded for speed."""
    stream = Stream(allow=LEVELS[max(LEVELS)], threads=1)
    stream.keep_chunks = True
    stream.feed(data)
    stream.close()
    return stream


def split(data: bytes) -> list[RawChunk]:
    """The chunks of a stream without its signature; the inverse of :func:`join`."""
    return [RawChunk(c.type, c.address, c.raw) for c in decode_all(data).chunks]


def join(chunks: Sequence[RawChunk]) -> bytes:
    return SIGNATURE + b"".join(c.raw for c in chunks)


__all__ = ["DATA_TYPES", "Maker", "Random", "decode_all", "index_payload", "join", "split"]
