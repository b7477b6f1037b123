"""Numbers of SPZ: what the bytes of each attribute stand for, after nianticlabs/spz (src/cc/load-spz.cc)."""

from __future__ import annotations

import math

import numpy as np

from pgsvc.scene.output.spz import COLOUR_SCALE
from pgsvc.scene.splats import SceneSplats
from pgsvc_encoder.scene.source.base import float32, logits_of_bytes, smallest_three


def splats_of(streams: list[bytes], version: int, bits: int, rest_count: int) -> SceneSplats:
    """Splats of the attributes of a file, which have the sizes that they should.

    Args:
        streams: positions, opacities, colours, scales, rotations and, from degree 1 on, coefficients.
        version: 2 has rotations of three bytes.
        bits: fraction bits of positions.
        rest_count: coefficients to take of those that each splat has.
    """
    position, alpha, colour, scale, rotation = (np.frombuffer(stream, np.uint8) for stream in streams[:5])
    count = len(alpha)
    fixed = np.zeros((count, 3, 4), np.uint8)
    fixed[:, :, 1:] = position.reshape(count, 3, 3)
    rest = np.frombuffer(streams[5], np.uint8) if rest_count else np.empty(0, np.uint8)
    rest = rest.reshape(count, -1, 3)[:, :rest_count] if rest_count else rest.reshape(count, 0, 3)
    return SceneSplats(
        position=((fixed.view("<i4")[:, :, 0] >> 8) / 2.0**bits).astype(np.float32),
        log_scale=(scale.reshape(count, 3) / np.float32(16) - np.float32(10)).astype(np.float32),
        rotation=_first_three(rotation) if version == 2 else _unpack_rotations(rotation.view("<u4")),
        opacity=logits_of_bytes(alpha),
        sh_dc=((colour.reshape(count, 3) / 255 - 0.5) / COLOUR_SCALE).astype(np.float32),
        sh_rest=(rest.astype(np.float32) - 128) / 128,
    )


def _first_three(packed: np.ndarray) -> np.ndarray:
    """Version 2: bytes of x, y, z around 127.5, with w what is left of length 1."""
    three = packed.reshape(-1, 3) / 127.5 - 1
    w = np.sqrt(np.maximum(0, 1 - (three**2).sum(axis=1)))
    return float32(np.concatenate([w[:, None], three], axis=1))


def _unpack_rotations(packed: np.ndarray) -> np.ndarray:
    """Quaternions w, x, y, z [N, 4] of numbers as `pgsvc.scene.output.spz.pack_rotations` makes them."""
    three = np.stack([packed >> np.uint32(shift) & np.uint32(1023) for shift in (20, 10, 0)], axis=1)
    size = (three & 511) * (math.sqrt(0.5) / 511)
    largest = (packed >> np.uint32(30)).astype(np.int64)
    return np.roll(smallest_three(np.where(three & 512, -size, size), largest), 1, axis=1)
