"""``.splat`` files: 32 bytes a splat and nothing else, after antimatter15/splat (main.js, convert.py).

There is no header; what the bytes are follows from the name alone. Frame and kernel are those of the PLY files they are made
from.
"""

from __future__ import annotations

import numpy as np

from pgsvc.scene.output.splat import FRAME, RECORD
from pgsvc.scene.splats import SH_C0, SceneFormat, SceneSplats
from pgsvc_encoder.scene.source.base import Reading, check_count, damaged, logits_of_bytes


def read_splat(data: bytes, name: str) -> Reading:
    """Splats of degree 0. Standard deviations of 0 become a logarithm of minus infinity.

    Raises:
        UsageError: the size is not that of whole splats, or a standard deviation is negative.
    """
    if len(data) % RECORD.itemsize:
        raise damaged(name, f"its {len(data)} bytes are not a multiple of {RECORD.itemsize}")
    check_count(len(data) // RECORD.itemsize, name)
    records = np.frombuffer(data, RECORD)
    if (records["scale"] < 0).any():
        raise damaged(name, "it has standard deviations below 0")
    with np.errstate(divide="ignore", invalid="ignore"):
        log_scale = np.log(records["scale"])
    splats = SceneSplats(
        position=records["position"].astype(np.float32),
        log_scale=log_scale.astype(np.float32),
        rotation=(records["rotation"].astype(np.float32) - 128) / 128,
        opacity=logits_of_bytes(records["rgba"][:, 3]),
        sh_dc=((records["rgba"][:, :3] / 255 - 0.5) / SH_C0).astype(np.float32),
        sh_rest=np.zeros((len(records), 0, 3), np.float32),
    )
    return Reading(splats, SceneFormat(frame=FRAME))
