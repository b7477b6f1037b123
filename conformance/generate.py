"""Make the conformance streams, ``manifest.toml`` and the table in ``README.md``.

::

    python conformance/generate.py            # rewrite everything in place
    python conformance/generate.py --check    # fail if a committed file differs

Needs numpy and the two packages, not torch. The expected results come from our own decoder; that its kernels agree with
the slow twin of the specification is what ``tests/test_conformance.py`` checks.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from faulty_streams import EXIT_CODES, FAULTY  # noqa: E402
from synthetic import GREY, YUV420, YUV422, decode_all  # noqa: E402
from valid_scene_growth import VALID  # noqa: E402

from pgsvc import headers  # noqa: E402
from pgsvc.container import DATA_TYPES, HEAD, SIGNATURE  # noqa: E402
from pgsvc.errors import PgsError  # noqa: E402
from pgsvc.limits import LEVELS  # noqa: E402
from pgsvc.scene import digest  # noqa: E402
from pgsvc.stream import Stream  # noqa: E402

# numbers of the valid streams that are cut
TRUNCATED = ("03", "04", "09", "10", "15", "22", "27", "29", "30", "34", "35", "52", "53", "62")
CUTS = 5  # of each
HEAD_PAYLOAD = 10  # bytes before the payload of a HEAD chunk: size, type, address
MARK = "<!-- generated from manifest.toml -->"


def format_words(header: dict[str, Any]) -> str:
    if header["profile"] == headers.SCENE:
        return f"scene, {header['tile_count']} tiles, degree {header['sh_degree']}"
    chroma = {GREY: "grey", YUV420: "4:2:0", YUV422: "4:2:2"}.get(header["chroma_format"])
    chroma = chroma or ("RGB" if header["matrix_coefficients"] == 0 else "4:4:4")
    return f"{header['width']}x{header['height']} {chroma} {header['bit_depth']} bit"


def valid_entries(files: dict[str, bytes]) -> list[dict[str, Any]]:
    entries = []
    for name, tests, clauses, make in VALID:
        data = make()
        files[f"valid/{name}.pgs"] = data
        stream = decode_all(data)
        assert stream.header is not None and stream.ended
        entries.append(
            {
                "id": name,
                "file": f"valid/{name}.pgs",
                "sha256": hashlib.sha256(data).hexdigest(),
                "bytes": len(data),
                "tests": tests,
                "clauses": clauses,
                "profile": ("still", "video", "scene")[stream.header["profile"]],
                "limit_level": stream.header["limit_level"],
                "format": format_words(stream.header),
                "layers": stream.layer_count,
                "frames": stream.frame_count,
                **({"sizes": sizes_words(stream)} if stream.header["has_level_sizes"] else {}),
                "md5": [md5_of(stream, level)[0] for level in range(stream.layer_count)],
            }
        )
    return entries


def sizes_words(stream: Any) -> list[str]:
    """The size of each level."""
    return [f"{width}x{height}" for width, height in map(stream.level_size, range(stream.layer_count))]


def md5_of(stream: Any, level: int) -> tuple[str, list[int]]:
    """MD5 over all decoded frames, and the level that each of them reached; of a scene that of each tile."""
    if stream.content is not None:
        reached = [stream.content.complete_level(tile) for tile in range(stream.header["tile_count"])]
        return digest.md5_of(stream.scene(level)), reached
    total, levels = hashlib.md5(), []
    for frame in stream.frames(level):
        total.update(frame.picture.tobytes())
        levels.append(frame.level)
    return total.hexdigest(), levels


def faulty_entries(files: dict[str, bytes]) -> list[dict[str, Any]]:
    entries = []
    for name, tests, error, clause, make in FAULTY:
        data = make()
        files[f"faulty/{name}.pgs"] = data
        entries.append(
            {
                "id": name,
                "file": f"faulty/{name}.pgs",
                "sha256": hashlib.sha256(data).hexdigest(),
                "bytes": len(data),
                "tests": tests,
                **({"profile": "scene"} if is_scene(data) else {}),
                "level": min(1, layer_count(data) - 1),
                "error": error,
                "clause": clause,
                "exit_code": EXIT_CODES[error],
            }
        )
    return entries


def layer_count(data: bytes) -> int:
    """Layers that HEAD announces; 2 where there is no saying (all but a few of the faulty streams have 2)."""
    stream = Stream(allow=LEVELS[max(LEVELS)])
    with contextlib.suppress(PgsError):
        stream.feed(data)
    return stream.layer_count if stream.header else 2


def is_scene(data: bytes) -> bool:
    """What the profile in HEAD says, also where HEAD is faulty."""
    chunk = data[len(SIGNATURE) :]
    return chunk[1:5] == HEAD and chunk[HEAD_PAYLOAD + 3 : HEAD_PAYLOAD + 4] == bytes([headers.SCENE])


def truncated_entries(files: dict[str, bytes]) -> list[dict[str, Any]]:
    """Cuts inside and between chunks, spread over the stream."""
    entries = []
    for name in (n for n, *_ in VALID if n[:2] in TRUNCATED):
        data = files[f"valid/{name}.pgs"]
        chunks = [c for c in decode_all(data).chunks if c.type in DATA_TYPES]
        for i in range(CUTS):
            chunk = chunks[(2 * i + 1) * len(chunks) // (2 * CUTS)]
            size = chunk.offset + len(chunk.raw) - (i % 3 == 1)  # sometimes one byte is missing
            stream = decode_all(data[:size])
            md5, levels = md5_of(stream, stream.layer_count - 1)
            entries.append({"id": f"{name}-{size}", "stream": name, "bytes": size, "levels": levels, "md5": md5})
    return entries


def toml(sections: dict[str, list[dict[str, Any]]]) -> str:
    """TOML of lists of flat tables; JSON's strings and lists of them are TOML too."""
    lines = ["# Made by generate.py; do not edit.", "", 'format = "0.1"', "default_limit_level = 4"]
    for section, entries in sections.items():
        for entry in entries:
            lines += ["", f"[[{section}]]"]
            lines += [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in entry.items()]
    return "\n".join(lines) + "\n"


