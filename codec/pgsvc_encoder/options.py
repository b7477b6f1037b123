"""From the options of pgsvc-enc to settings: what fits together and what does not."""

from __future__ import annotations

import argparse
import itertools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from pgsvc_encoder.settings import Settings
    from pgsvc_encoder.targets import Targets

Number = TypeVar("Number", int, float)


def check_extras() -> None:
    """Raises MissingExtra with the pip line if the encoder's libraries are not installed."""
    import importlib.util

    from pgsvc.errors import MissingExtra

    if any(importlib.util.find_spec(name) is None for name in ("torch", "tqdm", "PIL", "av", "pytorch_msssim")):
        raise MissingExtra("encoding", "encoder")


def settings_from(a: argparse.Namespace) -> Settings:
    """Checked settings.

    Raises:
        UsageError: a value is out of range.
    """
    from pgsvc.errors import UsageError
    from pgsvc_encoder.device.choose import chosen
    from pgsvc_encoder.settings import Settings

    splats = None if a.splats is None else _numbers("--splats", a.splats, int)
    sizes = None if a.sizes is None else tuple(_size(text) for text in a.sizes.split(","))
    targets = _targets(a)
    asked = None if targets is None else targets.values
    listed = [len(x) for x in (splats, asked, sizes) if x is not None and len(x) > 1]
    layers = a.layers if a.layers is not None else (listed or [3])[0]
    if not 1 <= layers <= 16:
        raise UsageError(f"--layers {layers}: a stream has 1 to 16 layers")
    if splats is not None and len(splats) not in (1, layers):
        raise UsageError(f"--splats {a.splats}: give one number, or one for each of the {layers} levels")
    if splats is not None and not layers <= max(splats) <= 1 << 24:
        raise UsageError(
            f"--splats {a.splats}: give at least one for each of the {layers} layers, and at most {1 << 24}"
        )
    if splats is not None and (splats[0] < 1 or any(x >= y for x, y in itertools.pairwise(splats))):
        raise UsageError(f"--splats {a.splats}: the numbers must rise from level to level")
    if targets is not None and len(targets.values) not in (1, layers):
        raise UsageError(
            f"--{targets.kind} {getattr(a, targets.kind)}: give one number, or one for each of the {layers} levels"
        )
    weights = None if a.level_weights is None else _numbers("--level-weights", a.level_weights, float)
    if weights is not None and (len(weights) != layers or min(weights) < 0 or weights[-1] <= 0):
        raise UsageError(
            f"--level-weights {a.level_weights}: give one number ≥ 0 for each of the {layers} levels, the last > 0"
        )
    if a.training == "monolithic" and layers > 1:
        raise UsageError(
            "--training monolithic makes one model for each level, which is not a layered stream; encode each with --layers 1"
        )
    if a.positions != "tree" and a.tools != "main":
        raise UsageError(f"--positions {a.positions} belongs to the main tools; leave out --tools {a.tools}")
    if a.gop < 1:
        raise UsageError(f"--gop {a.gop}: a segment has at least its key frame; give 1 or more")
    if not 0 <= a.roi_gain <= 20:
        raise UsageError(f"--roi-gain {a.roi_gain:g}: give 0 to 20 dB")
    if a.seed < 0 or a.threads < 0:
        raise UsageError("--seed and --threads must not be negative")
    return Settings(
        layers=layers,
        splats=splats[0] if splats is not None and len(splats) == 1 else splats,
        targets=targets,
        scalability=a.scalability if sizes is None else "resolution",
        sizes=sizes,
        gop=a.gop,
        key_frames=a.key_frames,
        order=a.order or "segment",
        roi_gain=a.roi_gain,
        seed=a.seed,
        preset=a.preset,
        threads=a.threads,
        training_name=a.training,
        level_weights=weights,
        tools=a.tools,
        quantise=a.quantise,
        positions=a.positions,
        start=a.start,
        device=chosen(a.device),
    )


def _targets(a: argparse.Namespace) -> Targets | None:
    """What is asked for in place of a number of splats.

    Raises:
        UsageError: more than one way is used, or the numbers make no sense.
    """
    from pgsvc.errors import UsageError
    from pgsvc_encoder.targets import Targets, bitrate

    ways = [name for name in ("splats", "bpp", "bitrate", "psnr") if getattr(a, name) is not None]
    if len(ways) > 1:
        raise UsageError(
            f"{' and '.join('--' + name for name in ways)}: give only one of --splats, --bpp, --bitrate and --psnr"
        )
    if not ways or ways == ["splats"]:
        return None
    kind, text = ways[0], getattr(a, ways[0])
    values = _numbers(f"--{kind}", text, bitrate if kind == "bitrate" else float)
    if not all(0 < v < math.inf for v in values):
        raise UsageError(f"--{kind} {text}: the numbers must be greater than 0")
    if any(x >= y for x, y in itertools.pairwise(values)):
        raise UsageError(f"--{kind} {text}: the numbers must rise from level to level")
    return Targets(kind, values)


def _numbers(option: str, text: str, kind: Callable[[str], Number]) -> tuple[Number, ...]:
    """Numbers separated by commas.

    Raises:
        UsageError: something else is there.
    """
    from pgsvc.errors import UsageError

    try:
        return tuple(kind(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"{option} {text}: numbers separated by commas are wanted") from None


def _size(text: str) -> tuple[int, int]:
    from pgsvc.errors import UsageError

    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise UsageError(f"--sizes: '{text}' is not of the form WxH")
    return int(width), int(height)
