"""Where bytes go: a file that appears under its name only when complete, or a stream that is already open."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from pgsvc.errors import UsageError


class FileTarget:
    """A file written under a temporary name in its own folder and renamed by `commit`.

    A target that exists and is no ordinary file (a pipe, ``/dev/stdout``) is written directly: it must not be replaced.
    Symbolic links are followed, so that the link survives.

    Attributes:
        path: the final name.
        temporary: the name to write to until `commit` (the same as ``path`` for pipes and devices).

    Raises:
        UsageError: the folder is missing or not writable, or the path is a folder.
    """

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        real = Path(os.path.realpath(path))
        if real.is_dir():
            raise UsageError(f"{path} is a folder; give a file name with -o")
        if not real.parent.is_dir():
            raise UsageError(f"the folder of {path} does not exist; make it or choose another name with -o")
        self._direct = real.exists() and not stat.S_ISREG(real.stat().st_mode)
        self._real = real
        self.temporary = real if self._direct else real.with_name(f".{real.name}.{os.getpid()}.{id(self):x}.part")
        try:
            self.file: BinaryIO = open(self.temporary, "wb" if self._direct else "xb")  # noqa: SIM115
        except OSError as error:
            raise UsageError(f"cannot write {path}: {error.strerror}; choose another place with -o") from error

    def write(self, data: bytes) -> None:
        self.file.write(data)

    def commit(self, path: str | None = None) -> None:
        """Closes the file and gives it its final name (or ``path``, in the same folder)."""
        self.file.close()
        if not self._direct:
            os.replace(self.temporary, self._real if path is None else os.path.realpath(path))

    def discard(self) -> None:
        """Closes the file and removes what was written."""
        try:
            self.file.close()
        finally:
            if not self._direct:
                self.temporary.unlink(missing_ok=True)


def write_whole(path: str, data: bytes) -> None:
    """Write a file that appears under its name only when complete; nothing is left behind if that fails.

    Raises:
        UsageError: as for `FileTarget`.
        OSError: the data cannot be written.
    """
    target = FileTarget(path)
    try:
        target.write(data)
        target.commit()
    except BaseException:
        target.discard()
        raise


class StreamTarget:
    """A binary stream of the caller's, flushed but never closed."""

    path = "standard output"

    def __init__(self, stream: BinaryIO | None) -> None:
        self.file = sys.stdout.buffer if stream is None else stream

    def write(self, data: bytes) -> None:
        self.file.write(data)

    def commit(self, path: str | None = None) -> None:
        self.file.flush()

    def discard(self) -> None:
        pass  # what went down a pipe is gone


def open_target(path: str, stdout: BinaryIO | None) -> FileTarget | StreamTarget:
    """A target for ``path``; ``-`` is ``stdout``, or the process's standard output when that is None."""
    return StreamTarget(stdout) if path == "-" else FileTarget(path)


def chosen_kind(
    path: str, kind: str | None, what: str, kinds: Sequence[str], of_suffix: Mapping[str, str], usual: str
) -> str:
    """The kind that is asked for, or that a path tells.

    Args:
        what: the word for kinds in messages.
        of_suffix: kinds by suffixes of names.
        usual: the kind of standard output.

    Raises:
        UsageError: there is no such kind, or the name does not tell one.
    """
    names = ", ".join(kinds)
    if kind is not None:
        if kind not in kinds:
            raise UsageError(f"there is no {what} kind '{kind}'; use one of {names}")
        return kind
    if path == "-":
        return usual
    if path in ("null", os.devnull):
        return "null"
    suffix = Path(path).suffix.lower()
    if suffix not in of_suffix:
        raise UsageError(
            f"the name {path} does not tell what to write; end it in {', '.join(sorted(of_suffix))}, "
            f"or say which with --output-kind ({names})"
        )
    return of_suffix[suffix]
