"""The progress bar of scenes: one stage after the other, each with a count of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Progress = Callable[[int, int], None]


class StageBar:
    """tqdm over the steps of each stage; shows nothing where stderr is no terminal."""

    def __init__(self, name: str, *, quiet: bool) -> None:
        self._name, self._disable = name, True if quiet else None

    @contextmanager
    def stage(self, name: str, unit: str, seconds: dict[str, float]) -> Iterator[Progress]:
        """A stage's progress, to be told how much of how much is done; how long it took goes to ``seconds``."""
        from tqdm import tqdm

        began = time.perf_counter()
        with tqdm(
            desc=f"{self._name}: {name}", unit=unit, disable=self._disable, leave=False, dynamic_ncols=True
        ) as bar:

            def progress(done: int, total: int) -> None:
                bar.total = total
                bar.update(done - bar.n)

            yield progress
        seconds[name] = time.perf_counter() - began
