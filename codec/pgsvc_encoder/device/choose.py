"""What ``--device`` means. Imports torch only when it is asked."""

from __future__ import annotations

import importlib.util
import os
from typing import TYPE_CHECKING

from pgsvc.errors import MissingExtra, UsageError

if TYPE_CHECKING:
    from pgsvc_encoder.device.kernels import Kernels

AUTO, CPU, CUDA = DEVICES = ("auto", "cpu", "cuda")


def interpreted() -> bool:
    """Whether Triton's interpreter stands in for a GPU: for tests, together with TRITON_INTERPRET=1."""
    return os.environ.get("PGSVC_TRITON") == "interpreter"


def chosen(name: str) -> str:
    """ "cpu" or "cuda" for one of DEVICES: auto is cuda where torch sees a GPU and Triton is installed.

    Raises:
        UsageError: cuda was asked for where torch sees no GPU; MissingExtra: and where Triton is not installed.
    """
    if name == CPU:
        return CPU
    import torch

    has_triton = importlib.util.find_spec("triton") is not None
    if name == AUTO:
        return CUDA if has_triton and torch.cuda.is_available() else CPU
    if not (torch.cuda.is_available() or interpreted()):
        raise UsageError("--device cuda: torch sees no CUDA GPU here; use --device cpu, or a torch built for CUDA")
    if not has_triton:
        raise MissingExtra("fitting on a GPU", "gpu")
    return CUDA


def kernels_of(device: str, threads: int = 0) -> Kernels:
    """The kernels of "cpu", on so many threads, or of "cuda"."""
    if device == CPU:
        from pgsvc_encoder.device.kernels import NativeKernels

        return NativeKernels(threads)
    import torch

    from pgsvc_encoder.device.triton_kernels import TritonKernels

    return TritonKernels(torch.device("cpu" if interpreted() else "cuda"))
