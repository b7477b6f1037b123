"""Which splats meet which tile: lists made on the device by sorting, without reading anything back.

A tile is TILE × TILE samples of an octave. Each splat is cut into bands, one for each row of tiles that its ellipse reaches in its
octave, and each band gives one entry for each tile between the ends of the ellipse in it. A stable sort by octave, layer and tile
puts the entries of a tile together, in the order of the splats, so that a sum over the list has one order of additions: the same
bits in each run, without atomics.

Splats come in samples of their octaves (``octaves.in_samples``), whose centres are whole numbers; so nothing but the number of rows
and columns tells octaves apart.

All arrays have a fixed room, as captured CUDA graphs need. What does not fit is left out, and ``needed`` tells: whoever made the
lists compares it with the room and makes them again (``rooms.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from pgsvc.reference import OCTAVES, octave_size
from pgsvc_encoder.device.octaves import counts_of

TILE = 16
CUT = 4.0  # of q: the support (spec 8.5)
# Lists are made for a slightly larger ellipse, with ends further out by SLACK samples: the kernels' own test of q decides. The
# rounding of float32 moves q by less than MORE, and the ends of a row, where the margin of MORE is small, by less than SLACK.
MORE, SLACK = 0.01, 0.05
JOB_ROWS = 64


@dataclass(frozen=True)
class TileLists:
    """The splats of each tile of each layer in each octave.

    Args:
        order: int32 [room], splats; those of tile t of layer k at ``first[k · T + t]`` … ``first[k · T + t + 1]`` − 1 with the
            octave's ``first``.
        first: int32 [K · T + 1] of each octave.
        columns, rows: of tiles in each octave; T = columns · rows, row by row.
        needed: int64 [2], bands and entries that there would be with room for all.
    """

    order: torch.Tensor
    first: list[torch.Tensor]
    columns: list[int]
    rows: list[int]
    needed: torch.Tensor


def expand(counts: torch.Tensor, room: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """``counts[i]`` entries for each i, one after the other: int64 owner [room], number among the owner's [room], needed [].

    Entries behind the last one have len(counts) as their owner.
    """
    ends = counts.cumsum(0)
    place = torch.arange(room, device=counts.device)
    owner = torch.searchsorted(ends, place, right=True)
    inside = owner.clamp(max=len(counts) - 1)
    return owner, place - (ends[inside] - counts[inside]), ends[-1]


def extent(splats: torch.Tensor, cut: float = CUT + MORE) -> tuple[torch.Tensor, torch.Tensor]:
    """Half width and half height of the ellipses q ≤ cut, in samples; [N] each. Shapes that are none give NaN or infinity."""
    _, _, a, b, c = splats.unbind(1)
    root = cut**0.5
    return root / a, root * torch.sqrt(a * a + c * c) / (a * b)


def whole(values: torch.Tensor, size: torch.Tensor, *, up: bool) -> torch.Tensor:
    """Sample numbers, rounded up or down and limited to −1 … size; int64. What is not finite becomes −1."""
    values = torch.ceil(values) if up else torch.floor(values)
    return torch.nan_to_num(values, nan=-1.0, posinf=1e9, neginf=-1.0).clamp(min=-1).minimum(size).long()


def rows_of(splats: torch.Tensor, height: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """First and last sample row that each splat can reach, int64 [N]; the last is smaller than the first where there is none."""
    wide, high = extent(splats)
    y = splats[:, 1]
    first = whole(y - high - SLACK, height, up=True).clamp(min=0)
    last = whole(y + high + SLACK, height, up=False).minimum(height - 1)
    return first, torch.where(wide.isfinite() & high.isfinite() & (high >= 0) & (wide >= 0), last, -1)


def tile_lists(
    splats: torch.Tensor, octaves: torch.Tensor, starts: torch.Tensor, size: tuple[int, int], room: Sequence[int]
) -> TileLists:
    """Lists for planes of this size, width and height in octave 0.

    Args:
        splats: [N, 5], x, y, A, B, C in samples of each splat's octave, float32 or float64.
        octaves: int64 [N].
        starts: int32 [K + 1], on the device: the splats of each layer.
        room: bands, and entries in tiles.
    """
    device, count, layers = splats.device, len(splats), len(starts) - 1
    sizes = [octave_size(size[1], size[0], octave) for octave in range(OCTAVES)]
    columns, rows = [-(-w // TILE) for _, w in sizes], [-(-h // TILE) for h, _ in sizes]
    tiles = [c * r for c, r in zip(columns, rows, strict=True)]
    lists = layers * sum(tiles)
    if not count:
        first = torch.zeros(lists + 1, dtype=torch.int32, device=device)
        none = torch.zeros(2, dtype=torch.int64, device=device)
        order = torch.zeros(1, dtype=torch.int32, device=device)
        return TileLists(order, _parts(first, tiles, layers), columns, rows, none)
    width, height = counts_of(size[0], octaves), counts_of(size[1], octaves)
    top, bottom = rows_of(splats, height)
    top_tile = top // TILE
    bands = torch.where(bottom >= top, bottom // TILE - top_tile + 1, 0)
    splat, number, needed_bands = expand(bands, room[0])
    exists = splat < count
    splat = splat.clamp(max=count - 1)
    row = top_tile[splat] + number
    left, right = _columns(splats[splat], row, width[splat])
    across = torch.where(exists & (right >= left), right - left + 1, 0)

    band, number, needed_tiles = expand(across, room[1])
    exists = band < room[0]
    band = band.clamp(max=room[0] - 1)
    splat = splat[band]
    layer = torch.searchsorted(starts, splat.int(), right=True) - 1
    octave = octaves[splat]
    tile = row[band] * _of(columns, octave) + left[band] + number
    before = [layers * sum(tiles[:j]) for j in range(OCTAVES)]
    key = _of(before, octave) + layer * _of(tiles, octave) + tile
    key, place = torch.sort(torch.where(exists, key, lists).int(), stable=True)
    first = torch.searchsorted(key, torch.arange(lists + 1, dtype=torch.int32, device=device), out_int32=True)
    needed = torch.stack([needed_bands, needed_tiles])
    return TileLists(splat[place].int(), _parts(first, tiles, layers), columns, rows, needed)


def _parts(first: torch.Tensor, tiles: Sequence[int], layers: int) -> list[torch.Tensor]:
    """The part of each octave, which ends with where the next one begins."""
    ends = [layers * sum(tiles[: j + 1]) for j in range(OCTAVES)]
    return [first[end - layers * count : end + 1] for end, count in zip(ends, tiles, strict=True)]


def _of(values: Sequence[int], octave: torch.Tensor) -> torch.Tensor:
    """The value of each entry's octave; without a table, which would have to be copied to the device."""
    out = torch.full_like(octave, values[0])
    for j in range(1, OCTAVES):
        out = torch.where(octave == j, values[j], out)
    return out


