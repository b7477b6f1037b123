"""Fuzz the decoder with damaged streams: every outcome must be a picture or one of our errors, soon and in little memory.

::

    python tools/fuzz.py --count 10000 --seed 1 --jobs 2 --save findings

Streams are made from the conformance streams, in the ways of ``fuzz_damage``. Worker processes decode all levels under the
limits of limit level 1 and at most FRAMES frames; this process watches them. Anything but a decoded stream or a PgsError,
more than --timeout seconds, or more than --memory MiB is a finding: the stream is saved and the exit status is 1.
"""

from __future__ import annotations

import argparse
import collections
import hashlib
import multiprocessing as mp
import os
import sys
import time
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import NamedTuple

from fuzz_damage import Mutator

ROOT = Path(__file__).resolve().parent.parent

FRAMES = 16  # decoded at most per level: a legal stream of a few bytes can hold any number of frames
MOST_SPLATS = 1 << 16  # of a scene, levels together: a few bytes can make each level cost as much as the limits allow
STOP_WAITING = 0.1


class Result(NamedTuple):
    outcome: str
    seconds: float
    peak_mib: int
    is_finding: bool


def decode(data: bytes, limit_level: int = 1) -> str:
    """Decode all levels; a word for what came of it. Anything but a PgsError goes through."""
    from itertools import islice

    from pgsvc.errors import LimitExceeded, PgsError, UsageError
    from pgsvc.limits import LEVELS
    from pgsvc.stream import Stream

    stream = Stream(allow=LEVELS[limit_level], threads=1)
    stream.keep_chunks = True
    fault = None
    try:
        stream.feed(data)
        stream.close()
    except PgsError as error:
        fault = error
    if stream.header is None:
        assert fault is not None
        return outcome_of(fault)
    if stream.content is not None:
        return decode_scene(stream, fault)
    decoded = 0
    for level in range(stream.layer_count):  # what came before the fault stays usable
        try:
            for frame in islice(stream.frames(level, check_hash=level % 2 == 0), FRAMES):
                assert frame.level <= level
                decoded += 1
        except PgsError as error:
            fault = fault or error
    width, height = stream.format.width, stream.format.height
    for size in ((-(-width // 3), 2 * height), (16 * width, -(-height // 64))):  # ask for other sizes too
        try:
            assert all(
                (f.picture.format.width, f.picture.format.height) == size
                for f in islice(stream.frames(0, size=size), 1)
            )
        except PgsError as error:
            fault = fault or (None if isinstance(error, LimitExceeded | UsageError) else error)
    if fault is not None:
        return outcome_of(fault)
    check_cut(stream)
    return ("truncated, " if stream.truncated else "whole, ") + ("decoded" if decoded else "no frames")


def decode_scene(stream, fault: Exception | None) -> str:  # noqa: ANN001
    """The same for a scene: all levels, each tile alone at the highest, and a cut."""
    import numpy as np

    from pgsvc.errors import PgsError
    from pgsvc.scene.digest import md5_of

    decoded = 0
    for level in range(stream.layer_count):
        try:
            scene = stream.scene(level, check_hash=level % 2 == 0)
            assert scene.level <= level and len(md5_of(scene)) == 32
            assert np.isfinite(scene.splats.position).all() and np.isfinite(scene.splats.rotation).all()
            decoded += len(scene.splats)
            if decoded > MOST_SPLATS:
                break
        except PgsError as error:
            fault = fault or error
    if fault is not None:
        return outcome_of(fault)
    check_cut(stream)
    return ("truncated, " if stream.truncated else "whole, ") + ("scene" if decoded else "no splats")


def outcome_of(error: Exception) -> str:
    return f"{type(error).__name__} {getattr(error, 'clause', '')}".strip()


def check_cut(stream) -> None:  # noqa: ANN001
    """A cut of what decodes decodes."""
    from pgsvc.cut import cut
    from pgsvc.errors import UsageError
    from pgsvc.stream import Stream

    coarse = {0: 0} if stream.object_count > 1 else None
    for level, objects in ((0, None), *([(None, coarse)] if coarse else [])):
        try:
            part = cut(stream, level=level, object_levels=objects)
        except UsageError:
            continue
        other = Stream(allow=stream._allowed)  # noqa: SLF001
        other.feed(part)
        other.close()
        assert not other.truncated and other.object_layers[0] == 1


def peak_mib() -> int:
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) >> 10 for line in status if line.startswith("VmHWM"))


def forget_peak() -> None:
    with open("/proc/self/clear_refs", "w") as control:
        control.write("5")


def work(pipe: Connection, mutator: Mutator, limit_level: int) -> None:
    """Take stream numbers, say what came of each."""
    import resource

    import numpy  # noqa: F401  the base memory is not the stream's

    from pgsvc import kernel

    kernel.select()
    resource.setrlimit(
        resource.RLIMIT_AS, (8 << 30, 8 << 30)
    )  # the backstop; the measure is the peak of resident memory
    while (number := pipe.recv()) is not None:
        data = mutator(number)
        forget_peak()
        base, began = peak_mib(), time.perf_counter()
        finding = False
        try:
            outcome = decode(data, limit_level)
        except BaseException as error:  # noqa: BLE001  Rust panics are no Exceptions
            if isinstance(error, KeyboardInterrupt):
                return
            outcome, finding = f"{type(error).__name__}: {error}", True
        pipe.send(Result(outcome, time.perf_counter() - began, peak_mib() - base, finding))


class Worker:
    """One process and the stream that it is at."""

    def __init__(self, mutator: Mutator, limit_level: int) -> None:
        self._arguments = mutator, limit_level
        self._start()

    def _start(self) -> None:
        self.pipe, other = mp.Pipe()
        self.process = mp.get_context("fork").Process(target=work, args=(other, *self._arguments), daemon=True)
        self.process.start()
        other.close()
        self.number: int | None = None
        self.began = 0.0

    def give(self, number: int) -> None:
        self.number, self.began = number, time.monotonic()
        self.pipe.send(number)

    def replace(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()
        self._start()

    def stop(self) -> None:
        self.process.kill()
        self.process.join()


class Report:
    """Counts, extremes and findings."""

    def __init__(self, a: argparse.Namespace, mutator: Mutator) -> None:
        self._a, self._mutator = a, mutator
        self.outcomes: collections.Counter[str] = collections.Counter()
        self.findings: dict[int, str] = {}
        self.slowest, self.largest = (0.0, -1), (0, -1)

    def note(self, number: int, result: Result) -> None:
        reason = result.outcome if result.is_finding else None
        if result.peak_mib > self._a.memory:
            reason = reason or f"{result.peak_mib} MiB"
        if result.seconds > self._a.timeout:
            reason = reason or f"{result.seconds:.1f} s"
        self.outcomes["FINDING" if reason else result.outcome] += 1
        self.slowest = max(self.slowest, (result.seconds, number))
        self.largest = max(self.largest, (result.peak_mib, number))
        if reason:
            self.findings[number] = reason
            print(f"stream {number}: {reason}", file=sys.stderr)
            if self._a.save:
                data = self._mutator(number)
                folder = Path(self._a.save)
                folder.mkdir(parents=True, exist_ok=True)
                (folder / f"{hashlib.sha256(data).hexdigest()[:12]}.pgs").write_bytes(data)

    def print(self, seconds: float) -> None:
        total = sum(self.outcomes.values())
        print(f"{total} streams in {seconds:.1f} s, {total / seconds:.0f} streams/s, seed {self._a.seed}")
        for outcome, count in self.outcomes.most_common():
            print(f"{count:8} {outcome}")
        print(f"slowest {1000 * self.slowest[0]:.0f} ms (stream {self.slowest[1]}), ", end="")
        print(f"most memory {self.largest[0]} MiB (stream {self.largest[1]})")


def fuzz(a: argparse.Namespace) -> int:
    corpus = [p.read_bytes() for p in sorted((ROOT / "conformance").glob("[vf]a*/*.pgs")) + sorted(map(Path, a.corpus))]
    mutator = Mutator(a.seed, corpus)
    report = Report(a, mutator)
    began = time.monotonic()
    workers = [Worker(mutator, a.limit_level) for _ in range(a.jobs)]
    numbers = iter(range(a.first, a.first + a.count))
    busy: list[Worker] = []

    def next_for(worker: Worker) -> None:
        number = next(numbers, None)
        worker.number = None
        if number is not None:
            worker.give(number)
            busy.append(worker)

    for worker in workers:
        next_for(worker)
    while busy:
        ready = wait([w.pipe for w in busy], timeout=STOP_WAITING)
        for worker in list(busy):
            number = worker.number
            assert number is not None
            late = time.monotonic() - worker.began > a.timeout + 1  # the worker's own clock decides below this
            if worker.pipe not in ready and not late:
                continue
            busy.remove(worker)
            try:
                result = worker.pipe.recv() if worker.pipe in ready else None
                died = "crash"
            except EOFError:
                result, died = None, "crash"
            if result is None:
                died = f"no answer in {a.timeout + 1:g} s" if late and worker.process.is_alive() else died
                result = Result(died, time.monotonic() - worker.began, 0, True)
                worker.replace()
            report.note(number, result)
            next_for(worker)
    for worker in workers:
        worker.stop()
    report.print(time.monotonic() - began)
    return int(bool(report.findings))


def main(argv: list[str] | None = None) -> int:
    p = argparse.ArgumentParser(description="Fuzz the decoder with damaged streams.")
    p.add_argument("--count", type=int, default=10000, metavar="N", help="streams to make (default 10000)")
    p.add_argument("--first", type=int, default=0, metavar="N", help="number of the first one, to repeat a finding")
    p.add_argument("--seed", type=int, default=0, metavar="S")
    p.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), metavar="N", help="worker processes")
    p.add_argument("--timeout", type=float, default=2, metavar="S", help="seconds for one stream (default 2)")
    p.add_argument("--memory", type=int, default=512, metavar="MIB", help="that one stream may take (default 512)")
    p.add_argument("--limit-level", type=int, default=1, metavar="K", help="limits of the decoder (default 1)")
    p.add_argument("--save", metavar="DIR", help="keep findings here")
    p.add_argument("corpus", nargs="*", help="more streams to damage")
    return fuzz(p.parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
