"""pgsvc-info for scenes: what the numbers mean, layers, objects, and where the tiles lie."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pgsvc.container import Chunk
    from pgsvc.scene.content import SceneContent
    from pgsvc.stream import Stream
    from pgsvc.syntax import Record


def describe(stream: Stream, size: int) -> dict[str, Any]:
    """Everything that pgsvc-info shows, as plain data."""
    from pgsvc.container import DATA_TYPES

    content = stream.content
    assert stream.header is not None and content is not None
    data = [c for c in stream.chunks if c.type in DATA_TYPES]
    layers, below = [], {"splats": 0, "bytes": 0}
    for k in range(stream.layer_count):
        own = [c for c in data if c.address.layer == k]
        row = {"layer": k, **_part(content, own)}
        below = {name: below[name] + row[name] for name in below}
        refines = row["kind"] == "refinement"
        row["bits_per_splat"] = 8 * row["bytes"] / max(1, below["splats"] if refines else row["splats"])
        row["to_here"] = dict(below)
        if stream.object_count > 1:
            objects = range(stream.object_count)
            row["objects"] = [
                {"object": o, **_part(content, [c for c in own if c.address.object == o])} for o in objects
            ]
        layers.append(row)
    return {
        "bytes": size,
        "header": stream.header,
        "format": asdict(content.format),
        "tile_count": content.header["tile_count"],
        "object_count": stream.object_count,
        "splats": below["splats"],
        "truncated": stream.truncated,
        "layers": layers,
        "tiles": _tiles(content, data),
    }


def _part(content: SceneContent, chunks: list[Chunk]) -> dict[str, Any]:
    """What some chunks hold together; ``grown``: behind how many of them splats are shown larger."""
    from pgsvc.container import REFINEMENT

    kinds = {c.type for c in chunks}
    return {
        "kind": "refinement" if REFINEMENT in kinds else "splats",
        "splats": sum(_header(content, c).get("splat_count", 0) for c in chunks),
        "chunks": len(chunks),
        "grown": sum(bool(_header(content, c).get("growth")) for c in chunks),
        "bytes": sum(len(c.raw) for c in chunks),
    }


def _header(content: SceneContent, chunk: Chunk) -> Record:
    a = chunk.address
    return content.tiles[a.segment].slices[a.object, a.layer, a.slice].header


def _tiles(content: SceneContent, data: list[Chunk]) -> list[dict[str, Any]]:
    """One row per tile that is there or in the table; boxes in scene units, None without a table."""
    from math import ldexp

    table = {record["tile_number"]: record for record in content.table}
    exponent = content.header["grid_exponent"]
    rows = []
    for number in sorted({*table, *content.tiles}):
        own = [c for c in data if c.address.segment == number]
        record = table.get(number)
        box = None if record is None else [[ldexp(v, exponent) for v in record[n]] for n in ("box_low", "box_high")]
        levels = [] if record is None else record["tile_levels"]
        part = _part(content, own)
        rows.append(
            {
                "tile": number,
                "splats": part["splats"],
                "chunks": part["chunks"],
                "bytes": part["bytes"],
                "complete_level": content.complete_level(number),
                "box": box,
                "missing": [level["missing"] / 65535 for level in levels],
            }
        )
    return rows


def text(info: dict[str, Any]) -> str:
    """The tables for people."""
    h, f = info["header"], info["format"]
    units = "units of unknown length" if f["metres_per_unit"] is None else f"{f['metres_per_unit']:g} m a unit"
    many = info["object_count"] > 1
    lines = [
        f"format {h['format_major']}.{h['format_minor']}, scene, limit level {h['limit_level']}, "
        f"{'layer' if h['progression_order'] else 'segment'} order",
        f"{info['splats']} splats, SH degree {f['sh_degree']}, axes {f['frame']}, kernel {f['kernel']}, {units}, "
        f"{f['colour_space']}",
        f"{_count(info['tile_count'], 'tile')}, {_count(info['object_count'], 'object')}",
        f"{info['bytes']} bytes" + (" (truncated)" if info["truncated"] else ""),
        f"{'layer':>5} {'splats':>9} {'chunks':>7} {'grown':>6} {'bytes':>10} {'bit/splat':>10} "
        f"{'splats so far':>14} {'bytes so far':>13}",
    ]
    for r in info["layers"]:
        splats = "finer" if r["kind"] == "refinement" else r["splats"]
        so_far = r["to_here"]
        lines.append(
            f"{r['layer']:>5} {splats:>9} {r['chunks']:>7} {r['grown']:>6} {r['bytes']:>10} {r['bits_per_splat']:>10.1f} "
            f"{so_far['splats']:>14} {so_far['bytes']:>13}"
        )
        for o in r.get("objects", []) if many else []:
            splats = "finer" if o["kind"] == "refinement" else o["splats"]
            lines.append(
                f"{r['layer']:>3}.{o['object']:<2}{splats:>9} {o['chunks']:>7} {o['grown']:>6} {o['bytes']:>10}"
            )
    if any(t["box"] for t in info["tiles"]):
        lines.append(f"{'tile':>5} {'splats':>9} {'chunks':>7} {'bytes':>10} {'level':>6}   from … to, scene units")
        for t in info["tiles"]:
            corners = [" ".join(f"{v:.4g}" for v in corner) for corner in t["box"] or ()]
            level = t["complete_level"] if t["complete_level"] >= 0 else "none"
            lines.append(
                f"{t['tile']:>5} {t['splats']:>9} {t['chunks']:>7} {t['bytes']:>10} {level:>6}   {' … '.join(corners)}"
            )
    return "\n".join(lines)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
