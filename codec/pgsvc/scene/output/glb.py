"""glTF files (.glb) with KHR_gaussian_splatting, as ratified by Khronos.

A primitive of points with the attributes POSITION and ``KHR_gaussian_splatting:`` ROTATION (x, y, z, w), SCALE (standard
deviations), OPACITY (0 … 1) and SH_DEGREE_l_COEF_n (red, green, blue), all floats, and COLOR_0 for programs that show points.
The frame of glTF is y up, z forward and x left, its unit the metre (glTF 2.0, 3.4). The extension has no place for the kernel;
it is in ``asset.extras``.
"""

from __future__ import annotations

import json
import struct

import numpy as np

from pgsvc.errors import UsageError
from pgsvc.scene.frames import change_frame
from pgsvc.scene.output.check import sigmoid, to_byte
from pgsvc.scene.output.splat import scales
from pgsvc.scene.splats import SH_C0, SceneFormat, SceneSplats

FRAME = "luf"
_EXTENSION = "KHR_gaussian_splatting"
_FLOAT, _UBYTE, _ARRAY_BUFFER = 5126, 5121, 34962
_TYPES = {1: "SCALAR", 3: "VEC3", 4: "VEC4"}


def glb_bytes(splats: SceneSplats, format: SceneFormat) -> bytes:
    """The file; floats as they are, in metres where the scene knows them.

    Raises:
        UsageError: standard deviations that 32-bit floats cannot hold, more than 4 GiB, or no splats, which glTF forbids.
    """
    if not len(splats):
        raise UsageError("glTF cannot hold a scene without splats; write .ply")
    attributes = _attributes(change_frame(splats, format.frame, FRAME), format)
    views, accessors, offset = [], [], 0
    for name, values in attributes.items():
        views.append({"buffer": 0, "byteOffset": offset, "byteLength": values.nbytes, "target": _ARRAY_BUFFER})
        accessors.append(_accessor(len(views) - 1, name, values))
        offset += values.nbytes
    document = {
        "asset": {"version": "2.0", "generator": "pgsvc", "extras": {"kernel": format.kernel, "frame": format.frame}},
        "extensionsUsed": [_EXTENSION],
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [_primitive(list(attributes), format)]}],
        "buffers": [{"byteLength": offset}],
        "bufferViews": views,
        "accessors": accessors,
    }
    text = json.dumps(document, separators=(",", ":")).encode("ascii")
    text += b" " * (-len(text) % 4)
    if 28 + len(text) + offset >= 2**32:
        raise UsageError("the scene is larger than the 4 GiB of a .glb file; write .spz or .ply")
    header = struct.pack("<4sII", b"glTF", 2, 28 + len(text) + offset)
    chunks = [struct.pack("<I4s", len(text), b"JSON"), text, struct.pack("<I4s", offset, b"BIN\0")]
    return b"".join([header, *chunks, *(values.tobytes() for values in attributes.values())])


def _attributes(splats: SceneSplats, format: SceneFormat) -> dict[str, np.ndarray]:
    """Arrays [N, C], 4-byte rows, by the names of the attributes."""
    metres = format.metres_per_unit or 1.0
    alpha = sigmoid(splats.opacity)
    colour = 0.5 + SH_C0 * splats.sh_dc.astype(np.float64)
    found = {
        "POSITION": metres * splats.position.astype(np.float64),
        "ROTATION": np.roll(splats.rotation, -1, axis=1),
        "SCALE": scales(splats.log_scale + np.float32(np.log(metres)), ".glb"),
        "OPACITY": alpha[:, None],
        "SH_DEGREE_0_COEF_0": splats.sh_dc,
    }
    for degree in range(1, format.sh_degree + 1):
        for order in range(2 * degree + 1):
            found[f"SH_DEGREE_{degree}_COEF_{order}"] = splats.sh_rest[:, degree * degree - 1 + order]
    names = {name: name if name == "POSITION" else f"{_EXTENSION}:{name}" for name in found}
    arrays = {names[name]: np.ascontiguousarray(values, "<f4") for name, values in found.items()}
    return {**arrays, "COLOR_0": to_byte(255 * np.concatenate([colour, alpha[:, None]], axis=1))}


def _accessor(view: int, name: str, values: np.ndarray) -> dict:
    accessor = {
        "bufferView": view,
        "componentType": _UBYTE if values.dtype == np.uint8 else _FLOAT,
        "count": len(values),
        "type": _TYPES[values.shape[1]],
    }
    if values.dtype == np.uint8:
        accessor["normalized"] = True
    if name == "POSITION":
        accessor["min"], accessor["max"] = values.min(axis=0).tolist(), values.max(axis=0).tolist()
    return accessor


def _primitive(names: list[str], format: SceneFormat) -> dict:
    told = {
        "kernel": "ellipse",
        "colorSpace": format.colour_space,
        "projection": "perspective",
        "sortingMethod": "cameraDistance",
    }
    return {
        "attributes": {name: index for index, name in enumerate(names)},
        "mode": 0,
        "extensions": {_EXTENSION: told},
    }
