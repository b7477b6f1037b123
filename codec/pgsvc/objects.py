"""How many layers each object has (spec 6.1): the picture of a level is the sum of what all objects have of its layers."""

from __future__ import annotations

from collections.abc import Sequence

from pgsvc.errors import BadStream
from pgsvc.syntax import Record


def object_layers(header: Record) -> tuple[int, ...]:
    """Layers of each object, object 0 first, from a stream header.

    Raises:
        BadStream: the numbers break a rule of spec 6.1.
    """
    if not header["has_objects"]:
        return (header["layer_count"],)
    layers = tuple(header["object_layers"])
    if layers[0] == 0:
        raise BadStream("object 0 has no layer", clause="6.1")
    if max(layers) != header["layer_count"]:
        raise BadStream(f"the objects have {max(layers)} layers, the stream {header['layer_count']}", clause="6.1")
    return layers


def with_layers(header: Record, layers: Sequence[int]) -> Record:
    """A stream header with these layers of its objects; levels that are left keep their sizes."""
    top = max(layers)
    out = {**header, "layer_count": top}
    if header["has_level_sizes"]:
        out["level_sizes"] = header["level_sizes"][:top]
    if header["has_objects"]:
        out["object_layers"] = list(layers)
    return out


def true_levels(before: Sequence[int], after: Sequence[int]) -> int:
    """How many levels, from 0 on, show the same once the objects have ``after`` instead of ``before`` layers."""
    return min([*(b for a, b in zip(before, after, strict=True) if b < a), max(after)])
