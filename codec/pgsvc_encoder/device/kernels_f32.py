"""Triton kernels of the float sum: forward by tiles, backward and curvature by splats, level errors by samples.

Forward knows one octave. Backward and curvature get the size and the grid of octave 0 and find those of each splat's octave.

The model of spec 8.5 in float, as in codec/native/f32_walk.h: q = u² + v², u = A dx, v = B dy − C dx, support q < 4, weight
(1 − q/4)². No kernel uses atomics and every sum has a fixed order: each run gives the same bits.
"""

# The types are those of Triton's language, not of Python.
# pyright: reportMissingImports=false, reportIndexIssue=false, reportOptionalMemberAccess=false
# pyright: reportGeneralTypeIssues=false, reportArgumentType=false, reportOperatorIssue=false
from __future__ import annotations

import triton
import triton.language as tl

BLOCK_ROWS, BLOCK_COLUMNS = 8, 16  # samples that a backward program looks at together


@triton.jit
def _root(q):
    """The root of the weight, 0 outside the support; −2 times the weight's derivative by q."""
    return tl.maximum(1.0 - q * 0.25, 0.0)


@triton.jit
def _weight(q):
    p = _root(q)
    return p * p


@triton.jit
def _weight_and_slope(q):
    """The weight and its derivative by q."""
    p = _root(q)
    return p * p, -0.5 * p


