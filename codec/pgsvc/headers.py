"""The syntax tables of format 0.1 (spec 6). Field names are the specification's own words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from pgsvc.syntax import Field, Record, Structure

FORMAT_MAJOR = 0
FORMAT_MINOR = 1

PROFILES = {"still": 0, "video": 1, "scene": 2}
SCENE = PROFILES["scene"]
SEGMENT_ORDER = 0
LAYER_ORDER = 1


def _absent_unless(condition: Callable[[Record], bool], *fields: Field) -> Iterator[Field]:
    """Fields that are only there under a condition; absent ones are None."""
    return (replace(field, when=condition, default=None) for field in fields)


ADDRESS = Structure(
    "address",
    "4.3",
    (
        Field("segment", "leb"),
        Field("frame", "leb"),
        Field("layer", "u8"),
        Field("object", "u8"),
        Field("slice", "leb"),
    ),
)

CHUNK_HEADER = Structure("chunk_header", "4.2", (Field("payload_size", "leb"), Field("type", "u32"), *ADDRESS.fields))

# 6.1 HEAD: the stream header


def _of_pictures(r: Record) -> bool:
    return r["profile"] != SCENE


LEVEL_SIZE = Structure(
    "level_size",
    "6.1",
    (
        Field("level_width", "leb", allowed=range(1, 1 << 16)),
        Field("level_height", "leb", allowed=range(1, 1 << 16)),
    ),
)
HEAD = Structure(
    "stream_header",
    "6.1",
    (
        Field("format_major", "u8"),
        Field("format_minor", "u8"),
        Field("min_reader_minor", "u8"),
        Field("profile", "u8", allowed=tuple(PROFILES.values())),
        Field("limit_level", "u8"),
        Field("progression_order", "u1", allowed=(SEGMENT_ORDER, LAYER_ORDER)),
        Field("full_range", "u1"),
        Field("chroma_location", "u1"),
        Field("has_level_sizes", "u1"),
        Field("has_objects", "u1"),
        Field("chroma_format", "u3", allowed=range(4)),
        *_absent_unless(_of_pictures, Field("bit_depth", "u8", allowed=(8, 10))),
        Field("layer_count", "u8", allowed=range(1, 17)),
        *_absent_unless(
            _of_pictures,
            Field("width", "leb", allowed=range(1, 1 << 16)),
            Field("height", "leb", allowed=range(1, 1 << 16)),
            Field("colour_primaries", "u8"),
            Field("transfer_characteristics", "u8"),
            Field("matrix_coefficients", "u8"),
            Field("frame_rate_numerator", "leb", allowed=range(1, 1 << 32)),
            Field("frame_rate_denominator", "leb", allowed=range(1, 1 << 32)),
            Field("frame_count", "leb", allowed=range(1, 1 << 32)),
        ),
        Field(
            "level_sizes",
            LEVEL_SIZE,
            count=lambda r: r["layer_count"],
            when=lambda r: bool(r["has_level_sizes"]),
            default=None,
        ),
        Field("object_count", "u8", allowed=range(2, 17), when=lambda r: bool(r["has_objects"]), default=None),
        Field(
            "object_layers",
            "u8",
            count=lambda r: r["object_count"],
            allowed=range(17),
            when=lambda r: bool(r["has_objects"]),
            default=None,
        ),
        *_absent_unless(
            lambda r: r["profile"] == SCENE,
            Field("sh_degree", "u4", allowed=range(4)),
            Field("kernel", "u4", allowed=range(3)),
            Field("axes", "u8", allowed=range(8)),
            Field("colour_space", "u8", allowed=range(2)),
            Field("grid_exponent", "i8", allowed=range(-64, 33)),
            Field("metres_numerator", "leb"),
            Field("metres_denominator", "leb", allowed=range(1, 1 << 32)),
            Field("tile_count", "leb", allowed=range(1, 1 << 16)),
        ),
    ),
)

# 6.2 iNDX: the index
INDEX_ENTRY = Structure(
    "index_entry",
    "6.2",
    (Field("type_index", "u8"), *ADDRESS.fields, Field("chunk_size", "leb")),
)
INDEX_HEADER = Structure(
    "index_header",
    "6.2",
    (
        Field("compression", "u8", allowed=(0, 1)),
        Field("type_count", "u8"),
        Field("types", "u32", count=lambda r: r["type_count"]),
        Field("entry_count", "leb"),
    ),
)

# 6.5 colour codebooks, shared by key frames and predicted frames
CODEBOOK = Structure(
    "codebook",
    "6.5",
    (
        Field("entry_shift", "u8", allowed=range(8)),
        Field("entries", "i8", count=lambda r: r["components"] << r["codebook_bits"]),
    ),
)
RVQ = (
    Field("stage_count", "u4", allowed=range(1, 5)),
    Field("codebook_bits", "u4", allowed=range(7)),
    Field("codebooks", CODEBOOK, count=lambda r: r["stage_count"]),
)

# 6.3 KEYF: one slice of one layer of a key frame; the three tools are those of one family, positions of the second have two
BASIC, GRADED = 1, 2
ANCHORS = 3


def _of(family: int) -> Callable[[Record], bool]:
    return lambda r: min(r["position_tool"], GRADED) == family


KEY_FRAME = Structure(
    "key_frame_header",
    "6.3",
    (
        Field("first_frame", "leb"),
        Field("splat_count", "leb"),
        Field("last_slice", "u1"),
        Field("has_background", "u1"),
        Field("reserved_bits", "u2", allowed=(0,)),
        Field("position_fraction_bits", "u4", allowed=range(7)),
        Field("position_tool", "u8", allowed=(BASIC, GRADED, ANCHORS)),
        Field("shape_tool", "u8", allowed=(BASIC, GRADED)),
        Field("colour_tool", "u8", allowed=(BASIC, GRADED)),
        *_absent_unless(
            _of(BASIC),
            Field("shape_domain", "u2", allowed=(0, 1)),
            Field("shape_signed", "u1"),
            Field("reserved_bit", "u1", allowed=(0,)),
            Field("shape_bits", "u4", allowed=range(1, 8)),
            Field("shape_scale", "u16", count=3),
            Field("shape_offset", "i16", count=3),
        ),
        *_absent_unless(
            _of(GRADED),
            Field("cell_bits", "u4", allowed=range(9)),
            Field("shape_precision", "u6"),
            Field("position_precision", "u6"),
            Field("energy_step", "u8", allowed=range(129)),
        ),
        *_absent_unless(
            lambda r: bool(r["has_background"]), Field("background", "i16", count=lambda r: r["components"])
        ),
        *_absent_unless(_of(BASIC), *RVQ),
        *_absent_unless(
            lambda r: r["position_tool"] >= GRADED and r["components"] > 1,
            Field("chroma_steps", "u4", count=2),
            Field("chroma_weight", "u8"),
        ),
    ),
)

# 6.4 PRED: one slice of one layer of one or more predicted frames
PREDICTED_FRAMES = Structure(
    "predicted_frames_header",
    "6.4",
    (
        Field("frame_count", "leb", allowed=range(1, 65)),
        Field("prediction_tool", "u8", allowed=(BASIC, GRADED)),
        *_absent_unless(
            lambda r: r["prediction_tool"] == BASIC,
            Field("keep_parameters", "u1"),
            Field("reserved_bits", "u3", allowed=(0,)),
            Field("position_unit", "u4", allowed=range(9)),
            Field("reserved_bits_2", "u4", allowed=(0,)),
            Field("shape_bits", "u4", allowed=range(1, 8)),
        ),
        *_absent_unless(
            lambda r: r["prediction_tool"] == BASIC and not r["keep_parameters"],
            Field("shape_scale", "u16", count=3),
            Field("shape_offset", "i16", count=3),
            *RVQ,
        ),
        *_absent_unless(
            lambda r: r["prediction_tool"] == GRADED,
            Field("group_bits", "u4", allowed=range(7)),
            Field("motion_bits", "u4", allowed=range(4, 9)),
            Field("cell_bits", "u4", allowed=range(9)),
            Field("shape_precision", "u6"),
            Field("position_precision", "u6"),
            Field("energy_step", "u8", allowed=range(129)),
        ),
        *_absent_unless(
            lambda r: r["prediction_tool"] == GRADED and r["components"] > 1,
            Field("chroma_steps", "u4", count=2),
            Field("chroma_weight", "u8"),
        ),
    ),
)

# 6.6 hASH: hash of decoded pictures at one level
HASH = Structure("hash", "6.6", (Field("frame_count", "leb", allowed=range(1, 65)), Field("crc32", "u32")))

# 6.8 SPLT: one slice of splats of a scene
SPLATS = Structure(
    "splats_header",
    "6.8",
    (
        Field("splat_count", "leb"),
        Field("last_slice", "u1"),
        Field("prediction", "u2", allowed=range(3)),
        Field("position_tool", "u5", allowed=(1, 2, 3)),
        Field("origin", "i32", count=3),
        Field("cube_bits", "u8", allowed=range(31)),
        Field("leaf_bits", "u8", allowed=range(31)),
        Field("place_precision", "i8"),
        Field("finest_scale", "u8"),
        Field("usual_scale", "u8"),
        Field("scale_step", "u8", allowed=range(1, 256)),
        Field("rotation_precision", "i8"),
        Field("opacity_step", "u16", allowed=range(256, 1 << 16)),
        Field("colour_step", "u8", allowed=range(129)),
        Field("chroma_steps", "u4", count=2),
        Field("sh_steps", "u8", count=lambda r: r["sh_degree"], allowed=range(129)),
        Field("growth", "u8", allowed=range(17)),
        *_absent_unless(lambda r: r["growth"] > 0, Field("growth_limit", "u8")),
        Field("codebook_bits", "u8", allowed=range(9)),
        *_absent_unless(
            lambda r: r["codebook_bits"] > 0, Field("codewords", "i16", count=lambda r: 3 << r["codebook_bits"])
        ),
    ),
)

# 6.9 FINE: a refinement of the splats of a lower layer
REFINEMENT = Structure(
    "refinement_header",
    "6.9",
    (
        Field("target_layer", "u8", allowed=range(15)),
        Field("last_slice", "u1"),
        Field("has_opacity", "u1"),
        Field("has_colour", "u1"),
        Field("has_sh", "u1"),
        Field("has_scale", "u1"),
        Field("reserved_bits", "u3", allowed=(0,)),
    ),
)

# 6.10 tILe: where the tiles of a scene lie, and what they lack at each level
TILE_LEVEL = Structure(
    "tile_level",
    "6.10",
    (Field("splats", "leb"), Field("missing", "u16"), Field("error", "u16")),
)
TILE = Structure(
    "tile",
    "6.10",
    (
        Field("tile_number", "leb", allowed=range(1 << 16)),
        Field("box_low", "i32", count=3),
        Field("box_high", "i32", count=3),
        Field("level_count", "u8", allowed=range(1, 17)),
        Field("tile_levels", TILE_LEVEL, count=lambda r: r["level_count"]),
    ),
)
