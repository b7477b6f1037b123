"""Triton kernel of the normative integer sum (spec 8.5, 8.6): the bits of pgsvc.reference.sum_i16.

Arithmetic is in 64 bits, modulo 2^64 where spec 8.5 allows it; the weight in unsigned 32 bits, which hold all its products (8.8).
"""

# The types are those of Triton's language, not of Python.
# pyright: reportMissingImports=false, reportIndexIssue=false, reportOptionalMemberAccess=false
# pyright: reportGeneralTypeIssues=false, reportArgumentType=false, reportOperatorIssue=false
from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def weight(q):
    """(1 − q/4)² in Q15 of q in Q24, int32 in and out (spec 8.5)."""
    s = ((67108864 - 2048 - q) >> 10).to(tl.uint32)
    return ((s * s) >> 17).to(tl.int32)


@triton.jit
def sum_i16(
    acc, position, form, reach, anchor, colour, order, first, columns, width, height, plane, step_x, step_y,
    origin_x, origin_y, SUBTRACT: tl.constexpr, C: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    """Add the splats of a tile to ``acc`` int16 [C, H, W]; one program for each tile.

    ``reach`` int64 [N, 2]: half width and height, Q8, of a box about the ellipse within which the form fits 64 bits. ``anchor``
    int64 [N]: the column where a run of 64 samples starts.
    """
    tile = tl.program_id(0)
    j = (tile // columns) * TILE + tl.arange(0, TILE)[:, None]
    i = ((tile % columns) * TILE + tl.arange(0, TILE)[None, :]).to(tl.int64)
    px = origin_x + i * step_x
    py = origin_y + j.to(tl.int64) * step_y
    sum0 = tl.zeros((TILE, TILE), tl.int32)
    sum1 = tl.zeros((TILE, TILE), tl.int32)
    sum2 = tl.zeros((TILE, TILE), tl.int32)
    for entry in range(tl.load(first + tile), tl.load(first + tile + 1)):
        n = tl.load(order + entry).to(tl.int64)
        cx = tl.load(position + 2 * n).to(tl.int64)
        p = tl.load(form + 3 * n)
        k2 = 2 * tl.load(form + 3 * n + 1)
        x = px - cx
        y = py - tl.load(position + 2 * n + 1)
        y_part = tl.load(form + 3 * n + 2) * y * y
        near = (tl.abs(x) <= tl.load(reach + 2 * n)) & (tl.abs(y) <= tl.load(reach + 2 * n + 1))
        here = near & (((p * x * x - k2 * x * y + y_part) >> 24) <= 67108864 - 4096)

        start = tl.load(anchor + n)
        m = (i - start) & 63  # of the sample in its run
        x0 = x - m * step_x
        q0 = (p * x0 * x0 - k2 * x0 * y + y_part + 8388608) >> 24
        d1 = (p * (2 * x0 * step_x + step_x * step_x) - k2 * step_x * y + 8388608) >> 24
        d2 = (2 * p * step_x * step_x + 8388608) >> 24
        q = (q0 + m * d1 + ((m * (m - 1)) >> 1) * d2).to(tl.int32)
        w = tl.where(here, weight(tl.where(here, q, 0)), 0)
        sum0 += (tl.load(colour + C * n).to(tl.int32) * w + 16384) >> 15
        if C > 1:
            sum1 += (tl.load(colour + C * n + 1).to(tl.int32) * w + 16384) >> 15
        if C > 2:
            sum2 += (tl.load(colour + C * n + 2).to(tl.int32) * w + 16384) >> 15
    if SUBTRACT:
        sum0 = -sum0
        sum1 = -sum1
        sum2 = -sum2
    inside = (j < height) & (i < width)
    at = acc + j.to(tl.int64) * width + i
    tl.store(at, (tl.load(at, inside, 0).to(tl.int32) + sum0).to(tl.int16), inside)
    if C > 1:
        tl.store(at + plane, (tl.load(at + plane, inside, 0).to(tl.int32) + sum1).to(tl.int16), inside)
    if C > 2:
        at += 2 * plane
        tl.store(at, (tl.load(at, inside, 0).to(tl.int32) + sum2).to(tl.int16), inside)
