"""A stream of pictures becomes segments: at key frames, and where a segment would grow too long."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pgsvc.picture import Picture

# Told every picture in order, says which show something new.
Chooser = Callable[[Picture], bool]

# Frames between key frames at the least. Flicker and the snow of a dead channel are new in every frame, and a key frame takes as
# long as many predicted ones; a cut that comes sooner is made good as soon as it may.
SHORTEST = 3


def segments(
    pictures: Iterator[Picture], is_new: Chooser, longest: int, shortest: int = SHORTEST
) -> Iterator[Iterator[Picture]]:
    """Runs of pictures that each begin with a key frame; a run must be used up before the next is taken.

    One picture is read ahead, so this works on a stream that never ends.

    Args:
        longest: pictures in a run at the most.
        shortest: pictures in a run at the least, but at the end of the stream and where ``longest`` is less.
    """
    ahead: list[Picture] = []

    def run(first: Picture) -> Iterator[Picture]:
        due = False
        yield first
        for length, picture in enumerate(pictures, 1):
            due |= is_new(picture)
            if length >= longest or (due and length >= shortest):
                ahead.append(picture)
                return
            yield picture

    for first in pictures:
        is_new(first)
        ahead.append(first)
        while ahead:
            yield run(ahead.pop())
