"""The sizes at which pictures can be rendered (spec 6.1, 8.4)."""

from __future__ import annotations

from itertools import pairwise

from pgsvc.errors import BadStream, UsageError
from pgsvc.syntax import Record

Size = tuple[int, int]  # width, height in luma samples

MAX_REDUCTION = 64  # the reference size over the size rendered, along each axis
MAX_ENLARGEMENT = 16  # the inverse
MAX_SIDE = 65535


def is_renderable(reference: Size, size: Size) -> bool:
    """Whether a stream of this reference size can be rendered at ``size`` (spec 8.4)."""
    return all(
        1 <= new <= MAX_SIDE and old <= MAX_REDUCTION * new and new <= MAX_ENLARGEMENT * old
        for old, new in zip(reference, size, strict=True)
    )


def level_sizes(header: Record) -> list[Size]:
    """The size of each level, from a stream header.

    Raises:
        BadStream: the sizes break a rule of spec 6.1.
    """
    reference = (header["width"], header["height"])
    if not header["has_level_sizes"]:
        return [reference] * header["layer_count"]
    sizes = [(s["level_width"], s["level_height"]) for s in header["level_sizes"]]
    for k, size in enumerate(sizes):
        if size[0] > reference[0] or size[1] > reference[1]:
            raise BadStream(f"level {k} of {size[0]}x{size[1]} is larger than the reference size", clause="6.1")
        if not is_renderable(reference, size):
            raise BadStream(f"level {k} of {size[0]}x{size[1]} is too small for the reference size", clause="6.1")
    if any(below[0] > above[0] or below[1] > above[1] for below, above in pairwise(sizes)):
        raise BadStream("the sizes decrease from level to level", clause="6.1")
    return sizes


def complete_size(width: int | None, height: int | None, reference: Size) -> Size:
    """A size of which one side may be None: that side keeps the aspect ratio of the reference size."""
    w, h = reference
    if width is None and height is None:
        return reference
    if width is None:
        assert height is not None
        return max(1, (2 * w * height + h) // (2 * h)), height
    return width, max(1, (2 * h * width + w) // (2 * w)) if height is None else height


def check_size(reference: Size, size: Size) -> Size:
    """``size``, if it can be rendered.

    Raises:
        UsageError: it is too small or too large.
    """
    if not is_renderable(reference, size):
        raise UsageError(
            f"{size[0]}x{size[1]} is out of range: each side must be between 1/{MAX_REDUCTION} and {MAX_ENLARGEMENT} "
            f"times that of {reference[0]}x{reference[1]}, and at most {MAX_SIDE}"
        )
    return size
