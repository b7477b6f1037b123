"""Nearest symbols of the graded tools (spec 7.10, 7.11) for numbers of a fit."""

from __future__ import annotations

import numpy as np

from pgsvc.planar import graded

YCOCG = np.array([[0.25, 0.5, 0.25], [0.5, 0.0, -0.5], [-0.25, 0.5, -0.25]])


def energies(
    colour: np.ndarray, shape: np.ndarray, steps: np.ndarray, *, is_rgb: bool, dead_zone: float = 0.0
) -> np.ndarray:
    """Energy symbols; int64 [N, C].

    Args:
        colour: float [N, C]; shape: float [N, 3], (a, t, b).
        steps: of the energies, broadcast to [N, C].
        dead_zone: of the chroma, by which zero is wider on either side, in steps.
    """
    value = colour @ YCOCG.T if is_rgb else colour
    wanted = value * 2.0 ** ((shape[:, :1] + shape[:, 2:]) / 2) / steps
    up = np.where(np.arange(wanted.shape[1]) > 0, 0.5 - dead_zone, 0.5)
    symbols = np.sign(wanted) * np.minimum(np.floor(np.abs(wanted) + up), graded.MOST)
    return symbols.astype(np.int64)


def shears(t: np.ndarray, exponent: np.ndarray) -> np.ndarray:
    """Symbols of float [N] shears for steps of 2^exponent; int64 [N]."""
    return np.round(t / 2.0**exponent).astype(np.int64)


def scales(value: np.ndarray, exponent: np.ndarray) -> np.ndarray:
    """Symbols of float [N] log scales for steps of 2^exponent octaves, within the range of the format; int64 [N]."""
    finer = np.maximum(-1 - exponent, 0)
    most = np.where(exponent >= 0, graded.OCTAVE_HALVES - 1, (graded.OCTAVE_HALVES << finer) - 1)
    return np.clip(np.round((value - graded.A_LOW / 4096) / 2.0**exponent), 0, most).astype(np.int64)


def cells_and_places(
    position: np.ndarray, widths: np.ndarray, cell_bits: int, size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Cells of 2^cell_bits luma samples and places in them; int64 [N, 2] each.

    Args:
        position: float [N, 2], luma samples; those outside the picture count as at its border.
        widths: bits of the places, [N, 2].
        size: width and height of the picture.
    """
    scaled = np.clip(position, 0, np.array(size) - 1e-3) / 2.0**cell_bits
    fine = np.floor(scaled * 2.0**widths).astype(np.int64)
    return fine >> widths, fine & ((1 << widths) - 1)
