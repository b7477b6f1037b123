"""What a worker process does (``workers.py``): code tasks, keep them, tell of finished frames and errors.

BLAS libraries keep the number of threads that the environment gives them, because sums may differ in the last bit with another.
"""

from __future__ import annotations

import contextlib
import multiprocessing as mp
import pickle
import signal
import traceback
from multiprocessing.connection import Connection

import torch

from pgsvc.errors import PgsError
from pgsvc_encoder.coder import Progress, code_segment
from pgsvc_encoder.parts import Parts
from pgsvc_encoder.probe import Segment
from pgsvc_encoder.settings import Settings
from pgsvc_encoder.team import Task


def work(connection: Connection, settings: Settings, parts: Parts) -> None:
    """The worker: codes tasks until its pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    main = mp.parent_process()

    def progress(frame: int, errors: torch.Tensor | None) -> None:
        if errors is None:
            connection.send(frame)
        elif main is not None and not main.is_alive():
            raise SystemExit

    with contextlib.suppress(EOFError, ConnectionError):
        while True:
            task = connection.recv()
            try:
                parts.save(task.number, *code_task(task, settings, progress))
            except Exception as error:
                connection.send(portable(error))
            else:
                connection.send(None)


def code_task(task: Task, settings: Settings, progress: Progress) -> Segment:
    """Chunks and statistics of the task's segment."""
    torch.set_num_threads(1)  # as in the main process
    return code_segment(task.number, task.first_frame, task.read(), settings, progress, task.expected, task.region())


def portable(error: Exception) -> Exception:
    """The error, or one of the same message and exit code that survives the way to another process."""
    error.add_note(f"In a worker:\n{traceback.format_exc()}")
    try:
        pickle.loads(pickle.dumps(error))
        return error
    except Exception:
        other = PgsError(str(error) if isinstance(error, PgsError) else repr(error))
        other.exit_code = getattr(error, "exit_code", 1)
        other.add_note("\n".join(error.__notes__))
        return other
