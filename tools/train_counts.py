"""Make the counts with which the graded tools' tables begin (spec G.3) from streams, and print them as the annex holds them.

The tables in codec/pgsvc/planar/graded_counts.py come from pictures that no benchmark uses: astronaut, chelsea, coffee and
rocket of scikit-image, each with 600, 1,200 and 2,500 splats:

    pgsvc-enc astronaut.png astronaut-600.pgs --preset fast --splats 600 …
    python tools/train_counts.py *.pgs
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pgsvc.planar import graded_counts
from pgsvc.planar.graded import code_graded
from pgsvc.range_coder import RangeReader
from pgsvc.stream import Stream

# What a table weighs against what it learns; chosen by bytes of pictures left out of the training.
TOTALS = {"ENERGY_0": 256, "ENERGY_1": 256, "ENERGY_2": 256, "SHEAR": 512, "SCALE_0": 1024, "SCALE_1": 1024}
BEYOND = 60  # from so many symbols on, a payload's weight grows only with their root
UNSEEN = 0.1  # symbols' worth of what a row has not seen


class Recorder(RangeReader):
    """Keeps the contexts and symbols of adaptive tables as they are read."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.record: list[tuple[np.ndarray, np.ndarray]] = []

    def adaptive(self, counts: np.ndarray, context: np.ndarray, values: np.ndarray | None = None) -> np.ndarray:
        out = super().adaptive(counts, context, values)
        self.record.append((context, out))
        return out


def records(path: Path) -> Iterator[dict[str, tuple[np.ndarray, np.ndarray]]]:
    """Contexts and symbols of each table in each graded payload of a stream with three components."""
    stream = Stream()
    stream.feed(path.read_bytes())
    stream.close()
    f = stream.format
    assert f is not None and f.components == 3
    for segment in stream.segments.values():
        for track in segment.tracks.values():
            recorder = Recorder(track.key.symbols)
            code_graded(recorder, track.key.header, f.width, f.height, 3)
            last = recorder.record[-10:]  # behind the tree: four signed numbers of two tables each, and the two scales
            yield dict(zip(TOTALS, [*last[0:8:2], *last[8:]], strict=True))


def trained(found: list[tuple[np.ndarray, np.ndarray]], shape: tuple[int, int], total: int) -> np.ndarray:
    """Counts of one table; small payloads, where they matter most, weigh more than their symbols."""
    weights = np.full(shape, UNSEEN)
    for context, symbols in found:
        seen = np.zeros(shape)
        np.add.at(seen, (context, symbols), 1)
        weights += seen / np.sqrt(np.maximum(seen.sum(1, keepdims=True) / BEYOND, 1))
    return np.maximum(1, np.round(weights / weights.sum(1, keepdims=True) * total)).astype(int)


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("streams", nargs="+", type=Path)
    found = [record for path in p.parse_args().streams for record in records(path)]
    for name, total in TOTALS.items():
        shape = getattr(graded_counts, name).shape
        print(f"```numbers {name}")
        for row in trained([record[name] for record in found], shape, total):
            print(*row)
        print("```\n")


if __name__ == "__main__":
    main()
