"""How tests read scenes from bytes: what is opened, what is refused, and what damage does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pgsvc.errors import UsageError
from pgsvc_encoder.scene.source import open_scene


def opened(folder: Path, name: str, data: bytes, **flags):
    (folder / name).write_bytes(data)
    return open_scene(str(folder / name), **flags)


def refused(folder: Path, name: str, data: bytes, match: str, **flags) -> None:
    with pytest.raises(UsageError, match=match) as caught:
        opened(folder, name, data, **flags)
    assert name in str(caught.value)


def only_usage_errors(path: Path, data: bytes) -> bool:
    """Whether a file is read; anything but an answer or a `UsageError` that names it fails the test."""
    path.write_bytes(data)
    try:
        open_scene(str(path), repair=True)
    except UsageError as error:
        assert path.name in str(error), error
        return False
    return True


def check_damage(path: Path, data: bytes, *, flips: int = 150, cuts: int = 120) -> None:
    """Every end of a file (or ``cuts`` of them) is refused, and flipped bits never lead to other errors."""
    step = max(1, len(data) // cuts)
    for size in [*range(0, len(data) - 1, step), len(data) - 1]:
        assert not only_usage_errors(path, data[:size]), f"{size} of {len(data)} bytes are taken for a scene"
    for place in np.random.default_rng(3).integers(0, 8 * len(data), flips):
        broken = bytearray(data)
        broken[place // 8] ^= 1 << (place % 8)
        only_usage_errors(path, bytes(broken))
