"""Launching a Triton program."""

from __future__ import annotations

from typing import Any


def launch(program: Any, grid: tuple[int, ...], *arguments: object, num_warps: int, **constants: object) -> None:
    """Run ``program`` once for each point of ``grid``; ``constants`` are its compile-time arguments.

    Whether products and sums are fused is said here, because Triton's default differs between versions and the bits with it.
    """
    program[grid](*arguments, num_warps=num_warps, enable_fp_fusion=True, **constants)
