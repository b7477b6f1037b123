"""PLY files with splats: the layout of 3D Gaussian Splatting's own trainer, and a door to PlayCanvas' compressed one.

Properties are those of ``save_ply`` in graphdeco-inria/gaussian-splatting, found by name: ``f_rest`` channel by channel, scales
as logarithms, opacities as logits, and rotations w, x, y, z **before** the trainer's normalisation, so that any length above 0
is right. Comments tell the kernel: ``SplatRenderMode: mip`` (Brush), ``antialiased 1`` (Postshot), and what
`pgsvc.scene.output.ply` writes. plyfile reads text and both byte orders.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from pgsvc.errors import UsageError
from pgsvc.scene.splats import COLOUR_SPACES, FRAMES, KERNELS, SceneFormat, SceneSplats
from pgsvc_encoder.scene.source.base import Reading, check_count, damaged, float32, read_bytes
from pgsvc_encoder.scene.source.labels import as_objects

_HEADER_LIMIT = 1 << 20
_DEGREES = {0: 0, 9: 1, 24: 2, 45: 3}
_LABELS = ("object_id", "label")
_COLUMNS = {
    "position": ("x", "y", "z"),
    "log_scale": ("scale_0", "scale_1", "scale_2"),
    "rotation": ("rot_0", "rot_1", "rot_2", "rot_3"),
    "opacity": ("opacity",),
    "sh_dc": ("f_dc_0", "f_dc_1", "f_dc_2"),
}


def read_ply(path: str, name: str) -> Reading:
    """Splats of either layout; columns that no splat has, such as normals, are passed over.

    Raises:
        UsageError: damage, or a PLY file that holds no splats.
    """
    elements, comments = _elements(path, name)
    if "chunk" in elements and "packed_position" in (elements.get("vertex", np.empty(0)).dtype.names or ()):
        from pgsvc_encoder.scene.source.compressed_ply import unpacked

        splats = unpacked(elements, name)
    elif "vertex" in elements:
        splats = _splats(elements["vertex"], name)
    else:
        raise UsageError(f"{name} is a PLY file without vertices; give one of splats")
    degree = _DEGREES[3 * splats.sh_rest.shape[1]]
    return Reading(splats, SceneFormat(sh_degree=degree, **_told(comments, name)))


def _elements(path: str, name: str) -> tuple[dict[str, np.ndarray], list[str]]:
    """Structured arrays by the names of elements, and the comments. Counts are checked before anything is allocated."""
    from plyfile import PlyData, PlyParseError

    size = _check_counts(path, name)
    try:
        data = PlyData.read(path, mmap="c")
        elements = {element.name: element.data for element in data.elements}
    except (PlyParseError, ValueError, TypeError, KeyError, IndexError, OverflowError, MemoryError, OSError) as error:
        raise damaged(name, str(error) or "it cannot be read") from error
    if any(array.dtype.hasobject for array in elements.values()):
        raise UsageError(f"{name} has lists, as meshes do; give a PLY file of splats")
    body = sum(array.nbytes for array in elements.values())
    if not data.text and body != size:
        raise damaged(name, f"{size} bytes follow its header, which asks for {body}")
    return elements, list(data.comments)


def _check_counts(path: str, name: str) -> int:
    """Bytes behind the header, which are enough for the counts in it if every row takes one."""
    head = read_bytes(path, _HEADER_LIMIT)
    end = re.search(rb"^end_header[ \t]*\r?\n?", head, re.MULTILINE)
    if end is None:
        raise damaged(name, "its header does not end")
    text = head[: end.start()]
    size = Path(path).stat().st_size - end.end()
    rows = 0
    for element in re.split(rb"^element\b", text, flags=re.MULTILINE)[1:]:
        count = int((re.match(rb"\s+\S+\s+(\d{1,18})\s*$", element, re.MULTILINE) or [b"", b"0"])[1])
        check_count(count, name)
        rows += count * len(re.findall(rb"^property\b", element, re.MULTILINE))
    if rows > size:
        raise damaged(name, f"its header asks for {rows} numbers, and {size} bytes follow")
    return size


def _splats(vertices: np.ndarray, name: str) -> SceneSplats:
    present = vertices.dtype.names or ()
    lacking = [column for columns in _COLUMNS.values() for column in columns if column not in present]
    if lacking:
        raise UsageError(f"{name} is not a PLY file of splats: it lacks {', '.join(lacking)}")
    found = {what: _columns(vertices, columns) for what, columns in _COLUMNS.items()}
    number = sum(re.fullmatch(r"f_rest_\d+", column) is not None for column in present)
    rest = [f"f_rest_{index}" for index in range(number)]
    if number not in _DEGREES or not set(rest) <= set(present):
        raise damaged(name, f"{number} properties f_rest are not those of a degree 0 to 3")
    coefficients = _columns(vertices, rest).reshape(len(vertices), 3, number // 3)
    label = next((column for column in _LABELS if column in present), None)
    return SceneSplats(
        **{**found, "opacity": found["opacity"][:, 0]},
        sh_rest=np.ascontiguousarray(coefficients.transpose(0, 2, 1)),
        object_id=None if label is None else as_objects(vertices[label], name),
    )


def _columns(vertices: np.ndarray, names: tuple[str, ...] | list[str]) -> np.ndarray:
    """float32 [N, columns]."""
    columns = np.empty((len(vertices), len(names)), np.float32)
    for index, name in enumerate(names):
        columns[:, index] = float32(vertices[name])
    return columns


def _told(comments: list[str], name: str) -> dict:
    """Arguments of `SceneFormat` that the comments of the header hold."""
    told: dict = {}
    for words in (comment.lower().split() for comment in comments):
        match words:
            case ["splatrendermode:", mode]:
                told["kernel"] = "antialiased" if mode == "mip" else "classic"
            case ["antialiased", "0" | "1" as flag]:
                told["kernel"] = "antialiased" if flag == "1" else "classic"
            case ["pgsvc", "kernel", kernel] if kernel in KERNELS:
                told["kernel"] = kernel
            case ["pgsvc", "frame", frame] if frame in FRAMES:
                told["frame"] = frame
            case ["pgsvc", "colour_space", space] if space in COLOUR_SPACES:
                told["colour_space"] = space
            case ["pgsvc", "metres_per_unit", length] if _length(length):
                told["metres_per_unit"] = float(length)
            case ["pgsvc", *_]:
                raise damaged(name, f"the comment '{' '.join(words)}' is not one that can be")
    return told


def _length(text: str) -> bool:
    """Whether a text is a finite number above 0."""
    return re.fullmatch(r"\d{1,20}(\.\d{1,20})?(e[+-]?\d{1,2})?", text) is not None and float(text) > 0
