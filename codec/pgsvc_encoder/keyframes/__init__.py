"""Which frames become key frames: one interface, three methods.

``fixed``: only where a segment would grow too long. ``difference``: also where the picture is unlike the one before
(``difference.py``), which costs milliseconds and looks at nothing to come. ``dynamic``: by trial fits (``dynamic.py``), which costs
more than fitting the frames themselves and reads the source twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgsvc.errors import UsageError
from pgsvc_encoder.keyframes.segments import Chooser, segments

if TYPE_CHECKING:
    from pgsvc_encoder.keyframes.trial import OnStep
    from pgsvc_encoder.parts import Parts
    from pgsvc_encoder.settings import Settings
    from pgsvc_encoder.source import Source

__all__ = ["METHODS", "Chooser", "check", "chooser", "segments"]

METHODS = ("fixed", "difference", "dynamic")


def check(source: Source, settings: Settings) -> None:
    """Raises UsageError if the method cannot be used on the source."""
    if settings.key_frames not in METHODS:
        raise UsageError(f"there is no key-frame method '{settings.key_frames}'; use one of {', '.join(METHODS)}")
    if settings.key_frames == "dynamic" and not source.is_still and not source.restarts:
        raise UsageError(
            f"--key-frames dynamic reads the pictures twice, and {source.name} can be read only once; "
            "give a file, or use --key-frames difference"
        )


def chooser(source: Source, settings: Settings, parts: Parts, on_step: OnStep | None = None) -> Chooser:
    """The method that the settings name; ``dynamic`` fits the whole source first, unless ``parts`` remember what it found."""
    if settings.key_frames == "fixed" or source.is_still:
        return lambda picture: False
    if settings.key_frames == "difference":
        from pgsvc_encoder.keyframes.difference import DifferenceTest

        return DifferenceTest()
    found = parts.recall("key_frames")
    if found is None:
        from pgsvc_encoder.keyframes.dynamic import key_frames
        from pgsvc_encoder.keyframes.trial import measure

        losses = measure(source, settings.dynamic, seed=settings.seed, threads=settings.threads, on_step=on_step)
        found = key_frames(losses, settings.dynamic)
        parts.remember("key_frames", found)
    flags = iter(found)
    return lambda picture: next(flags, False)
