"""Splats on the kernels' device for as long as they are trained."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pgsvc_encoder.fit.training import Stage


@contextmanager
def resident(stage: Stage) -> Iterator[Stage]:
    """The stage with its splats on the device of its objective's kernels; what becomes of them is copied back at the end."""
    here, device = stage.splats, stage.objective.kernels.device
    if here.device == device:
        yield stage
        return
    there = here.to(device)
    yield replace(stage, splats=there)
    for name in ("position", "shape", "colour"):
        getattr(here, name).copy_(getattr(there, name))