def tables(sections: dict[str, list[dict[str, Any]]]) -> str:
    lines = ["| valid stream | format | layers | frames | tests | clauses |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {e['id']} | {e['format']} | {e['layers']} | {e['frames']} | {e['tests']} | {', '.join(e['clauses'])} |"
        for e in sections["valid"]
    ]
    lines += ["", "| faulty stream | what is wrong | clause | error |", "|---|---|---|---|"]
    lines += [f"| {e['id']} | {e['tests']} | {e['clause']} | {e['error']} |" for e in sections["faulty"]]
    lines += ["", "| truncated stream | bytes | level of each frame or tile at the highest level |", "|---|---|---|"]
    lines += [
        f"| {e['stream']} | {e['bytes']} | {' '.join(map(str, e['levels'])) or 'none: an error'} |"
        for e in sections["truncated"]
    ]
    return "\n".join(lines) + "\n"


def generate() -> dict[str, bytes]:
    """Every generated file by its path below this folder."""
    files: dict[str, bytes] = {}
    sections = {"valid": valid_entries(files), "faulty": faulty_entries(files)}
    sections["truncated"] = truncated_entries(files)
    files["manifest.toml"] = toml(sections).encode()
    readme = (HERE / "README.md").read_text(encoding="utf-8")
    files["README.md"] = (readme[: readme.index(MARK)] + MARK + "\n\n" + tables(sections)).encode()
    return files


def main() -> int:
    p = argparse.ArgumentParser(description="Make the conformance streams.")
    p.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file differs or is too many")
    a = p.parse_args()
    files = generate()
    present = {str(f.relative_to(HERE)) for folder in ("valid", "faulty") for f in (HERE / folder).glob("*")}
    wrong = sorted(present - set(files))
    for name, data in files.items():
        path = HERE / name
        if path.is_file() and path.read_bytes() == data:
            continue
        wrong.append(name)
        if not a.check:
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
    if not a.check:
        for name in present - set(files):
            (HERE / name).unlink()
    for name in wrong:
        print(f"{name} {'differs' if a.check else 'written'}", file=sys.stderr)
    return int(a.check and bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
