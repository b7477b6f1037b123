"""Conversion of pictures to R'G'B' for display and for PNG files (not part of decoding: spec 8 ends at the planes).

The transfer function is left alone: samples stay non-linear, only matrix, range and chroma siting are undone.
"""

from __future__ import annotations

import numpy as np

from pgsvc.errors import UsageError
from pgsvc.picture import Picture, PictureFormat, PlaneGroup

_BAND_ROWS = 256  # rows converted at a time, so that float64 intermediates stay small

# matrix_coefficients code point of H.273 -> (Kr, Kb)
_LUMA_WEIGHTS = {
    1: (0.2126, 0.0722),
    4: (0.30, 0.11),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
}


def luma_weights(format: PictureFormat) -> tuple[float, float]:
    """(Kr, Kb) of the picture's matrix; unspecified (2) means BT.601 below 720 lines, else BT.709.

    Raises:
        UsageError: the matrix is not a plain luma/colour-difference one.
    """
    code = format.matrix
    if code == 2:
        code = 6 if format.height < 720 else 1
    if code not in _LUMA_WEIGHTS:
        raise UsageError(
            f"pictures with matrix code {format.matrix} cannot be converted to RGB; "
            "write the planes as they are with -o name.yuv or -o name.y4m"
        )
    return _LUMA_WEIGHTS[code]


def rgb_matrix_coefficients(format: PictureFormat) -> np.ndarray:
    """The [3, 3] float64 matrix from (Y' in 0..1, Cb, Cr in -0.5..0.5) to (R', G', B') in 0..1.

    Raises:
        UsageError: see `luma_weights`.
    """
    kr, kb = luma_weights(format)
    kg = 1.0 - kr - kb
    return np.array(
        [
            [1.0, 0.0, 2 * (1 - kr)],
            [1.0, -2 * kb * (1 - kb) / kg, -2 * kr * (1 - kr) / kg],
            [1.0, 2 * (1 - kb), 0.0],
        ]
    )


def to_rgb(picture: Picture) -> np.ndarray:
    """Full-range R'G'B' of a picture: [H, W, 3], uint8 for 8 bit, uint16 (values 0..2^depth-1) above.

    Full-range RGB passes through unchanged. Grey gives three equal planes. Chroma is upsampled linearly from its
    true positions, edges replicated.

    Raises:
        UsageError: the matrix is not supported (see `luma_weights`).
    """
    fmt = picture.format
    if fmt.is_rgb and fmt.full_range:
        return np.stack(picture.planes, axis=-1)
    peak = (1 << fmt.bit_depth) - 1
    matrix = None if fmt.is_rgb or fmt.components == 1 else rgb_matrix_coefficients(fmt)
    out = np.empty((fmt.height, fmt.width, 3), fmt.dtype)
    for top in range(0, fmt.height, _BAND_ROWS):
        rows = np.arange(top, min(top + _BAND_ROWS, fmt.height))
        band = _band(picture, rows, matrix)
        out[rows[0] : rows[-1] + 1] = np.clip(np.rint(band * peak), 0, peak)
    return out


def _band(picture: Picture, rows: np.ndarray, matrix: np.ndarray | None) -> np.ndarray:
    """R'G'B' of some rows, float64 [rows, W, 3] or [rows, W, 1] for grey, nominally 0..1."""
    fmt = picture.format
    if matrix is None:
        return np.stack([_unit_luma(p[rows].astype(np.float64), fmt) for p in picture.planes], axis=-1)
    luma = _unit_luma(picture.planes[0][rows].astype(np.float64), fmt)
    group = fmt.plane_groups[-1]
    cb, cr = (_unit_chroma(_upsampled(p, group, rows, fmt.width), fmt) for p in picture.planes[1:])
    return np.stack([luma + cb * row[1] + cr * row[2] for row in matrix], axis=-1)


def _unit_luma(samples: np.ndarray, fmt: PictureFormat) -> np.ndarray:
    if fmt.full_range:
        return samples / ((1 << fmt.bit_depth) - 1)
    unit = 1 << (fmt.bit_depth - 8)
    return (samples - 16 * unit) / (219 * unit)


def _unit_chroma(samples: np.ndarray, fmt: PictureFormat) -> np.ndarray:
    middle = 1 << (fmt.bit_depth - 1)
    span = (1 << fmt.bit_depth) - 1 if fmt.full_range else 224 << (fmt.bit_depth - 8)
    return (samples - middle) / span


def _upsampled(plane: np.ndarray, group: PlaneGroup, rows: np.ndarray, width: int) -> np.ndarray:
    """Chroma at the luma positions of ``rows``: float64 [rows, width]."""
    y0, y1, fy = _taps(rows, group.origin_y, group.step_y, group.height)
    x0, x1, fx = _taps(np.arange(width), group.origin_x, group.step_x, group.width)
    first = plane[y0].astype(np.float64)
    lines = first + (plane[y1] - first) * fy[:, None]
    return lines[:, x0] + (lines[:, x1] - lines[:, x0]) * fx


def _taps(luma_index: np.ndarray, origin: int, step: int, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The two neighbours of each luma position on a grid given in Q8 luma samples, and the second one's weight."""
    place = np.clip((luma_index * 256 + 128 - origin) / step, 0, size - 1)
    low = place.astype(np.intp)
    return low, np.minimum(low + 1, size - 1), place - low
