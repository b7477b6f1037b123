"""Other codecs, encoded to real bytes and decoded back: what the peer benchmarks measure beside pgsvc.

A peer yields `Point`s. Bytes are those a receiver needs for the decoded picture; nothing is estimated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Point:
    """One decoded picture and the bytes it took.

    ``stream`` names the setting; points of one stream are prefixes of the same bytes, with ``level`` counting from 0.
    ``picture``: [H, W, 3] uint8.
    """

    stream: str
    level: int
    levels: int
    size: int
    picture: np.ndarray


@dataclass(frozen=True)
class StillPeer:
    """A still codec: ``encode(picture)`` takes [H, W, 3] uint8 and yields the points of every stream."""

    codec: str
    version: str
    encode: Callable[[np.ndarray], Iterator[Point]]
    settings: dict[str, Any] = field(default_factory=dict)


def still_peers() -> dict[str, StillPeer]:
    """Every still peer by its short name, in the order of tables.

    Raises:
        ImportError: Pillow or imagecodecs is not installed (extra ``bench``).
    """
    from peers import avif, jpeg, jpeg2000, jpegxl

    return {
        "jpeg2000-layers": jpeg2000.layered(),
        "jpeg2000": jpeg2000.single(),
        "jpeg": jpeg.single(),
        "jpeg-scans": jpeg.scans(),
        "jpegxl": jpegxl.single(),
        "avif": avif.single(),
    }
