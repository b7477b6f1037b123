"""PlayCanvas' compressed PLY: 16 bytes a splat within the bounds of chunks of 256, and bytes for the coefficients.

Words from the top bit down: position and scale 11, 10, 11 bits between the chunk's bounds; rotation two bits for the largest of
w, x, y, z and 10 bits for each other, −1/√2 … 1/√2; colour and opacity four bytes, the colour between bounds too if the chunk
has them. Coefficients lie in ``sh``, channel by channel, −4 … 4. Source: playcanvas/splat-transform (readers/read-ply.ts) and
the PLY page of the PlayCanvas manual.
"""

from __future__ import annotations

import numpy as np

from pgsvc.scene.splats import SH_C0, SceneSplats
from pgsvc_encoder.scene.source.base import damaged, float32, logits, smallest_three

_CHUNK = 256
_WORDS = ("packed_position", "packed_rotation", "packed_scale", "packed_color")
_BOUNDS = ("x", "y", "z", "scale_x", "scale_y", "scale_z")
_COLOURS = ("r", "g", "b")


def unpacked(elements: dict[str, np.ndarray], name: str) -> SceneSplats:
    """Splats of the elements ``chunk``, ``vertex`` and ``sh``. Opacities of 0 and 255 are infinite logits.

    Raises:
        UsageError: properties are missing, or of other types or counts than they should be.
    """
    chunks, vertices = elements["chunk"], elements["vertex"]
    if any(word not in (vertices.dtype.names or ()) or vertices[word].dtype.kind != "u" for word in _WORDS):
        raise damaged(name, "its packed properties are not all there")
    if len(chunks) != -(-len(vertices) // _CHUNK):
        raise damaged(name, f"it has {len(chunks)} chunks for {len(vertices)} splats")
    present = chunks.dtype.names or ()
    if not {f"{end}_{axis}" for end in ("min", "max") for axis in _BOUNDS} <= set(present):
        raise damaged(name, "the bounds of its chunks are not all there")
    coloured = {f"{end}_{channel}" for end in ("min", "max") for channel in _COLOURS} <= set(present)
    position, rotation, scale, colour = (vertices[word].astype(np.uint32) for word in _WORDS)
    rgb = np.stack([_unorm(colour, shift, 8) for shift in (24, 16, 8)], axis=1)
    rgb = _between(chunks, _COLOURS, rgb) if coloured else rgb
    return SceneSplats(
        position=float32(_between(chunks, _BOUNDS[:3], _three(position, (11, 10, 11)))),
        log_scale=float32(_between(chunks, _BOUNDS[3:], _three(scale, (11, 10, 11)))),
        rotation=smallest_three((_three(rotation, (10, 10, 10)) - 0.5) * np.sqrt(2), (rotation >> 30).astype(np.int64)),
        opacity=logits(_unorm(colour, 0, 8)),
        sh_dc=float32((rgb - 0.5) / SH_C0),
        sh_rest=_coefficients(elements.get("sh"), len(vertices), name),
    )


def _unorm(words: np.ndarray, shift: int, bits: int) -> np.ndarray:
    """A field of bits as 0 … 1, float64."""
    largest = (1 << bits) - 1
    return (words >> np.uint32(shift) & np.uint32(largest)) / largest


def _three(words: np.ndarray, bits: tuple[int, int, int]) -> np.ndarray:
    """Three fields [N, 3], the last in the lowest bits."""
    return np.stack([_unorm(words, sum(bits[i + 1 :]), bits[i]) for i in range(3)], axis=1)


def _between(chunks: np.ndarray, names: tuple[str, ...], share: np.ndarray) -> np.ndarray:
    """Numbers [N, 3] that lie at ``share``, 0 … 1, between the bounds of their chunks."""
    low, high = (np.stack([chunks[f"{end}_{n}"] for n in names], axis=1).astype(np.float64) for end in ("min", "max"))
    with np.errstate(invalid="ignore", over="ignore"):
        low, high = (np.repeat(bound, _CHUNK, axis=0)[: len(share)] for bound in (low, high))
        return low * (1 - share) + high * share


def _coefficients(rows: np.ndarray | None, count: int, name: str) -> np.ndarray:
    """float32 [N, K, 3]; bytes stand for the middles of their steps, the first and the last for the ends."""
    if rows is None:
        return np.zeros((count, 0, 3), np.float32)
    names = [f"f_rest_{index}" for index in range(len(rows.dtype.names or ()))]
    if len(rows) != count or len(names) not in (9, 24, 45) or set(names) != set(rows.dtype.names or ()):
        raise damaged(name, "its coefficients are not those of a degree 1 to 3")
    if any(rows[column].dtype != np.uint8 for column in names):
        raise damaged(name, "its coefficients are no bytes")
    codes = np.stack([rows[column] for column in names], axis=1).astype(np.float64)
    share = np.where(codes == 0, 0, np.where(codes == 255, 1, (codes + 0.5) / 256))
    values = (8 * (share - 0.5)).reshape(count, 3, len(names) // 3)
    return np.ascontiguousarray(values.transpose(0, 2, 1), np.float32)
