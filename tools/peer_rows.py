"""Rows of a comparison, written as they are measured, so that an interrupted run can go on."""

from __future__ import annotations

import json
import shlex
import subprocess
import time
from collections.abc import Callable, Iterable
from typing import Any

from benchmarking import RESULTS, ROOT, environment
from measures import CONVERSION, VMAF_MODEL, unavailable
from rate_tables import NAMES


def codec_version() -> str:
    """The tree of codec/ that git would record, with ``+changes`` where files differ from it."""

    def git(*words: str) -> str:
        return subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=False).stdout

    changed = git("status", "--porcelain", "--", "codec").strip()
    return f"codec tree {git('rev-parse', '--short=12', 'HEAD:codec').strip()}" + "+changes" * bool(changed)


class Rows:
    """The rows of one result file, in jobs: one source, one codec, its version and its settings.

    With ``resume``, jobs that the file of an earlier run holds are taken from it if neither the job nor the way to measure
    differs. Each job keeps the commit at which it was measured. pgsvc's version is the tree of codec/, so any change there counts.
    """

    def __init__(self, name: str, resume: bool) -> None:
        self.path = RESULTS / f"{name}.json"
        self.record = {
            **environment(),
            "complete": False,
            "measures": {"vmaf_model": VMAF_MODEL, "rgb_to_yuv": CONVERSION, "unavailable": unavailable()},
        }
        self.jobs: list[dict[str, Any]] = []
        self._kept: dict[str, dict[str, Any]] = {}
        if resume and self.path.is_file():
            earlier = json.loads(self.path.read_text())
            if earlier.get("measures") == self.record["measures"]:
                self._kept = {self._key(j): j for j in earlier["rows"] if "+changes" not in j["version"]}

    @staticmethod
    def _key(job: dict[str, Any]) -> str:
        return json.dumps([job[n] for n in ("source", "codec", "version", "settings")], sort_keys=True)

    def add(
        self,
        source: str,
        codec: str,
        version: str,
        settings: dict[str, Any],
        measure: Callable[[], Iterable[dict[str, Any]]],
    ) -> None:
        """Measure a job unless it is there, print its rows and write the file."""
        job: dict[str, Any] = {"source": source, "codec": codec, "version": version, "settings": settings}
        kept = self._kept.get(self._key(job))
        if kept is not None:
            print(f"{source}  {codec}: kept", flush=True)
            self.jobs.append(kept)
            return
        began, points = time.perf_counter(), []
        for point in measure():
            points.append(point)
            numbers = "  ".join(f"{k} {v:.4g}" for k, v in point.items() if isinstance(v, float))
            print(f"{source}  {codec}  {point['stream']}  level {point['level']}  {numbers}", flush=True)
        seconds = round(time.perf_counter() - began, 2)
        self.jobs.append({**job, "commit": self.record["commit"], "seconds": seconds, "points": points})
        self._write()

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Every point with its source and codec."""
        return [{"source": j["source"], "codec": j["codec"], **p} for j in self.jobs for p in j["points"]]

    def finish(self, table: str) -> None:
        """Mark the file complete, write the Markdown beside it, and print the table."""
        self.record["complete"] = True
        self._write()
        r = self.record
        head = f"Commit {r['commit']}, {r['machine']['processor']}, {r['machine']['cores']} cores, {r['date']}."
        self.path.with_suffix(".md").write_text(f"{head}\n\n    {shlex.join(r['command'])}\n\n{table}\n")
        print(table)

    def notes(self) -> list[str]:
        """For the end of a table: how quality is measured, and ``codec: version; settings`` of every codec."""
        lines = [f"- VMAF: model {VMAF_MODEL}; for it and for PSNR-Y, RGB pictures are converted: {CONVERSION}."]
        lines += [f"- {NAMES[measure]}: n/a, {reason}." for measure, reason in unavailable().items()]
        lines.append("- Levels count from 0; the name of a layered codec alone means its whole streams.")
        found: dict[str, dict[str, list[str]]] = {}
        for j in self.jobs:
            for name, value in {"": j["version"], **j["settings"]}.items():
                values = found.setdefault(j["codec"], {}).setdefault(name, [])
                values += [_words(value)] * (_words(value) not in values)
        for codec, settings in found.items():
            lines.append(f"- {codec}: " + ", ".join(f"{k} {' / '.join(v)}".strip() for k, v in settings.items()))
        return lines + ["- pgsvc was not part of this run."] * ("pgsvc" not in found)

    def _write(self) -> None:
        RESULTS.mkdir(exist_ok=True)
        self.path.write_text(json.dumps({**self.record, "rows": self.jobs}, indent=1, ensure_ascii=False) + "\n")


def _words(value: Any) -> str:
    return " ".join(str(v) for v in value) if isinstance(value, list) else str(value)
