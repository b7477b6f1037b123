"""Finished segments on disk, so that a long encode that was killed goes on where it stopped (``--resume``)."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

from pgsvc.assemble import RawChunk
from pgsvc.container import Address
from pgsvc.errors import UsageError


class Parts:
    """A folder beside the output with one pair of files per finished segment.

    Args:
        output: path of the .pgs file to be.
        identity: everything that decides the result; a folder made with another identity is not reused.
        resume: reuse what is there; otherwise start afresh.

    Raises:
        UsageError: there is nothing to resume, or it was made with other settings.
    """

    def __init__(self, output: Path, identity: dict[str, Any], *, resume: bool) -> None:
        self.folder = output.with_name(output.name + ".parts")
        self._identity = json.dumps(identity, sort_keys=True, default=str)
        marker = self.folder / "settings.json"
        if resume and marker.exists() and marker.read_text() != self._identity:
            raise UsageError(f"{self.folder} was made with other settings; encode without --resume to start afresh")
        if not resume and self.folder.exists():
            shutil.rmtree(self.folder)
        self.folder.mkdir(exist_ok=True)
        marker.write_text(self._identity)

    def load(self, segment: int) -> tuple[list[RawChunk], dict[str, Any]] | None:
        """Chunks and statistics of a finished segment, or None."""
        try:
            record = json.loads((self.folder / f"{segment:06d}.json").read_text())
            data = (self.folder / f"{segment:06d}.bin").read_bytes()
        except (OSError, ValueError):
            return None
        if hashlib.sha256(data).hexdigest() != record["sha256"]:
            return None
        chunks, position = [], 0
        for kind, address, size in record["chunks"]:
            chunks.append(RawChunk(kind.encode(), Address(*address), data[position : position + size]))
            position += size
        return chunks, record["statistics"]

    def save(self, segment: int, chunks: list[RawChunk], statistics: dict[str, Any]) -> None:
        """Keep a finished segment; it counts as finished once its .json file is complete."""
        data = b"".join(c.raw for c in chunks)
        record = {
            "sha256": hashlib.sha256(data).hexdigest(),
            "chunks": [[c.type.decode(), list(c.address), len(c.raw)] for c in chunks],
            "statistics": statistics,
        }
        (self.folder / f"{segment:06d}.bin").write_bytes(data)
        temporary = self.folder / f"{segment:06d}.tmp"
        temporary.write_text(json.dumps(record))
        os.replace(temporary, self.folder / f"{segment:06d}.json")

    def note(self, name: str, record: dict[str, Any]) -> None:
        """Keep something else that was found out and that a resumed encode must not find out again."""
        temporary = self.folder / f"{name}.tmp"
        temporary.write_text(json.dumps(record))
        os.replace(temporary, self.folder / f"{name}.json")

    def noted(self, name: str) -> dict[str, Any] | None:
        """What :meth:`note` has kept, or None."""
        try:
            return json.loads((self.folder / f"{name}.json").read_text())
        except (OSError, ValueError):
            return None

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
