"""The Kaitai grammar (spec/pgs.ksy, compiled to tests/generated) and our parser read the same out of streams."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

kaitaistruct = pytest.importorskip("kaitaistruct")

from pgsvc import container, headers  # noqa: E402
from pgsvc.assemble import assemble, make_chunk  # noqa: E402
from pgsvc.bits import BitReader  # noqa: E402
from pgsvc.container import Address, ChunkParser  # noqa: E402
from pgsvc.index import IndexEntry, read_index, write_index  # noqa: E402

ROOT = Path(__file__).parents[1]
GENERATED = Path(__file__).parent / "generated" / "pgs.py"
_spec = importlib.util.spec_from_file_location("pgs_kaitai", GENERATED)
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
Pgs = _module.Pgs

HEAD = {
    "format_major": 0, "format_minor": 1, "min_reader_minor": 1, "profile": 1, "limit_level": 2, "progression_order": 0,
    "full_range": 1, "chroma_location": 1, "has_level_sizes": 0, "has_objects": 0, "chroma_format": 1, "bit_depth": 10,
    "layer_count": 3, "width": 352, "height": 288, "colour_primaries": 1, "transfer_characteristics": 13, "matrix_coefficients": 6,
    "frame_rate_numerator": 30000, "frame_rate_denominator": 1001, "frame_count": 300,
}  # fmt: skip


SCENE = {name: HEAD[name] for name in list(HEAD)[:9]} | {
    "profile": 2, "full_range": 0, "chroma_location": 0, "has_objects": 0, "chroma_format": 0, "layer_count": 3, "sh_degree": 3,
    "kernel": 2, "axes": 7, "colour_space": 1, "grid_exponent": -64, "metres_numerator": 1 << 31, "metres_denominator": 3,
    "tile_count": 65535,
}  # fmt: skip


def quantiser(components: int, bits: int) -> dict:
    books = [{"entry_shift": s, "entries": [(7 * i) % 256 - 128 for i in range(components << bits)]} for s in (0, 7)]
    return {"stage_count": 2, "codebook_bits": bits, "codebooks": books}


def key(components: int, bits: int = 2) -> bytes:
    record = {
        "first_frame": 200, "splat_count": 70000, "last_slice": 1, "has_background": 1, "reserved_bits": 0,
        "position_fraction_bits": 6, "position_tool": 1, "shape_tool": 1, "colour_tool": 1, "shape_domain": 1, "shape_signed": 1,
        "reserved_bit": 0, "shape_bits": 7, "shape_scale": [1, 65535, 300], "shape_offset": [-32768, 32767, 0],
        "background": [-1, 4096, 8191][:components], **quantiser(components, bits),
    }  # fmt: skip
    return headers.KEY_FRAME.to_bytes(record, {"components": components})


def predicted(components: int, keep: int) -> bytes:
    record = {
        "frame_count": 64, "prediction_tool": 1, "keep_parameters": keep, "reserved_bits": 0, "position_unit": 8,
        "reserved_bits_2": 0, "shape_bits": 5, "shape_scale": [5, 6, 7], "shape_offset": [-5, 6, -7], **quantiser(components, 1),
    }  # fmt: skip
    return headers.PREDICTED_FRAMES.to_bytes(record, {"components": components})


def predicted_graded(components: int) -> bytes:
    record = {
        "frame_count": 7, "prediction_tool": 2, "group_bits": 6, "motion_bits": 4, "cell_bits": 8, "shape_precision": 63,
        "position_precision": 1, "energy_step": 128, **({"chroma_steps": [15, 1], "chroma_weight": 255} if components > 1 else {}),
    }  # fmt: skip
    return headers.PREDICTED_FRAMES.to_bytes(record, {"components": components})


def scene() -> bytes:
    splats = {
        "splat_count": 5000, "last_slice": 1, "prediction": 2, "position_tool": 3, "origin": [-(1 << 30), 7, -1], "cube_bits": 30,
        "leaf_bits": 10, "place_precision": -128, "finest_scale": 255, "usual_scale": 1, "scale_step": 255,
        "rotation_precision": 127, "opacity_step": 65535, "colour_step": 128, "chroma_steps": [15, 1], "sh_steps": [0, 128, 1],
        "growth": 16, "growth_limit": 255, "codebook_bits": 2, "codewords": [-32768, 32767, *range(10)],
    }  # fmt: skip
    names = ("last_slice", "has_opacity", "has_colour", "has_sh", "has_scale")
    fine = {"target_layer": 14, **{name: i % 2 for i, name in enumerate(names)}, "reserved_bits": 0}
    levels = [{"splats": 70000, "missing": 65535, "error": k} for k in range(3)]
    tile = {"box_low": [-(1 << 31), 0, 1], "box_high": [(1 << 31) - 1, 2, 3], "level_count": 3, "tile_levels": levels}
    table = b"".join(headers.TILE.to_bytes({"tile_number": n, **tile}) for n in (0, 300, 65534))
    chunks = [
        make_chunk(container.TILES, Address(), table),
        make_chunk(container.SPLATS, Address(2, 0, 0, 0, 1), headers.SPLATS.to_bytes(splats, SCENE) + b"\1\2\3"),
        make_chunk(container.REFINEMENT, Address(2, 0, 1), headers.REFINEMENT.to_bytes(fine) + b"\4"),
        make_chunk(container.HASH, Address(2, 0, 0), headers.HASH.to_bytes({"frame_count": 1, "crc32": 1})),
    ]
    return assemble(SCENE, chunks)


def by_hand(name: str) -> bytes:
    if name == "scene":
        return scene()
    components = 1 if name == "grey" else 3
    header = HEAD | ({"chroma_format": 0, "matrix_coefficients": 2} if name == "grey" else {})
    if name == "empty":
        return assemble(header, [])
    chunks = [
        make_chunk(container.KEY_FRAME, Address(0, 0, 0, 0, 0), key(components) + bytes(range(1, 9))),
        make_chunk(container.HASH, Address(0, 0, 0), headers.HASH.to_bytes({"frame_count": 1, "crc32": 0xFEDCBA98})),
        make_chunk(container.PREDICTED, Address(0, 1, 0, 0, 0), predicted(components, 0) + b"\1\2\3\4"),
        make_chunk(container.PREDICTED, Address(0, 65, 0, 0, 0), predicted(components, 1)),
        make_chunk(container.PREDICTED, Address(0, 129, 0, 0, 0), predicted_graded(components) + b"\5"),
        make_chunk(b"teXt", Address(0, 0, 0), b"an unknown ancillary chunk"),
        make_chunk(container.KEY_FRAME, Address(300, 0, 2, 0, 1 << 31), key(components, 6)),
    ]
    if name == "many":  # the index is compressed
        chunks = [
            make_chunk(container.KEY_FRAME, Address(s, 0, layer), key(3, 0)) for s in range(200) for layer in range(3)
        ]
    if name == "layer order":
        header = header | {"progression_order": 1}
    if name == "level sizes":
        sizes = [{"level_width": 88 << k, "level_height": 72 << k} for k in range(3)]
        header = header | {"has_level_sizes": 1, "level_sizes": sizes}
    if name == "objects":
        header = header | {"has_objects": 1, "object_count": 3, "object_layers": [2, 3, 0]}
    return assemble(header, chunks)


def conformance() -> list[Path]:
    """Streams that a whole-stream grammar must read: not faulty ones, not truncated ones."""
    found = sorted((ROOT / "conformance").glob("**/*.pgs"))
    return [p for p in found if not re.search("fault|trunc|bad|unsupported", str(p.relative_to(ROOT)))]


def value(node: object) -> object:
    """A Kaitai node as our records have it."""
    if isinstance(node, Pgs.Leb128):
        return node.value
    if isinstance(node, Pgs.LevelSize):
        return {"level_width": value(node.level_width), "level_height": value(node.level_height)}
    if isinstance(node, Pgs.TileLevel):
        return {"splats": value(node.splats), "missing": node.missing, "error": node.error}
    if isinstance(node, Pgs.Codebook):
        return {"entry_shift": node.entry_shift, "entries": node.entries}
    if isinstance(node, list):
        return [value(n) for n in node]
    return int(node)


def same_record(node: object, record: dict) -> None:
    for name, expected in record.items():
        if "stage_count" in record and name in ("stage_count", "codebook_bits", "codebooks"):
            if expected is None:
                assert not hasattr(node, "residual_quantiser")
                continue
            assert value(getattr(node.residual_quantiser, name)) == expected, name
        elif expected is None:
            assert not hasattr(node, name), name
        else:
            assert value(getattr(node, name)) == expected, name


def address_of(node: object) -> Address:
    return Address(*(value(getattr(node.address, name)) for name in Address._fields))


def compare(data: bytes) -> int:
    """Check a stream; returns the number of chunks."""
    tree = Pgs.from_bytes(data)
    nodes = [tree.head, *tree.chunks]
    parser = ChunkParser(len(data))
    parser.feed(data)
    structures = {
        container.HEAD: headers.HEAD, container.INDEX: headers.INDEX_HEADER, container.KEY_FRAME: headers.KEY_FRAME,
        container.PREDICTED: headers.PREDICTED_FRAMES, container.HASH: headers.HASH,
        container.SPLATS: headers.SPLATS, container.REFINEMENT: headers.REFINEMENT,
    }  # fmt: skip
    for node in nodes:
        chunk = parser.next_chunk()
        assert int(node.type).to_bytes(4, "big") == chunk.type
        assert value(node.payload_size) == len(chunk.payload)
        assert address_of(node) == chunk.address
        assert node.crc == int.from_bytes(chunk.raw[-4:], "big")
        if chunk.type == container.TILES:
            reader = BitReader(chunk.payload)
            for tile in node.body.tiles:
                same_record(tile, headers.TILE.read(reader))
            assert not reader.remaining
            continue
        structure = structures.get(chunk.type)
        if structure is None:
            assert node.body == chunk.payload
            continue
        reader = BitReader(chunk.payload)
        same_record(node.body, structure.read(reader, {"components": tree.components, "sh_degree": tree.sh_degree}))
        rest = chunk.payload[reader.pos // 8 :]
        if chunk.type in container.DATA_TYPES:
            assert node.body.symbols == rest
        if chunk.type == container.INDEX:
            entries = read_index(chunk.payload)
            sizes = [e.size for e in entries]
            assert sum(sizes) + parser.offset == len(data)
            if node.body.compression == Pgs.Compression.stored:
                types = [t.to_bytes(4, "big") for t in node.body.types]
                mine = [IndexEntry(types[e.type_index], address_of(e), value(e.chunk_size)) for e in node.body.entries]
                assert mine == entries
            else:
                assert node.body.compressed == rest
    assert parser.offset == len(data)
    return len(nodes)


@pytest.mark.parametrize("name", ["colour", "grey", "empty", "many", "layer order", "level sizes", "objects", "scene"])
def test_streams_by_hand(name):
    data = by_hand(name)
    count = compare(data)
    if name == "many":
        assert count == 603
        assert Pgs.from_bytes(data).chunks[0].body.compression == Pgs.Compression.zstandard


@pytest.mark.parametrize("path", conformance(), ids=lambda p: str(p.relative_to(ROOT)))
def test_conformance_streams(path):
    compare(path.read_bytes())


def test_a_stored_index():
    entries = [IndexEntry(b"KEYF", Address(7, 0, 1, 0, 130), 5000)]
    node = Pgs.Index(kaitaistruct.KaitaiStream(kaitaistruct.BytesIO(write_index(entries))))
    assert node.compression == Pgs.Compression.stored
    assert address_of(node.entries[0]) == entries[0].address and value(node.entries[0].chunk_size) == 5000


@pytest.mark.parametrize("number", [0, 1, 127, 128, 16383, 16384, 2**28, 2**32 - 1])
def test_leb128(number):
    from pgsvc.syntax_writing import leb128

    assert Pgs.Leb128(kaitaistruct.KaitaiStream(kaitaistruct.BytesIO(leb128(number)))).value == number


def test_faults_are_seen():
    data = by_hand("colour")
    with pytest.raises(kaitaistruct.ValidationNotEqualError):
        Pgs.from_bytes(b"\x88" + data[1:])
    with pytest.raises(EOFError):
        Pgs.from_bytes(data[:-1])


def test_no_machine_paths_in_the_generated_file():
    assert not re.search(r"/(tmp|home|work|root|Users)/", GENERATED.read_text())
