"""tools/bench_gpu.py: its parts on the smallest input, and its answer where there is no GPU."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from on_triton import DEVICE, torch, triton_kernels

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))
import bench_gpu  # noqa: E402


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so() -> None:
    words = [sys.executable, str(ROOT / "tools/bench_gpu.py"), "--quick"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "no CUDA GPU" in done.stderr and not done.stdout


def test_parts() -> None:
    times = bench_gpu.kernel_seconds(triton_kernels(), (16, 8), 3, 1)
    assert set(times) == {"sums", "backward", "step", "curvature"} and min(times.values()) > 0
    row = bench_gpu.decode_row(DEVICE, (16, 8), 3, 1)
    assert row["same_bits"] and row["gpu_fps"] > 0


def test_encode_row(tmp_path) -> None:
    source = tmp_path / "in_16x16_30fps.yuv"
    bench_gpu.clip(source, (16, 16))
    row = bench_gpu.encode_row(source, "cpu", "fast", 6, tmp_path)
    assert row["key_s"] > 0 and row["predicted_s"] > 0 and 5 < row["psnr"] < 60
    stream = tmp_path / "cpu-fast.pgs"
    assert bench_gpu.decodes_by(bench_gpu.IntegerSum(DEVICE), stream)
