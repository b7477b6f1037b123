"""What a decoder answers to a conformance stream of a scene: the bytes that hashes are made of (spec 6.6, B.1)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pgsvc.scene.content import DecodedScene


def md5_of(decoded: DecodedScene) -> str:
    """MD5, in hexadecimal, of the states of all splats: tile after tile, object after object, array after array."""
    total = hashlib.md5()
    for _, state in sorted(decoded.states.items(), key=lambda item: item[0]):
        total.update(state.tobytes())
    return total.hexdigest()
