"""Splats as a plane group of a picture of another size sees them (spec 8.4)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pgsvc import kernel
from pgsvc.picture import PlaneGroup
from pgsvc.planar.splats import SplatSet
from pgsvc.sizes import Size


class Shaped(NamedTuple):
    """Splats with their forms, all at the reference size.

    Args:
        position, colour: as of :class:`pgsvc.planar.splats.SplatSet`.
        factor, form: int32 [N, 3] Q20 and int64 [N, 3] Q32 (spec 8.3).
    """

    position: np.ndarray
    factor: np.ndarray
    form: np.ndarray
    colour: np.ndarray

    @staticmethod
    def of(s: SplatSet) -> Shaped:
        return Shaped(s.position, s.factor, s.form, s.colour)


def at_size(
    splats: Shaped, reference: Size, size: Size, group: PlaneGroup, *, cpu: str | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Centres, quadratic forms and colours of a group's components; at the reference size, those of the state.

    Returns:
        position int32 [N, 2], Q8; form int64 [N, 3], Q32; both in luma samples of the picture of ``size``; colour int16
        [N, C of the group], Q13.
    """
    colour = np.ascontiguousarray(splats.colour[:, group.components])
    if size == reference:
        return splats.position, splats.form, colour
    return kernel.scale_splats(
        splats.position, splats.factor, colour, reference, size, group.step_x, group.step_y, cpu=cpu
    )
