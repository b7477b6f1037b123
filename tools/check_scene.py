"""What ``check_stream`` compares of a scene; states stand for pictures.

- every level is the same with the native module and without, fed whole and byte by byte, and keeps the stream's hashes;
- a stream cut at level k decodes as level k, cutting twice is cutting once, fewer layers of one object leave a whole stream;
- each tile and each object alone is what it is in the whole scene;
- of the first N bytes, for random N, every tile that is not partial is that of its level of the whole stream.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise

from pgsvc.cut import cut
from pgsvc.errors import BadStream
from pgsvc.scene.digest import md5_of
from pgsvc.stream import Stream

Parse = Callable[..., Stream]
SMALL = 50_000  # bytes of a stream that is also fed byte by byte, and read without the native module


def check_scene(
    data: bytes, stream: Stream, parse: Parse, check: Callable[[str, int, int], None], prefixes: int
) -> None:
    """All comparisons.

    Args:
        parse: bytes to a stream that keeps its chunks; takes ``cpu`` and ``step``.
        check: told the name of a comparison, how many held, and of how many.
    """
    levels = range(stream.layer_count)
    whole = [md5_of(stream.scene(k, check_hash=True)) for k in levels]
    cuts = [cut(stream, level=k) for k in levels]
    check("dec(cut(x, k)) == dec(x, level=k)", _equal(parse, cuts, whole), len(cuts))
    twice = sum(cut(parse(b), level=k) == a for k, (a, b) in enumerate(pairwise(cuts)))
    check("cut(cut(x, k + 1), k) == cut(x, k)", twice, len(cuts) - 1)
    if len(data) <= SMALL:
        for name, options in (("without the native module", {"cpu": "reference"}), ("fed byte by byte", {"step": 1})):
            other = parse(data, **options)
            check(f"levels equal {name}", sum(md5_of(other.scene(k)) == whole[k] for k in levels), len(levels))
    states = stream.scene().states
    alone = sum(
        stream.scene(tiles={tile}, objects={number}).states[tile, number].tobytes() == state.tobytes()
        for (tile, number), state in states.items()
    )
    check("tiles and objects alone", alone, len(states))
    if stream.object_count > 1:
        _check_objects(stream, parse, check, whole)
    _check_prefixes(data, stream, parse, check, prefixes)


def _equal(parse: Parse, parts: list[bytes], expected: list[str]) -> int:
    return sum(md5_of(parse(part).scene(check_hash=True)) == md5 for part, md5 in zip(parts, expected, strict=True))


def _check_objects(stream: Stream, parse: Parse, check: Callable[[str, int, int], None], whole: list[str]) -> None:
    wanted = [(o, k) for o, own in enumerate(stream.object_layers) for k in range(0 if o == 0 else -1, own)]
    good = 0
    for o, k in wanted:
        part = parse(cut(stream, object_levels={o: k}))
        scene = part.scene(check_hash=True)
        same = all(md5_of(part.scene(j)) == whole[j] for j in range(min(k + 1, part.layer_count)))
        good += same and scene.level == part.layer_count - 1 and not scene.partial
    check("streams with fewer layers of one object", good, len(wanted))


def _check_prefixes(
    data: bytes, stream: Stream, parse: Parse, check: Callable[[str, int, int], None], count: int
) -> None:
    rng = random.Random(0)
    of_level = [stream.scene(k).states for k in range(stream.layer_count)]
    good = tiles = 0
    for _ in range(count):
        size = rng.randrange(len(data) + 1)
        try:
            part = parse(data[:size])
        except BadStream:
            good += size < 128  # only a beginning without a whole HEAD chunk may be refused
            continue
        assert part.content is not None
        same = True
        for tile in part.content.tiles:
            scene = part.scene(tiles={tile}, check_hash=True)
            if not scene.partial and scene.level >= 0:
                tiles += 1
                expected = of_level[scene.level]
                same &= all(s.tobytes() == expected[key].tobytes() for key, s in scene.states.items())
        good += same
    check(f"beginnings decode to what is complete ({tiles} tiles)", good, count)
