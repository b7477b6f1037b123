"""From the pictures of a segment to its chunks, kept on disk: here one segment after the other, in ``workers.py`` several."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import TracebackType
from typing import Any, Protocol, Self

import torch

from pgsvc.assemble import RawChunk
from pgsvc.kernel import thread_count
from pgsvc.picture import Picture
from pgsvc_encoder import report
from pgsvc_encoder.encode_segment import INDEXED, SegmentEncoder
from pgsvc_encoder.parts import Parts
from pgsvc_encoder.region import Region
from pgsvc_encoder.settings import Settings

CLOSE = 0.03  # logarithm of the rate over the wanted one within which a segment is not coded again

Progress = Callable[[int, torch.Tensor | None], None]  # frame number, level errors (None: the frame is done)


def tell(progress: Progress | None, frame: int, errors: torch.Tensor | None) -> None:
    """Call ``progress``, if there is one."""
    if progress is not None:
        progress(frame, errors)


def code_segment(
    number: int,
    first_frame: int,
    pictures: Iterator[Picture],
    settings: Settings,
    progress: Progress | None,
    expected: int,
    region: Region | None,
) -> tuple[list[RawChunk], dict[str, Any]]:
    """Chunks and statistics of a segment; they depend on these arguments alone.

    A segment that misses its rate is coded once more, aimed as far to the other side; the nearer of the two is taken.

    Args:
        first_frame: of the segment, in the stream.
        expected: frames that the segment is likely to have, for its share of a rate.
    """
    if settings.rate is None:
        return _code_once(number, first_frame, pictures, settings, progress, expected, region)
    again = list(pictures)
    found, misses, rate = [], [], settings.rate
    for _ in range(2):
        aimed = replace(settings, rate=rate)
        told = _without_ends(progress) if found else progress
        found.append(_code_once(number, first_frame, iter(again), aimed, told, expected, region))
        f = again[0].format
        wanted = settings.rate * f.width * f.height * len(again) / 8
        ratio = sum(len(c.raw) + INDEXED for c in found[-1][0]) / wanted
        misses.append(abs(math.log(ratio)))
        if misses[-1] <= CLOSE:
            break
        rate /= ratio
    return found[misses.index(min(misses))]


def _without_ends(progress: Progress | None) -> Progress:
    """The same for frames that it has been told are done."""

    def told(frame: int, errors: torch.Tensor | None) -> None:
        if errors is not None:
            tell(progress, frame, errors)

    return told


def _code_once(
    number: int,
    first_frame: int,
    pictures: Iterator[Picture],
    settings: Settings,
    progress: Progress | None,
    expected: int,
    region: Region | None,
) -> tuple[list[RawChunk], dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    encoder = SegmentEncoder(
        number,
        first_frame,
        settings,
        lambda errors, _: tell(progress, first_frame + encoder.current, errors),
        expected,
        region,
    )
    threads = thread_count(settings.threads)
    for coded in encoder.frames(pictures):
        levels = report.measure(
            coded.sources, coded.pictures, coded.inside, structure=settings.ms_ssim, threads=threads
        )
        rows.append(
            {
                "levels": levels,
                "bytes": coded.bytes,
                "seconds": coded.seconds,
                "is_key": coded.is_key,
            }
        )
        tell(progress, first_frame + len(rows) - 1, None)
    result = encoder.result
    return result.chunks, {"frames": rows, "covered": result.covered, "largest_chunk": result.largest_chunk}


class Coder(Protocol):
    """Given segments in order, keeps each in ``Parts``; all are there when the ``with`` block has ended without an error."""

    def code(self, number: int, first_frame: int, pictures: Iterator[Picture], expected: int) -> int:
        """Take a segment, see :func:`code_segment`; the number of its pictures, which are used up."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /
    ) -> None: ...


class InTurn:
    """Codes each segment when it comes, in this process."""

    def __init__(self, settings: Settings, parts: Parts, region: Region | None, progress: Progress | None) -> None:
        self._settings, self._parts, self._region, self._progress = settings, parts, region, progress

    def code(self, number: int, first_frame: int, pictures: Iterator[Picture], expected: int) -> int:
        segment = code_segment(number, first_frame, pictures, self._settings, self._progress, expected, self._region)
        self._parts.save(number, *segment)
        return len(segment[1]["frames"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass
