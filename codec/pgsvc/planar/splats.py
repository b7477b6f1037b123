"""The decoder's state of 2D splats and its way to the quadratic form of the sum (spec 8.1–8.3)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pgsvc.sizes import Size
from pgsvc.syntax import Record

POSITION_LIMIT = 1 << 23
CHOLESKY, LOG_CHOLESKY = 0, 1


def _power_table(scale: int) -> np.ndarray:
    """Round(2^30 · 2^(i/scale)) for 0 ≤ i < 64; far enough from ties that float64 gives the exact integers (annex G)."""
    return np.round(2.0**30 * 2.0 ** (np.arange(64) / scale)).astype(np.int64)


T_HI = _power_table(64)
T_LO = _power_table(4096)
POWERS = np.concatenate([T_HI, T_LO])  # as the native module takes them


@dataclass(frozen=True)
class SplatSet:
    """The splats of one (segment, layer, object, slice) at one frame (spec 8.1).

    Args:
        position: int32 [N, 2], (cx, cy) in Q8 luma samples.
        shape: int32 [N, 3], Q12, meaning by ``domain`` (0 Cholesky, 1 log Cholesky).
        colour: int16 [N, C], Q13.
        background: int16 [C], Q13, added to every sample.
    """

    position: np.ndarray
    shape: np.ndarray
    colour: np.ndarray
    background: np.ndarray
    domain: int

    def __len__(self) -> int:
        return len(self.position)

    @cached_property
    def factor(self) -> np.ndarray:
        """(A, B, C) of spec 8.3; int32 [N, 3], Q20."""
        return inverse_cholesky(self.shape, self.domain)

    @cached_property
    def form(self) -> np.ndarray:
        """(P, K, R) of spec 8.3; int64 [N, 3], Q32."""
        return quadratic_form(self.factor)


def background_of(header: Record, components: int) -> np.ndarray:
    """Background of a key frame slice; int16 [C], nothing where it is not sent (spec 6.3)."""
    sent = header["background"]
    return np.zeros(components, np.int16) if sent is None else np.array(sent, np.int16)


def clip_position(position: np.ndarray) -> np.ndarray:
    """Spec 8.1; int32."""
    return np.clip(position, -POSITION_LIMIT, POSITION_LIMIT - 1).astype(np.int32)


def clip_colour(colour: np.ndarray) -> np.ndarray:
    """Spec 8.1; int16."""
    return np.clip(colour, -32768, 32767).astype(np.int16)


def clip_shape(shape: np.ndarray, domain: int) -> np.ndarray:
    """Spec 8.3; int32 [N, 3]."""
    s = np.asarray(shape, np.int64)
    if domain == CHOLESKY:
        l1, l3 = (np.clip(s[:, i], 1448, 1 << 22) for i in (0, 2))
        return np.stack([l1, np.clip(s[:, 1], -16 * l3, 16 * l3), l3], 1).astype(np.int32)
    low = np.array([-6144, -65536, -6144])
    high = np.array([40960, 65536, 40960])
    return np.clip(s, low, high).astype(np.int32)


def exp2(x: np.ndarray) -> np.ndarray:
    """2^x for x in Q12, −10 ≤ 2^12·x ≤ 1.5, as Q20 (Exp2 of spec 8.3)."""
    x = np.asarray(x, np.int64)
    f = x & 4095
    m = (T_HI[f >> 6] * T_LO[f & 63] + (1 << 29)) >> 30
    return m >> (10 - (x >> 12))


def _div(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Division truncating toward zero; b positive."""
    return np.sign(a) * (np.abs(a) // b)


def inverse_cholesky(shape: np.ndarray, domain: int) -> np.ndarray:
    """(A, B, C) of spec 8.3 from clipped shapes; int32 [N, 3], Q20."""
    s = np.asarray(shape, np.int64)
    if domain == CHOLESKY:
        a = (1 << 32) // s[:, 0]
        b = (1 << 32) // s[:, 2]
        c = _div(s[:, 1] * a, s[:, 2])
    else:
        a, b = exp2(-s[:, 0]), exp2(-s[:, 2])
        c = (s[:, 1] * a) >> 12
    return np.stack([a, b, c], 1).astype(np.int32)


def quadratic_form(factor: np.ndarray) -> np.ndarray:
    """(P, K, R) of spec 8.3 from (A, B, C); int64 [N, 3], Q32."""
    a, b, c = (np.asarray(factor, np.int64)[:, i] for i in range(3))
    return np.stack([(a * a + c * c) >> 8, (b * c) >> 8, (b * b) >> 8], 1)


def covered_samples(factor: np.ndarray, width: int, height: int, size: Size | None = None) -> int:
    """Upper bound on splat–sample pairs on the luma grid, the cost that limit levels bound (annex A.3).

    Args:
        width, height: the reference size.
        size: of the picture that is rendered, the reference size when None.
    """
    a, b, c = (factor[:, i].astype(np.int64) for i in range(3))
    half_width = (3548 << 10) // a + 1
    half_height = (3548 << 10) * (a + np.abs(c)) // (a * b) + 1
    new_width, new_height = size or (width, height)
    half_width, half_height = _rescaled(half_width, width, new_width), _rescaled(half_height, height, new_height)
    return int((np.minimum(2 * half_width + 1, new_width) * np.minimum(2 * half_height + 1, new_height)).sum())


def _rescaled(half: np.ndarray, old: int, new: int) -> np.ndarray:
    """Bound on a half-axis after a change of size (annex A.3)."""
    return np.minimum(half, half * new // old + 2) if new <= old else half * new // old + 1
