"""Run any decoder over the conformance streams; needs Python 3.11 and nothing else.

::

    python run.py --decoder "pgsvc-dec {input} --level {level} -o {output}"

``{input}``, ``{level}`` and ``{output}`` (a name that ends in .yuv, for raw planes) are filled in. With ``--print-md5`` the decoder
prints the MD5 of these planes instead. ``--scenes`` is the command line for streams of profile ``scene``, which are left out
without it: it prints the MD5 of the bytes of spec 6.6, tile after tile. Exit status 1 if a stream fails.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shlex
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PLANES_OF = {"grey": 0, "4:2:0": 2, "4:2:2": 2, "4:4:4": 2, "RGB": 2}


@dataclass(frozen=True)
class Outcome:
    """What one run of the decoder did; ``md5`` is None where it left no output."""

    code: int
    md5: str | None
    size: int
    messages: str


class Decoder:
    """A command line with places to fill in."""

    def __init__(self, command: str, print_md5: bool, timeout: float, folder: Path) -> None:
        self._words = shlex.split(command)
        self._print_md5, self._timeout, self._folder = print_md5, timeout, folder

    def __call__(self, name: str, source: Path, level: int, *options: str) -> Outcome:
        output = self._folder / f"{name.replace('/', '-')}.{level}.yuv"
        places = {"input": str(source), "level": str(level), "output": str(output)}
        words = [w.format_map(places) for w in self._words] + list(options)
        try:
            done = subprocess.run(
                words, capture_output=True, timeout=self._timeout, stdin=subprocess.DEVNULL, check=False
            )
        except subprocess.TimeoutExpired:
            return Outcome(-1, None, 0, f"no answer within {self._timeout:g} s")
        messages = done.stderr.decode(errors="replace").strip()
        if self._print_md5:
            printed = done.stdout.decode(errors="replace").split()
            return Outcome(done.returncode, printed[-1].lower() if printed else None, 0, messages)
        if not output.exists():
            return Outcome(done.returncode, None, 0, messages)
        data = output.read_bytes()
        output.unlink()
        return Outcome(done.returncode, hashlib.md5(data).hexdigest(), len(data), messages)


def frame_bytes(words: str) -> int:
    """Bytes of one decoded frame from the manifest's format words, such as ``67x45 4:2:0 8 bit``."""
    size, kind, depth, _ = words.split()
    width, height = (int(v) for v in size.split("x"))
    half_width = (width + 1) // 2 if kind in ("4:2:0", "4:2:2") else width
    half_height = (height + 1) // 2 if kind == "4:2:0" else height
    return (width * height + PLANES_OF[kind] * half_width * half_height) * (2 if int(depth) > 8 else 1)


def check_valid(decode: Decoder, entry: dict[str, Any], level: int) -> str | None:
    """What is wrong, or None."""
    got = decode(entry["id"], HERE / entry["file"], level)
    if got.code:
        return f"exit status {got.code}: {got.messages}"
    if got.md5 != entry["md5"][level]:
        return f"MD5 {got.md5}, not {entry['md5'][level]}"
    return None


def check_faulty(decode: Decoder, entry: dict[str, Any], messages: bool, hash_option: str | None) -> str | None:
    options = [hash_option] if hash_option and entry["error"] == "HashMismatch" else []
    got = decode(entry["id"], HERE / entry["file"], entry["level"], *options)
    if got.code == 0:
        return "exit status 0"
    if got.code == -1 or (os.name == "posix" and got.code < 0):
        return f"died: {got.messages or f'signal {-got.code}'}"
    if got.md5 is not None:
        return "it left an output file"
    if messages and got.code != entry["exit_code"]:
        return f"exit status {got.code}, not {entry['exit_code']}: {got.messages}"
    if messages and f"spec {entry['clause']})" not in got.messages:
        return f"the message does not name clause {entry['clause']}: {got.messages}"
    return None


