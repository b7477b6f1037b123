"""Where the splats of the frame before have gone: block matching, so that the fit of a predicted frame starts near the truth.

Only the encoder knows of it; what is sent are the splats' own moves. Blocks of the decoded frame before are looked for in the new
frame, over a wide range at a quarter of the size, then more finely at half the size and at full size.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from pgsvc.picture import Picture

BLOCK = 16  # luma samples a side
COARSE = 4  # the wide search sees averages of so many samples a side
REACH = 8  # of the wide search, in such averages
REFINE = 2  # of the finer searches, in samples of their size
LENGTH_COST = 0.0005  # per sample of |difference| and sample of vector length: nothing gained means no motion


def estimate(before: Picture, now: Picture) -> torch.Tensor:
    """Motion of the blocks of ``before``: float32 [rows, columns, 2], (x, y) in luma samples."""
    a, b = (luma(p) for p in (before, now))
    found, _ = search(reduced(a, COARSE), reduced(b, COARSE), BLOCK // COARSE, LENGTH_COST * COARSE)
    vectors = found * COARSE
    for scale in (COARSE // 2, 1):
        starts = [vectors, torch.zeros_like(vectors)] if scale > 1 else [vectors]
        vectors = _refine(reduced(a, scale), reduced(b, scale), starts, scale)
    return vectors


def at_positions(vectors: torch.Tensor, position: torch.Tensor) -> torch.Tensor:
    """Vectors at luma positions [N, 2], interpolated between the centres of the blocks; float32 [N, 2]."""
    rows, columns, _ = vectors.shape
    column = (position[:, 0] / BLOCK - 0.5).clamp(0, columns - 1)
    row = (position[:, 1] / BLOCK - 0.5).clamp(0, rows - 1)
    c0, r0 = column.floor().long(), row.floor().long()
    c1, r1 = (c0 + 1).clamp(max=columns - 1), (r0 + 1).clamp(max=rows - 1)
    fc, fr = (column - c0)[:, None], (row - r0)[:, None]
    top = vectors[r0, c0] * (1 - fc) + vectors[r0, c1] * fc
    bottom = vectors[r1, c0] * (1 - fc) + vectors[r1, c1] * fc
    return top * (1 - fr) + bottom * fr


def luma(picture: Picture) -> torch.Tensor:
    """Luma, or the mean of R, G, B, as float32 [H, W] up to 1."""
    planes = picture.planes if picture.format.is_rgb else picture.planes[:1]
    mean = np.mean([p.astype(np.float32) for p in planes], axis=0)
    return torch.from_numpy(mean / np.float32(2.0**picture.format.bit_depth))


def reduced(x: torch.Tensor, scale: int) -> torch.Tensor:
    """Averages of ``scale`` × ``scale`` samples of [H, W]."""
    return F.avg_pool2d(x[None, None], scale, ceil_mode=True)[0, 0] if scale > 1 else x


def block_means(x: torch.Tensor, size: int) -> torch.Tensor:
    """Means of blocks of ``size`` × ``size`` samples of [H, W], smaller at the right and at the bottom."""
    return F.avg_pool2d(x[None, None], size, ceil_mode=True, count_include_pad=False)[0, 0]


def _shifted(x: torch.Tensor, dx: int, dy: int, reach: int) -> torch.Tensor:
    """The part of ``x``, padded by ``reach``, that lies (dx, dy) further."""
    height, width = x.shape[0] - 2 * reach, x.shape[1] - 2 * reach
    return x[reach + dy : reach + dy + height, reach + dx : reach + dx + width]


def search(a: torch.Tensor, b: torch.Tensor, block: int, length_cost: float = 0.0) -> tuple[torch.Tensor, torch.Tensor]:
    """The best displacement of every block of ``a`` in ``b``, over the whole reach.

    Args:
        a: float32 [H, W]; ``b`` the same.
        block: samples a side.
        length_cost: per sample of |difference| and sample of vector length.

    Returns:
        Vectors float32 [rows, columns, 2], (x, y) in samples of ``a``, and their mean |difference| with the cost of the length,
        float32 [rows, columns].
    """
    padded = F.pad(b[None, None], (REACH,) * 4, mode="replicate")[0, 0]
    best: torch.Tensor | None = None
    vectors = torch.zeros(1)
    for dy in range(-REACH, REACH + 1):
        for dx in range(-REACH, REACH + 1):
            cost = block_means((a - _shifted(padded, dx, dy, REACH)).abs(), block)
            cost = cost + length_cost * float(np.hypot(dx, dy))
            if best is None:
                best, vectors = cost, torch.zeros(*cost.shape, 2)
            better = cost <= best if dx == dy == 0 else cost < best
            best = torch.where(better, cost, best)
            vectors[better] = torch.tensor([dx, dy], dtype=torch.float32)
    assert best is not None
    return vectors, best


def _refine(a: torch.Tensor, b: torch.Tensor, starts: list[torch.Tensor], scale: int) -> torch.Tensor:
    """Better vectors: a small search around each block's start vectors, at 1/``scale`` of the size."""
    height, width = a.shape
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    block = BLOCK // scale
    best = torch.full(starts[0].shape[:2], float("inf"))
    out = torch.zeros_like(starts[0])
    for start in starts:
        base = (start / scale).long()[y // block, x // block]
        for dy in range(-REFINE, REFINE + 1):
            for dx in range(-REFINE, REFINE + 1):
                there = b[(y + base[..., 1] + dy).clamp(0, height - 1), (x + base[..., 0] + dx).clamp(0, width - 1)]
                tried = start + scale * torch.tensor([dx, dy], dtype=torch.float32)
                cost = block_means((a - there).abs(), block) + LENGTH_COST * tried.norm(dim=2)
                better = cost < best
                best = torch.where(better, cost, best)
                out = torch.where(better[..., None], tried, out)
    return out
