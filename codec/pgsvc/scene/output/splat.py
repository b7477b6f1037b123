"""``.splat`` files: 32 bytes a splat and nothing else, after antimatter15/splat (convert.py, main.js).

Position and standard deviations are floats, colour and opacity bytes without view dependence, the rotation w, x, y, z four
bytes around 128. Viewers show what has arrived, so the order of the splats is kept.
"""

from __future__ import annotations

import numpy as np

from pgsvc.errors import UsageError
from pgsvc.scene.frames import change_frame
from pgsvc.scene.output.check import sigmoid, to_byte
from pgsvc.scene.splats import SH_C0, SceneFormat, SceneSplats

FRAME = "rdf"
RECORD = np.dtype([("position", "<f4", 3), ("scale", "<f4", 3), ("rgba", "u1", 4), ("rotation", "u1", 4)])


def splat_bytes(splats: SceneSplats, format: SceneFormat) -> bytes:
    """The file. Colours depend on the view no more, and those out of 0 … 1 end there.

    Raises:
        UsageError: the scene's colours are linear, or standard deviations are beyond 32-bit floats.
    """
    refuse_linear(format, ".splat")
    splats = change_frame(splats, format.frame, FRAME)
    records = np.empty(len(splats), RECORD)
    records["position"] = splats.position
    records["scale"] = scales(splats.log_scale, ".splat")
    records["rgba"][:, :3] = to_byte(255 * (0.5 + SH_C0 * splats.sh_dc.astype(np.float64)))
    records["rgba"][:, 3] = to_byte(255 * sigmoid(splats.opacity))
    records["rotation"] = to_byte(128 + 128 * splats.rotation.astype(np.float64))
    return records.tobytes()


def scales(log_scale: np.ndarray, kind: str) -> np.ndarray:
    """Standard deviations, float32, of their logarithms.

    Raises:
        UsageError: one is zero or infinite as a 32-bit float.
    """
    with np.errstate(over="ignore", under="ignore"):
        linear = np.exp(log_scale.astype(np.float64)).astype(np.float32)
    bad = int((~np.isfinite(linear) | (linear <= 0)).any(axis=1).sum())
    if bad:
        raise UsageError(
            f"{bad} splats have standard deviations that {kind} cannot hold; write .ply, or repair the scene"
        )
    return linear


def refuse_linear(format: SceneFormat, kind: str) -> None:
    """Refuses a scene of linear colours for a kind that cannot say so.

    Raises:
        UsageError: it is one.
    """
    if format.colour_space != SceneFormat.colour_space:
        raise UsageError(f"the scene's colours are {format.colour_space}, which {kind} cannot tell; write .glb or .ply")
