"""The stream header of a scene (spec 6.1)."""

from __future__ import annotations

from fractions import Fraction
from math import floor, log2

import numpy as np

from pgsvc import headers
from pgsvc.scene.splats import COLOUR_SPACES, FRAMES, KERNELS, SceneFormat
from pgsvc.syntax import Record
from pgsvc_encoder.scene.canonical import Canonical
from pgsvc_encoder.scene.settings import SceneSettings

FINEST_PART = 12.5  # octaves below the scene's size, from which on a scale matters no more
STEPS_OF_FINEST = 4  # octaves of grid units below that
MOST_BITS = 29  # of a position


def stream_header(
    splats: Canonical, form: SceneFormat, settings: SceneSettings, layers: list[int], tile_count: int
) -> Record:
    """HEAD of a scene, but for the limit level.

    Args:
        layers: of each object.
    """
    metres = Fraction(form.metres_per_unit or 0).limit_denominator(1 << 20)
    return {
        "format_major": headers.FORMAT_MAJOR,
        "format_minor": headers.FORMAT_MINOR,
        "min_reader_minor": headers.FORMAT_MINOR,
        "profile": headers.SCENE,
        "limit_level": 1,
        "progression_order": settings.order,
        **dict.fromkeys(("full_range", "chroma_location", "has_level_sizes", "chroma_format"), 0),
        "has_objects": int(len(layers) > 1),
        "layer_count": max(layers),
        **({"object_count": len(layers), "object_layers": layers} if len(layers) > 1 else {"object_count": None}),
        "sh_degree": form.sh_degree,
        "kernel": KERNELS.index(form.kernel),
        "axes": FRAMES.index(form.frame),
        "colour_space": COLOUR_SPACES.index(form.colour_space),
        "grid_exponent": grid_exponent(splats),
        "metres_numerator": metres.numerator,
        "metres_denominator": metres.denominator,
        "tile_count": tile_count,
    }


def finest_octave(splats: Canonical) -> float:
    """log2 of the standard deviation below which splats are points, whatever the view; scene units."""
    if not len(splats):
        return 0.0
    spans = np.percentile(splats.position, 95, axis=0) - np.percentile(splats.position, 5, axis=0)
    size = max(float(spans.max()), 2.0 ** float(splats.scale[:, 0].max()), 1e-9)
    return log2(size) - FINEST_PART


def grid_exponent(splats: Canonical) -> int:
    """log2 of the grid's step: a fraction of the finest splat that matters, as far as 30 bits reach."""
    wanted = floor(finest_octave(splats)) - STEPS_OF_FINEST
    reach = float(np.abs(splats.position).max(initial=2.0**-30))
    return max(wanted, floor(log2(max(reach, 2.0**-30))) + 1 - MOST_BITS, -64)
