"""Scene output: splats as files of other programs, chosen by file name or by kind."""

from __future__ import annotations

from typing import BinaryIO

from pgsvc.output.target import chosen_kind, open_target
from pgsvc.scene.output.check import check_splats
from pgsvc.scene.splats import SceneFormat, SceneSplats

KINDS = ("ply", "splat", "spz", "spz4", "glb", "null")
"""``spz`` is version 3, which most programs read today; ``spz4`` the newer container of that format."""

_KIND_OF_SUFFIX = {".ply": "ply", ".splat": "splat", ".spz": "spz", ".glb": "glb"}

__all__ = ["KINDS", "write_scene"]


def write_scene(
    path: str, splats: SceneSplats, format: SceneFormat, *, kind: str | None = None, stdout: BinaryIO | None = None
) -> None:
    """Writes a scene for other programs. The file appears under its name only when it is complete.

    Splats keep their order. Where a kind has a frame of its own, the scene is brought into it; a scene whose frame is
    "unspecified" is taken to be there already.

    Args:
        path: a file name whose extension tells the kind, ``-`` for standard output (ply unless ``kind`` says otherwise),
            or ``null``.
        kind: one of `KINDS`, overriding the extension.
        stdout: a binary stream that takes the place of the process's standard output.

    Raises:
        UsageError: unknown kind or extension, a place that cannot be written, or a scene that the kind cannot hold.
        OSError: the data cannot be written.
    """
    kind = chosen_kind(path, kind, "scene", KINDS, _KIND_OF_SUFFIX, "ply")
    check_splats(splats, format)
    if kind == "null":
        return
    target = open_target(path, stdout)
    try:
        _write(target, splats, format, kind)
        target.commit()
    except BaseException:
        target.discard()
        raise


def _write(target, splats: SceneSplats, format: SceneFormat, kind: str) -> None:
    # Each kind is imported when it is asked for: starting the command line stays quick.
    if kind == "ply":
        from pgsvc.scene.output.ply import write_ply

        write_ply(target.file, splats, format)
    elif kind == "splat":
        from pgsvc.scene.output.splat import splat_bytes

        target.write(splat_bytes(splats, format))
    elif kind == "glb":
        from pgsvc.scene.output.glb import glb_bytes

        target.write(glb_bytes(splats, format))
    else:
        from pgsvc.scene.output.spz import spz_bytes

        target.write(spz_bytes(splats, format, version=4 if kind == "spz4" else 3))
