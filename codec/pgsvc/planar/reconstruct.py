"""From splat state to pictures: the integer sum per plane group, level by level (spec 8.4–8.7)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from pgsvc import kernel
from pgsvc.errors import LimitExceeded
from pgsvc.limits import Limits
from pgsvc.picture import Picture, PictureFormat
from pgsvc.planar.scale import Shaped, at_size
from pgsvc.planar.splats import SplatSet, covered_samples
from pgsvc.reference import Sums
from pgsvc.sizes import Size


def empty_sums(picture_format: PictureFormat) -> list[Sums]:
    """Accumulators before any splat: octaves for each plane group (spec 8.6)."""
    sums = []
    for group in picture_format.plane_groups:
        neutral = neutral_values(picture_format)[group.components, None, None]
        first, *others = octaves = kernel.empty_sums(len(neutral), group.height, group.width)
        first[:] = neutral
        for acc in others:
            acc[:] = 0
        sums.append(octaves)
    return sums


def neutral_values(picture_format: PictureFormat) -> np.ndarray:
    """What the accumulators of the components begin with; int16 [C] (spec 8.6)."""
    out = np.zeros(picture_format.components, np.int16)
    if not picture_format.is_rgb:
        out[1:] = 4096
    return out


def add_layer(
    sums: Sequence[Sums],
    picture_format: PictureFormat,
    sets: Iterable[SplatSet],
    *,
    reference: Size | None = None,
    cpu: str | None = None,
    threads: int = 0,
) -> None:
    """Add the splats of one layer to the accumulators in place.

    Args:
        picture_format: of the picture that is rendered.
        reference: the size that the splats speak of, that of ``picture_format`` when None.
    """
    size = (picture_format.width, picture_format.height)
    for s in sets:
        for octaves, group in zip(sums, picture_format.plane_groups, strict=True):
            octaves[0][:] += s.background[group.components, None, None]  # int16, wraps
            if len(s):
                kernel.sum_i16(
                    octaves,
                    *at_size(Shaped.of(s), reference or size, size, group, cpu=cpu),
                    group.step_x,
                    group.step_y,
                    group.origin_x,
                    group.origin_y,
                    cpu=cpu,
                    threads=threads,
                )


def to_picture(
    sums: Sequence[Sums], picture_format: PictureFormat, *, cpu: str | None = None, threads: int = 0
) -> Picture:
    """Join the octaves, round and clip (spec 8.7)."""
    f = picture_format
    planes = [plane for acc in sums for plane in kernel.to_samples(acc, f.bit_depth, f.dtype, cpu=cpu, threads=threads)]
    return Picture(f, tuple(planes))


def check_cost(
    sets: Iterable[SplatSet], picture_format: PictureFormat, limits: Limits, reference: Size | None = None
) -> None:
    """Spec A.3, before any sample is touched; ``picture_format`` and ``reference`` as in :func:`add_layer`.

    Raises:
        LimitExceeded: the splats of a frame are too many or cover too much.
    """
    splats = covered = 0
    size = (picture_format.width, picture_format.height)
    for s in sets:
        splats += len(s)
        covered += covered_samples(s.factor, *(reference or size), size)
    check_counts(splats, covered, limits)


def check_counts(splats: int, covered: int, limits: Limits) -> None:
    """Raises LimitExceeded if a frame has too many splats, or they cover too many samples (spec A.3)."""
    if splats > limits.splats or covered > limits.covered:
        raise LimitExceeded(
            f"a frame of {splats} splats covering {covered} samples; allowed are {limits.splats} and {limits.covered}",
            clause="A.3",
        )


def levels(
    layers: Sequence[Sequence[SplatSet]],
    picture_format: PictureFormat,
    *,
    sizes: Sequence[Size] | None = None,
    cpu: str | None = None,
    threads: int = 0,
) -> Iterator[Picture]:
    """The pictures of levels 0, 1, … for the given layers, each at its own size.

    Args:
        picture_format: of the reference size.
        sizes: of each level; all have the reference size when None.
    """
    reference = (picture_format.width, picture_format.height)
    shown, sums = picture_format, empty_sums(picture_format)
    for k, sets in enumerate(layers):
        added = [sets]
        size = reference if sizes is None else sizes[k]
        if size != (shown.width, shown.height):  # nothing of another size can be used again
            shown = replace(picture_format, width=size[0], height=size[1])
            sums, added = empty_sums(shown), layers[: k + 1]
        for some in added:
            add_layer(sums, shown, some, reference=reference, cpu=cpu, threads=threads)
        yield to_picture(sums, shown)
