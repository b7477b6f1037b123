"""Graded tools of key frames: every splat's numbers are as fine as it takes to see the difference (spec 7.11, 8.2).

First comes each splat's *energy*, its colour times the square root of its area, in steps that are the same for all splats. What a
step of any other number does to the picture follows from it in closed form: of the shear and the logarithms of the scales 1/energy,
of the position 1/(energy · sharpness along the axis). So precision costs no bits. All steps are powers of two, all arithmetic is in
integers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pgsvc.headers import ANCHORS
from pgsvc.planar import graded_counts as counts
from pgsvc.planar.anchors import code_anchors
from pgsvc.planar.splats import LOG_CHOLESKY, SplatSet, background_of, clip_colour, clip_position, clip_shape, exp2
from pgsvc.planar.symbols import bit_length
from pgsvc.planar.tree import code_cells
from pgsvc.range_coder import AdaptiveCoder
from pgsvc.syntax import Record

FINEST, COARSEST = -5, 1  # exponents of the steps of shear and scales, octaves
FINEST_POSITION = -3  # of a position's, luma samples
A_LOW, SHEAR_LIMIT = -6144, 65536  # Q12, the smallest scale and the largest shear (spec 8.3)
LENGTHS = 16  # bit lengths 0 … 15
MOST = (1 << 15) - 1  # the largest energy or shear
OCTAVE_HALVES = 24  # of the scales
ENERGY = (counts.ENERGY_0, counts.ENERGY_1, counts.ENERGY_2)
SCALE = (counts.SCALE_0, counts.SCALE_1)


@dataclass(frozen=True)
class GradedSymbols:
    """Symbols of a key frame slice with N splats.

    Args:
        cells: int64 [N, 2], in Morton order.
        energy: int64 [N, C], signed multiples of the components' steps.
        shear: int64 [N], signed multiples of the splat's step.
        scales: int64 [N, 2], multiples of the splat's step above the smallest scale.
        place: int64 [N, 2], the part of the cell.
    """

    cells: np.ndarray
    energy: np.ndarray
    shear: np.ndarray
    scales: np.ndarray
    place: np.ndarray

    @staticmethod
    def none(components: int) -> GradedSymbols:
        """No splat at all."""
        cells, energy, scales, place = (np.zeros((0, n), np.int64) for n in (2, components, 2, 2))
        return GradedSymbols(cells, energy, np.zeros(0, np.int64), scales, place)


def energy_bits(header: Record, energy: np.ndarray) -> np.ndarray:
    """Bit length of 8 times the squared energy of splats, in steps of the first component; int64 [N] (spec 7.11)."""
    e = energy.astype(np.int64) ** 2
    return bit_length(8 * e[:, 0] + (header["chroma_weight"] or 0) * e[:, 1:].sum(1))


def shear_exponent(header: Record, bits: np.ndarray) -> np.ndarray:
    """log2 of the step of the shear; int64 [N]."""
    return np.clip((header["shape_precision"] - bits) >> 1, FINEST, COARSEST)


def shear_value(symbols: np.ndarray, exponent: np.ndarray) -> np.ndarray:
    """Shear in Q12; int64 [N]."""
    return np.clip(symbols << 12 + exponent, -SHEAR_LIMIT, SHEAR_LIMIT)


def slant_bits(shear: np.ndarray) -> np.ndarray:
    """Twice the octaves by which a shear, Q12, sharpens a splat: log2(1 + t²), rounded down; int64 [N]."""
    return bit_length((1 << 24) + shear.astype(np.int64) ** 2) - 25


def scale_exponent(header: Record, bits: np.ndarray, slant: np.ndarray) -> np.ndarray:
    """log2 of the step of the scales; int64 [N]."""
    return np.clip((header["shape_precision"] + 1 - bits - slant) >> 1, FINEST, COARSEST)


def position_exponents(header: Record, bits: np.ndarray, slant: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """log2 of the steps of positions, x and y, luma samples; int64 [N, 2], not clipped."""
    sharp = header["position_precision"] - bits
    return np.stack([sharp + (2 * shape[:, 0] >> 12) - slant, sharp + (2 * shape[:, 2] >> 12)], 1) >> 1


def place_bits(header: Record, bits: np.ndarray, slant: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """Bits of the position inside its cell, x and y; int64 [N, 2]."""
    exponents = position_exponents(header, bits, slant, shape)
    return np.clip(header["cell_bits"] - exponents, 0, header["cell_bits"] - FINEST_POSITION)


def shapes(shear: np.ndarray, shear_exp: np.ndarray, scales: np.ndarray, scale_exp: np.ndarray) -> np.ndarray:
    """(a, t, b) in Q12 from symbols; int32 [N, 3]."""
    a, b = ((scales[:, i] << 12 + scale_exp) + A_LOW for i in (0, 1))
    return clip_shape(np.stack([a, shear << 12 + shear_exp, b], 1), LOG_CHOLESKY)


def positions(cells: np.ndarray, place: np.ndarray, bits: np.ndarray, cell_bits: int) -> np.ndarray:
    """Centres in Q8; int64 [N, 2]."""
    return (cells << 8 + cell_bits) + ((2 * place + 1) << 7 + cell_bits - bits)


def energy_steps(header: Record) -> np.ndarray:
    """log2 of the steps of the components in eighths; int64 [C]."""
    return header["energy_step"] + 2 * np.array([0, *(header["chroma_steps"] or ())])


def colour_exponent(header: Record, shape: np.ndarray) -> np.ndarray:
    """log2 of what a step of each energy is as a colour, Q12 octaves above 2^−13; int64 [N, C]."""
    return (energy_steps(header)[None] << 9) - ((shape[:, 0] + shape[:, 2]).astype(np.int64) >> 1)[:, None]


def colours(header: Record, energy: np.ndarray, shape: np.ndarray, *, is_rgb: bool) -> np.ndarray:
    """Colours in Q13 from energies and clipped shapes; int64 [N, C], before clipping (spec 8.2)."""
    x = colour_exponent(header, shape)
    shift = 20 - (x >> 12)
    value = energy * exp2(x & 4095)
    value = np.where(
        shift > 0, (value + (1 << np.maximum(shift, 1) - 1)) >> np.maximum(shift, 0), value << np.maximum(-shift, 0)
    )
    if not is_rgb:
        return value
    y, co, cg = value.T
    return np.stack([y + co - cg, y + cg, y - co - cg], 1)


def key_frame(header: Record, symbols: GradedSymbols, *, is_rgb: bool) -> SplatSet:
    """The splat state that a key frame slice sets."""
    bits = energy_bits(header, symbols.energy)
    shear_exp = shear_exponent(header, bits)
    slant = slant_bits(shear_value(symbols.shear, shear_exp))
    shape = shapes(symbols.shear, shear_exp, symbols.scales, scale_exponent(header, bits, slant))
    position = positions(symbols.cells, symbols.place, place_bits(header, bits, slant, shape), header["cell_bits"])
    colour = colours(header, symbols.energy, shape, is_rgb=is_rgb)
    background = background_of(header, colour.shape[1])
    return SplatSet(clip_position(position), shape, clip_colour(colour), background, LOG_CHOLESKY)


def code_graded(
    coder: AdaptiveCoder, header: Record, width: int, height: int, components: int, symbols: GradedSymbols | None = None
) -> GradedSymbols:
    """All symbols of a KEYF payload with graded tools; pass ``symbols`` when writing."""
    n = header["splat_count"]
    code = (
        code_anchors if header.get("position_tool") == ANCHORS else code_cells
    )  # splats that are born: always the tree
    cells = code(coder, n, width, height, header["cell_bits"], symbols and symbols.cells)
    energy = np.zeros((n, components), np.int64)
    for c in range(components):
        context = np.zeros(n, np.int64) if c == 0 else np.minimum(bit_length(np.abs(energy[:, c - 1])), 7)
        energy[:, c] = code_signed(coder, ENERGY[c].copy(), context, symbols and symbols.energy[:, c])
    bits = energy_bits(header, energy)
    shear_exp = shear_exponent(header, bits)
    shear = code_signed(coder, counts.SHEAR.copy(), shear_exp - FINEST, symbols and symbols.shear)
    slant = slant_bits(shear_value(shear, shear_exp))
    scale_exp = scale_exponent(header, bits, slant)
    scales = np.stack(
        [code_scale(coder, SCALE[i].copy(), scale_exp, symbols and symbols.scales[:, i]) for i in (0, 1)], 1
    )
    shape = shapes(shear, shear_exp, scales, scale_exp)
    widths = place_bits(header, bits, slant, shape)
    place = np.stack([coder.plain(widths[:, i], symbols and symbols.place[:, i]) for i in (0, 1)], 1)
    return GradedSymbols(cells, energy, shear, scales, place.astype(np.int64))


def code_signed(
    coder: AdaptiveCoder,
    lengths: np.ndarray,
    context: np.ndarray,
    values: np.ndarray | None,
    halves: np.ndarray | None = None,
) -> np.ndarray:
    """Signed numbers: bit length by context, the bit below the leading one by length, the rest and the sign evenly; int64 [n].

    Args:
        halves: tables of the bit below the leading one, fresh ones when None.
    """
    size = None if values is None else np.abs(values)
    length = coder.adaptive(lengths, _context(context), None if size is None else bit_length(size).astype(np.int32))
    length = length.astype(np.int64)
    next_bit, long = np.zeros(len(length), np.int64), length >= 2
    part = None if size is None else (size[long] >> (length[long] - 2) & 1).astype(np.int32)
    halves = counts.HALF.copy() if halves is None else halves
    next_bit[long] = coder.adaptive(halves, _context(length[long]), part)
    rest = np.maximum(length - 2, 0)
    low = coder.plain(rest, None if size is None else size & ((1 << rest) - 1)).astype(np.int64)
    out = np.where(length >= 2, (2 + next_bit) << rest | low, length)
    used = (out > 0).astype(np.int64)
    negative = coder.plain(used, None if values is None else (values < 0).astype(np.int64))
    return np.where(negative > 0, -out, out)


def code_scale(coder: AdaptiveCoder, halves: np.ndarray, exponent: np.ndarray, values: np.ndarray | None) -> np.ndarray:
    """Multiples of 2^exponent octaves: in halves of an octave, or in coarser steps, then the rest evenly; int64 [n]."""
    rest = np.maximum(-1 - exponent, 0)
    part = None if values is None else (values >> rest).astype(np.int32)
    coarse = coder.adaptive(halves, _context(exponent - FINEST), part)
    low = coder.plain(rest, None if values is None else values & ((1 << rest) - 1))
    return coarse.astype(np.int64) << rest | low


def _context(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values, np.int32)
