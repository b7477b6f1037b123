"""The start and the end of a command that needs torch: half a second less of what a short encode takes."""

from __future__ import annotations

import atexit
import gc
import importlib
import os
import sys
from contextlib import suppress
from types import ModuleType
from typing import NoReturn

UNUSED = "torch._meta_registrations"  # kernels of tensors without data, for torch's compiler: a quarter of its import
NEEDED = "torch._prims.rng_prims"  # a part of it that makes torch.Generator work


def import_torch() -> None:
    """Import torch, if that has not been done, without what only its compiler needs, which is imported when it is asked for.

    Nothing of it is garbage, so it is not searched for garbage either: not while it is imported, and not later.
    """
    if "torch" in sys.modules:
        return
    sys.modules[UNUSED] = ModuleType(UNUSED)
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        import torch
    finally:
        del sys.modules[UNUSED]
        if was_enabled:
            gc.enable()
    name = UNUSED.rpartition(".")[2]
    if hasattr(torch, name):
        delattr(torch, name)
    with suppress(ImportError):  # other versions of torch may do without it
        importlib.import_module(NEEDED)
    gc.freeze()


def leave(code: int) -> NoReturn:
    """End the process, after what is registered for its end, without taking all of torch apart first."""
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
