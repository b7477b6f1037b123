"""Residual vector quantisation of colours: stages of small codebooks whose entries add up (SoundStream; GaussianImage, P-GSVC).

Codebooks are trained by Lloyd's algorithm on sensitivity-weighted colours, all stages together; encoding searches every
combination of two stages exactly, further stages greedily. Entries are what the stream can hold: 8-bit numbers, shifted (spec 6.5).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Q13 = 8192.0


@dataclass(frozen=True)
class Codebooks:
    """``entries``: int8-valued int32 [stages, 2^bits, C]; ``shifts`` [stages]; colour = Σ entries << shift, Q13."""

    entries: np.ndarray
    shifts: tuple[int, ...]

    @property
    def bits(self) -> int:
        return self.entries.shape[1].bit_length() - 1

    def values(self) -> np.ndarray:
        """Entries as colours, float64 [stages, 2^bits, C]."""
        return np.stack([e * float(1 << s) for e, s in zip(self.entries, self.shifts, strict=True)]) / Q13

    def decode(self, indices: np.ndarray) -> np.ndarray:
        """Colours [N, C] of indices [N, stages]."""
        return sum(book[indices[:, i]] for i, book in enumerate(self.values()))  # type: ignore[return-value]

    def record(self) -> dict[str, object]:
        """The fields of the syntax tables (spec 6.5)."""
        return {
            "stage_count": len(self.shifts),
            "codebook_bits": self.bits,
            "codebooks": [
                {"entry_shift": s, "entries": e.reshape(-1).tolist()}
                for e, s in zip(self.entries, self.shifts, strict=True)
            ],
        }


def estimated_bits(books: Codebooks, indices: np.ndarray) -> float:
    """Bits of codebooks and indices [N, stages]: zero-order entropy, and what the codebooks take in the stream."""
    total = 8.0 * (books.entries.size + len(books.shifts))
    for column in indices.T:
        counts = np.bincount(column)
        counts = counts[counts > 0]
        total += float((counts * np.log2(len(column) / counts)).sum()) + 3 * len(counts)
    return total


def encode(books: Codebooks, colours: np.ndarray) -> np.ndarray:
    """Indices [N, stages] of the nearest sums."""
    values = books.values()
    out = np.zeros((len(colours), len(values)), np.int64)
    if len(values) >= 2:
        sums = (values[0][:, None] + values[1][None]).reshape(-1, colours.shape[1])
        pair = _nearest(colours, sums)
        out[:, 0], out[:, 1] = pair // len(values[1]), pair % len(values[1])
        first = 2
    else:
        out[:, 0] = _nearest(colours, values[0])
        first = 1
    for stage in range(first, len(values)):
        rest = colours - sum(values[j][out[:, j]] for j in range(stage))
        out[:, stage] = _nearest(rest, values[stage])
    return out


def _nearest(points: np.ndarray, book: np.ndarray) -> np.ndarray:
    norm = (book**2).sum(1)
    parts = np.array_split(points, max(1, len(points) * len(book) // (1 << 23)))
    return np.concatenate([np.argmin(norm - 2 * part @ book.T, 1) for part in parts])


def train(
    colours: np.ndarray,
    weight: np.ndarray,
    stages: int,
    bits: int,
    rng: np.random.Generator,
    *,
    zero_entry: bool = False,
) -> Codebooks:
    """Codebooks for colours [N, C] with weights [N].

    Args:
        zero_entry: keep entry 0 of every stage at zero, so that "no change" can be said exactly.
    """
    size = 1 << bits
    components = colours.shape[1]
    if len(colours) == 0:
        return Codebooks(np.zeros((stages, size, components), np.int32), (0,) * stages)
    weight = weight + 1e-3 * weight.mean() + 1e-30
    rest = colours.copy()
    books = []
    for _ in range(stages):
        book = _kmeans(rest, weight, size, rng, zero_entry)
        books.append(book)
        rest = rest - book[_nearest(rest, book)]
    result = _to_integers(np.stack(books), zero_entry)
    for _ in range(6 if stages > 1 else 2):
        result = _refine(result, colours, weight, zero_entry)
    return result


def _refine(books: Codebooks, colours: np.ndarray, weight: np.ndarray, zero_entry: bool) -> Codebooks:
    """One joint Lloyd step: assign over all stages, then move each stage to the mean of what the others leave."""
    indices = encode(books, colours)
    values = books.values()
    for stage in range(len(values)):
        others = sum(values[j][indices[:, j]] for j in range(len(values)) if j != stage)
        values[stage] = _means(colours - others, weight, indices[:, stage], values[stage])
    return _to_integers(values, zero_entry)


def _means(points: np.ndarray, weight: np.ndarray, assigned: np.ndarray, current: np.ndarray) -> np.ndarray:
    mass = np.bincount(assigned, weight, len(current))
    sums = np.stack([np.bincount(assigned, weight * points[:, c], len(current)) for c in range(points.shape[1])], 1)
    return np.where(mass[:, None] > 0, sums / np.maximum(mass, 1e-300)[:, None], current)


def _kmeans(
    points: np.ndarray, weight: np.ndarray, size: int, rng: np.random.Generator, zero_entry: bool
) -> np.ndarray:
    """Weighted Lloyd iterations from k-means++ seeds (Arthur and Vassilvitskii 2007)."""
    book = np.zeros((size, points.shape[1]))
    if not zero_entry:
        book[0] = points[rng.choice(len(points), p=weight / weight.sum())]
    distance = ((points - book[0]) ** 2).sum(1)
    for i in range(1, size):
        mass = weight * distance
        total = mass.sum()
        book[i] = points[rng.choice(len(points), p=mass / total)] if total > 0 else points[0]
        distance = np.minimum(distance, ((points - book[i]) ** 2).sum(1))
    for _ in range(12):
        book = _means(points, weight, _nearest(points, book), book)
        if zero_entry:
            book[0] = 0
    return book


def _to_integers(values: np.ndarray, zero_entry: bool) -> Codebooks:
    """Round to shifted 8-bit entries, each stage with the smallest shift that holds it; spec 8.1 bounds the sums."""
    entries, shifts = [], []
    for book in values:
        peak = np.abs(book).max() * Q13
        shift = int(min(7, max(0, np.ceil(np.log2(max(peak, 1e-9) / 127)))))
        entries.append(np.clip(np.round(book * Q13 / (1 << shift)), -128, 127).astype(np.int32))
        shifts.append(shift)
        if zero_entry:
            entries[-1][0] = 0
    return Codebooks(np.stack(entries), tuple(shifts))
