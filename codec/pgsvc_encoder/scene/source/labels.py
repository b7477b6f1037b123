"""Which object each splat belongs to, from a file of its own: a .npy array or integers in a text."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from pgsvc.errors import UsageError
from pgsvc.scene.splats import SceneSplats
from pgsvc_encoder.scene.source.base import read_bytes

OBJECTS = 16


def read_labels(path: str) -> np.ndarray:
    """The numbers [N] of a .npy file (any shape, in C order) or of a text, separated by white space or commas.

    Raises:
        UsageError: the file cannot be read, or something in it is no number.
    """
    data = read_bytes(path)
    try:
        if data.startswith(b"\x93NUMPY"):
            return np.load(path, mmap_mode="r", allow_pickle=False).reshape(-1)
        return np.array(data.decode("ascii").replace(",", " ").split(), np.float64)
    except (ValueError, OSError, EOFError, UnicodeError, SyntaxError) as error:
        name = Path(path).name
        raise UsageError(
            f"{name} is neither a .npy array nor a list of integers; give an object for each splat"
        ) from error


def as_objects(labels: np.ndarray, name: str) -> np.ndarray:
    """uint8 [N] of labels of any type.

    Raises:
        UsageError: one is not an integer 0 … 15.
    """
    if labels.dtype.kind not in "biuf":
        raise UsageError(f"the labels of {name} are not numbers; give integers 0 to {OBJECTS - 1}")
    bad = int((~((labels >= 0) & (labels < OBJECTS) & (labels == np.floor(labels)))).sum())
    if bad:
        raise UsageError(f"{bad} labels of {name} are no integers 0 to {OBJECTS - 1}; number the objects anew")
    return labels.astype(np.uint8)


def with_labels(splats: SceneSplats, labels: np.ndarray, path: str) -> SceneSplats:
    """The same splats, in the objects that ``labels`` says.

    Raises:
        UsageError: as for `as_objects`; also another number of labels than of splats.
    """
    name = Path(path).name
    if len(labels) != len(splats):
        raise UsageError(
            f"{name} has {len(labels)} labels for {len(splats)} splats; give one for each splat of the file"
        )
    return replace(splats, object_id=as_objects(labels, name))