def _columns(splats: torch.Tensor, row: torch.Tensor, width: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """First and last column of tiles that the ellipses of ``splats`` [B, 5] reach in these rows of tiles, int64 [B].

    In a row at a distance dy from the centre the ellipse spans c b dy / m ± sqrt((cut − a² b² dy² / m) / m) with m = a² + c².
    Its right end is furthest at dy = c √cut / (a b), where v = 0, and falls off to both sides; its left end at minus that.
    """
    x, y, a, b, c = splats.unbind(1)
    cut = CUT + MORE
    m = a * a + c * c
    high = torch.sqrt(cut * m) / (a * b)
    low_end = (row * TILE - SLACK - y).maximum(-high)
    high_end = (row * TILE + TILE - 1 + SLACK - y).minimum(high)
    furthest = c * cut**0.5 / (a * b)
    ends = []
    for side in (-1, 1):
        dy = (side * furthest).maximum(low_end).minimum(high_end)
        half = torch.sqrt(((cut - (a * b * dy) ** 2 / m) / m).clamp(min=0))
        ends.append(x + c * b * dy / m + side * half)
    left = whole(ends[0] - SLACK, width, up=True).clamp(min=0)
    right = whole(ends[1] + SLACK, width, up=False).minimum(width - 1)
    return left // TILE, torch.where(right >= left, right // TILE, -1)


@dataclass(frozen=True)
class Jobs:
    """Rows of splats in pieces of about the same work, so that one large splat does not keep all others waiting.

    Args:
        splat: int32 [room]; ``begin``, ``end``: int32 [room], the sample rows, none in entries that are not used.
        first: int64 [N + 1], the jobs of each splat, in the order of its rows.
        needed: int64 [1], jobs that there would be with room for all.
    """

    splat: torch.Tensor
    begin: torch.Tensor
    end: torch.Tensor
    first: torch.Tensor
    needed: torch.Tensor


def row_jobs(splats: torch.Tensor, octaves: torch.Tensor, height: int, room: int) -> Jobs:
    """Jobs of at most JOB_ROWS rows, for planes of this height in octave 0; the others as in :func:`tile_lists`, N > 0."""
    top, bottom = rows_of(splats, counts_of(height, octaves))
    counts = ((bottom - top).clamp(min=-1) + JOB_ROWS) // JOB_ROWS
    owner, number, needed = expand(counts, room)
    exists = owner < len(splats)
    splat = owner.clamp(max=len(splats) - 1)
    begin = torch.where(exists, top[splat] + number * JOB_ROWS, 0)
    end = torch.where(exists, torch.minimum(begin + JOB_ROWS, bottom[splat] + 1), 0)
    first = torch.cat([torch.zeros(1, dtype=torch.int64, device=splats.device), counts.cumsum(0)])
    return Jobs(splat.int(), begin.int(), end.int(), first, needed[None])
