"""Choice of the kernel for scaling and summing splats (spec 8.4 to 8.7): the numpy reference or a native instruction set.

All choices give the same bits; ``--cpu`` and the environment variable PGSVC_CPU pick one, for tests and for bisection.
"""

from __future__ import annotations

import importlib
import os
from functools import cache
from types import ModuleType

import numpy as np

from pgsvc import reference
from pgsvc.errors import UsageError
from pgsvc.reference import OCTAVES, Sums, octave_size
from pgsvc.sizes import Size

ISA = {"scalar": 1, "v3": 2, "v4": 3}  # the `isa` numbers of the native module
PREFERRED = ("v4", "v3", "scalar")  # the fastest first, measured with tools/bench_kernels.py


@cache
def native() -> ModuleType:
    """The native module; the import waits until it is needed."""
    try:
        return importlib.import_module("pgsvc._native")
    except ImportError as error:
        raise UsageError(
            f"the native kernels (pgsvc._native) cannot be loaded: {error}; "
            "install pgsvc from a wheel or build it, or choose the slow --cpu reference (PGSVC_CPU=reference)"
        ) from error


def levels() -> list[str]:
    """Names that ``select`` accepts on this machine, slowest first."""
    return ["reference", *_native_levels()]


@cache
def _native_levels() -> tuple[str, ...]:
    return tuple(native().isa_levels())


def select(name: str | None = None) -> str:
    """The kernel to use: ``name``, else PGSVC_CPU, else the fastest one."""
    name = name or os.environ.get("PGSVC_CPU") or None
    if name == "reference":
        return name  # needs no native module
    available = _native_levels()
    if name is None:
        return next(level for level in PREFERRED if level in available)
    if name not in available:
        raise UsageError(f"no kernel '{name}' on this machine; available: {', '.join(levels())}")
    return name


def fitting_isa() -> int:
    """The ``isa`` number for the float kernels of the encoder, which have no numpy twin: PGSVC_CPU or the fastest."""
    name = select()
    return ISA[next(level for level in PREFERRED if level in levels()) if name == "reference" else name]


def thread_count(threads: int = 0) -> int:
    """``threads``, or for 0 the number of processors this process may use."""
    if threads > 0:
        return threads
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def empty_sums(components: int, height: int, width: int, first: int = 0) -> Sums:
    """int16 [C, H, W] of each octave for sums, not filled; those of octaves before ``first`` have no samples.

    Rows do not begin a multiple of 512 bytes apart: a splat's rows would share few sets of the cache, and a processor that
    compares the low bits of addresses would take loads from one row for loads of what it is writing to another.
    """
    sizes = [octave_size(height, width, octave) if octave >= first else (0, 0) for octave in range(OCTAVES)]
    lengths = [columns + 16 if columns % 256 == 0 else columns for _, columns in sizes]
    room = [components * rows * length for (rows, _), length in zip(sizes, lengths, strict=True)]
    whole, ends = np.empty(sum(room), np.int16), np.cumsum(room).tolist()
    return tuple(
        whole[end - count : end].reshape(components, rows, length)[:, :, :columns]
        for end, count, (rows, columns), length in zip(ends, room, sizes, lengths, strict=True)
    )


def sum_i16(
    sums: Sums,
    position: np.ndarray,
    form: np.ndarray,
    colour: np.ndarray,
    step_x: int,
    step_y: int,
    origin_x: int,
    origin_y: int,
    subtract: bool = False,
    *,
    cpu: str | None = None,
    threads: int = 0,
) -> None:
    """Add (or subtract) splats to ``sums`` in place; arguments as in ``reference.sum_i16``."""
    grid = (step_x, step_y, origin_x, origin_y)
    name = select(cpu)
    if name == "reference":
        reference.sum_i16(sums, position, form, colour, *grid, subtract)
    else:
        native().sum_i16(sums, position, form, colour, *grid, subtract, ISA[name], thread_count(threads))


def scale_splats(
    position: np.ndarray,
    factor: np.ndarray,
    colour: np.ndarray,
    old_size: Size,
    new_size: Size,
    step_x: int,
    step_y: int,
    *,
    cpu: str | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Centres, forms and colours of splats at another picture size; arguments as in ``reference.scale_splats``."""
    if select(cpu) == "reference":
        return reference.scale_splats(position, factor, colour, old_size, new_size, step_x, step_y)
    out = np.empty_like(position), np.empty((len(position), 3), np.int64), np.empty_like(colour)
    native().scale_splats(position, factor, colour, *out, *old_size, *new_size, step_x, step_y)
    return out


@cache
def all_patches(height: int, width: int) -> np.ndarray:
    """The patches of all octaves of a plane group, every one marked; uint8, not to be written to."""
    out = np.ones(native().patch_count(width, height), np.uint8)
    out.flags.writeable = False
    return out


def to_samples(
    sums: Sums,
    bit_depth: int,
    dtype: type,
    *,
    out: np.ndarray | None = None,
    joined: Sums | None = None,
    marked: np.ndarray | None = None,
    cpu: str | None = None,
    threads: int = 0,
) -> np.ndarray:
    """Samples of sums; arguments as in ``reference.to_samples``; the native module knows 8 and 10 bits.

    Args:
        out: written to, instead of a new array; the reference always makes a new one.
        joined: octaves 1 and 2 as the native module left them in the call before, which wrote to the same ``out``.
        marked: the patches that have changed since then, all when None.
    """
    name = select(cpu)
    if name == "reference":
        return reference.to_samples(sums, bit_depth, dtype)
    shape = components, height, width = sums[0].shape
    out = np.empty(shape, dtype) if out is None else out
    joined = empty_sums(components, height, width, first=1) if joined is None else joined
    marked = all_patches(height, width) if marked is None else marked
    native().to_samples(sums, joined, out, marked, ISA[name], thread_count(threads))
    return out
