"""A scene as other programs know it: arrays of 3D Gaussian splats, and what their numbers mean (spec 10.10).

This is what importers give to the encoder, what the decoder gives to exporters, and what rasterisers draw. Numbers are those
of the PLY layout of 3D Gaussian Splatting [Kerbl et al. 2023]; their meaning is that of KHR_gaussian_splatting.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

SH_C0 = 0.28209479177387814
"""The constant spherical harmonic: colour = 0.5 + SH_C0 · sh_dc."""

FRAMES = ("unspecified", "rdf", "rub", "luf", "ruf", "lub", "rfu", "flu")
"""Where the axes x, y, z of a scene point: Right/Left, Up/Down, Forward/Back; PLY files of 3D Gaussian Splatting are "rdf"."""

KERNELS = ("classic", "antialiased", "none")
"""What a renderer adds to the projected covariance: 0.3 pixel² (classic), the same with opacity lowered to keep each splat's
energy (antialiased, as in Mip-Splatting), or nothing."""

COLOUR_SPACES = ("srgb_rec709_display", "lin_rec709_display")


@dataclass(frozen=True)
class SceneFormat:
    """What the numbers of a scene mean; mandatory in a stream.

    Args:
        sh_degree: of the spherical harmonics, 0 … 3.
        frame: one of `FRAMES`.
        metres_per_unit: length of a unit of position and scale; None: not known.
        kernel: one of `KERNELS`.
        colour_space: one of `COLOUR_SPACES`.
    """

    sh_degree: int = 0
    frame: str = "rdf"
    metres_per_unit: float | None = None
    kernel: str = "classic"
    colour_space: str = "srgb_rec709_display"

    @property
    def rest_count(self) -> int:
        """Coefficients of a colour behind the constant one: 0, 3, 8 or 15."""
        return (self.sh_degree + 1) ** 2 - 1


@dataclass(frozen=True)
class SceneSplats:
    """Splats of a scene, structure of arrays.

    Args:
        position: float32 [N, 3], scene units.
        log_scale: float32 [N, 3], natural logarithms of the standard deviations along the splat's own axes.
        rotation: float32 [N, 4], unit quaternions w, x, y, z from the splat's axes to the scene's.
        opacity: float32 [N], logits: alpha = 1 / (1 + exp(−opacity)).
        sh_dc: float32 [N, 3], constant coefficients of red, green, blue.
        sh_rest: float32 [N, K, 3], further coefficients, by degree and order; K = `SceneFormat.rest_count`.
        object_id: uint8 [N], or None where there is object 0 alone.
    """

    position: np.ndarray
    log_scale: np.ndarray
    rotation: np.ndarray
    opacity: np.ndarray
    sh_dc: np.ndarray
    sh_rest: np.ndarray
    object_id: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.position)

    def select(self, which: np.ndarray | slice) -> SceneSplats:
        """The splats of a mask [N] or at these indices, in this order; of a slice, views."""
        kept = {f.name: getattr(self, f.name)[which] for f in fields(self) if getattr(self, f.name) is not None}
        return replace(self, **kept)

    @staticmethod
    def concatenate(parts: Sequence[SceneSplats]) -> SceneSplats:
        """All splats of ``parts``, which is not empty, in order."""
        names = [f.name for f in fields(SceneSplats) if all(getattr(p, f.name) is not None for p in parts)]
        return SceneSplats(**{name: np.concatenate([getattr(p, name) for p in parts]) for name in names})

    @staticmethod
    def none(rest_count: int) -> SceneSplats:
        """No splat at all."""
        return SceneSplats.empty(0, rest_count)

    @staticmethod
    def empty(count: int, rest_count: int) -> SceneSplats:
        """Room for ``count`` splats."""
        shapes = {
            "position": (3,),
            "log_scale": (3,),
            "rotation": (4,),
            "opacity": (),
            "sh_dc": (3,),
            "sh_rest": (rest_count, 3),
        }
        return SceneSplats(**{name: np.empty((count, *shape), np.float32) for name, shape in shapes.items()})
