#!/usr/bin/env python3
"""Hold a stream against everything the format promises, and print what was compared.

    python tools/check_stream.py clip.pgs [--report clip.json] [--prefixes 200]

- every level, kernel and number of threads gives the same pictures; with the encoder's report, those the encoder saw;
- a stream cut at level k decodes as level k, cutting twice is cutting once;
- one whose objects are cut to fewer layers is whole, and its lower levels are what they were;
- the first N bytes decode to what is complete, for random N, each frame equal to its level of the whole stream at that size;
- feeding byte by byte equals feeding the whole file.

For scenes ``check_scene`` says what is compared.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
from pathlib import Path
from typing import Any

from check_scene import check_scene

from pgsvc import kernel
from pgsvc.cut import cut
from pgsvc.errors import BadStream
from pgsvc.stream import Stream

Hashes = dict[int, str]  # frame number → MD5 of its samples


def parse(data: bytes, *, cpu: str | None = None, threads: int = 0, step: int | None = None) -> Stream:
    stream = Stream(cpu=cpu, threads=threads)
    stream.keep_chunks = True
    for i in range(0, len(data), step or max(1, len(data))):
        stream.feed(data[i : i + (step or len(data))])
    stream.close()
    return stream


def hashes(stream: Stream, level: int, **options: Any) -> Hashes:
    return {f.index: hashlib.md5(f.picture.tobytes()).hexdigest() for f in stream.frames(level, **options)}


class Checker:
    """Counts comparisons and failures."""

    def __init__(self) -> None:
        self.failed = 0

    def check(self, name: str, good: int, total: int) -> None:
        self.failed += good != total
        print(f"{'ok  ' if good == total else 'FAIL'} {name}: {good} of {total}", flush=True)


def check_kernels(data: bytes, levels: list[Hashes], checker: Checker) -> None:
    for cpu in kernel.levels():
        for threads in (1,) if cpu == "reference" else (1, 2):
            stream = parse(data, cpu=cpu, threads=threads)
            pairs = [(hashes(stream, k), expected) for k, expected in enumerate(levels)]
            equal = sum(found.get(i) == h for found, expected in pairs for i, h in expected.items())
            checker.check(f"frames equal, kernel {cpu}, {threads} threads", equal, sum(map(len, levels)))


def check_report(path: Path, levels: list[Hashes], checker: Checker) -> None:
    frames = json.loads(path.read_text())["frames"]
    equal = sum(levels[k].get(i) == m["md5"] for i, f in enumerate(frames) for k, m in enumerate(f["levels"]))
    checker.check("frames equal to what the encoder saw", equal, sum(len(f["levels"]) for f in frames))


def check_cuts(stream: Stream, levels: list[Hashes], checker: Checker) -> None:
    cuts = [cut(stream, level=k) for k in range(len(levels))]
    equal = sum(hashes(parse(c), k) == levels[k] for k, c in enumerate(cuts))
    checker.check("dec(cut(x, k)) == dec(x, level=k)", equal, len(levels))
    twice = [(j, k) for k in range(len(levels)) for j in range(k + 1)]
    equal = sum(cut(parse(cuts[k]), level=j) == cuts[j] for j, k in twice)
    checker.check("cut(cut(x, k), j) == cut(x, j)", equal, len(twice))


def check_objects(stream: Stream, levels: list[Hashes], checker: Checker) -> None:
    layers = stream.object_layers
    wanted = [(o, k) for o, own in enumerate(layers) for k in range(0 if o == 0 else -1, own)]
    good = 0
    for o, k in wanted:
        part = parse(cut(stream, object_levels={o: k}))
        frames = list(part.frames(check_hash=True))
        whole = all(f.level == part.layer_count - 1 and not f.partial for f in frames)
        same = all(hashes(part, j) == levels[j] for j in range(min(k + 1, part.layer_count)))
        good += whole and same and len(frames) == stream.frame_count
    checker.check("streams with fewer layers of one object", good, len(wanted))


def check_prefixes(data: bytes, count: int, checker: Checker) -> None:
    whole, rng = parse(data), random.Random(0)
    levels = [hashes(whole, k, size=whole.level_size()) for k in range(whole.layer_count)]
    good = headless = frames = 0
    for _ in range(count):
        size = rng.randrange(len(data) + 1)
        try:
            stream = parse(data[:size])
        except BadStream:
            headless += size < 64
            good += size < 64  # only a prefix without a whole HEAD chunk may be refused
            continue
        decoded = list(stream.frames())
        frames += len(decoded)
        same = (f.partial or hashlib.md5(f.picture.tobytes()).hexdigest() == levels[f.level][f.index] for f in decoded)
        good += all(same) and len(decoded) == stream.frame_count
    checker.check(f"prefixes decode to what is complete ({frames} frames, {headless} without header)", good, count)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stream", type=Path)
    parser.add_argument("--report", type=Path, help="the encoder's report of this stream")
    parser.add_argument("--prefixes", type=int, default=200)
    a = parser.parse_args()
    data = a.stream.read_bytes()
    stream, checker = parse(data), Checker()
    if stream.content is not None:
        print(f"{a.stream.name}: {len(data)} bytes, {stream.content.splats} splats, {stream.layer_count} levels")
        check_scene(data, stream, parse, checker.check, a.prefixes)
        return 1 if checker.failed else 0
    levels = [hashes(stream, k, check_hash=True) for k in range(stream.layer_count)]
    print(
        f"{a.stream.name}: {len(data)} bytes, {stream.frame_count} frames, {stream.layer_count} levels; hashes in the stream hold"
    )
    if a.report:
        check_report(a.report, levels, checker)
    check_kernels(data, levels, checker)
    check_cuts(stream, levels, checker)
    if stream.object_count > 1:
        check_objects(stream, levels, checker)
    check_prefixes(data, a.prefixes, checker)
    bytewise = parse(data, step=1)
    checker.check(
        "levels equal when fed byte by byte", sum(hashes(bytewise, k) == h for k, h in enumerate(levels)), len(levels)
    )
    return 1 if checker.failed else 0


if __name__ == "__main__":
    sys.exit(main())
