"""For tests of the GPU kernels: a GPU if there is one, else Triton's interpreter; a skip where torch or Triton is missing.

The interpreter's switch is read when Triton is imported, so tests import this module first.
"""

from __future__ import annotations

import os

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'pgsvc[encoder]'")
if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"
pytest.importorskip("triton", reason="Triton is not installed: pip install 'pgsvc[encoder,gpu]' (Linux)")

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def there(*tensors):
    """The tensors, or NumPy arrays, as tensors on the device."""
    return tuple(torch.as_tensor(t).to(DEVICE) for t in tensors)


def triton_kernels():
    """The kernels under test."""
    from pgsvc_encoder.device.triton_kernels import TritonKernels

    return TritonKernels(DEVICE)


def doubling(size: int) -> torch.Tensor:
    """E of spec 8.7 along one axis as a matrix, float64 [size, Ceil(size / 2)]."""
    n = -(-size // 2)
    out = torch.zeros(2 * n, n, dtype=torch.float64)
    for k in range(n):
        for side in (0, 1):
            toward = 2 * side - 1
            for place, weight in ((k, 3), (k + toward, 1)):
                out[2 * k + side, min(max(place, 0), n - 1)] += weight / 4
    return out[:size]
