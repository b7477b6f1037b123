"""The decoder's state of splats in space, in integers, and the numbers that other programs know (spec 10.2, 10.10)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from pgsvc.scene.rotation import axes_of, quaternions
from pgsvc.scene.splats import SH_C0, SceneSplats

POSITION_LIMIT = 1 << 30
SCALE_LIMIT = 31 << 12
COLOUR_LIMIT = 1 << 24
FIRST_OPACITY, LAST_OPACITY = 1024, 65535


@dataclass(frozen=True)
class SceneState:
    """Splats as the specification defines them; hashes are made of these arrays.

    Args:
        position: int32 [N, 3], grid units.
        scale: int32 [N, 3], Q12 octaves above one scene unit, largest axis first.
        rotation: int32 [N, 4], a direction on the square of spec 10.6 (Q15), the angle of the largest axis about it and its
            lift out of the plane across it (Q16 half turns).
        opacity: int32 [N], square root of alpha in Q16, 1024 … 65535.
        colour: int32 [N, 3], luma and two differences of the constant colour, Q16 (spec 10.8).
        sh: int32 [N, K, 3], the same of the further coefficients, Q16.
    """

    position: np.ndarray
    scale: np.ndarray
    rotation: np.ndarray
    opacity: np.ndarray
    colour: np.ndarray
    sh: np.ndarray

    def __len__(self) -> int:
        return len(self.position)

    @staticmethod
    def none(rest_count: int) -> SceneState:
        """No splat at all."""
        three, four = np.zeros((0, 3), np.int32), np.zeros((0, 4), np.int32)
        sh = np.zeros((0, rest_count, 3), np.int32)
        return SceneState(three, three, four, np.zeros(0, np.int32), three, sh)

    @staticmethod
    def concatenate(parts: Sequence[SceneState]) -> SceneState:
        """All splats of ``parts``, which is not empty, in order."""
        return SceneState(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(SceneState)))

    def without_sh(self) -> SceneState:
        """The same without coefficients, which nothing is predicted from."""
        return replace(self, sh=self.sh[:, :0])

    def clipped(self) -> SceneState:
        """The same within the ranges of spec 10.2."""
        return replace(
            self,
            position=_clip(self.position, POSITION_LIMIT),
            scale=clip_scale(self.scale),
            rotation=self.rotation.astype(np.int32),
            opacity=np.clip(self.opacity, FIRST_OPACITY, LAST_OPACITY).astype(np.int32),
            colour=_clip(self.colour, COLOUR_LIMIT),
            sh=_clip(self.sh, COLOUR_LIMIT),
        )

    def tobytes(self) -> bytes:
        """What a hash is made of: the arrays in this order, little-endian (spec 6.6)."""
        return b"".join(np.ascontiguousarray(getattr(self, f.name), "<i4").tobytes() for f in fields(self))

    def splats(self, grid_exponent: int, object_id: np.ndarray | None = None) -> SceneSplats:
        """As floats; positions are exact as far as 24 bits can hold them (spec 10.10)."""
        alpha = (self.opacity / 65536.0) ** 2
        rgb = to_rgb(self.colour) / 65536.0
        return SceneSplats(
            position=np.ldexp(self.position.astype(np.float64), grid_exponent).astype(np.float32),
            log_scale=(self.scale * (np.log(2) / 4096)).astype(np.float32),
            rotation=quaternions(axes_of(self.rotation)).astype(np.float32),
            opacity=np.log(alpha / (1 - alpha)).astype(np.float32),
            sh_dc=((rgb - 0.5) / SH_C0).astype(np.float32),
            sh_rest=(to_rgb(self.sh) / 65536.0).astype(np.float32),
            object_id=object_id,
        )


def to_rgb(colour: np.ndarray) -> np.ndarray:
    """Red, green, blue of luma and differences (spec 10.8), in doubled precision as floats, since halves occur; [..., 3]."""
    y, red_blue, green = (colour[..., i].astype(np.float64) for i in range(3))
    return np.stack([y - green / 2 + red_blue / 2, y + green / 2, y - green / 2 - red_blue / 2], -1)


def from_rgb(rgb: np.ndarray) -> np.ndarray:
    """The inverse of :func:`to_rgb`."""
    r, g, b = (rgb[..., i] for i in range(3))
    return np.stack([(r + 2 * g + b) / 4, r - b, g - (r + b) / 2], -1)


def clip_scale(scale: np.ndarray) -> np.ndarray:
    """Scales within their range; int32 like the argument."""
    return _clip(scale, SCALE_LIMIT)


def _clip(values: np.ndarray, limit: int) -> np.ndarray:
    return np.clip(values, -limit, limit).astype(np.int32)
