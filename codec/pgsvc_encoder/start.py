"""The start and the end of a command that needs torch: half a second less of what a short encode takes."""

from __future__ import annotations

import atexit
import ctypes
import gc
import importlib
import os
import sys
from typing import NoReturn

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # mallopt(3)
LARGEST_FROM_HEAP, KEPT = 32 << 20, 1 << 30  # bytes; the first is the most that glibc takes


def import_torch() -> None:
    """Import torch, if that has not been done.

    Nothing of it is garbage, so it is not searched for garbage: not while it is imported, and not later. Memory that tensors leave
    is kept for the next ones, where the C library is glibc: it would go back to the system, and be cleared anew each time.
    """
    if "torch" in sys.modules:
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGEST_FROM_HEAP)
        mallopt(M_TRIM_THRESHOLD, KEPT)
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        importlib.import_module("torch")
    finally:
        if was_enabled:
            gc.enable()
    gc.freeze()


def leave(code: int) -> NoReturn:
    """End the process, after what is registered for its end, without taking all of torch apart first."""
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
