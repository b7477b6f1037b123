"""What the benchmarks share: running the product's own commands, and records of command, versions, commit and machine."""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "tools" / "results"


def data_folder() -> Path:
    """The folder named by PGSVC_DATA; ends the program with one line if there is none."""
    folder = os.environ.get("PGSVC_DATA")
    if not folder or not Path(folder).is_dir():
        sys.exit("this benchmark reads pictures and clips from the folder in PGSVC_DATA, which is not set")
    return Path(folder)


def arguments(description: str | None, name: str, **defaults: str | float) -> argparse.Namespace:
    """What the command line says: an option for each default, of its type, and ``--name`` of the result files."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    for option, value in defaults.items():
        parser.add_argument(f"--{option}", type=type(value), default=value, help=f"(default: {value})")
    parser.add_argument("--name", default=name, help=f"of the result files (default: {name})")
    return parser.parse_args()


def environment() -> dict[str, Any]:
    """Command, versions, commit and machine, for the head of a result file."""

    def version(name: str) -> str | None:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            return None

    def git(*words: str) -> str:
        return subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=False).stdout

    # results of other runs, not yet in a commit, do not change what this one measures
    changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!tools/results").strip()
    commit = git("describe", "--always", "--abbrev=12").strip() + "-dirty" * bool(changed)
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        model = lines[0].split(":", 1)[1].strip() if lines else model
    return {
        "command": ["python", *[_relative(a) for a in sys.argv]],
        "date": time.strftime("%Y-%m-%d"),
        "versions": {n: version(n) for n in ("pgsvc", "torch", "numpy", "constriction")}
        | {"python": platform.python_version()},
        "commit": commit,
        "machine": {"processor": model, "cores": len(os.sched_getaffinity(0)), "system": platform.system()},
    }


def _relative(argument: str) -> str:
    """A path of this checkout from its root; of any other only the name, as results say nothing of folders of a machine."""
    path = Path(argument)
    if not path.is_absolute():
        return argument
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else path.name


def tool(name: str, *arguments: str) -> list[str]:
    """Command line of one of our programs, run by this interpreter."""
    modules = {"pgsvc-enc": "pgsvc_encoder.cli", "pgsvc-dec": "pgsvc.cli.dec", "pgsvc-cut": "pgsvc.cli.cut"}
    return [sys.executable, "-m", modules[name], *arguments]


def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command that must succeed; its stderr is shown if it does not."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stderr}")
    return done


def encode(source: Path, stream: Path, *arguments: str) -> dict[str, Any]:
    """Run pgsvc-enc with a report and return the report."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        run(tool("pgsvc-enc", str(source), str(stream), "--quiet", "--report", str(report), *arguments))
        return json.loads(report.read_text())


def timed(command: list[str], repeat: int) -> dict[str, float]:
    """Best wall and CPU seconds of a command over some runs."""
    walls, cpus = [], []
    for _ in range(repeat):
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        run(command)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        walls.append(time.perf_counter() - began)
        cpus.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return {"wall_s": min(walls), "cpu_s": min(cpus)}


def below(pid: int, title: str) -> list[int]:
    """Processes that descend from one and whose command line begins with the title; asks ``ps``."""
    rows = subprocess.run(["ps", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    table = {int(child): (int(parent), args) for child, parent, args in (r.split(None, 2) for r in rows.splitlines())}

    def descends(child: int) -> bool:
        return child in table and (table[child][0] == pid or descends(table[child][0]))

    return [child for child, (_, args) in table.items() if args.startswith(title) and descends(child)]


def save(name: str, rows: Any, table: str, *, quiet: bool = False) -> None:
    """Write tools/results/NAME.json and NAME.md, and print the table unless ``quiet``."""
    RESULTS.mkdir(exist_ok=True)
    record = {**environment(), "rows": rows}
    (RESULTS / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n")
    head = f"Commit {record['commit']}, {record['machine']['processor']}, {record['machine']['cores']} cores, {record['date']}.\n"
    (RESULTS / f"{name}.md").write_text(f"{head}\n    {' '.join(record['command'])}\n\n{table}\n")
    if not quiet:
        print(table)


def markdown(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
