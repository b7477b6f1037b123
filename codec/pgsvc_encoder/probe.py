"""Trial encodes of the first picture, or of a clip's first frames, and the splats that they find for targets per level."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any, NamedTuple

from pgsvc.assemble import RawChunk
from pgsvc.errors import UsageError
from pgsvc.picture import Picture
from pgsvc_encoder.budget import Phase, Probe, Search
from pgsvc_encoder.report import mean
from pgsvc_encoder.settings import DEFAULT_DENSITY, Settings
from pgsvc_encoder.source import Source
from pgsvc_encoder.targets import Targets

BITS_PER_SPLAT = {True: 40, False: 20}  # a still's and a clip's, for the first guess
MOST_SHARE = 4  # at most one splat per so many pixels is tried
CHEAP_FRAMES = 5  # of a clip in a cheap probe; one with the wanted preset takes a key frame and a whole chunk
CHEAP = "fast"
CHEAP_PHASE = (4, 2.0)  # probes, and how many tolerances off is near enough
PROBES, PROBES_IF_CHEAP = 3, 6  # with the wanted preset; where it is no dearer than the cheap one

Segment = tuple[list[RawChunk], dict[str, Any]]
Rows = list[dict[str, Any]]
Code = Callable[[Sequence[Picture], Settings], tuple[Segment, Rows]]
Notice = Callable[[str], None]


class Found(NamedTuple):
    """Splats of each level, what the report tells of the search, and the segment if the last probe was all of it."""

    splats: tuple[int, ...]
    record: dict[str, Any]
    segment: Segment | None


def pictures_ahead(source: Source, settings: Settings) -> int:
    """Pictures that a probe encodes at most."""
    return 1 if source.is_still else min(settings.gop, 1 + settings.chunk_frames)


def find_splats(
    source: Source, pictures: Sequence[Picture], settings: Settings, code: Code, notice: Notice | None = None
) -> Found:
    """Splats of each level for ``settings.targets``.

    Args:
        pictures: the first of the source, as many as :func:`pictures_ahead` says or there are.
        code: encodes pictures as a whole stream; its first segment, and the report's rows.
        notice: told in a line of text what is being searched and what has come out.

    Raises:
        UsageError: there are no pictures, or a target is out of reach.
    """
    targets = settings.targets
    if targets is None or not pictures:
        raise UsageError(f"{source.name} holds no frames")
    began = time.perf_counter()
    tell = notice or (lambda _: None)
    segments: dict[Probe, Segment] = {}
    total = expected_frames(source, settings, len(pictures))

    def measure(preset: str, splats: tuple[int, ...]) -> Probe:
        start = time.perf_counter()
        some = pictures if preset == settings.preset else pictures[:CHEAP_FRAMES]
        segment, rows = code(some, replace(settings, preset=preset, splats=splats, targets=None))
        sizes = _bytes(segment[1]["frames"], rows, settings, total)
        per_frame = 8 / (source.format.width * source.format.height * total)
        bpp = tuple(size * per_frame for size in sizes)
        seconds = time.perf_counter() - start
        probe = Probe(preset, splats, sizes, bpp, _psnr(segment[1]["frames"], settings, total), seconds)
        segments[probe] = segment
        return probe

    def shown(p: Probe) -> None:
        counts = ",".join(map(str, p.splats))
        tell(
            f"probe {len(search.probes)}, {p.preset}: {counts} splats give {targets.words(getattr(p, targets.kind))} "
            f"({p.seconds:.1f} s)"
        )

    pixels = source.format.width * source.format.height
    tell(f"searching the splats for {targets.wanted()}")
    search = Search(targets, settings.layers, min(pixels // MOST_SHARE, 1 << 24), measure, shown)
    best = search.run(_first(targets, pixels, source.is_still), _phases(settings))
    record = {
        "kind": targets.kind,
        "asked": list(targets.values),
        **({} if targets.bitrates is None else {"bitrates": list(targets.bitrates)}),
        "splats": list(best.splats),
        "expected": list(getattr(best, targets.kind)),
        "seconds": time.perf_counter() - began,
        "probes": [asdict(p) for p in search.probes],
    }
    return Found(best.splats, record, segments[best] if source.is_still else None)


def _phases(settings: Settings) -> list[Phase]:
    """The cheap preset first, unless the wanted one does the same work."""
    if replace(settings, preset=CHEAP).effort() == settings.effort():
        return [Phase(settings.preset, PROBES_IF_CHEAP)]
    return [Phase(CHEAP, *CHEAP_PHASE), Phase(settings.preset, PROBES)]


def _first(targets: Targets, pixels: int, is_still: bool) -> list[float]:
    """Splats to begin with: of usual price, or for PSNR a third of the usual number, and what lies below in usual steps."""
    if targets.kind == "bpp":
        return [value * pixels / BITS_PER_SPLAT[is_still] for value in targets.values]
    top = pixels * DEFAULT_DENSITY / 3
    slope = targets.quantity.slope
    return [top * 2 ** ((value - targets.values[-1]) / slope) for value in targets.values]


def expected_frames(source: Source, settings: Settings, read: int) -> int:
    """Frames of the stream; where the source does not tell, those that were read, are asked for, or fill one segment."""
    if source.is_still or read < pictures_ahead(source, settings):
        return read
    return source.frame_count or source.selection.frames or settings.gop


def _shares(frames: list[dict[str, Any]], settings: Settings, total: int) -> tuple[int, int]:
    """How many key frames and predicted frames the stream will have."""
    keys = math.ceil(total / settings.gop) if any(not f["is_key"] for f in frames) else total
    return keys, total - keys


def _bytes(frames: list[dict[str, Any]], rows: Rows, settings: Settings, total: int) -> tuple[int, ...]:
    """Bytes of the whole stream cut at each level, if its frames cost what those of the probe do.

    What is no coded frame (header, index, hashes) grows with the number of chunks.
    """
    keys, predicted = _shares(frames, settings, total)
    out = []
    for k, row in enumerate(rows):
        costs = {
            is_key: [math.fsum(f["bytes"][: k + 1]) for f in frames if f["is_key"] == is_key]
            for is_key in (True, False)
        }
        other = row["bytes"] - math.fsum(costs[True] + costs[False])
        chunks_of_probe = len(costs[True]) + math.ceil(len(costs[False]) / settings.chunk_frames)
        chunks = keys + math.ceil(predicted / settings.chunk_frames)
        data = sum(n * (mean(list(costs[is_key])) or 0) for is_key, n in ((True, keys), (False, predicted)))
        out.append(round(data + other * chunks / chunks_of_probe))
    return tuple(out)


def _psnr(frames: list[dict[str, Any]], settings: Settings, total: int) -> tuple[float, ...]:
    """Mean PSNR of each level over the stream, if its frames are like those of the probe."""
    keys, predicted = _shares(frames, settings, total)
    out = []
    for k in range(settings.layers):
        kinds = [[f["levels"][k]["psnr"] for f in frames if f["is_key"] == is_key] for is_key in (True, False)]
        out.append(sum(n * (mean(v) or 0) for n, v in zip((keys, predicted), kinds, strict=True)) / total)
    return tuple(out)
