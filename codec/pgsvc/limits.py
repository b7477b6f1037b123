"""Limit levels (spec annex A): how much work and memory a stream may ask for. Checked before anything is allocated."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from pgsvc.errors import BadStream, LimitExceeded, UsageError
from pgsvc.sizes import Size
from pgsvc.syntax import Record


@dataclass(frozen=True)
class Limits:
    """Bounds on a stream.

    Args:
        pixels: width · height.
        side: the longer side.
        splats: splats per frame, all layers together.
        covered: splat–sample pairs per frame, counted by bounding boxes on the luma grid (annex A.3).
        chunk_bytes: payload of one chunk.
    """

    pixels: int
    side: int
    splats: int
    covered: int
    chunk_bytes: int


LEVELS: dict[int, Limits] = {
    1: Limits(1 << 17, 1 << 10, 1 << 14, 1 << 24, 1 << 19),
    2: Limits(1 << 19, 1 << 11, 1 << 16, 1 << 26, 1 << 21),
    3: Limits(1 << 21, 1 << 12, 1 << 18, 1 << 28, 1 << 23),
    4: Limits(1 << 23, 1 << 13, 1 << 20, 1 << 30, 1 << 25),
    5: Limits(1 << 25, 1 << 14, 1 << 22, 1 << 32, 1 << 27),
    6: Limits(1 << 28, 1 << 16, 1 << 24, 1 << 35, 1 << 29),
}
DEFAULT_LEVEL = 4
SCENE_SPLATS = 4  # a scene may have so many times the splats of a frame (annex A.2)


def limits_of(level: int) -> Limits:
    """The limits of a declared level.

    Raises:
        BadStream: the level does not exist.
    """
    if level not in LEVELS:
        raise BadStream(f"limit level {level} does not exist", clause="A.1")
    return LEVELS[level]


def smallest_level(pixels: int, side: int, splats: int, covered: int, chunk_bytes: int) -> int:
    """The lowest limit level that admits these numbers.

    Raises:
        UsageError: none does.
    """
    wanted = Limits(pixels, side, splats, covered, chunk_bytes)
    for level, limits in LEVELS.items():
        if all(getattr(wanted, name) <= getattr(limits, name) for name in Limits.__dataclass_fields__):
            return level
    raise UsageError("the picture is too large for any limit level (spec A.1)")


def parse_allow(text: str, base: Limits) -> Limits:
    """Limits from ``--allow``: a level number, or ``name=value`` pairs separated by commas (values may use k, M, G).

    Raises:
        UsageError: the text is neither.
    """
    if text.isdigit() and int(text) in LEVELS:
        return LEVELS[int(text)]
    changes: dict[str, int] = {}
    for part in text.split(","):
        name, _, value = part.partition("=")
        unit = {"k": 10, "M": 20, "G": 30}.get(value[-1:], 0)
        digits = value[:-1] if unit else value
        if name not in Limits.__dataclass_fields__ or not digits.isdigit():
            names = ", ".join(Limits.__dataclass_fields__)
            raise UsageError(
                f"--allow takes a level 1–{max(LEVELS)} or name=value with the names {names}; not '{part}'"
            )
        changes[name] = int(digits) << unit
    return replace(base, **changes)


def check_header(header: Record, allowed: Limits) -> Limits:
    """Hold a stream header against its own limit level and against what the caller allows; returns the tighter of both.

    Raises:
        BadStream: the header breaks the level it declares.
        LimitExceeded: the caller allows less than the stream needs.
    """
    declared = limits_of(header["limit_level"])
    width, height = header["width"] or 0, header["height"] or 0  # a scene has none
    pixels, side = width * height, max(width, height)
    if pixels > declared.pixels or side > declared.side:
        raise BadStream(
            f"{header['width']}x{header['height']} breaks limit level {header['limit_level']}", clause="A.1"
        )
    if pixels > allowed.pixels or side > allowed.side:
        raise LimitExceeded(
            f"a picture of {header['width']}x{header['height']} needs limit level {header['limit_level']}; "
            f"allowed are {allowed.pixels} pixels and {allowed.side} a side (--allow {header['limit_level']})"
        )
    return _tighter(declared, allowed)


@lru_cache(maxsize=16)
def _tighter(one: Limits, other: Limits) -> Limits:
    return Limits(*(min(getattr(one, n), getattr(other, n)) for n in Limits.__dataclass_fields__))


def check_output(size: Size, allowed: Limits) -> None:
    """Hold the size that a picture is to be rendered at against what the caller allows, before it is allocated.

    Raises:
        LimitExceeded: it is too large.
    """
    if size[0] * size[1] > allowed.pixels or max(size) > allowed.side:
        raise LimitExceeded(
            f"a picture rendered at {size[0]}x{size[1]}; allowed are {allowed.pixels} pixels and {allowed.side} a side"
        )
