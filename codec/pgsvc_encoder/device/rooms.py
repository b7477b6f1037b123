"""How much room arrays get whose size only the device knows (``lists.py``).

Outside a captured graph every use asks the device whether the room was enough, and makes the arrays again if not. Inside, nothing
can be asked: the answers are collected, and whoever replays the graph asks when it has run.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import torch

T = TypeVar("T")
Collected = list[tuple[Hashable, torch.Tensor]]


class Rooms:
    """Room for each kind of array, by a key of the caller's."""

    def __init__(self) -> None:
        self._rooms: dict[Hashable, tuple[int, ...]] = {}
        self._collected: Collected | None = None

    def fit(self, key: Hashable, first: Sequence[int], make: Callable[[Sequence[int]], tuple[T, torch.Tensor]]) -> T:
        """What ``make`` makes of a room, as soon as that is enough.

        Args:
            first: the room to begin with.
            make: takes a room, returns what it made and an integer tensor of the room's length: what was needed.
        """
        while True:
            result, needed = make(self._rooms.setdefault(key, tuple(first)))
            if self._collected is not None:
                self._collected.append((key, needed))
                return result
            if self.holds([(key, needed)]):
                return result

    def holds(self, collected: Collected) -> bool:
        """Whether the room was enough in all these cases; where it was not, there is more from now on. Waits for the device."""
        enough = True
        for key, needed in collected:
            room, wanted = self._rooms[key], needed.tolist()
            if any(w > r for w, r in zip(wanted, room, strict=True)):
                self._rooms[key] = tuple(max(r, w * 5 // 4 + 64) for w, r in zip(wanted, room, strict=True))
                enough = False
        return enough

    @contextmanager
    def deferred(self) -> Iterator[Collected]:
        """Within, nothing is asked of the device; the list holds what :meth:`holds` has to be asked afterwards."""
        before, self._collected = self._collected, []
        try:
            yield self._collected
        finally:
            self._collected = before
