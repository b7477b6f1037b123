"""Segments coded on the machines of a Ray cluster, with the same bytes as by one process where the machines compute alike.

The main process puts the pictures of a segment into the object store, hands the task out (``task.py``), and keeps the coded
segment that comes back among the finished ones (``parts.py``).
"""

from __future__ import annotations

import contextlib
import importlib
import os
from collections.abc import Iterator
from dataclasses import replace
from types import TracebackType
from typing import Any

import pgsvc
from pgsvc.errors import PgsError, UsageError
from pgsvc.kernel import thread_count
from pgsvc.picture import Picture
from pgsvc_encoder.cluster.board import Board
from pgsvc_encoder.cluster.connection import Cluster
from pgsvc_encoder.cluster.task import TaskInStore, code
from pgsvc_encoder.coder import Progress
from pgsvc_encoder.parts import Parts
from pgsvc_encoder.probe import Notice
from pgsvc_encoder.region import Region
from pgsvc_encoder.settings import Settings
from pgsvc_encoder.team import Task, Team

ray: Any = importlib.import_module("ray")  # its types would be known only where it is installed

# What decides how BLAS libraries split sums, which may change their last bit, and which kernels are used.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
KEPT = (*THREADS, "PGSVC_CPU")


class OnCluster(Team):
    """Codes up to ``count`` segments at a time on a cluster.

    Args:
        count: None: as many as there are processors for.
        settings: of all segments; ``threads`` are those of each, see :func:`plan`.
    """

    def __init__(
        self,
        cluster: Cluster,
        count: int | None,
        settings: Settings,
        parts: Parts,
        region: Region | None,
        progress: Progress | None,
        notice: Notice | None,
    ) -> None:
        super().__init__(parts, region, progress, notice)
        self._count, threads = plan(cluster.processors(), count, settings.threads)
        self._settings = replace(settings, threads=threads)
        self._running: dict[Any, Task] = {}
        self._code = ray.remote(code).options(
            num_cpus=threads,  # where a fit runs on a GPU: num_gpus=1 too
            max_retries=0,  # lost workers are counted here
            runtime_env={"env_vars": _environment()},
        )
        self._board = ray.remote(Board).options(num_cpus=0).remote()
        self._news = self._board.take.remote()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            super().__exit__(kind, error, traceback)
            if error is not None and isinstance(error, ray.exceptions.RayError):
                raise error
        except ray.exceptions.RayError as lost:
            raise PgsError(f"the cluster is lost; --resume goes on with what is finished: {lost}") from lost

    def _take(self, number: int, first_frame: int, pictures: Iterator[Picture], expected: int) -> Task:
        return TaskInStore.put(number, first_frame, expected, pictures, self._region)

    def _is_busy(self) -> bool:
        return bool(self._running)

    def _stop(self) -> None:
        with contextlib.suppress(ray.exceptions.RayError):
            for running in self._running:
                ray.cancel(running, force=True)
            ray.kill(self._board)
        self._running.clear()

    def _assign(self) -> None:
        while self._due and len(self._running) < self._count:
            task = self._due.popleft()
            self._running[self._code.remote(task, self._settings, self._board, pgsvc.__version__)] = task

    def _listen(self, timeout: float | None = None) -> None:
        """Finished tasks, and news from the board; when that is lost, frames are told of when their segment is finished."""
        waited_for = [*self._running] if self._news is None else [self._news, *self._running]
        ready, _ = ray.wait(waited_for, timeout=timeout) if waited_for else ([], [])
        for one in ready:
            if one == self._news:
                self._hear()
            else:
                self._end(one, self._running.pop(one))
        self._assign()

    def _hear(self) -> None:
        try:
            for frame in ray.get(self._news):
                self._finished(frame)
            self._news = self._board.take.remote()
        except ray.exceptions.RayError:
            self._news = None

    def _end(self, result: Any, task: Task) -> None:
        try:
            segment = ray.get(result)
        except ray.exceptions.WorkerCrashedError:
            self._lost(task, "was killed")
            return
        except (ray.exceptions.NodeDiedError, ray.exceptions.LocalRayletDiedError):
            self._lost(task, "is gone with its machine")
            return
        except ray.exceptions.OutOfMemoryError:
            self._lost(task, "was killed as its machine is short of memory")
            return
        except ray.exceptions.RayError as error:
            raise PgsError(
                f"a machine of the cluster cannot code segments; does it have pgsvc {pgsvc.__version__} with the extras "
                f"'encoder' and 'cluster'? {error}"
            ) from error
        if isinstance(segment, Exception):
            raise segment
        self._parts.save(task.number, *segment)
        task.remove()
        for frame in task.frame_numbers:
            self._finished(frame)


def plan(processors: list[int], segments: int | None, threads: int) -> tuple[int, int]:
    """How many segments to code at a time, and with how many threads each.

    Args:
        processors: of each machine.
        segments: at a time at the most; None: as many as there are processors for.
        threads: of a segment; 0: one, or where ``segments`` is given their share of the processors.

    Raises:
        UsageError: no machine has so many processors.
    """
    most = max(processors, default=0)
    if not threads:
        threads = 1 if segments is None else max(1, min(sum(processors) // segments, most))
    if threads > most:
        raise UsageError(f"no machine of the cluster has {threads} processors; --threads can be {most} at the most")
    return segments or sum(n // threads for n in processors), threads


def _environment() -> dict[str, str]:
    """Variables for the workers: as this process has them; where it has none for threads, what libraries make of that here."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return kept if set(THREADS) & set(kept) else {**kept, "OMP_NUM_THREADS": str(thread_count())}