@triton.jit
def forward(
    out, geometry, colour, order, first, columns, tiles, width, height, plane, step_x, step_y, origin_x, origin_y,
    C: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    """Add the splats of a tile of a layer to ``out`` [K, C, H, W]; one program for each tile and layer."""
    tile = tl.program_id(0)
    layer = tl.program_id(1)
    j = (tile // columns) * TILE + tl.arange(0, TILE)[:, None]
    i = (tile % columns) * TILE + tl.arange(0, TILE)[None, :]
    px = origin_x + i.to(tl.float32) * step_x
    py = origin_y + j.to(tl.float32) * step_y
    sum0 = tl.zeros((TILE, TILE), tl.float32)
    sum1 = tl.zeros((TILE, TILE), tl.float32)
    sum2 = tl.zeros((TILE, TILE), tl.float32)
    begin = tl.load(first + layer * tiles + tile)
    end = tl.load(first + layer * tiles + tile + 1)
    for entry in range(begin, end):
        n = tl.load(order + entry).to(tl.int64)
        g = geometry + 5 * n
        a = tl.load(g + 2)
        dx = px - tl.load(g)
        u = a * dx
        v = tl.load(g + 3) * (py - tl.load(g + 1)) - tl.load(g + 4) * dx
        q = u * u + v * v
        w = _weight(q)
        sum0 += tl.load(colour + C * n) * w
        if C > 1:
            sum1 += tl.load(colour + C * n + 1) * w
        if C > 2:
            sum2 += tl.load(colour + C * n + 2) * w
    inside = (j < height) & (i < width)
    at = out + layer.to(tl.int64) * C * plane + j.to(tl.int64) * width + i
    tl.store(at, tl.load(at, inside, 0.0) + sum0, inside)
    if C > 1:
        tl.store(at + plane, tl.load(at + plane, inside, 0.0) + sum1, inside)
    if C > 2:
        tl.store(at + 2 * plane, tl.load(at + 2 * plane, inside, 0.0) + sum2, inside)


@triton.jit
def _span(x, y, a, b, c, py, inside, width, step_x, origin_x):
    """First column and the one after the last that an ellipse a little larger than the support reaches in some rows."""
    m = a * a + c * c
    dy = py - y
    rest = 4.005 - (a * b) * (a * b) / m * dy * dy
    half = tl.sqrt(tl.maximum(rest, 0.0) / m)
    middle = x + c * b / m * dy - origin_x
    there = inside & (rest >= 0)
    left = tl.min(tl.where(there, (middle - half) / step_x, 1e9))
    right = tl.max(tl.where(there, (middle + half) / step_x, -1e9))
    begin = tl.minimum(tl.maximum(left - 0.05, 0.0), 1.0 * width).to(tl.int32)
    end = tl.minimum(tl.maximum(right + 1.05, 0.0), 1.0 * width).to(tl.int32)
    return begin, end


@triton.jit
def _grid(octave, step_x, step_y, origin_x, origin_y):
    """That of an octave (spec 8.5)."""
    scale = (1 << octave).to(tl.float32)
    between = (scale - 1.0) * 0.5
    return step_x * scale, step_y * scale, origin_x + between * step_x, origin_y + between * step_y


@triton.jit
def _count(size, octave):
    """Rows or columns of an octave."""
    return (size + (1 << octave) - 1) >> octave


@triton.jit
def backward(
    partial, gradient, geometry, colour, owner, begin_row, end_row, octaves, image_of, width, height,
    step_x, step_y, origin_x, origin_y, C: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    """Sums of one job, which is some rows of one splat in its octave: ``partial`` [jobs, 8].

    ``image_of`` int64 [N]: where in ``gradient`` the [C, H, W] of the splat's octave and layer begins.

    With g = Σ dLoss/dsample_c colour_c and e = g dw/dq: Σ e dx, Σ e dx², Σ e v, Σ e v dx, Σ e v dy, and Σ dLoss/dsample_c w of
    up to three components (as codec/native/f32_backward.cpp).
    """
    job = tl.program_id(0)
    n = tl.load(owner + job).to(tl.int64)
    g = geometry + 5 * n
    x = tl.load(g)
    y = tl.load(g + 1)
    a = tl.load(g + 2)
    b = tl.load(g + 3)
    c = tl.load(g + 4)
    colour0 = tl.load(colour + C * n)
    octave = tl.load(octaves + n).to(tl.int32)
    step_x, step_y, origin_x, origin_y = _grid(octave, step_x, step_y, origin_x, origin_y)
    columns = _count(width, octave)
    plane = columns.to(tl.int64) * _count(height, octave)
    image = gradient + tl.load(image_of + n)
    e_dx = tl.zeros((ROWS, COLUMNS), tl.float32)
    e_dx2 = tl.zeros((ROWS, COLUMNS), tl.float32)
    e_v = tl.zeros((ROWS, COLUMNS), tl.float32)
    e_v_dx = tl.zeros((ROWS, COLUMNS), tl.float32)
    e_v_dy = tl.zeros((ROWS, COLUMNS), tl.float32)
    w0 = tl.zeros((ROWS, COLUMNS), tl.float32)
    w1 = tl.zeros((ROWS, COLUMNS), tl.float32)
    w2 = tl.zeros((ROWS, COLUMNS), tl.float32)
    last = tl.load(end_row + job)
    for top in range(tl.load(begin_row + job), last, ROWS):
        j = top + tl.arange(0, ROWS)[:, None]
        py = origin_y + j.to(tl.float32) * step_y
        begin, end = _span(x, y, a, b, c, py, j < last, columns, step_x, origin_x)
        for left in range(begin, end, COLUMNS):
            i = left + tl.arange(0, COLUMNS)[None, :]
            dx = origin_x + i.to(tl.float32) * step_x - x
            dy = py - y
            u = a * dx
            v = b * dy - c * dx
            q = u * u + v * v
            here = (j < last) & (i < end) & (q < 4.0)
            w, slope = _weight_and_slope(q)
            w = tl.where(here, w, 0.0)
            at = image + j.to(tl.int64) * columns + i
            sample = tl.load(at, here, 0.0)
            w0 += sample * w
            total = sample * colour0
            if C > 1:
                sample = tl.load(at + plane, here, 0.0)
                w1 += sample * w
                total += sample * tl.load(colour + C * n + 1)
            if C > 2:
                sample = tl.load(at + 2 * plane, here, 0.0)
                w2 += sample * w
                total += sample * tl.load(colour + C * n + 2)
            e = tl.where(here, total * slope, 0.0)
            ev = e * v
            e_dx += e * dx
            e_dx2 += e * dx * dx
            e_v += ev
            e_v_dx += ev * dx
            e_v_dy += ev * dy
    to = partial + job.to(tl.int64) * 8
    tl.store(to, tl.sum(e_dx))
    tl.store(to + 1, tl.sum(e_dx2))
    tl.store(to + 2, tl.sum(e_v))
    tl.store(to + 3, tl.sum(e_v_dx))
    tl.store(to + 4, tl.sum(e_v_dy))
    tl.store(to + 5, tl.sum(w0))
    tl.store(to + 6, tl.sum(w1))
    tl.store(to + 7, tl.sum(w2))


@triton.jit
def curvature(
    partial, geometry, owner, begin_row, end_row, octaves, width, step_x, step_y, origin_x, origin_y,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    """Sums of one job: ``partial`` [jobs, 8], of squared derivatives of q dw/dq / 2 by x, y / B, A, B, C, and of w²."""
    job = tl.program_id(0)
    n = tl.load(owner + job).to(tl.int64)
    octave = tl.load(octaves + n).to(tl.int32)
    step_x, step_y, origin_x, origin_y = _grid(octave, step_x, step_y, origin_x, origin_y)
    columns = _count(width, octave)
    g = geometry + 5 * n
    x = tl.load(g)
    y = tl.load(g + 1)
    a = tl.load(g + 2)
    b = tl.load(g + 3)
    c = tl.load(g + 4)
    sx = tl.zeros((ROWS, COLUMNS), tl.float32)
    sy = tl.zeros((ROWS, COLUMNS), tl.float32)
    sa = tl.zeros((ROWS, COLUMNS), tl.float32)
    sb = tl.zeros((ROWS, COLUMNS), tl.float32)
    sc = tl.zeros((ROWS, COLUMNS), tl.float32)
    sw = tl.zeros((ROWS, COLUMNS), tl.float32)
    last = tl.load(end_row + job)
    for top in range(tl.load(begin_row + job), last, ROWS):
        j = top + tl.arange(0, ROWS)[:, None]
        py = origin_y + j.to(tl.float32) * step_y
        begin, end = _span(x, y, a, b, c, py, j < last, columns, step_x, origin_x)
        for left in range(begin, end, COLUMNS):
            i = left + tl.arange(0, COLUMNS)[None, :]
            dx = origin_x + i.to(tl.float32) * step_x - x
            dy = py - y
            u = a * dx
            v = b * dy - c * dx
            q = u * u + v * v
            here = (j < last) & (i < end) & (q < 4.0)
            w, slope = _weight_and_slope(q)
            w = tl.where(here, w, 0.0)
            su = tl.where(here, slope * u, 0.0)
            sv = tl.where(here, slope * v, 0.0)
            by_x = c * sv - a * su
            sx += by_x * by_x
            sy += sv * sv
            sa += su * dx * su * dx
            sb += sv * dy * sv * dy
            sc += sv * dx * sv * dx
            sw += w * w
    to = partial + job.to(tl.int64) * 8
    tl.store(to, tl.sum(sx))
    tl.store(to + 1, tl.sum(sy))
    tl.store(to + 2, tl.sum(sa))
    tl.store(to + 3, tl.sum(sb))
    tl.store(to + 4, tl.sum(sc))
    tl.store(to + 5, tl.sum(sw))


@triton.jit
def join(out, partial, first_job, count, room, BLOCK: tl.constexpr):
    """Add up the jobs of each splat in their order: ``out`` [N, 8] of ``partial`` [jobs, 8]; BLOCK splats in a program.

    ``first_job`` int64 [N + 1]. Jobs for which there was no room count as nothing.
    """
    n = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    here = n < count
    begin = tl.load(first_job + n, here, 0)
    jobs = tl.minimum(tl.load(first_job + n + 1, here, 0), room) - begin
    lane = tl.arange(0, 8)[None, :]
    total = tl.zeros((BLOCK, 8), tl.float32)
    for k in range(0, tl.max(jobs)):
        total += tl.load(partial + (begin[:, None] + k) * 8 + lane, (k < jobs)[:, None], 0.0)
    tl.store(out + n.to(tl.int64)[:, None] * 8 + lane, total, here[:, None])


@triton.jit
def levels(layers, target, weight, partial, plane, K: tl.constexpr, C: tl.constexpr, BLOCK: tl.constexpr):
    """Joint supervision of all levels in one pass (as codec/native/f32_levels.cpp).

    ``layers`` [K, C, plane] become the gradients of the layers: the sum over the levels k and above of 2 · weight[k, c] · (level −
    target). ``partial`` [blocks, K, C]: squared errors of the levels in a block of BLOCK samples; one program for each block and
    component.
    """
    block = tl.program_id(0)
    c = tl.program_id(1)
    i = block.to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = i < plane
    aim = tl.load(target + c * plane + i, inside, 0.0)
    level = tl.zeros((BLOCK,), tl.float32)
    for k in tl.static_range(K):
        at = layers + (k * C + c) * plane + i
        level += tl.load(at, inside, 0.0)
        error = level - aim
        tl.store(partial + (block * K + k) * C + c, tl.sum(error * error))
        tl.store(at, 2.0 * tl.load(weight + k * C + c) * error, inside)
    tl.debug_barrier()  # what follows reads what this program wrote
    above = tl.zeros((BLOCK,), tl.float32)
    for back in tl.static_range(K):
        at = layers + ((K - 1 - back) * C + c) * plane + i
        above += tl.load(at, inside, 0.0)
        tl.store(at, above, inside)
