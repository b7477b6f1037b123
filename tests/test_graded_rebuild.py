"""A second decoder of graded key frames, written from clauses 7.9 to 7.11, 7.14 and annex G alone, finds the same splats.

Uses no numpy arithmetic and none of the decoder's functions below the chunk: integers and lists only.
"""

from __future__ import annotations

import math
import re
from math import comb
from pathlib import Path

import pytest

from pgsvc.headers import GRADED
from pgsvc.states import key_state
from pgsvc.stream import Stream

ANNEX = (Path(__file__).parents[1] / "spec" / "annex-g-tables.md").read_text()
STREAMS = sorted((Path(__file__).parents[1] / "conformance" / "valid").glob("*graded*.pgs"))


def clip(low: int, high: int, x: int) -> int:
    return min(max(x, low), high)


class Coder:
    """Clause 7.9."""

    def __init__(self, data: bytes) -> None:
        assert not data or data[-1]
        self.data, self.next = data, 4
        self.code, self.range = int.from_bytes(data[:4] + b"\0" * (4 - len(data[:4])), "big"), 2**32 - 1

    def take(self, below: int, size: int) -> None:
        self.code, self.range = self.code - below, size
        while self.range < 1 << 24:
            byte = self.data[self.next] if self.next < len(self.data) else 0
            self.code, self.range, self.next = (self.code << 8 | byte) % 2**32, self.range << 8, self.next + 1

    def uniform(self, n: int) -> int:
        unit = self.range // n
        v = self.code // unit
        assert v < n
        self.take(v * unit, unit)
        return v

    def plain(self, w: list[int]) -> list[int]:
        if sum(w) >= 256:
            self.range = 2 ** int(math.log2(self.range))
        return [self.uniform(2**width) for width in w]

    def adaptive(self, table: list[int]) -> int:
        total = sum(table)
        unit = self.range // total
        v = self.code // unit
        assert v < total
        i = next(i for i in range(len(table)) if v < sum(table[: i + 1]))
        self.take(sum(table[:i]) * unit, table[i] * unit)
        table[i] += 32
        if sum(table) > 1 << 15:
            table[:] = [(t + 1) >> 1 for t in table]
        return i


