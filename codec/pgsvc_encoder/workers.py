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
from collections.abc import Iterator
from dataclasses import dataclass, replace
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from pgsvc.kernel import thread_count
from pgsvc.picture import Picture
from pgsvc_encoder.coder import Progress
from pgsvc_encoder.handover import TaskInFiles, remove_files
from pgsvc_encoder.parts import Parts
from pgsvc_encoder.probe import Notice
from pgsvc_encoder.region import Region
from pgsvc_encoder.settings import Settings
from pgsvc_encoder.team import Task, Team
from pgsvc_encoder.worker import work


@dataclass
class _Worker:
    """A process as the main process sees it; ``task`` is what it codes, None while it waits for the next."""

    process: SpawnProcess
    connection: Connection
    task: Task | None = None


class Workers(Team):
    """Codes segments in up to ``count`` processes; each is started when there is a segment for it.

    Scripts that use this keep their work under ``if __name__ == "__main__":``, as always where Python starts processes.

    Args:
        settings: of all segments; each worker has its share of the threads, at least one.
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
        super().__init__(parts, region, progress, notice)
        self._count = count
        self._settings = replace(settings, threads=max(1, thread_count(settings.threads) // count))
        self._workers: list[_Worker] = []

    def _take(self, number: int, first_frame: int, pictures: Iterator[Picture], expected: int) -> Task:
        return TaskInFiles.write(self._parts.folder, number, first_frame, expected, pictures, self._region)

    def _is_busy(self) -> bool:
        return any(w.task for w in self._workers)

    def _stop(self) -> None:
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()
            worker.connection.close()
        remove_files(self._parts.folder)

    def _assign(self) -> None:
        """As there, starting workers up to the count."""
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
        """Messages are the number of a finished frame, None for a finished segment, or an error."""
        heard = wait([w.connection for w in self._workers], timeout)
        for worker in [w for w in self._workers if w.connection in heard]:
            try:
                message = worker.connection.recv()
            except (EOFError, OSError):
                self._lose(worker)
                continue
            if isinstance(message, BaseException):
                raise message
            if message is not None:
                self._finished(message)
            elif worker.task is not None:
                worker.task.remove()
                worker.task = None
        self._assign()

    def _lose(self, worker: _Worker) -> None:
        worker.process.join()
        worker.connection.close()
        self._workers.remove(worker)
        if worker.task is not None:
            self._lost(worker.task, _end_of(worker))


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
