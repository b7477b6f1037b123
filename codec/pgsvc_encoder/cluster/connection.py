"""A connection to a Ray cluster, whose machines code segments of a video (``--cluster``)."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import logging
import os
import re
import socket
import tempfile
from types import TracebackType
from typing import Any, Self

from pgsvc.errors import MissingExtra, UsageError
from pgsvc.kernel import thread_count

LOCAL = "local"
HOST_AND_PORT = re.compile(r"(?:ray://)?([^/]+):(\d+)")
PATIENCE = 10.0  # seconds until a machine does not answer


class Cluster:
    """Connected while its ``with`` block lasts. Ray is imported here, and nowhere when no cluster is asked for.

    A connection that the process has already is used, and kept; ``address`` then does not matter.

    Args:
        address: ``auto`` is the cluster that this machine belongs to, ``HOST:PORT`` the one with that head, ``ray://HOST:PORT`` its
            server for clients, ``local`` one that is started on this machine and ends with the connection.
        processors: of a cluster that is started; 0: as many as this process may use.

    Raises:
        MissingExtra: Ray is not installed.
        UsageError: there is no connection.
    """

    def __init__(self, address: str, processors: int = 0) -> None:
        if importlib.util.find_spec("ray") is None:
            raise MissingExtra("encoding on a cluster", "cluster")
        self._open = contextlib.ExitStack()
        self._ray = ray = _quiet_ray()
        if ray.is_initialized():
            return
        options: dict[str, Any] = {"logging_level": logging.CRITICAL, "log_to_driver": False}
        if address == LOCAL:
            folder = self._open.enter_context(_short_folder())
            options |= {"num_cpus": thread_count(processors), "include_dashboard": False, "_temp_dir": folder}
        self._open.callback(ray.shutdown)
        try:
            _knock(address)
            ray.init(address, **options)
        except BaseException as error:
            self._open.close()
            if isinstance(error, (OSError, RuntimeError, ValueError)):
                reason = str(error).strip().partition("\n")[0]
                raise UsageError(f"--cluster {address}: no connection: {reason}") from error
            raise

    def processors(self) -> list[int]:
        """Of each machine."""
        return [int(node["Resources"].get("CPU", 0)) for node in self._ray.nodes() if node["Alive"]]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._open.close()


def _knock(address: str) -> None:
    """Raises OSError if nobody listens at HOST:PORT; Ray would take minutes to find out."""
    place = HOST_AND_PORT.fullmatch(address)
    if place:
        socket.create_connection((place[1].strip("[]"), int(place[2])), timeout=PATIENCE).close()


def _short_folder() -> tempfile.TemporaryDirectory[str]:
    """For Ray's sockets, whose paths must not have more than about 100 characters, and its logs."""
    return tempfile.TemporaryDirectory(
        prefix="pgsvc-", dir="/tmp" if os.name == "posix" else None, ignore_cleanup_errors=True
    )


def _quiet_ray() -> Any:
    """Ray, which reports no use to its makers, and prints nothing about workers that are lost: notices tell of them."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # else a warning about a future version
    ray: Any = importlib.import_module("ray")
    ray._private.worker._worker_logs_enabled = False  # what log_to_driver leaves, on standard output
    return ray
