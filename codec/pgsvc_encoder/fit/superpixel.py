"""A start from superpixels, after 2D-splat video for conferencing: one splat for each SLIC segment (Achanta et al. 2012).

A splat has its segment's centre, covariance and mean colour. It needs scikit-image, and is there to be compared with the start that
samples where the picture has structure: see tools/bench_fit.py.
"""

from __future__ import annotations

import numpy as np
import torch

from pgsvc.errors import MissingExtra
from pgsvc_encoder.fit.initialise import START_COLOUR, colour_at
from pgsvc_encoder.fit.objective import Objective
from pgsvc_encoder.fit.splats import Splats

COMPACTNESS = 10.0  # of SLIC: distance in samples against distance in colour
LEAST_VARIANCE = 0.25  # of a segment along an axis, squared samples


def seed_superpixels(splats: Splats, layer: int, count: int, objective: Objective) -> int:
    """Put one splat on each of about ``count`` superpixels of what the layer's level approximates; how many there are.

    Raises:
        MissingExtra: scikit-image is not installed.
    """
    try:
        from skimage.segmentation import slic
    except ImportError as error:
        raise MissingExtra("a start from superpixels", "demo") from error
    target = objective.target(layer).to("cpu")
    plane = target.planes[0].mean(0).double().numpy()
    labels = slic(plane, n_segments=count, compactness=COMPACTNESS / 100, start_label=0, channel_axis=None).reshape(-1)
    y, x = (axis.reshape(-1) + 0.5 for axis in np.indices(plane.shape))
    area = np.bincount(labels).astype(np.float64)
    kept = np.argsort(-area, kind="stable")[:count]

    def mean(values: np.ndarray) -> np.ndarray:
        return (np.bincount(labels, values) / area)[kept]

    cx, cy = mean(x), mean(y)
    xx = np.maximum(mean(x * x) - cx * cx, LEAST_VARIANCE)
    xy = mean(x * y) - cx * cy
    l1 = np.sqrt(xx)
    l3 = np.sqrt(np.maximum(mean(y * y) - cy * cy - (xy / l1) ** 2, LEAST_VARIANCE))
    rows = slice(int(splats.starts[layer]), int(splats.starts[layer]) + len(kept))
    ratio = torch.tensor(target.ratio)
    splats.position[rows] = torch.from_numpy(np.stack([cx, cy], 1)).float() * ratio
    shape = np.stack([np.log2(l1), xy / l1 / l3, np.log2(l3)], 1)
    splats.shape[rows] = torch.from_numpy(shape).float()
    splats.shape[rows, 0] += ratio[0].log2()
    splats.shape[rows, 2] += ratio[1].log2()
    colour = colour_at(target, splats.position[rows].cpu(), float(np.sqrt(area.mean())) / 4)
    splats.colour[rows] = START_COLOUR * colour.to(splats.device)
    splats.clamp(objective.format.width, objective.format.height)
    return len(kept)
