"""Uniform quantiser with learned scale and offset (LSQ+, Bhalgat et al. 2020; used by P-GSVC for the Cholesky vector).

Instead of stochastic gradients through a straight-through estimator, scale and offset minimise the squared error weighted by each
value's sensitivity, by alternating between the symbols and the closed-form scale and offset.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SCALE_Q, OFFSET_Q = 4096, 256  # shape_scale is Q12, shape_offset Q8 (spec 7.5)


@dataclass(frozen=True)
class UniformQuantiser:
    """value = symbol·scale + offset with the integers of the stream.

    Args:
        bits: symbols are 0 … 2^bits − 1, or −2^(bits−1) … 2^(bits−1) − 1 when signed.
        scale: Q12, 1 … 65535.
        offset: Q8, −32768 … 32767.
    """

    bits: int
    signed: bool
    scale: int
    offset: int

    @property
    def lowest(self) -> int:
        return -(1 << self.bits >> 1) if self.signed else 0

    def quantise(self, values: np.ndarray) -> np.ndarray:
        """Nearest symbols, as signed numbers; int64."""
        q = np.round((values - self.offset / OFFSET_Q) * SCALE_Q / self.scale)
        return np.clip(q, self.lowest, self.lowest + (1 << self.bits) - 1).astype(np.int64)

    def dequantise(self, symbols: np.ndarray) -> np.ndarray:
        return (symbols * self.scale + self.offset * 16) / SCALE_Q


def _as_integers(bits: int, signed: bool, scale: float, offset: float) -> UniformQuantiser:
    return UniformQuantiser(
        bits,
        signed,
        int(np.clip(round(scale * SCALE_Q), 1, 65535)),
        int(np.clip(round(offset * OFFSET_Q), -32768, 32767)),
    )


def learn_quantiser(
    values: np.ndarray,
    sensitivity: np.ndarray,
    bits: int,
    *,
    signed: bool,
    least_scale: float,
    offset: float | None = None,
) -> UniformQuantiser:
    """Scale and offset for these values.

    Args:
        values, sensitivity: [N]; the error is Σ sensitivity·(value − quantised)².
        least_scale: the scale is not made finer than this: finer steps cost rate and gain little.
        offset: fixed offset, such as 0 for differences; learned when None.
    """
    if len(values) == 0:
        return _as_integers(bits, signed, least_scale, offset or 0.0)
    lowest = -(1 << bits >> 1) if signed else 0
    weight = sensitivity + 1e-3 * sensitivity.mean() + 1e-30
    best: tuple[float, UniformQuantiser] | None = None
    for tail in (0.0, 0.002, 0.01, 0.03):
        low, high = np.quantile(values, [tail, 1 - tail])
        scale = max((high - low) / ((1 << bits) - 1), least_scale)
        start = ((low + high) / 2 - scale * (lowest + ((1 << bits) - 1) / 2)) if offset is None else offset
        for _ in range(8):
            quantiser = _as_integers(bits, signed, scale, start)
            symbols = quantiser.quantise(values)
            error = float((weight * (values - quantiser.dequantise(symbols)) ** 2).sum())
            if best is None or error < best[0]:
                best = (error, quantiser)
            scale, start = _regression(values, symbols, weight, offset, quantiser)
            scale = max(scale, least_scale)
    assert best is not None
    return best[1]


def _regression(
    values: np.ndarray, symbols: np.ndarray, weight: np.ndarray, offset: float | None, current: UniformQuantiser
) -> tuple[float, float]:
    """Weighted least squares of value on symbol."""
    q = symbols.astype(np.float64)
    if offset is not None:
        energy = float((weight * q * q).sum())
        return (float((weight * q * values).sum()) / energy if energy > 0 else current.scale / SCALE_Q), offset
    total = weight.sum()
    mean_q, mean_v = (weight * q).sum() / total, (weight * values).sum() / total
    spread = float((weight * (q - mean_q) ** 2).sum())
    if spread <= 0:
        return current.scale / SCALE_Q, current.offset / OFFSET_Q
    scale = float((weight * (q - mean_q) * (values - mean_v)).sum()) / spread
    return scale, mean_v - scale * mean_q
