"""Segments coded by several processes on one machine, with the same bytes as by one (``--workers``).

The main process reads the source, finds the segments, and writes the pictures of each into a file (``handover.py``). A worker
(``worker.py``) codes one segment at a time, keeps it among the finished ones (``parts.py``), and is given the next. Every worker
has a pipe of its own, so that one that is killed leaves the others as they are: its segment goes to a new worker.
When the main process is gone, workers end.
"""

from __future__ import annotations

import contextlib
import multiprocessing as mp
import signal
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from types import TracebackType
from typing import Self

from pgsvc.errors import PgsError
from pgsvc.kernel import thread_count
from pgsvc.picture import Picture
from pgsvc_encoder.coder import Progress, tell
from pgsvc_encoder.handover import Task, remove_files
from pgsvc_encoder.parts import Parts
from pgsvc_encoder.probe import Notice
from pgsvc_encoder.region import Region
from pgsvc_encoder.settings import Settings
from pgsvc_encoder.worker import work

MOST_LOSSES = 3  # workers that may be lost with one segment before the encode ends


@dataclass
class _Worker:
    """A process as the main process sees it; ``task`` is what it codes, None while it waits for the next."""

    process: SpawnProcess
    connection: Connection
    task: Task | None = None


class Workers:
    """Codes segments in up to ``count`` processes; each is started when there is a segment for it.

    Files of at most ``count`` + 1 segments' pictures exist at once. Scripts that use this keep their work under
    ``if __name__ == "__main__":``, as always where Python starts processes.

    Args:
        settings: of all segments; each worker has its share of the threads, at least one.
        parts: where finished segments are kept.
        progress: told the number of each finished frame, in any order.
        notice: told of workers that were lost.
    """

    def __init__(
        self,
        count: int,
        settings: Settings,
        parts: Parts,
        region: Region | None,
        progress: Progress | None,
        notice: Notice | None,
    ) -> None:
        self._count, self._parts, self._region, self._progress = count, parts, region, progress
        self._settings = replace(settings, threads=max(1, thread_count(settings.threads) // count))
        self._notice = notice or (lambda _: None)
        self._workers: list[_Worker] = []
        self._due: deque[Task] = deque()
        self._told: set[int] = set()

    def code(self, number: int, first_frame: int, pictures: Iterator[Picture], expected: int) -> int:
        """Take a segment, and return its number of pictures when a worker has it.

        Raises:
            PgsError: a worker met it in this or another segment, or workers are lost again and again; other errors of a worker too.
        """
        task = Task.write(
            self._parts.folder, number, first_frame, expected, self._while_listening(pictures), self._region
        )
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
            while kind is None and any(w.task for w in self._workers):
                self._listen()
        finally:
            for worker in self._workers:
                worker.process.kill()
            for worker in self._workers:
                worker.process.join()
                worker.connection.close()
            remove_files(self._parts.folder)

    def _while_listening(self, pictures: Iterator[Picture]) -> Iterator[Picture]:
        for picture in pictures:
            yield picture
            self._listen(0)

    def _assign(self) -> None:
        """Give what is due to workers that wait, or to new ones."""
        while self._due:
            free = next((w for w in self._workers if w.task is None), None)
            if free is None and len(self._workers) == self._count:
                return
            free = free or self._start()
            free.task = self._due.popleft()
            with contextlib.suppress(OSError):  # the worker is gone, which shows when it is listened to
                free.connection.send(free.task)

    def _start(self) -> _Worker:
        context = mp.get_context("spawn")
        here, there = context.Pipe()
        process = context.Process(target=work, args=(there, self._settings, self._parts), daemon=True)
        with _ctrl_c_kept_back():
            process.start()
        there.close()
        worker = _Worker(process, here)
        self._workers.append(worker)
        return worker

    def _listen(self, timeout: float | None = None) -> None:
        """Wait for messages: the number of a finished frame, None for a finished segment, or an error."""
        heard = wait([w.connection for w in self._workers], timeout)
        for worker in [w for w in self._workers if w.connection in heard]:
            try:
                message = worker.connection.recv()
            except (EOFError, OSError):
                self._lose(worker)
                continue
            if isinstance(message, BaseException):
                raise message
            if message is not None and message not in self._told:
                self._told.add(message)
                tell(self._progress, message, None)
            elif message is None and worker.task is not None:
                worker.task.remove()
                worker.task = None
        self._assign()

    def _lose(self, worker: _Worker) -> None:
        worker.process.join()
        worker.connection.close()
        self._workers.remove(worker)
        if worker.task is None:
            return
        task = worker.task
        task.losses += 1
        how = f"the worker with frames {task.first_frame} to {task.first_frame + task.frames - 1} {_end_of(worker)}"
        if task.losses == MOST_LOSSES:
            raise PgsError(
                f"{how}, the last of {MOST_LOSSES} lost with them; is memory short? Finished segments are kept in "
                f"{self._parts.folder}: go on with --resume and fewer --workers"
            )
        self._notice(f"{how}; another begins them again")
        self._due.appendleft(task)


def _end_of(worker: _Worker) -> str:
    code = worker.process.exitcode
    if code is None or code >= 0:
        return f"has ended with exit code {code}"
    return f"was killed by {signal.Signals(-code).name}"


@contextlib.contextmanager
def _ctrl_c_kept_back() -> Iterator[None]:
    """Processes started here never see Ctrl-C, which the terminal sends to all; this one sees it at the end."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # as start() would, which lets Ctrl-C through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
