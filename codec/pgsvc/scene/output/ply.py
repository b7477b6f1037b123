"""PLY files in the layout of 3D Gaussian Splatting's own trainer, which nearly every program of the field reads.

Properties and their order are those of ``save_ply`` in graphdeco-inria/gaussian-splatting: position, normals of zero,
``f_dc``, ``f_rest`` channel by channel, opacity as logit, logarithmic scales, rotation w, x, y, z. Scenes of several objects
have ``object_id`` (uchar) behind them. What the layout has no place for is in comments: ``SplatRenderMode: mip``, as Brush
writes and splat-transform reads, and lines that begin with ``pgsvc``.
"""

from __future__ import annotations

from typing import BinaryIO

import numpy as np

from pgsvc.scene.frames import change_frame
from pgsvc.scene.splats import SceneFormat, SceneSplats

FRAME = "rdf"


def property_names(rest_count: int) -> list[str]:
    """The float properties of a splat, in their order."""
    names = ["x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2"]
    names += [f"f_rest_{index}" for index in range(3 * rest_count)]
    return [*names, "opacity", "scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"]


def write_ply(file: BinaryIO, splats: SceneSplats, format: SceneFormat) -> None:
    """Writes binary little-endian floats in the frame "rdf"; nothing is lost."""
    from plyfile import PlyData, PlyElement

    splats = change_frame(splats, format.frame, FRAME)
    names = property_names(format.rest_count)
    columns = np.zeros((len(splats), len(names)), "<f4")
    columns[:, 0:3] = splats.position
    columns[:, 6:9] = splats.sh_dc
    columns[:, 9:-8] = splats.sh_rest.transpose(0, 2, 1).reshape(len(splats), 3 * format.rest_count)
    columns[:, -8] = splats.opacity
    columns[:, -7:-4] = splats.log_scale
    columns[:, -4:] = splats.rotation
    floats = np.dtype([(name, "<f4") for name in names])
    vertices = columns.view(floats)[:, 0]
    if splats.object_id is not None and splats.object_id.any():
        labelled = np.empty(len(splats), [*floats.descr, ("object_id", "u1")])
        labelled[names] = vertices
        labelled["object_id"] = splats.object_id
        vertices = labelled
    PlyData([PlyElement.describe(vertices, "vertex")], byte_order="<", comments=_comments(format)).write(file)


def _comments(format: SceneFormat) -> list[str]:
    """Header lines for what readers of PLY files would assume otherwise."""
    lines = []
    if format.kernel == "antialiased":
        lines.append("SplatRenderMode: mip")
    elif format.kernel != "classic":
        lines.append(f"pgsvc kernel {format.kernel}")
    if format.frame == "unspecified":
        lines.append("pgsvc frame unspecified")
    if format.metres_per_unit is not None:
        lines.append(f"pgsvc metres_per_unit {float(format.metres_per_unit)!r}")
    if format.colour_space != SceneFormat.colour_space:
        lines.append(f"pgsvc colour_space {format.colour_space}")
    return lines
