"""What all coders share that have segments coded elsewhere, in processes (``workers.py``) or on machines (``cluster/coder.py``).

Segments are given out in the order in which they come, so that the pictures of few exist at once. One whose worker is lost is given
out again, up to a limit.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from pgsvc.errors import PgsError
from pgsvc.picture import Picture
from pgsvc_encoder.coder import Progress, tell
from pgsvc_encoder.parts import Parts
from pgsvc_encoder.probe import Notice
from pgsvc_encoder.region import Region

MOST_LOSSES = 3  # workers that may be lost with one segment before the encode ends


@dataclass
class Task(ABC):
    """A segment to be coded, see :func:`pgsvc_encoder.coder.code_segment`; classes differ in how its pictures travel.

    Args:
        frames: number of its pictures.
        losses: workers that were lost with it.
    """

    number: int
    first_frame: int
    expected: int
    frames: int
    losses: int = field(default=0, init=False)

    @property
    def frame_numbers(self) -> range:
        """In the stream."""
        return range(self.first_frame, self.first_frame + self.frames)

    @abstractmethod
    def read(self) -> Iterator[Picture]:
        """The pictures, one by one."""

    @abstractmethod
    def region(self) -> Region | None:
        """The region of these frames."""

    @abstractmethod
    def remove(self) -> None:
        """Let go of the pictures."""


class Team(ABC):
    """A coder that gives tasks to workers; the pictures of at most one task more than there are workers exist at once.

    Args:
        parts: where finished segments are kept.
        progress: told the number of each finished frame, in any order.
        notice: told of workers that were lost.
    """

    def __init__(self, parts: Parts, region: Region | None, progress: Progress | None, notice: Notice | None) -> None:
        self._parts, self._region, self._progress = parts, region, progress
        self._notice = notice or (lambda _: None)
        self._due: deque[Task] = deque()
        self._told: set[int] = set()

    def code(self, number: int, first_frame: int, pictures: Iterator[Picture], expected: int) -> int:
        """Take a segment, and return its number of pictures when a worker has it.

        Raises:
            PgsError: a worker met it in this or another segment, or workers are lost again and again; other errors of a worker too.
        """
        task = self._take(number, first_frame, self._while_listening(pictures), expected)
        self._due.append(task)
        self._assign()
        while self._due:
            self._listen()
        return task.frames

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            while kind is None and self._is_busy():
                self._listen()
        finally:
            self._stop()

    @abstractmethod
    def _take(self, number: int, first_frame: int, pictures: Iterator[Picture], expected: int) -> Task:
        """Use up the pictures of a segment; there is at least one.

        Raises:
            UsageError: the region's masks do not fit them.
        """

    @abstractmethod
    def _assign(self) -> None:
        """Give what is due to workers that wait."""

    @abstractmethod
    def _listen(self, timeout: float | None = None) -> None:
        """Wait so many seconds (None: without end) for something that workers have to say, and go on from there."""

    @abstractmethod
    def _is_busy(self) -> bool:
        """Some task is with a worker."""

    @abstractmethod
    def _stop(self) -> None:
        """End the workers, whatever they do."""

    def _while_listening(self, pictures: Iterator[Picture]) -> Iterator[Picture]:
        for picture in pictures:
            yield picture
            self._listen(0)

    def _finished(self, frame: int) -> None:
        """Tell of the frame once, however often it is coded."""
        if frame not in self._told:
            self._told.add(frame)
            tell(self._progress, frame, None)

    def _lost(self, task: Task, end: str) -> None:
        """The worker with the task was lost, as ``end`` says: the task is due again.

        Raises:
            PgsError: that has been so too often.
        """
        task.losses += 1
        how = f"the worker with frames {task.frame_numbers[0]} to {task.frame_numbers[-1]} {end}"
        if task.losses == MOST_LOSSES:
            raise PgsError(
                f"{how}, the last of {MOST_LOSSES} lost with them; is memory short? Finished segments are kept in "
                f"{self._parts.folder}: go on with --resume and fewer --workers"
            )
        self._notice(f"{how}; another begins them again")
        self._due.appendleft(task)
