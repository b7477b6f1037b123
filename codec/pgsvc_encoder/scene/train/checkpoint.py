"""Checkpoints of trainings: files that appear under their name only when complete, and fit one training alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

from pgsvc.errors import UsageError


def save(path: Path, state: dict[str, Any], key: str) -> None:
    """Writes a state; ``key`` says which training it is of."""
    part = path.with_name(f".{path.name}.part")
    try:
        torch.save({"key": key, **state}, part)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def load(path: Path, key: str) -> dict[str, Any] | None:
    """The state of a checkpoint, None if there is none.

    Raises:
        UsageError: it is of another training, or damaged.
    """
    if not path.is_file():
        return None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        found = state["key"]
    except Exception as error:  # torch says what is wrong with a file in many ways
        raise UsageError(f"{path} is no checkpoint of a training; remove it") from error
    if found != key:
        raise UsageError(f"{path} belongs to a training with other settings or pictures; remove it or repeat those")
    return state
