"""A second decoder of scenes, written from clause 7.9 and chapter 10 alone, finds the same states.

Its decoder uses no numpy arithmetic and none of the other's functions below the chunk: integers and lists only.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable
from itertools import pairwise
from math import comb, isqrt
from pathlib import Path

import numpy as np
import pytest
from test_graded_rebuild import Coder, clip

from pgsvc.errors import BadStream
from pgsvc.range_coder import RangeReader
from pgsvc.scene.neighbours import LowerSet
from pgsvc.scene.refine import Refinable
from pgsvc.scene.refine import refine as refine_theirs
from pgsvc.scene.slice import code_slice
from pgsvc.scene.state import SceneState
from pgsvc.scene.tables import SliceTables
from pgsvc.stream import Stream

CHAPTER = (Path(__file__).parents[1] / "spec" / "10-scene.md").read_text()
STREAMS = sorted((Path(__file__).parents[1] / "conformance" / "valid").glob("*scene*.pgs"))
EIGHTH = [int(x) for x in re.search(r"Eighth = \(([\d, ]+)\)", CHAPTER)[1].split(",")]
ANISOTROPY = [int(x) for x in re.search(r"```numbers ANISOTROPY\n(.*?)```", CHAPTER, re.S)[1].split()]
COSINE = [round(2**14 * math.cos(math.pi * i / 512)) for i in range(513)]
AXES = range(3)
Lists = list[list[int]]


class Splat:
    """10.2, and what 10.9 must know of its slice."""

    position: list[int]
    scale: list[int]
    rotation: list[int]
    opacity: list[int]
    colour: list[int]
    sh: Lists


# --- 10.3, 10.4 -------------------------------------------------------------------------------------------------------


def code_of(cell: list[int]) -> int:
    return sum((cell[i] >> b & 1) << 3 * b + i for i in AXES for b in range(20))


def cell_of(code: int) -> list[int]:
    return [sum((code >> 3 * b + i & 1) << b for b in range(20)) for i in AXES]


def tenths(x: int) -> int:
    return 5 if x == 0 else 2 + x if x <= 5 else 2 * x - 11


def first_small(x: int, n: int) -> list[int]:
    p = tenths(x)
    return [
        4 + 384 * comb(n, k) * p**k * (10 - p) ** (n - k) // 10**n + 128 // (n + 1) if k <= n else 1 for k in range(13)
    ]


def first_large(x: int) -> list[int]:
    if x == 0:
        return [8 + 12 * min(s + 1, 16 - s) for s in range(16)]
    return [4 + 128 // (1 + abs(20 * s + 10 - 32 * tenths(x)) // 10) for s in range(16)]


def boxes(coder: Coder, count: int, depth: int, lower: list[int], tables: Tables) -> list[tuple[int, int]]:
    """(first code, height) of every splat's box; ``lower``: codes of lower splats."""

    def inside(start: int, end: int) -> int:
        return sum(start <= c < end for c in lower)

    nodes, done = [(0, count)] if count else [], []
    for b in reversed(range(3 * depth)):
        halved, first = [], {}
        for code, n in nodes:
            if n == 1 and inside(code, code + (2 << b)) < 2:
                done.append((code, b + 1))
            else:
                halved.append((code, n))
        context = {}
        for code, _ in halved:
            there, front = inside(code, code + (2 << b)), inside(code, code + (1 << b))
            context[code] = 0 if there == 0 else 1 + 5 * (2 * front + 1) // (2 * (there + 1)) + (5 if there >= 8 else 0)
        for code, n in halved:
            if n <= 12:
                first[code] = coder.adaptive(tables.small[context[code]][n])
        many = [(code, n, coder.adaptive(tables.large[context[code]])) for code, n in halved if n > 12]
        coarse = []
        for code, n, s in many:
            low = -(-s * (n + 1) // 16)
            span = -(-(s + 1) * (n + 1) // 16) - low
            assert span > 0
            e = max(0, span.bit_length() - 16)
            coarse.append((code, low + (coder.uniform(((span - 1) >> e) + 1) << e), e))
        for code, low, e in coarse:
            first[code] = low + coder.uniform(1 << e)
        assert all(first[code] <= n for code, n in halved)
        halves = [h for code, n in halved for h in ((code, first[code]), (code + (1 << b), n - first[code]))]
        nodes = [h for h in halves if h[1]]
    done += [(code, 0) for code, n in nodes for _ in range(n)]
    return sorted(done)


# --- 10.12, 10.13 -----------------------------------------------------------------------------------------------------


def occupied(coder: Coder, count: int, depth: int) -> list[tuple[int, int]]:
    tables = [[4] * 255 for _ in range(9)]
    nodes = [(0, 0)] if count else []  # code, context of its octants
    for _ in range(depth):
        below = []
        for code, x in nodes:
            o = coder.adaptive(tables[x]) + 1
            below += [(8 * code + i, o.bit_count()) for i in range(8) if o >> i & 1]
        nodes = below
        assert len(nodes) <= count
    more = Numbers(1, 0).number(coder, [0] * len(nodes))
    assert sum(more) + len(more) == count
    return [(code, 0) for (code, _), n in zip(nodes, more, strict=True) for _ in range(n + 1)]


def anchors(coder: Coder, count: int, depth: int) -> list[tuple[int, int]]:
    def index() -> int:
        return (coder.uniform(16) << 16) + coder.uniform(1 << 16)

    levels, above = min(5, depth + 1), []
    for k in range(levels if count else 0):
        n = index() + 1 if k < levels - 1 else count
        assert n <= count
        nodes, parents = [], []
        for _ in range(n):
            if k == 0:
                nodes.append(code_of([coder.uniform(1 << depth + 1 - levels) for _ in AXES]))
                continue
            parents.append(index())
            octant = coder.uniform(8)
            assert parents[-1] < len(above)
            nodes.append(8 * above[parents[-1]] + octant)
        assert k == 0 or set(parents) == set(range(len(above)))
        assert all(a < b or (a == b and k == levels - 1) for a, b in pairwise(nodes))
        above = nodes
    return [(code, 0) for code in above]


# --- 10.5 -------------------------------------------------------------------------------------------------------------


class Numbers:
    """A table of a kind of numbers."""

    def __init__(self, contexts: int, t: int) -> None:
        self.length = [[1 + 96 // (1 + (i - t) ** 2) for i in range(18)] for _ in range(contexts)]
        self.half = [[64, 64] for _ in range(72)]

    def number(self, coder: Coder, x: list[int]) -> list[int]:
        n = [coder.adaptive(self.length[i]) for i in x]
        h = [coder.adaptive(self.half[36 + 2 * k]) if k >= 2 else 0 for k in n]
        j = [coder.adaptive(self.half[2 * k + a]) if k >= 3 else 0 for k, a in zip(n, h, strict=True)]
        r = [coder.uniform(1 << k - 3) if k >= 4 else 0 for k in n]
        return [
            k if k < 2 else 2 + a if k == 2 else (4 + 2 * a + b << k - 3) + c
            for k, a, b, c in zip(n, h, j, r, strict=True)
        ]

    def signed(self, coder: Coder, x: list[int]) -> list[int]:
        return [-s if s > 0 and coder.uniform(2) else s for s in self.number(coder, x)]


class Tables:
    def __init__(self) -> None:
        self.small = [[first_small(x, n) if n else [] for n in range(13)] for x in range(11)]
        self.large = [first_large(x) for x in range(11)]
        self.opacity = Numbers(25, 3)
        self.scale = [Numbers(7, 2), Numbers(48, 3), Numbers(80, 3)]
        self.less = [[16, 16] for _ in range(10)]
        self.thin = [[16, 16] for _ in range(80)]
        self.upper = [[16] * 16 for _ in range(17)]
        self.lift = [[8, 40, 40, 8, 1, 1, 1, 1], *([4, 12, 28, 40, 40, 28, 12, 4] for _ in range(11))]
        self.colour = [Numbers(c, 3) for c in (7, 56, 8)]
        self.choice = [16, 16]
        self.has_sh = [16, 16]
        self.sh = [Numbers(120, 0) for _ in range(3)]

    def forget(self) -> None:
        numbers = [counts for t in (self.opacity, *self.scale) for counts in t.length + t.half]
        for counts in numbers + self.less + self.thin:
            while sum(counts) > 512:
                counts[:] = [(count + 1) >> 1 for count in counts]


class Neighbours:
    def __init__(self, sorted_lower: list[tuple[int, list[int], Splat]], code: int, middle: list[int], g: int) -> None:
        at = sum(c < code for c, _, _ in sorted_lower)
        found = []
        for i in range(at - 4, at + 4):
            if 0 <= i < len(sorted_lower):
                _, local, splat = sorted_lower[i]
                d = sum(((a >> g) - (b >> g)) ** 2 for a, b in zip(local, middle, strict=True))
                found.append((d.bit_length(), splat))
        found.sort(key=lambda f: f[0])
        self.weights = [2 ** (15 - min(15, o - found[0][0])) for o, _ in found]
        self.splats = [s for _, s in found]

    def mean(self, of: Callable[[Splat], int]) -> int:
        return sum(w * of(s) for w, s in zip(self.weights, self.splats, strict=True)) // sum(self.weights)

    def spread(self, of: Callable[[Splat], int], m: int) -> int:
        return sum(w * abs(of(s) - m) for w, s in zip(self.weights, self.splats, strict=True)) // sum(self.weights)


def step(e: int) -> int:
    return max(1, (EIGHTH[e % 8] << (e >> 3)) >> 14)


def colour_step(h: dict, p: int) -> int:
    return step(h["colour_step"] + (h["chroma_steps"][p - 1] if p else 0))


def sh_step(h: dict, degree: int, p: int) -> int:
    e = h["sh_steps"][degree - 1]
    return step(e + (h["chroma_steps"][p - 1] if p else 0)) if e else 0


def bits_of(number: int, most: int) -> int:
    return min(most, number.bit_length())


def degree_of(k: int) -> int:
    return isqrt(k + 1)


def decode_slice(coder: Coder, h: dict, head: dict, lower: list[Splat], tables: Tables) -> list[Splat]:
    unit = head["grid_exponent"]
    side, leaf = 1 << h["cube_bits"], h["leaf_bits"]
    places = []
    for splat in lower:
        local = [clip(0, side - 1, splat.position[i] - h["origin"][i]) for i in AXES]
        places.append((code_of([v >> leaf for v in local]), local, splat))
    places.sort(key=lambda p: p[0])
    if h["position_tool"] == 1:
        found = boxes(coder, h["splat_count"], h["cube_bits"] - leaf, [c for c, _, _ in places], tables)
    else:
        found = {2: occupied, 3: anchors}[h["position_tool"]](coder, h["splat_count"], h["cube_bits"] - leaf)
    corners = [[v << leaf for v in cell_of(code)] for code, _ in found]
    sides = [[leaf + (height + 2 - i) // 3 for i in AXES] for _, height in found]
    near: list[Neighbours | None] = [None] * len(found)
    if h["prediction"] and places:
        g = max(0, h["cube_bits"] - 20)
        for n, (code, _) in enumerate(found):
            middle = [corners[n][i] + (1 << sides[n][i] >> 1) for i in AXES]
            near[n] = Neighbours(places, code, middle, g)
    out = [Splat() for _ in found]

    if out:
        tables.forget()
    s = 64 * h["scale_step"]
    usual, least = 1024 * h["usual_scale"] + 4096 * unit, 1024 * h["finest_scale"] + 4096 * unit
    m = [b.mean(lambda s: s.scale[0]) if b else usual for b in near]
    first = [(v + (s >> 1)) // s for v in m]
    x = [
        min(5, (b.spread(lambda s: s.scale[0], f * s) // s).bit_length()) if b else 6
        for b, f in zip(near, first, strict=True)
    ]
    large = [clip(0, 9, 5 + (v - 4096 * sum(w) // 3 - 4096 * unit >> 12)) for v, w in zip(m, sides, strict=True)]
    sizes = tables.scale[0].number(coder, x)
    less = [coder.adaptive(tables.less[y]) if size else 0 for size, y in zip(sizes, large, strict=True)]
    a0 = [f - size if down else f + size for f, size, down in zip(first, sizes, less, strict=True)]
    y = [clip(0, 4, b.mean(lambda s: s.scale[0] - s.scale[1]) >> 11) if b else 5 for b in near]
    x = [6 * clip(0, 7, 4 + (a * s - usual >> 11)) + v for a, v in zip(a0, y, strict=True)]
    a1 = [a - d for a, d in zip(a0, tables.scale[1].number(coder, x), strict=True)]
    y = [clip(0, 6, b.mean(lambda s: s.scale[2]) - least >> 11) if b else 7 for b in near]
    w = [8 * clip(0, 9, a * s - least >> 11) + v for a, v in zip(a1, y, strict=True)]
    thin = [coder.adaptive(tables.thin[x]) for x in w]
    thicker = iter(tables.scale[2].number(coder, [x for x, t in zip(w, thin, strict=True) if not t]))
    for n, splat in enumerate(out):
        a2 = min(a1[n], (least + (s >> 1)) // s + (0 if thin[n] else 3 * (next(thicker) + 1)))
        splat.scale = [clip(-126976, 126976, v * s) for v in (a0[n], a1[n], a2)]

    x = [
        5 * (b.mean(lambda s: s.opacity[0]) >> 14 if b else 4) + clip(0, 4, 2 + (splat.scale[0] - usual >> 12))
        for b, splat in zip(near, out, strict=True)
    ]
    last = -(-65535 // h["opacity_step"])
    for splat, below in zip(out, tables.opacity.number(coder, x), strict=True):
        splat.opacity = [clip(1024, 65535, h["opacity_step"] * max(0, last - below))]

    effective = [[max(v, least) for v in splat.scale] for splat in out]
    roll = [angle_bits(h, e[1] - e[2]) for e in effective]
    tilt = [angle_bits(h, e[0] - e[2]) for e in effective]
    turn = [angle_bits(h, e[0] - e[1]) for e in effective]
    upper = []
    for n, b in enumerate(near):
        x = 16
        if b:
            u, v, _, _ = b.splats[0].rotation
            x = 4 * (u + 32768 >> 14) + (v + 32768 >> 14)
        upper.append((roll[n], x))
    upper = [coder.adaptive(tables.upper[x]) if t >= 2 else 0 for t, x in upper]
    rest = [t - 2 if t >= 2 else t for t in roll]
    us = [(q >> 2 << r) + coder.uniform(1 << r) for q, r in zip(upper, rest, strict=True)]
    vs = [((q & 3) << r) + coder.uniform(1 << r) for q, r in zip(upper, rest, strict=True)]
    angles = [coder.uniform(1 << t) for t in turn]
    lifted = [(n, tilt[n] - roll[n]) for n in range(len(out)) if tilt[n] > roll[n]]
    upper = [coder.adaptive(tables.lift[k - 1]) for _, k in lifted]
    lifts = [0] * len(out)
    for (n, k), q in zip(lifted, upper, strict=True):
        r = max(0, k - 2)
        steps = (q << r) + coder.uniform(1 << r) - (1 << k)
        lifts[n] = clip(-(2**15), 2**15, (2 * steps + 1) * 2 ** (15 - tilt[n]))
    for n, splat in enumerate(out):
        u, v = ((2 * w[n] + 1 << 15 - roll[n]) - 32768 for w in (us, vs))
        splat.rotation = [u, v, 2 * angles[n] + 1 << 15 - turn[n], lifts[n]]
        splat.position = []

    widths = [place_widths(h, unit, e, q.rotation, w) for e, q, w in zip(effective, out, sides, strict=True)]
    for i in AXES:
        for n, splat in enumerate(out):
            left = sides[n][i] - widths[n][i]
            place = (coder.uniform(1 << widths[n][i]) << left) + (1 << left >> 1)
            splat.position.append(h["origin"][i] + corners[n][i] + place)

    colours(coder, h, near, out, tables)

    count = (head["sh_degree"] + 1) ** 2 - 1
    for splat in out:
        splat.sh = [[0] * 3 for _ in range(count)]
    if any(h["sh_steps"]):
        chosen = [splat for splat in out if coder.adaptive(tables.has_sh)]
        recent, others = [[0, 0, 0] for _ in chosen], [{} for _ in chosen]
        for p in AXES:
            for k in range(count):
                own = sh_step(h, degree_of(k), p)
                if own:
                    x = []
                    for r, o in zip(recent, others, strict=True):
                        z = [0, o.get((k, 0), 0), o.get((k, 0), 0) + 2 * o.get((k, 1), 0)][p]
                        x.append(5 * (8 * (degree_of(k) - 1) + bits_of(sum(r[-3:]), 7)) + bits_of(z, 4))
                    for splat, q, r, o in zip(chosen, tables.sh[p].signed(coder, x), recent, others, strict=True):
                        splat.sh[k][p] = clip(-(2**24), 2**24, q * own)
                        r.append(abs(q))
                        o[k, p] = abs(q)
    return out


def colours(coder: Coder, h: dict, near: list[Neighbours | None], out: list[Splat], tables: Tables) -> None:
    choice = [coder.adaptive(tables.choice) if b and h["prediction"] == 2 else 0 for b in near]
    guess = []
    for b, c in zip(near, choice, strict=True):
        if b is None:
            guess.append([32768, 0, 0])
        elif c:
            guess.append(b.splats[0].colour)
        else:
            guess.append([b.mean(lambda s, p=p: s.colour[p]) for p in AXES])
    if h["codebook_bits"]:
        table = [4] * 2 ** h["codebook_bits"]
        for splat, m in zip(out, guess, strict=True):
            entry = coder.adaptive(table)
            splat.colour = [clip(-(2**24), 2**24, m[p] + 4 * h["codewords"][3 * entry + p]) for p in AXES]
        return
    for splat in out:
        splat.colour = []
    d = [0] * len(out)
    for p in AXES:
        own = colour_step(h, p)
        y = [
            bits_of(b.spread(lambda s, p=p: s.colour[p], m[p]) // own, 5) if b else 6
            for b, m in zip(near, guess, strict=True)
        ]
        z = [bits_of(abs(v), 7) for v in d]
        x = [y, [7 * a + b for a, b in zip(z, y, strict=True)], z][p]
        d = tables.colour[p].signed(coder, x)
        for n, splat in enumerate(out):
            splat.colour.append(clip(-(2**24), 2**24, guess[n][p] + d[n] * colour_step(h, p)))


# --- 10.6, 10.7 -------------------------------------------------------------------------------------------------------


def angle_bits(h: dict, difference: int) -> int:
    i = max(0, difference) >> 11
    return clip(0, 12, (h["rotation_precision"] + (ANISOTROPY[i] if i < 16 else 2 * i)) >> 3)


def axes_of(rotation: list[int]) -> Lists:
    u, v, a, lift = rotation
    x, y = (u + v) >> 1, (u - v) >> 1
    z = max(0, 2**15 - abs(x) - abs(y))
    length = isqrt(x * x + y * y + z * z)
    n = [(w << 14) // length for w in (x, y, z)]
    below = 2**14 + n[2]
    xx, xy, yy = n[0] * n[0] // below, n[0] * n[1] // below, n[1] * n[1] // below
    t1, t2 = [2**14 - xx, -xy, -n[0]], [-xy, 2**14 - yy, -n[1]]
    c, s = COSINE[a >> 7], COSINE[abs(256 - (a >> 7))]
    f = [c * t1[i] + s * t2[i] >> 14 for i in AXES]
    middle = [c * t2[i] - s * t1[i] >> 14 for i in AXES]
    i = lift >> 7
    c, s = COSINE[abs(i)], -COSINE[256 + i] if i < 0 else COSINE[256 - i]
    return [[c * f[i] + s * n[i] >> 14 for i in AXES], middle, [c * n[i] - s * f[i] >> 14 for i in AXES]]


def place_widths(h: dict, unit: int, effective: list[int], rotation: list[int], sides: list[int]) -> list[int]:
    octave = [e + (effective[0] - e >> 1) >> 12 for e in effective]
    finest, axes = min(octave), axes_of(rotation)
    out = []
    for x in AXES:
        sharp = sum((axes[i][x] ** 2 >> 14) >> min(31, 2 * (octave[i] - finest)) for i in AXES)
        exponent = (2 * (finest - unit) - max(-14, sharp.bit_length() - 15) + h["place_precision"]) >> 1
        out.append(clip(0, min(16, sides[x]), sides[x] - exponent))
    return out


# --- 10.9 -------------------------------------------------------------------------------------------------------------


def refine(coder: Coder, h: dict, slices: list[tuple[dict, list[Splat]]], times: dict[str, int]) -> None:
    for name in ("opacity", "scale", "colour", "sh"):
        if not h[f"has_{name}"]:
            continue
        tables = [[32] * 3 for _ in range(9)]
        for own, splats in slices:
            for splat in splats:
                rows = getattr(splat, name)
                for k, row in enumerate(rows if name == "sh" else [rows]):
                    for p, number in enumerate(row):
                        row[p] = third_of(coder, tables, own, name, k, p, number, times.get(name, 0))
        times[name] = times.get(name, 0) + 1


def third_of(coder: Coder, tables: Lists, own: dict, name: str, k: int, p: int, number: int, t: int) -> int:
    first = {
        "opacity": lambda: own["opacity_step"],
        "scale": lambda: 64 * own["scale_step"] * (3 if p == 2 else 1),
        "colour": lambda: colour_step(own, p),
        "sh": lambda: sh_step(own, degree_of(k), p),
    }[name]()
    third = max(1, first // 3**t) // 3
    if third == 0:
        return number
    x = p if name != "sh" else 3 * (1 + (number > 0) - (number < 0)) + p
    low, high = {"opacity": (1024, 65535), "scale": (-126976, 126976)}.get(name, (-(2**24), 2**24))
    return clip(low, high, number + third * (coder.adaptive(tables[x]) - 1))


# --- 10.14 ------------------------------------------------------------------------------------------------------------


def grow(splats: list[Splat], h: dict, head: dict) -> None:
    """Changes the scales of all splats of an object in a tile; ``h``: of its last SPLT chunk."""
    if h["growth"] == 0:
        return
    limit = 1024 * h["growth_limit"] + 4096 * head["grid_exponent"]
    for splat in splats:
        more = h["growth"] * max(0, limit - (splat.scale[0] + splat.scale[1] >> 1)) >> 4
        splat.scale = [clip(-126976, 126976, v + more) for v in splat.scale]


# --- whole objects ----------------------------------------------------------------------------------------------------


def decode_object(chunks: list[tuple[int, bytes, dict, bytes]], head: dict) -> list[Splat]:
    """Splats of an object in a tile; chunks are (layer, type, header, symbols) in order."""
    tables, layers, times = Tables(), {}, {}
    for layer, kind, h, data in chunks:
        coder = Coder(data)
        if kind == b"SPLT":
            lower = [s for k in sorted(layers) for _, splats in layers[k] for s in splats]
            layers.setdefault(layer, []).append((h, decode_slice(coder, h, head, lower, tables)))
        else:
            refine(coder, h, layers[h["target_layer"]], times.setdefault(h["target_layer"], {}))
        assert coder.next >= len(data)
    out = [s for k in sorted(layers) for _, splats in layers[k] for s in splats]
    shown = [h for _, kind, h, _ in chunks if kind == b"SPLT"]
    if shown:
        grow(out, shown[-1], head)
    return out


def numbers(splats: list[Splat]) -> list[int]:
    """What 6.6 hashes, as numbers."""
    flat = [
        v for name in ("position", "scale", "rotation", "opacity", "colour") for s in splats for v in getattr(s, name)
    ]
    return flat + [v for s in splats for row in s.sh for v in row]


@pytest.mark.parametrize("path", STREAMS, ids=lambda p: p.stem)
def test_rebuilt_states(path: Path) -> None:
    stream = Stream()
    stream.feed(path.read_bytes())
    stream.close()
    assert stream.content is not None
    for level in range(stream.layer_count):
        decoded = stream.scene(level)
        for (tile, number), state in decoded.states.items():
            held = stream.content.tiles[tile].slices
            chunks = [
                (layer, part.type, part.header, part.symbols)
                for (o, layer, _), part in sorted(held.items(), key=lambda item: item[0])
                if o == number and layer <= level
            ]
            expected = numbers(decode_object(chunks, stream.header))
            assert as_numbers(state.tobytes()) == expected, f"level {level}, tile {tile}, object {number}"


def random_header(rng: random.Random, degree: int) -> dict:
    """SPLT fields that a conforming stream may have, often at the ends of their ranges."""

    def number(low: int, high: int) -> int:
        return rng.choice((low, high, rng.randint(low, high)))

    leaf, tool, bits = number(0, 30), rng.choice((1, 1, 1, 1, 2, 3)), rng.choice((0, 0, 1, 4, 8))
    cube = rng.randint(leaf, min(30, leaf + 20))
    if tool > 1 and rng.randrange(2):
        cube = leaf  # of a single cell random bytes may well be positions
    return {
        "splat_count": rng.choice((0, 1, 2, 14, 40) if tool == 1 else (0, 1, 1, 2, 14)),
        "prediction": rng.choice((0, 1, 2)),
        "position_tool": tool,
        "origin": [number(-(1 << 30), (1 << 30) - (1 << cube)) for _ in AXES],
        "cube_bits": cube,
        "leaf_bits": leaf,
        "place_precision": number(-128, 127),
        "finest_scale": number(0, 255),
        "usual_scale": number(0, 255),
        "scale_step": number(1, 255),
        "rotation_precision": number(-128, 127),
        "opacity_step": number(256, 65535),
        "colour_step": number(0, 128),
        "chroma_steps": [number(0, 15), number(0, 15)],
        "sh_steps": [number(0, 128) for _ in range(degree)],
        "codebook_bits": bits,
        "codewords": [number(-(1 << 15), (1 << 15) - 1) for _ in range(3 << bits)] if bits else None,
    }


@pytest.mark.parametrize("seed", range(160))
def test_any_bytes_decode_alike(seed: int) -> None:
    """Not only what a writer writes: random bytes under random headers, three slices and a refinement of them."""
    rng = random.Random(seed)
    head = {"grid_exponent": rng.choice((-64, -10, 0, 32)), "sh_degree": rng.randrange(4)}
    mine, theirs = (Tables(), SliceTables())
    slices: list[tuple[dict, list[Splat]]] = []
    parts: list[Refinable] = []
    for _ in range(3):
        h = random_header(rng, head["sh_degree"])
        data = rng.randbytes(rng.choice((0, 8, 60, 500))) + bytes([rng.randint(1, 255)])
        known = SceneState.concatenate([SceneState.none((head["sh_degree"] + 1) ** 2 - 1), *(p.state for p in parts)])
        lower = LowerSet(known, np.array(h["origin"], np.int64), h["cube_bits"], h["leaf_bits"])
        try:
            expected = decode_slice(Coder(data), h, head, [s for _, own in slices for s in own], mine)
        except AssertionError:
            with pytest.raises(BadStream):
                code_slice(RangeReader(data), h, head, lower, theirs)
            return
        parts.append(Refinable(code_slice(RangeReader(data), h, head, lower, theirs), h))
        slices.append((h, expected))
        assert as_numbers(parts[-1].state.tobytes()) == numbers(expected)
    header = {f"has_{name}": rng.randrange(2) for name in ("opacity", "scale", "colour", "sh")}
    data, times = rng.randbytes(300) + b"\1", {}
    for _ in range(3):
        try:
            refine(Coder(data), header, slices, times)
        except AssertionError:
            with pytest.raises(BadStream):
                refine_theirs(RangeReader(data), header, parts)
            return
        refine_theirs(RangeReader(data), header, parts)
        found = [n for part in parts for n in as_numbers(part.state.tobytes())]
        assert found == [n for _, own in slices for n in numbers(own)]


def as_numbers(data: bytes) -> list[int]:
    return [int.from_bytes(data[i : i + 4], "little", signed=True) for i in range(0, len(data), 4)]


def test_there_are_streams() -> None:
    assert len(STREAMS) >= 12