def cells(coder: Coder, count: int, width: int, height: int, bits: int) -> list[tuple[int, int]]:
    """Clause 7.10: (column, row) of every splat."""
    columns, rows = -(-width >> bits), -(-height >> bits)
    depth = (max(columns, rows) - 1).bit_length()
    small = [
        [4 + (comb(n, k) * 384 >> n) + 128 // (n + 1) if k <= n else 1 for k in range(13)] if n else []
        for n in range(13)
    ]
    large = [8 + 12 * min(s + 1, 16 - s) for s in range(16)]
    nodes = [(0, count)] if count else []
    for b in reversed(range(2 * depth)):
        first: dict[int, int] = {}
        halved = []
        for code, n in nodes:
            column, row = place(code | 1 << b)
            if column >= columns or row >= rows:
                first[code] = n
            else:
                halved.append((code, n))
        for code, n in halved:
            if n <= 12:
                first[code] = coder.adaptive(small[n])
        many = [(code, n, coder.adaptive(large)) for code, n in halved if n > 12]
        for code, n, s in many:
            low, high = -(-s * (n + 1) // 16), -(-(s + 1) * (n + 1) // 16)
            first[code] = low + coder.uniform(high - low)
        nodes = [
            half for code, n in nodes for half in ((code, first[code]), (code | 1 << b, n - first[code])) if half[1]
        ]
    return [place(code) for code, n in nodes for _ in range(n)]


def anchors(coder: Coder, count: int, width: int, height: int, bits: int) -> list[tuple[int, int]]:
    """Clause 7.14: (column, row) of every splat."""
    columns, rows = -(-width >> bits), -(-height >> bits)
    levels = min(5, (max(columns, rows) - 1).bit_length() + 1)
    nodes: list[tuple[int, int]] = []
    for k in range(levels if count else 0):
        side = 2 ** (levels - 1 - k)
        above, nodes = nodes, []
        for _ in range(count if k == levels - 1 else (coder.uniform(16) << 16) + coder.uniform(1 << 16) + 1):
            if k == 0:
                column = coder.uniform(-(-columns // side))
                nodes.append((column, coder.uniform(-(-rows // side))))
            else:
                column, row = above[(coder.uniform(16) << 16) + coder.uniform(1 << 16)]
                quadrant = coder.uniform(4)
                nodes.append((2 * column + quadrant % 2, 2 * row + quadrant // 2))
    return nodes


def place(code: int) -> tuple[int, int]:
    pairs = [(code >> 2 * i & 1, code >> 2 * i + 1 & 1) for i in range(24)]
    return sum(x << i for i, (x, _) in enumerate(pairs)), sum(y << i for i, (_, y) in enumerate(pairs))


def signed(coder: Coder, tables: list[list[int]], x: list[int], half: list[list[int]] | None = None) -> list[int]:
    half = [[140, 116] for _ in range(16)] if half is None else half
    lengths = [coder.adaptive(tables[i]) for i in x]
    tops = [2 + coder.adaptive(half[n]) if n >= 2 else n for n in lengths]
    widths = [max(0, n - 2) for n in lengths]
    sizes = [t << w | r for t, w, r in zip(tops, widths, coder.plain(widths), strict=True)]
    return [-s if sign else s for s, sign in zip(sizes, coder.plain([min(s, 1) for s in sizes]), strict=True)]


def printed(name: str) -> list[list[int]]:
    lines = re.search(rf"```numbers {name}\n(.*?)\n```", ANNEX, re.S)[1].splitlines()
    return [[int(x) for x in line.split()] for line in lines]


def exp2(x: int) -> int:
    m = round(2**30 * 2 ** ((x >> 6) / 64)) * round(2**30 * 2 ** ((x & 63) / 4096)) + (1 << 29) >> 30
    return m >> 10


def splats(h: dict, coder: Coder, width: int, height: int, components: int, is_rgb: bool) -> list[list[int]]:
    """Clause 7.11: cx, cy, s0, s1, s2 and the colour of each splat."""
    bits = h["cell_bits"]
    where = (anchors if h.get("position_tool") == 3 else cells)(coder, h["splat_count"], width, height, bits)
    energy: list[list[int]] = []
    for p in range(components):
        x = [0 if p == 0 else min(7, abs(energy[p - 1][i]).bit_length()) for i in range(len(where))]
        energy.append(signed(coder, printed(f"ENERGY_{p}"), x))
    e2 = [
        (8 * e[0] ** 2 + (h["chroma_weight"] * (e[1] ** 2 + e[2] ** 2) if components > 1 else 0)).bit_length()
        for e in zip(*energy, strict=True)
    ]
    et = [clip(-5, 1, (h["shape_precision"] - e) >> 1) for e in e2]
    shear = signed(coder, printed("SHEAR"), [e + 5 for e in et])
    t = [clip(-65536, 65536, s << 12 + e) for s, e in zip(shear, et, strict=True)]
    slant = [(2**24 + v * v).bit_length() - 25 for v in t]
    es = [clip(-5, 1, (h["shape_precision"] + 1 - e - s) >> 1) for e, s in zip(e2, slant, strict=True)]
    scale = []
    for i in range(2):
        tables = printed(f"SCALE_{i}")
        coarse = [coder.adaptive(tables[e + 5]) for e in es]
        g = [max(0, -1 - e) for e in es]
        scale.append([(c << w) + r for c, w, r in zip(coarse, g, coder.plain(g), strict=True)])
    a, b = ([clip(-6144, 40960, (s << 12 + e) - 6144) for s, e in zip(column, es, strict=True)] for column in scale)
    precision = h["position_precision"]
    wx = [
        clip(0, bits + 3, bits - ((precision - e + (2 * v >> 12) - s) >> 1))
        for e, v, s in zip(e2, a, slant, strict=True)
    ]
    wy = [clip(0, bits + 3, bits - ((precision - e + (2 * v >> 12)) >> 1)) for e, v in zip(e2, b, strict=True)]
    px, py = coder.plain(wx), coder.plain(wy)
    out = []
    for i, (column, row) in enumerate(where):
        cx = (column << 8 + bits) + ((2 * px[i] + 1) << 7 + bits - wx[i])
        cy = (row << 8 + bits) + ((2 * py[i] + 1) << 7 + bits - wy[i])
        colour = colour_of(h, [e[i] for e in energy], a[i], b[i], is_rgb)
        out.append([cx, cy, a[i], t[i], b[i], *(clip(-32768, 32767, c) for c in colour)])
    return out


def octaves(h: dict, p: int, a: int, b: int) -> int:
    return 512 * (h["energy_step"] + (2 * h["chroma_steps"][p - 1] if p else 0)) - ((a + b) >> 1)


def colour_of(h: dict, energy: list[int], a: int, b: int, is_rgb: bool) -> list[int]:
    v = []
    for p, e in enumerate(energy):
        x = octaves(h, p, a, b)
        product, shift = e * exp2(x & 4095), (x >> 12) - 20
        v.append(product << shift if shift >= 0 else (2 * product >> -shift) + 1 >> 1)
    return [v[0] + v[1] - v[2], v[0] + v[2], v[0] - v[1] - v[2]] if is_rgb else v


@pytest.mark.parametrize("path", STREAMS, ids=lambda p: p.stem)
def test_rebuilt_splats(path: Path) -> None:
    stream = Stream()
    stream.feed(path.read_bytes())
    stream.close()
    f = stream.format
    assert f is not None
    chunks = [t.key for s in stream.segments.values() for t in s.tracks.values()]
    assert any(c.header["splat_count"] for c in chunks)
    for chunk in chunks:
        assert chunk.header["shape_tool"] == GRADED
        coder = Coder(chunk.symbols)
        expected = splats(chunk.header, coder, f.width, f.height, f.components, f.is_rgb)
        assert coder.next >= len(chunk.symbols)
        state = key_state(chunk, f, None)
        found = [
            [*p, *s, *c]
            for p, s, c in zip(state.position.tolist(), state.shape.tolist(), state.colour.tolist(), strict=True)
        ]
        assert found == expected
