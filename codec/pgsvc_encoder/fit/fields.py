"""Every other row: a picture as two fields, which iterations see in turn, each at half the cost.

Splats are broader than two rows but for a few, so a field's gradient is close to that of the frame, and means over iterations see
both. In place of a smaller picture: that would blur what the smallest splats are to be fitted to, and is worse at equal time.
"""

from __future__ import annotations

from copy import copy
from dataclasses import replace

from pgsvc_encoder.fit.objective import Objective
from pgsvc_encoder.fit.training import Stage
from pgsvc_encoder.fit.view import Group, View

FIELDS = 2
LEAST_ROWS = 8  # of a plane that is split


def fields_of(stage: Stage) -> list[Stage]:
    """The stage with each field of its pictures, or the stage itself where that cannot be: levels of several sizes, few rows."""
    objective = stage.objective
    if any(v.ratio != (1.0, 1.0) or g.plane.height < LEAST_ROWS for v in objective.views for g in v.groups):
        return [stage]
    return [replace(stage, objective=_field(objective, first)) for first in range(FIELDS)]


def _field(objective: Objective, first: int) -> Objective:
    out = copy(objective)
    out.views = [_view(v, first) for v in objective.views]
    return out


def _view(view: View, first: int) -> View:
    out = copy(view)
    out.groups = [_group(g, first) for g in view.groups]
    return out


def _group(group: Group, first: int) -> Group:
    step_x, step_y, origin_x, origin_y = group.grid
    factors = group.map
    if factors is not None:
        factors = copy(factors)
        factors.weights = factors.weights[first::FIELDS].contiguous()
    return replace(
        group,
        target=group.target[:, first::FIELDS].contiguous(),
        weight=FIELDS * group.weight,
        grid=(step_x, FIELDS * step_y, origin_x, origin_y + first * step_y),
        map=factors,
    )
