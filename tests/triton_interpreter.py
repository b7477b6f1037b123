"""For tests of the GPU kernels: Triton's interpreter, and a skip where torch or Triton is missing.

The switch is read when Triton is imported, so tests import this module first.
"""

from __future__ import annotations

import os

import pytest

os.environ["TRITON_INTERPRET"] = "1"
torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'pgsvc[encoder]'")
pytest.importorskip("triton", reason="Triton is not installed: pip install 'pgsvc[gpu]' (Linux)")


def triton_kernels():
    """Kernels that are interpreted, on CPU tensors."""
    from pgsvc_encoder.device.triton_kernels import TritonKernels

    return TritonKernels(torch.device("cpu"))