def check_truncated(
    decode: Decoder, entry: dict[str, Any], stream: dict[str, Any], folder: Path, partial: bool
) -> str | None:
    source = folder / f"{entry['id']}.pgs"
    source.write_bytes((HERE / stream["file"]).read_bytes()[: entry["bytes"]])
    got = decode("cut-" + entry["id"], source, stream["layers"] - 1)
    if not entry["levels"]:
        return None if got.code and got.md5 is None else f"exit status {got.code} without a complete frame"
    if got.code:
        return f"exit status {got.code}: {got.messages}"
    if partial and got.md5 != entry["md5"]:
        return f"MD5 {got.md5}, not {entry['md5']}"
    if stream["profile"] == "scene":
        return None
    size, kind = stream["format"].split(" ", 1)
    wanted = len(entry["levels"]) * frame_bytes(f"{stream.get('sizes', [size])[-1]} {kind}")
    if got.size and got.size != wanted:
        return f"{got.size} bytes of output, not {wanted}"
    return None


def jobs(
    a: argparse.Namespace, decoders: dict[bool, Decoder], folder: Path
) -> Iterator[tuple[str, Callable[[], str | None]]]:
    """Name and check of everything that there is a decoder for; these go by whether a stream is a scene."""

    def decoder_of(entry: dict[str, Any]) -> Decoder | None:
        return decoders.get(entry.get("profile") == "scene")

    manifest = tomllib.loads((HERE / "manifest.toml").read_text(encoding="utf-8"))
    valid = {e["id"]: e for e in manifest["valid"]}
    for e in valid.values():
        for level in range(e["layers"] if (d := decoder_of(e)) else 0):
            yield f"{e['file']} level {level}", lambda d=d, e=e, k=level: check_valid(d, e, k)
    for e in manifest["faulty"]:
        if (d := decoder_of(e)) and (e["error"] != "HashMismatch" or a.hash_option):
            yield e["file"], lambda d=d, e=e: check_faulty(d, e, a.check_messages, a.hash_option)
    for e in manifest["truncated"]:
        name, stream = f"truncated/{e['id']}", valid[e["stream"]]
        if d := decoder_of(stream):
            yield name, lambda d=d, e=e, s=stream: check_truncated(d, e, s, folder, not a.no_partial)


def main(argv: list[str] | None = None) -> int:
    p = argparse.ArgumentParser(description="Run any decoder over the conformance streams.")
    p.add_argument("--decoder", required=True, metavar="COMMAND", help="command line with {input}, {level}, {output}")
    p.add_argument("--print-md5", action="store_true", help="the decoder prints the MD5 of the planes; no output file")
    p.add_argument(
        "--scenes", metavar="COMMAND", help="command line with {input}, {level} that prints the MD5 of a scene"
    )
    p.add_argument("--check-messages", action="store_true", help="also check exit status and clause of faulty streams")
    p.add_argument(
        "--hash-option", metavar="OPTION", help="what makes the decoder check hashes; else that stream is left out"
    )
    p.add_argument("--no-partial", action="store_true", help="the decoder does not add partial layers (spec 9.2)")
    p.add_argument("--only", metavar="PATTERN", default="*", help="only names that match, such as 'faulty/*'")
    p.add_argument("--timeout", type=float, default=60, metavar="S", help="seconds for one run")
    p.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="runs at a time")
    p.add_argument("-v", "--verbose", action="store_true", help="name every stream")
    a = p.parse_args(argv)
    passed = failed = 0
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(a.jobs) as pool:
        decoders = {False: Decoder(a.decoder, a.print_md5, a.timeout, Path(folder))}
        if a.scenes:
            decoders[True] = Decoder(a.scenes, True, a.timeout, Path(folder))
        chosen = [(name, check) for name, check in jobs(a, decoders, Path(folder)) if fnmatch(name, a.only)]
        for (name, _), fault in zip(chosen, pool.map(lambda job: job[1](), chosen), strict=True):
            passed, failed = passed + (fault is None), failed + (fault is not None)
            if fault is not None or a.verbose:
                print(f"{name}: {fault or 'passed'}")
    print(f"{passed} passed, {failed} failed")
    return int(failed > 0 or passed == 0)


if __name__ == "__main__":
    sys.exit(main())
