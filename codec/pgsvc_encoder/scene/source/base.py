"""What every reader of scenes gives, and what they share: bounded reading, and numbers from bytes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from pgsvc.errors import UsageError
from pgsvc.scene.splats import SceneFormat, SceneSplats

MAX_SPLATS = 1 << 26
"""More than that are not read; the largest captures known have some ten million."""


@dataclass(frozen=True)
class SceneSource:
    """A scene as it is given to the encoder.

    Args:
        splats: what is in the file, after repairs; rotations are unit quaternions, every number is finite.
        format: what the numbers mean.
        name: of the file, for messages.
        repairs: a sentence for each kind of repair, with its count.
    """

    splats: SceneSplats
    format: SceneFormat
    name: str
    repairs: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Reading:
    """What a reader found, before any check of the numbers.

    Args:
        splats: as in the file; rotations of any length.
        format: what the file says, or its kind is known for.
        losses: a sentence for each thing in the file that a `SceneFormat` cannot express.
    """

    splats: SceneSplats
    format: SceneFormat
    losses: list[str] = field(default_factory=list)


def read_bytes(path: str, limit: int = -1) -> bytes:
    """A file, or its first ``limit`` bytes.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return file.read(limit)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}; check the name") from error


def damaged(name: str, what: str) -> UsageError:
    """The error for a file that contradicts itself or its format."""
    return UsageError(f"{name} is damaged: {what}; make the file again")


def check_count(count: int, name: str) -> None:
    """Refuses a number of splats that is too large to be read.

    Raises:
        UsageError: it is.
    """
    if count > MAX_SPLATS:
        raise UsageError(
            f"{name} says that it holds {count} splats, and at most {MAX_SPLATS} are read; split the scene"
        )


def float32(values: np.ndarray) -> np.ndarray:
    """The values as 32-bit floats; those beyond become infinite, and the check of all scenes finds them."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(values).astype(np.float32)


def logits(alpha: np.ndarray) -> np.ndarray:
    """Logits, float32, of opacities 0 … 1; infinite at the ends."""
    alpha = np.asarray(alpha, np.float64)
    with np.errstate(divide="ignore"):
        return (np.log(alpha) - np.log1p(-alpha)).astype(np.float32)


def logits_of_bytes(alpha: np.ndarray) -> np.ndarray:
    """Logits, float32, of opacities in 255 steps. Codes 0 and 255 count as half a step inside, where their intervals begin."""
    return logits(np.clip(alpha.astype(np.float64), 0.5, 254.5) / 255)


def smallest_three(three: np.ndarray, largest: np.ndarray) -> np.ndarray:
    """Quaternions [N, 4] from all components but the largest [N, 3], in order, and its index [N]; float32."""
    three = np.asarray(three, np.float64)
    rest = np.sqrt(np.maximum(0, 1 - (three**2).sum(axis=1)))
    quaternion = np.empty((len(three), 4))
    rows = np.arange(len(three))
    others = np.arange(3) + (np.arange(3) >= largest[:, None])
    quaternion[rows[:, None], others] = three
    quaternion[rows, largest] = rest
    return float32(quaternion)
