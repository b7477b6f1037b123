"""Streamed SOG: one level of the scenes that a lod-meta.json describes.

Source: the page "The Streamed SOG Format" of the PlayCanvas manual. Leaves of a tree say which splats of which SOG folder are
theirs at each level; a level replaces the others, so it is a scene of its own. Splats of the environment, which viewers show
at every level, come behind it.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from pgsvc.errors import PgsError, UsageError
from pgsvc.scene.splats import SceneFormat, SceneSplats
from pgsvc_encoder.scene.source.base import Reading, check_count, damaged
from pgsvc_encoder.scene.source.sog import read_sog_folder
from pgsvc_encoder.scene.source.sog_files import folder_files

_DEPTH = 64


def read_level(meta: dict, folder: Path, name: str, level: int) -> Reading:
    """The splats of a level, file by file in the order of their numbers.

    Args:
        meta: what is in the lod-meta.json.
        folder: where it lies.
        level: 0 is the finest.

    Raises:
        UsageError: damage, or there is no such level.
        MissingExtra: Pillow is not installed.
    """
    try:
        if type(meta["lodLevels"]) is not int or not 0 <= level < meta["lodLevels"]:
            raise UsageError(f"{name} has the levels 0 to {meta['lodLevels'] - 1}; there is no #{level}")
        runs = sorted(_runs(meta["tree"], str(level), _DEPTH, name))
        check_count(sum(count for _, (_, count) in runs), name)
        readings = {number: _chunk(meta["filenames"][number], folder, name) for number in dict(runs)}
        parts = [_part(readings[number].splats, run, name) for number, run in runs]
        if meta.get("environment"):
            readings[-1] = _chunk(meta["environment"], folder, name)
            parts.append(readings[-1].splats)
    except PgsError:
        raise
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise damaged(name, f"it is not the index of a scene ({type(error).__name__}: {error})") from error
    return _joined(parts, [reading.format for reading in readings.values()], f"{name}: level {level}")


def _joined(parts: list[SceneSplats], formats: list[SceneFormat], name: str) -> Reading:
    """One scene of the highest degree among its parts; coefficients that a part lacks are 0."""
    degree = max((format.sh_degree for format in formats), default=0)
    kinds = {replace(format, sh_degree=degree) for format in formats}
    if len(kinds) != 1:
        raise damaged(name, f"its files are of {len(kinds)} different kinds")
    count = (degree + 1) ** 2 - 1
    rests = [np.pad(part.sh_rest, ((0, 0), (0, count - part.sh_rest.shape[1]), (0, 0))) for part in parts]
    whole = [replace(part, sh_rest=rest) for part, rest in zip(parts, rests, strict=True)]
    return Reading(SceneSplats.concatenate(whole), kinds.pop())


def _runs(node: dict, level: str, depth: int, name: str) -> list[tuple[int, tuple[int, int]]]:
    """(file, (first splat, splats)) of all leaves below a node."""
    if not depth:
        raise damaged(name, f"its tree is deeper than {_DEPTH} nodes")
    if children := node.get("children"):
        return [run for child in children for run in _runs(child, level, depth - 1, name)]
    run = node.get("lods", {}).get(level)
    numbers = [] if run is None else [run["file"], run["offset"], run["count"]]
    if any(type(number) is not int or number < 0 for number in numbers):
        raise damaged(name, "a leaf of its tree has no whole numbers")
    return [(numbers[0], (numbers[1], numbers[2]))] if numbers else []


def _chunk(file: str, folder: Path, name: str) -> Reading:
    meta = json.loads(folder_files(folder, name)(file))
    return read_sog_folder(meta, (folder / file).parent, f"{name}: {file}")


def _part(splats: SceneSplats, run: tuple[int, int], name: str) -> SceneSplats:
    first, count = run
    if first + count > len(splats):
        raise damaged(name, f"a leaf asks for splats up to {first + count} of {len(splats)}")
    return splats.select(np.arange(first, first + count))
