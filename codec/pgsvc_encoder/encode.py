"""The way of the data: source → segments → fit → freeze → write → decode back → report."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

import pgsvc
from pgsvc import headers, limits
from pgsvc.assemble import RawChunk, assemble
from pgsvc.errors import PgsError, UsageError
from pgsvc.output.target import write_whole
from pgsvc.picture import Picture, PictureFormat
from pgsvc.segment import SPLAT_FRAMES
from pgsvc.stream import Stream
from pgsvc.syntax import Record
from pgsvc_encoder import keyframes, report
from pgsvc_encoder.cluster.connection import Cluster
from pgsvc_encoder.coder import Coder, InTurn, Progress, code_segment, tell
from pgsvc_encoder.parts import Parts
from pgsvc_encoder.probe import Notice, Rows, Segment, find_splats, pictures_ahead
from pgsvc_encoder.region import Mask, Region
from pgsvc_encoder.settings import Settings
from pgsvc_encoder.source import Source
from pgsvc_encoder.workers import Workers

HELD_FRAMES = 16  # in a chunk at the most where a rate is held: it is seen, and mended, from chunk to chunk


def stream_header(
    picture_format: PictureFormat,
    settings: Settings,
    *,
    is_still: bool,
    frames: int,
    covered: int,
    largest_chunk: int,
    objects: int = 1,
) -> Record:
    """HEAD record (spec 6.1) with the lowest limit level that admits the stream."""
    f = picture_format
    splats = sum(settings.layer_splats(f.width * f.height))
    sizes = settings.level_sizes(f.width, f.height)
    if not is_still:
        splats = max(splats, -(-splats * settings.chunk_frames // SPLAT_FRAMES))
    level = limits.smallest_level(f.width * f.height, max(f.width, f.height), splats, covered, largest_chunk)
    return {
        "format_major": headers.FORMAT_MAJOR,
        "format_minor": headers.FORMAT_MINOR,
        "min_reader_minor": headers.FORMAT_MINOR,
        "profile": headers.PROFILES["still" if is_still else "video"],
        "limit_level": level,
        "progression_order": headers.LAYER_ORDER if settings.order == "layer" else headers.SEGMENT_ORDER,
        "full_range": int(f.full_range),
        "chroma_location": f.chroma_location,
        "has_level_sizes": int(any(size != (f.width, f.height) for size in sizes)),
        "has_objects": int(objects > 1),
        "chroma_format": int(f.chroma),
        "bit_depth": f.bit_depth,
        "layer_count": settings.layers,
        "width": f.width,
        "height": f.height,
        "colour_primaries": f.primaries,
        "transfer_characteristics": f.transfer,
        "matrix_coefficients": f.matrix,
        "frame_rate_numerator": f.frame_rate.numerator,
        "frame_rate_denominator": f.frame_rate.denominator,
        "frame_count": frames,
        "level_sizes": [{"level_width": w, "level_height": h} for w, h in sizes],
        "object_count": objects,
        "object_layers": [settings.layers] * objects,
    }


def encode(
    source: Source,
    output: Path,
    settings: Settings,
    *,
    region: Region | np.ndarray | Mask | None = None,
    resume: bool = False,
    workers: int | None = None,
    cluster: Cluster | None = None,
    progress: Progress | None = None,
    on_key: Callable[[int], None] = lambda frame: None,
    notice: Notice | None = None,
) -> dict[str, Any]:
    """Encode a source into a file and return the report; ``on_key`` is told the number of each key frame when its turn comes.

    The file appears under its name only when it is complete and its decoded hashes are right.

    Args:
        region: of interest, which becomes object 1 and ``settings.roi_gain`` dB better than the rest: one mask for all frames, bool
            [H, W], or a function from the number of a frame to its mask.
        workers: processes that code segments of a video (None: this one alone), which changes nothing in the file. With more than
            one, ``progress`` is told only of finished frames, and not in order; trial fits and probes come before, in this process.
        cluster: whose machines code them in place of processes here, ``workers`` at a time (None: as many as it has room for).
        notice: told in lines of text how a search for ``settings.targets`` goes, and of workers that were lost.

    Raises:
        UsageError: the source has no frames, the settings do not fit it, or a target is out of reach.
        PgsError: workers are killed again and again.
    """
    if workers is not None and workers < 1:
        raise UsageError(f"--workers {workers}: give 1 or more")
    if source.is_still and (cluster is not None or workers not in (None, 1)):
        option = "--workers" if cluster is None else "--cluster"
        (notice or (lambda _: None))(f"{option} is for video; a still is one segment, which one process encodes")
        workers = cluster = None
    keyframes.check(source, settings)
    if settings.targets is not None:
        chunk_frames = min(settings.chunk_frames, HELD_FRAMES)
        settings = replace(settings, targets=settings.targets.for_source(source), chunk_frames=chunk_frames)
    torch.set_num_threads(1)  # image work is in our kernels; torch's spinning threads only take their cores away
    began = time.perf_counter()
    region = None if region is None else Region.of(region)
    objects = 1 if region is None else 2
    identity = {
        "settings": settings.identity(),
        "source": source.name,
        "format": str(source.format),
        "version": pgsvc.__version__,
        **({} if region is None else {"region": region.name}),
    }
    parts = Parts(output, identity, resume=resume)
    chunks: list[RawChunk] = []
    frames: list[dict[str, Any]] = []
    covered = largest = 0
    gop = 1 if source.is_still else settings.gop
    all_pictures = iter(source)
    search = None
    if settings.targets is not None:
        all_pictures, search = _search(source, all_pictures, settings, parts, notice, region)
        wanted = settings.targets
        rate = wanted.values[-1] if wanted.kind == "bpp" and not source.is_still else None
        settings = replace(settings, splats=tuple(search["splats"]), targets=None, rate=rate)
    is_new = keyframes.chooser(source, settings, parts, lambda frame, errors: tell(progress, frame, errors))
    segments = keyframes.segments(all_pictures, is_new, gop)
    if cluster is not None:
        from pgsvc_encoder.cluster.coder import OnCluster  # imports Ray

        coder: Coder = OnCluster(cluster, workers, settings, parts, region, progress, notice)
    elif workers is not None and workers > 1:
        coder = Workers(workers, settings, parts, region, progress, notice)
    else:
        coder = InTurn(settings, parts, region, progress)
    for segment_chunks, statistics in _coded(source, segments, gop, coder, parts, on_key, progress):
        chunks += segment_chunks
        frames += statistics["frames"]
        covered, largest = max(covered, statistics["covered"]), max(largest, statistics["largest_chunk"])
    if not frames:
        parts.remove()
        raise UsageError(f"{source.name} holds no frames")
    header = stream_header(
        source.format,
        settings,
        is_still=source.is_still,
        frames=len(frames),
        covered=covered,
        largest_chunk=largest,
        objects=objects,
    )
    data = assemble(header, chunks)
    stream = _verify(data, settings)
    write_whole(str(output), data)
    parts.remove()
    seconds = time.perf_counter() - began
    rows = report.level_rows(stream, frames)
    if search is not None:
        report.add_targets(rows, search)
    splats = sum(settings.layer_splats(source.format.width * source.format.height))
    return {
        "source": source.name,
        "settings": settings.identity(),
        **({} if region is None else {"region": region.name}),
        "splats": splats,
        "seconds": seconds,
        "levels": rows,
        **({} if search is None else {"targets": search}),
        **report.splat_rates(frames, splats),
        "frames": frames,
    }


def _coded(
    source: Source,
    segments: Iterator[Iterator[Picture]],
    gop: int,
    coder: Coder,
    parts: Parts,
    on_key: Callable[[int], None],
    progress: Progress | None,
) -> Iterator[Segment]:
    """All segments in order, when the coder has those that an earlier run did not finish."""
    frames = count = 0
    with coder:
        for count, pictures in enumerate(segments, 1):
            on_key(frames)
            done = parts.load(count - 1)
            if done is None:
                expected = gop if source.frame_count is None else min(gop, source.frame_count - frames)
                frames += coder.code(count - 1, frames, pictures, expected)
                continue
            skipped = sum(1 for _ in pictures)
            if skipped != len(done[1]["frames"]):
                raise UsageError(f"the source has changed since {parts.folder} was made; encode without --resume")
            for _ in range(skipped):
                tell(progress, frames, None)
                frames += 1
    for number in range(count):
        done = parts.load(number)
        if done is None:
            raise PgsError(f"a finished segment in {parts.folder} is damaged or gone; --resume encodes it again")
        yield done


def _search(
    source: Source,
    pictures: Iterator[Picture],
    settings: Settings,
    parts: Parts,
    notice: Notice | None,
    region: Region | None,
) -> tuple[Iterator[Picture], dict[str, Any]]:
    """All pictures again, and what was found for the targets, now or before an interruption."""
    record = parts.recall("targets")
    if record is not None:
        return pictures, record

    def code(pictures: Sequence[Picture], settings: Settings) -> tuple[Segment, Rows]:
        chunks, statistics = segment = code_segment(0, 0, iter(pictures), settings, None, len(pictures), region)
        frames, covered, largest = statistics["frames"], statistics["covered"], statistics["largest_chunk"]
        header = stream_header(
            source.format,
            settings,
            is_still=source.is_still,
            frames=len(frames),
            covered=covered,
            largest_chunk=largest,
            objects=1 if region is None else 2,
        )
        return segment, report.level_rows(_read(assemble(header, chunks), settings), frames)

    ahead = list(itertools.islice(pictures, pictures_ahead(source, settings)))
    try:
        found = find_splats(source, ahead, settings, code, notice)
    except UsageError:
        parts.remove()
        raise
    if found.segment is not None:
        parts.save(0, *found.segment)
    parts.remember("targets", found.record)
    return itertools.chain(ahead, pictures), found.record


def _verify(data: bytes, settings: Settings) -> Stream:
    """Decode every level of the finished stream and hold it against the hashes of what the encoder saw; the stream, read."""
    stream = _read(data, settings)
    for level in range(stream.layer_count):
        for _ in stream.frames(level, check_hash=True):
            pass
    return stream


def _read(data: bytes, settings: Settings) -> Stream:
    stream = Stream(allow=limits.LEVELS[max(limits.LEVELS)], threads=settings.threads)
    stream.keep_chunks = True
    stream.feed(data)
    stream.close()
    return stream
