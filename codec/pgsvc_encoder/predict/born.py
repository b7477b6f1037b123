"""Splats that take the place of others in a predicted frame (spec 7.13): where they go, and their symbols."""

from __future__ import annotations

import numpy as np
import torch

from pgsvc.picture import PictureFormat
from pgsvc.planar import graded
from pgsvc.planar.graded import GradedSymbols
from pgsvc.planar.symbols import morton
from pgsvc.syntax import Record
from pgsvc_encoder.fit.splats import Splats
from pgsvc_encoder.predict.augment import absence, begin_anew, object_of, paying
from pgsvc_encoder.predict.places import find_places
from pgsvc_encoder.predict.selective import Selective
from pgsvc_encoder.quantise import nearest


def replace(following: Selective, share: float, threshold: float) -> torch.Tensor:
    """Let splats that are hardly missed begin anew where the error is; their rows in the stage's splats, int64.

    Args:
        share: of a set's splats that may; those of an object stay in its region.
        threshold: by how much the weighted error must fall at least for each.
    """
    stage, s = following.stage, following.splats
    out = []
    for i in range(s.set_count):
        part = s.set_rows(i)
        loss, _ = absence(stage, s)
        goes = torch.argsort(loss[part], stable=True)[: round((part.stop - part.start) * share)] + part.start
        places = find_places(stage, s, i // s.objects, len(goes), threshold, object_of(s, i))
        rows = goes[: paying(places, loss[goes], threshold)]
        begin_anew(s, rows, places)
        out.append(rows)
    s.clamp(stage.objective.format.width, stage.objective.format.height)
    rows = torch.cat(out)
    following.forget(rows)
    return rows


def symbols_of(header: Record, splats: Splats, rows: np.ndarray, picture: PictureFormat) -> GradedSymbols:
    """Nearest symbols of some splats, in canonical order."""
    position, shape, colour = (
        x[torch.from_numpy(rows)].double().numpy() for x in (splats.position, splats.shape, splats.colour)
    )
    step = 2.0 ** (graded.energy_steps(header) / 8) / 8192
    energy = nearest.energies(colour, shape, step, is_rgb=picture.is_rgb)
    bits = graded.energy_bits(header, energy)
    exponent = graded.shear_exponent(header, bits)
    shear = nearest.shears(shape[:, 1], exponent)
    slant = graded.slant_bits(graded.shear_value(shear, exponent))
    scale = graded.scale_exponent(header, bits, slant)
    scales = np.stack([nearest.scales(shape[:, column], scale) for column in (0, 2)], 1)
    decoded = graded.shapes(shear, exponent, scales, scale)
    widths = graded.place_bits(header, bits, slant, decoded)
    cells, place = nearest.cells_and_places(position, widths, header["cell_bits"], (picture.width, picture.height))
    order = np.argsort(morton(cells), kind="stable")
    return GradedSymbols(cells[order], energy[order], shear[order], scales[order], place[order])
