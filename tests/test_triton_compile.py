"""Triton compiles the programs to machine code of GPUs that are not there, and no program has an atomic operation.

The interpreter forgives what the compiler does not: types that change in a loop, sizes that are not constants. Compiling needs no
GPU; it does need Triton without its interpreter, hence a process of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys

import on_triton  # noqa: F401  skips where Triton is missing

CODE = """
import re
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from pgsvc_encoder.device import kernels_f32 as f, kernels_i16 as i

INTEGERS = dict.fromkeys("columns tiles width height plane count room step_x step_y origin_x origin_y".split(), "i32")
LISTS = {
    **dict.fromkeys("order first owner begin_row end_row".split(), "*i32"),
    **dict.fromkeys("first_job octaves image_of".split(), "*i64"),
}
FLOATS = {
    **INTEGERS, **LISTS, **dict.fromkeys("step_x step_y origin_x origin_y".split(), "fp32"),
    **dict.fromkeys("out geometry colour partial gradient layers target weight".split(), "*fp32"),
}
WHOLE = {**INTEGERS, **LISTS, "acc": "*i16", "colour": "*i16", "position": "*i32",
         "form": "*i64", "reach": "*i64", "anchor": "*i64"}
ONE = dict(width=1, height=1, plane=1, columns=1, tiles=1)  # Triton takes arguments that are 1 for constants


def build(program, types, warps, **constants):
    names = program.arg_names
    constants = {k: v for k, v in constants.items() if k in names}
    signature = {n: "constexpr" if n in constants else types[n] for n in names}
    source = ASTSource(program, signature, {(names.index(k),): v for k, v in constants.items()})
    made = triton.compile(source, target=GPUTarget("cuda", 90, 32), options={"num_warps": warps, "enable_fp_fusion": True})
    assert len(made.asm["cubin"]) > 1000
    assert not re.search(r"\\b(atom|red)\\.", made.asm["ptx"]), program
    print(program.__name__)


for c, size in ((1, {}), (2, ONE), (3, {})):
    build(f.forward, FLOATS, 4, C=c, TILE=16, **size)
    build(f.backward, FLOATS, 1, C=c, ROWS=8, COLUMNS=16, **size)
    build(i.sum_i16, WHOLE, 4, SUBTRACT=c > 1, C=c, TILE=16, **size)
build(f.curvature, FLOATS, 1, ROWS=8, COLUMNS=16)
build(f.curvature, FLOATS, 1, ROWS=8, COLUMNS=16, **ONE)
build(f.join, FLOATS, 4, BLOCK=32)
build(f.join, FLOATS, 4, BLOCK=32, count=1)
build(f.levels, FLOATS, 4, K=16, C=3, BLOCK=1024)
build(f.levels, FLOATS, 4, K=1, C=1, BLOCK=1024, plane=1)
"""


def test_programs_compile_without_atomics(tmp_path) -> None:
    environment = {**os.environ, "TRITON_CACHE_DIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    environment.pop("TRITON_INTERPRET", None)
    script = tmp_path / "build.py"  # Triton reads the source of what it compiles
    script.write_text(CODE)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert set(done.stdout.split()) == {"forward", "backward", "sum_i16", "curvature", "join", "levels"}
