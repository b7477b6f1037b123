"""The decoder stands alone: no torch, no encoder, and nothing heavy before it is needed."""

from __future__ import annotations

import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pgsvc

ROOT = Path(__file__).resolve().parent.parent
FORBIDDEN = ("torch", "pgsvc_encoder", "scipy", "skimage")
STREAM = ROOT / "conformance/valid/09-video-predicted.pgs"

HOOK = f"""
import importlib, sys

class Forbid:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {FORBIDDEN!r}:
            raise AssertionError(f"the decoder imports {{name}}")

sys.meta_path.insert(0, Forbid())
"""


def python(code: str) -> str:
    words = [sys.executable, "-c", code]
    environment = {**os.environ, "PYTHONPATH": str(Path(pgsvc.__file__).parents[1])}
    done = subprocess.run(words, capture_output=True, text=True, env=environment, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_module_imports_without_the_encoder() -> None:
    optional = {"pgsvc.output.mp4"}  # needs PyAV only when it writes; imported all the same
    modules = [m.name for m in pkgutil.walk_packages(pgsvc.__path__, "pgsvc.")]
    assert optional <= set(modules)
    python(HOOK + "".join(f"importlib.import_module({name!r})\n" for name in modules))


def test_a_stream_decodes_without_the_encoder() -> None:
    code = f"import pgsvc\nwith pgsvc.open({str(STREAM)!r}) as s: print(sum(1 for _ in s.frames(check_hash=True)))"
    assert python(HOOK + code).strip() == "7"


def test_the_reference_needs_no_native_module() -> None:
    code = "sys.modules['pgsvc._native'] = None\nimport pgsvc\n"
    code += f"with pgsvc.open({str(STREAM)!r}, cpu='reference') as s: print(sum(1 for _ in s.frames(0, 0, 2)))"
    assert python("import sys\n" + code).strip() == "2"


def test_importing_pgsvc_imports_nothing_heavy() -> None:
    loaded = set(python("import sys, pgsvc; pgsvc.BadStream; print(*sys.modules)").split())
    assert not {"numpy", "constriction", "zstandard", "bitstring", "pgsvc._native", *FORBIDDEN} & loaded


def test_the_package_says_what_it_offers() -> None:
    for name in pgsvc.__all__:
        assert getattr(pgsvc, name) is not None
