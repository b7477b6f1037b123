"""What all tests share: one torch thread, as pictures of tests are small and threads that wait for each other cost more than they
bring, and fixtures of several files.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

with contextlib.suppress(ImportError):
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def scene_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder, only to be read, with room.ply, labels.txt and cam.json, tiles.pgs and objects.pgs (`scene_streams`)."""
    from scene_streams import write_streams

    place = tmp_path_factory.mktemp("scene")
    write_streams(place)
    return place
