"""Scene input: splats from files of other programs behind one interface, recognised by their content."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

from pgsvc.errors import UsageError
from pgsvc.scene.splats import COLOUR_SPACES, FRAMES, KERNELS
from pgsvc_encoder.scene.source.base import Reading, SceneSource, read_bytes
from pgsvc_encoder.scene.source.check import checked
from pgsvc_encoder.scene.source.labels import read_labels, with_labels

__all__ = ["SceneSource", "open_scene"]

_READ = ".ply, .compressed.ply, .splat, .spz, .sog, meta.json or lod-meta.json"


def open_scene(
    path: str,
    *,
    repair: bool = False,
    frame: str | None = None,
    kernel: str | None = None,
    metres_per_unit: float | None = None,
    colour_space: str | None = None,
    labels: str | None = None,
) -> SceneSource:
    """Reads a scene for encoding.

    PLY in the layout of 3D Gaussian Splatting, PlayCanvas' compressed PLY, .splat, SPZ 2 to 4, and SOG as a file, a folder or
    its meta.json. A level of a streamed SOG is named behind the path: ``scene/lod-meta.json#3``; without, it is the finest.

    Args:
        path: a file or a folder.
        repair: mend numbers that no splat can have, or leave such splats out, and say so in ``repairs``.
        frame, kernel, metres_per_unit, colour_space: override what the file says or its kind is known for; see
            `pgsvc.scene.splats.SceneFormat`.
        labels: a .npy or text file with an object 0 … 15 for each splat of the file.

    Raises:
        UsageError: a file that is missing, damaged or not supported, numbers that need ``repair``, or an argument that is
            not possible.
        MissingExtra: the kind needs a package that is not installed.
    """
    given = _overrides(frame, kernel, metres_per_unit, colour_space)
    place, level = _level_of(path)
    name = Path(place).name or place
    reading = _read(place, name, level)
    if reading.losses and not repair:
        raise UsageError(f"{name}: {'; '.join(reading.losses)}; take it so with --repair")
    splats = reading.splats
    if not len(splats):
        raise UsageError(f"{name} holds no splats; give another file")
    if labels is not None:
        splats = with_labels(splats, read_labels(labels), labels)
    splats, repairs = checked(splats, name, repair=repair)
    return SceneSource(splats, replace(reading.format, **given), name, [*reading.losses, *repairs])


def _overrides(frame: str | None, kernel: str | None, metres: float | None, colour_space: str | None) -> dict:
    choices = {"frame": (frame, FRAMES), "kernel": (kernel, KERNELS), "colour_space": (colour_space, COLOUR_SPACES)}
    for what, (value, possible) in choices.items():
        if value is not None and value not in possible:
            raise UsageError(f"there is no {what.replace('_', ' ')} '{value}'; use one of {', '.join(possible)}")
    if metres is not None and not (math.isfinite(metres) and metres > 0):
        raise UsageError(f"a unit cannot be {metres} metres long; give a length above 0")
    given = {what: value for what, (value, _) in choices.items()} | {"metres_per_unit": metres}
    return {what: value for what, value in given.items() if value is not None}


def _level_of(path: str) -> tuple[str, int | None]:
    """The file, and the level that stands behind its name."""
    place, mark, level = path.rpartition("#")
    if not mark or Path(path).exists():
        return path, None
    if not level.isascii() or not level.isdigit():
        raise UsageError(f"'#{level}' is no level; give a number, for example {place}#0")
    return place, int(level)


def _read(path: str, name: str, level: int | None) -> Reading:
    if Path(path).is_dir():
        index = next((n for n in ("lod-meta.json", "meta.json") if (Path(path) / n).is_file()), None)
        if index is None:
            raise UsageError(f"the folder {path} has neither meta.json nor lod-meta.json; give a scene file")
        path = str(Path(path) / index)
    head = read_bytes(path, 64)
    # A .splat has no signature and begins with any number: its first bytes may be those of JSON or gzip.
    is_splat = Path(path).suffix.lower() == ".splat"
    is_text = not is_splat or (head.isascii() and b"\0" not in head)
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and is_text:
        return _read_json(path, name, level)
    if level is not None:
        raise UsageError(f"{name} has no levels; leave #{level} out")
    # Each kind is imported when it is asked for: starting the command line stays quick.
    if head.startswith((b"ply\n", b"ply\r")):
        from pgsvc_encoder.scene.source.ply import read_ply

        return read_ply(path, name)
    if head.startswith(b"NGSP") or (head.startswith(b"\x1f\x8b") and not is_splat):
        from pgsvc_encoder.scene.source.spz import read_spz

        return read_spz(read_bytes(path), name)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        from pgsvc_encoder.scene.source.sog import read_sog_archive

        return read_sog_archive(path, name)
    if is_splat:
        from pgsvc_encoder.scene.source.splat import read_splat

        return read_splat(read_bytes(path), name)
    raise UsageError(f"{name} is not a scene that can be read; give {_READ}")


def _read_json(path: str, name: str, level: int | None) -> Reading:
    from pgsvc_encoder.scene.source.sog import read_sog_folder
    from pgsvc_encoder.scene.source.sog_levels import read_level

    try:
        meta = json.loads(read_bytes(path))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{name} is damaged: it is no JSON; make the file again") from error
    if isinstance(meta, dict) and "tree" in meta:
        return read_level(meta, Path(path).parent, name, level or 0)
    if level is not None:
        raise UsageError(f"{name} has no levels; leave #{level} out")
    if isinstance(meta, dict) and "means" in meta:
        return read_sog_folder(meta, Path(path).parent, name)
    raise UsageError(f"{name} is not the index of a scene; give {_READ}")
