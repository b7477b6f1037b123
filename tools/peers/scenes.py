"""Other formats of scenes, written by PlayCanvas' splat-transform (an npm package) from the same PLY: SPZ v4 and SOG."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pgsvc.scene.output import write_scene
from pgsvc.scene.splats import SceneFormat, SceneSplats
from pgsvc_encoder.scene.source import open_scene

KINDS = ("sog", "spz")
PROGRAM = "splat-transform"


def find(path: str) -> str:
    """The program, by its path or on PATH; ends with one line if it is not there."""
    found = shutil.which(path or PROGRAM)
    if found is None:
        sys.exit(f"{PROGRAM} is not there: npm install @playcanvas/splat-transform@3.7.0, and name it with --program")
    return found


def coded(
    program: str, kind: str, splats: SceneSplats, form: SceneFormat, kept: Path | None = None
) -> tuple[int, SceneSplats, float | None]:
    """Bytes, decoded splats and seconds.

    The program writes the numbers of a PLY into SPZ without turning them into its frame, so they are read back as they are.

    Args:
        kept: a file without ending that an earlier call may have left, from the same splats; then there are no seconds. Harmonics
            of a large scene take the program hours without a GPU.
    """
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "scene.ply", Path(folder) / f"scene.{kind}"
        seconds = None
        if kept is not None and kept.with_suffix(f".{kind}").exists():
            target = kept.with_suffix(f".{kind}")
        else:
            write_scene(str(source), splats, form)
            began = time.perf_counter()
            words = [program, "-w", "-q", *(["-g", "cpu"] if kind == "sog" else []), str(source), str(target)]
            done = subprocess.run(words, capture_output=True, text=True, check=False)
            seconds = time.perf_counter() - began
            if done.returncode or not target.exists():
                sys.exit(f"{' '.join(words)}\n{done.stdout}{done.stderr}")
            if kept is not None:
                shutil.copy(target, kept.with_suffix(f".{kind}"))
        return target.stat().st_size, open_scene(str(target), repair=True, frame=form.frame).splats, seconds
