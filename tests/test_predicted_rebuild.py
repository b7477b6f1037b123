"""A second decoder of predicted frames with graded differences, written from clauses 7.12 and 7.13 alone, finds the same splats.

Integers and lists only; what 7.9 to 7.11 say is in ``test_graded_rebuild``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_graded_rebuild import Coder, clip, colour_of, exp2, octaves, signed, splats

from pgsvc.headers import GRADED
from pgsvc.planar.splats import SplatSet
from pgsvc.states import track_states
from pgsvc.stream import Stream

STREAMS = sorted((Path(__file__).parents[1] / "conformance" / "valid").glob("*motion*.pgs"))
TEXT = (Path(__file__).parents[1] / "spec" / "07-entropy.md").read_text()
LOW, HIGH = -(2**15), 2**15 - 1

Vector = list[list[list[int]]]  # [axis][row][column]


def printed(name: str) -> list[list[int]]:
    """Rows of numbers of the text."""
    (block,) = re.findall(rf"```numbers {name}\n(.*?)\n```", TEXT, re.S)
    return [[int(x) for x in line.split()] for line in block.split("\n")]


def eights(rows: int, size: int) -> list[list[int]]:
    return [[8] * size for _ in range(rows)]


# --- 7.12 -------------------------------------------------------------------------------------------------------------


def order(n: int, group_bits: int) -> Iterator[tuple[int, int, int | None]]:
    """(frame, Before, After)"""
    for first in range(0, n, 1 << group_bits):
        last = min(first + (1 << group_bits), n)
        yield last, first, None
        yield from between(first, last)


def between(a: int, b: int) -> Iterator[tuple[int, int, int | None]]:
    if b - a > 1:
        m = (a + b) >> 1
        yield m, a, b
        yield from between(a, m)
        yield from between(m, b)


def promise(d: list[list[int]], row: int, column: int, columns: int) -> int:
    left = d[row][column - 1] if column > 0 else None
    if row == 0:
        return 0 if left is None else left
    above = d[row - 1][column]
    right = d[row - 1][column + 1] if column + 1 < columns else above
    return sorted([above if left is None else left, above, right])[1]


def motion(coder: Coder, h: dict, width: int, height: int) -> list[Vector | None]:
    bits = h["motion_bits"]
    columns, rows = ((width - 1) >> bits) + 2, ((height - 1) >> bits) + 2
    modes, half = eights(2, 3), eights(16, 2)
    lengths = [sum(printed("FIRST_VECTOR"), []) for _ in "xy"]
    last: Vector = [[[0] * columns for _ in range(rows)] for _ in "xy"]
    out: list[Vector | None] = []
    for _, _, after in order(h["frame_count"], h["group_bits"]):
        mode = coder.adaptive(modes[after is not None])
        if mode == 0:
            out.append(None)
            continue
        residual = iter(signed(coder, lengths, [axis for axis in (0, 1) for _ in range(rows * columns)], half))
        field: Vector = []
        for axis in (0, 1):
            d: list[list[int]] = []
            for row in range(rows):
                d.append([])
                for column in range(columns):
                    d[row].append(clip(LOW, HIGH, next(residual) + promise(d, row, column, columns)))
            if mode == 2:
                d = [
                    [clip(LOW, HIGH, x + y) for x, y in zip(*both, strict=True)]
                    for both in zip(last[axis], d, strict=True)
                ]
            field.append(d)
        last = field
        out.append(field)
    return out


def moved(splat: list[int], field: Vector, bits: int, width: int, height: int) -> list[int]:
    k = 8 + bits
    x, y = clip(0, 256 * width - 1, splat[0]), clip(0, 256 * height - 1, splat[1])
    (i, fx), (j, fy) = divmod(x, 2**k), divmod(y, 2**k)
    position = []
    for axis in (0, 1):
        f = field[axis]
        top, bottom = (f[r][i] * (2**k - fx) + f[r][i + 1] * fx for r in (j, j + 1))
        vector = (128 * (top * (2**k - fy) + bottom * fy) + 2 ** (2 * k - 1)) >> 2 * k
        position.append(clip(-(2**23), 2**23 - 1, splat[axis] + vector))
    return [*position, *splat[2:]]


# --- 7.13 -------------------------------------------------------------------------------------------------------------


def steps(h: dict, splat: list[int], is_rgb: bool) -> tuple[int, int, int, int, int]:
    """e2, et, es, ex, ey"""
    _, _, a, t, b, *c = splat
    k = [(c[0] + 2 * c[1] + c[2]) >> 2, (c[0] - c[2]) >> 1, (2 * c[1] - c[0] - c[2]) >> 2] if is_rgb else c
    size = []
    for p, value in enumerate(k):
        x = octaves(h, p, a, b)
        over, under = (20 - (x >> 12), 0) if x >> 12 <= 20 else (0, (x >> 12) - 20)
        size.append(min(2**15 - 1, abs(value) * 2**over // (exp2(x & 4095) * 2**under)))
    chroma = h["chroma_weight"] * (size[1] ** 2 + size[2] ** 2) if len(size) > 1 else 0
    e2 = (8 * size[0] ** 2 + chroma).bit_length()
    slant = (2**24 + t * t).bit_length() - 25
    et = clip(-5, 1, (h["shape_precision"] - e2) >> 1)
    es = clip(-5, 1, (h["shape_precision"] + 1 - e2 - slant) >> 1)
    ex = clip(-3, 3, (h["position_precision"] - e2 + (2 * a >> 12) - slant) >> 1)
    ey = clip(-3, 3, (h["position_precision"] - e2 + (2 * b >> 12)) >> 1)
    return e2, et, es, ex, ey


def frames(
    h: dict, coder: Coder, start: list[list[int]], fields: list[Vector | None], width: int, height: int, is_rgb: bool
) -> list[list[list[int]]]:
    """The splats of the chunk's frames in the order of time."""
    count, components = len(start), len(start[0]) - 5 if start else 0
    state, birth, changed = {0: start}, {0: [0] * count}, {0: [0] * count}
    update_tables = [list(printed("FIRST_UPDATE")[h // 3]) for h in range(15)]
    first = printed("FIRST_DIFFERENCE")
    lm, ls, lt, le, lc = (
        ([list(first[row]), list(first[row])], [[32, 32] for _ in range(16)]) for row in (0, 0, 0, 1, 2)
    )
    for place, ((f, before, after), field) in enumerate(
        zip(order(h["frame_count"], h["group_bits"]), fields, strict=True), 1
    ):
        if after is None:
            predicted, birth[f] = state[before], birth[before]
        else:
            u, v = after - f, f - before
            near = before if v <= u else after
            birth[f] = birth[near]
            predicted = [
                [
                    (x * u + y * v + ((u + v) >> 1)) // (u + v)
                    for x, y in zip(state[before][i], state[after][i], strict=True)
                ]
                if birth[before][i] == birth[after][i]
                else state[near][i]
                for i in range(count)
            ]
        if field is not None:
            predicted = [moved(s, field, h["motion_bits"], width, height) for s in predicted]
        inner = int(after is not None)
        step = [steps(h, s, is_rgb) for s in predicted]
        kind = (
            changed[before]
            if after is None
            else [2 + x + y for x, y in zip(changed[before], changed[after], strict=True)]
        )
        update = [coder.adaptive(update_tables[3 * kind[i] + clip(0, 2, (step[i][0] - 4) >> 1)]) for i in range(count)]
        born = [i for i in range(count) if update[i] == 8]
        fresh = []
        if born:
            fresh = splats({**h, "splat_count": len(born)}, coder, width, height, components, is_rgb)
        rows = [[i for i in range(count) if update[i] < 8 and update[i] >> bit & 1] for bit in range(3)]
        move = [signed(coder, lm[0], [inner] * len(rows[0]), lm[1]) for _ in (0, 1)]
        shape = [signed(coder, table[0], [inner] * len(rows[1]), table[1]) for table in (ls, lt, ls)]
        energy = [signed(coder, table[0], [inner] * len(rows[2]), table[1]) for table in (le, lc, lc)[:components]]
        new = [list(s) for s in predicted]
        for n, i in enumerate(rows[0]):
            for axis in (0, 1):
                new[i][axis] = clip(-(2**23), 2**23 - 1, new[i][axis] + move[axis][n] * 2 ** (8 + step[i][3 + axis]))
        for n, i in enumerate(rows[1]):
            _, et, es, _, _ = step[i]
            for number, (e, low, high) in enumerate(((es, -6144, 40960), (et, -65536, 65536), (es, -6144, 40960))):
                new[i][2 + number] = clip(low, high, new[i][2 + number] + shape[number][n] * 2 ** (12 + e))
        for n, i in enumerate(rows[2]):
            more = colour_of(h, [e[n] for e in energy], predicted[i][2], predicted[i][4], is_rgb)
            new[i][5:] = [clip(-32768, 32767, c + d) for c, d in zip(new[i][5:], more, strict=True)]
        for i, splat in zip(born, fresh, strict=True):
            new[i] = splat
        birth[f] = [place if update[i] == 8 else birth[f][i] for i in range(count)]
        changed[f] = [int(x > 0) for x in update]
        state[f] = new
    return [state[f] for f in range(1, h["frame_count"] + 1)]


def rows_of(state: SplatSet) -> list[list[int]]:
    numbers = (state.position.tolist(), state.shape.tolist(), state.colour.tolist())
    return [[*p, *s, *c] for p, s, c in zip(*numbers, strict=True)]


@pytest.mark.parametrize("cpu", ["reference", None])
@pytest.mark.parametrize("path", STREAMS, ids=lambda p: p.stem)
def test_rebuilt_frames(path: Path, cpu: str | None) -> None:
    stream = Stream()
    stream.feed(path.read_bytes())
    stream.close()
    f = stream.format
    assert f is not None
    compared = 0
    for segment in stream.segments.values():
        fields: dict[int, list[Vector | None]] = {}
        for place, track in sorted(segment.tracks.items()):
            found = [rows_of(s) for s in track_states(segment, track, f, cpu)]
            for chunk in track.predicted:
                h = chunk.header
                if h["prediction_tool"] != GRADED:
                    continue
                coder = Coder(chunk.symbols)
                if place == (0, 0, 0):
                    fields[chunk.frame] = motion(coder, h, f.width, f.height)
                start = found[chunk.frame - 1]
                expected = frames(h, coder, start, fields[chunk.frame], f.width, f.height, f.is_rgb)
                assert coder.next >= len(chunk.symbols)
                assert found[chunk.frame : chunk.frame + h["frame_count"]] == expected
                compared += len(expected)
    assert compared
