"""The float sum in Triton against double precision and the native kernels; in Triton's interpreter, where no GPU is."""

from __future__ import annotations

import numpy as np
import pytest
from on_triton import doubling, there, torch, triton_kernels

from pgsvc import reference
from pgsvc_encoder.device import octaves
from pgsvc_encoder.device.kernels import NativeKernels
from pgsvc_encoder.device.lists import TILE, tile_lists
from pgsvc_encoder.device.sum_f32 import sum_f32

GRIDS = {"luma": (1.0, 1.0, 0.5, 0.5), "chroma": (2.0, 2.0, 0.5, 1.0)}
KERNELS, NATIVE = triton_kernels(), NativeKernels(1)


def splats(width: int, height: int, count: int, layers: int, components: int, sigma: float = 3.0):
    """geometry, colour and starts: round ones, needles and some outside, of all octaves, in luma samples."""
    rng = np.random.default_rng([width, height, count])
    centre = rng.uniform(-0.2, 1.2, (count, 2)) * [width, height]
    a, b = rng.normal(np.log2(sigma), 0.7, (2, count)) + np.arange(count) % 4 - 0.5
    shape = np.stack([2**-a, 2**-b, rng.normal(0, 1, count) * 2**-a], 1)
    geometry = torch.tensor(np.concatenate([centre, shape], 1), dtype=torch.float32)
    colour = torch.tensor(rng.normal(0, 0.5, (count, components)), dtype=torch.float32)
    starts = np.sort(np.append(rng.integers(0, count + 1, layers - 1), [0, count]))
    return geometry, colour, torch.tensor(starts, dtype=torch.int32)


def sums(kernels, geometry, colour, starts, size, grid):
    out = torch.full((len(starts) - 1, colour.shape[1], size[1], size[0]), 0.25, device=kernels.device)
    kernels.sums(out, geometry.to(out.device), colour.to(out.device), starts, grid)
    return out.cpu()


def backward(kernels, gradient, geometry, colour, starts, grid):
    tensors = [t.to(kernels.device) for t in (gradient, geometry, colour)]
    return [t.cpu() for t in kernels.backward(*tensors, starts, grid)]


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
@pytest.mark.parametrize("size", [(1, 1), (17, 5), (40, 33)], ids=str)
def test_forward(size, grid) -> None:
    luma = size[0] * int(grid[0]), size[1] * int(grid[1])
    geometry, colour, starts = splats(*luma, 24, 3, 2 if grid[0] > 1 else 3, sigma=3 * grid[0])
    got = sums(KERNELS, geometry, colour, starts, size, grid).numpy()
    want = np.full(got.shape, 0.25)
    reference.f32_forward(want, geometry.numpy().astype(float), colour.numpy().astype(float), starts.numpy(), *grid)
    off = np.abs(got - want) > 1e-4
    assert off.mean() < 2e-3 and np.abs(got - want).max() < 0.02, np.argwhere(off)[:5]  # the support's edge may flip
    assert np.abs(want - 0.25).max() > 0.1
    assert set(reference.f32_octaves(geometry.numpy(), *grid[:2])) == {0, 1, 2, 3}


def test_forward_of_nothing() -> None:
    geometry, colour, _ = splats(8, 8, 3, 1, 1)
    starts = torch.tensor([0, 0, 0], dtype=torch.int32)
    assert (sums(KERNELS, geometry, colour, starts, (8, 8), GRIDS["luma"]) == 0.25).all()
    by_geometry, by_colour = backward(KERNELS, torch.ones(2, 1, 8, 8), geometry, colour, starts, GRIDS["luma"])
    assert not by_geometry.any() and not by_colour.any()


def test_splats_that_are_none_add_nothing() -> None:
    """Unused splats lie far away; shapes may overflow while a fit goes astray."""
    geometry, colour, starts = splats(20, 20, 6, 1, 1)
    want = sums(KERNELS, geometry[:1], colour[:1], starts.clamp(max=1), (20, 20), GRIDS["luma"])
    geometry[1:3, :2] = -1e6
    geometry[3, 2], geometry[4, 3], geometry[5, 0] = 0, float("inf"), float("nan")
    assert torch.equal(sums(KERNELS, geometry, colour, starts, (20, 20), GRIDS["luma"]), want)


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
@pytest.mark.parametrize("size", [(1, 1), (33, 20)], ids=str)
def test_backward_and_curvature(size, grid) -> None:
    luma = size[0] * int(grid[0]), size[1] * int(grid[1])
    geometry, colour, starts = splats(*luma, 16, 2, 3)
    geometry[0] = torch.tensor([luma[0] / 2, luma[1] / 2, 0.02, 0.02, 0.005])  # over all
    gradient = torch.randn(2, 3, size[1], size[0], generator=torch.Generator().manual_seed(1))
    got = backward(KERNELS, gradient, geometry, colour, starts, grid)
    want = backward(NATIVE, gradient, geometry, colour, starts, grid)
    weight = torch.tensor([0.5, 0.25, 0.125])
    got.append(KERNELS.curvature(*there(geometry, colour), size, *there(weight), grid).cpu())
    want.append(NATIVE.curvature(geometry, colour, size, weight, grid))
    for a, b, name in zip(got, want, ("geometry", "colour", "curvature"), strict=True):
        scale = b.abs().amax(0, keepdim=True) + 1e-6
        assert ((a - b).abs() <= 2e-3 * scale).all(), (name, ((a - b) / scale).abs().max())
        assert b.any()


def test_jobs_of_a_large_splat_add_up() -> None:
    """A splat of many rows, narrow enough for octave 0, is summed by several programs."""
    geometry = torch.tensor([[3.0, 100.0, 1.1, 0.02, 0.01]])
    colour, starts = torch.ones(1, 1), torch.tensor([0, 1], dtype=torch.int32)
    gradient = torch.randn(1, 1, 200, 5, generator=torch.Generator().manual_seed(2))
    results = [backward(k, gradient, geometry, colour, starts, GRIDS["luma"]) for k in (KERNELS, NATIVE)]
    for got, want in zip(*results, strict=True):
        torch.testing.assert_close(got, want, rtol=1e-3, atol=1e-3)


def test_curvature_of_octaves() -> None:
    """That of a splat by itself, in the samples of its octave, each of which counts as many."""
    geometry, colour, _ = splats(22, 17, 16, 1, 2)
    weight, octave_of = torch.tensor([0.5, 0.25]), reference.f32_octaves(geometry.numpy(), 1.0, 1.0)
    got = KERNELS.curvature(*there(geometry, colour), (22, 17), *there(weight), GRIDS["luma"]).cpu()
    want = torch.zeros(len(geometry), 6, dtype=torch.float64)
    gain = (colour.double() ** 2 @ weight.double())[:, None]
    for n, octave in enumerate(octave_of):
        own = geometry[n : n + 1].double()
        moved = [weights(own + sign * 1e-6 * torch.eye(5), octave, (22, 17)) for sign in (1, -1)]
        want[n, :5] = gain[n] * (((moved[0] - moved[1]) / 2e-6) ** 2).sum((1, 2))
        want[n, 5] = (weights(own, octave, (22, 17)) ** 2).sum()
        want[n] *= 4**octave
    assert set(octave_of) == {0, 1, 2, 3} and (want.amax(0) > 0).all()
    assert ((got - want).abs() <= 2e-3 * want.abs().amax(0)).all()


@pytest.mark.parametrize("size", [(1, 1), (37, 29)], ids=str)
def test_levels(size) -> None:
    g = torch.Generator().manual_seed(3)
    layers = torch.randn(3, 2, size[1], size[0], generator=g)
    target, weight = torch.randn(2, size[1], size[0], generator=g), torch.rand(3, 2, generator=g)
    error = layers.double().cumsum(0) - target
    want = (2 * weight[:, :, None, None] * error).flip(0).cumsum(0).flip(0).float()
    got, *rest = there(layers, target, weight)
    sse = KERNELS.levels(got, *rest)
    torch.testing.assert_close(got.cpu(), want, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(sse.cpu(), (error**2).sum((2, 3)), rtol=1e-5, atol=1e-6)


def weights(geometry, octave: int, size: tuple[int, int]):
    """Of each splat in the samples of an octave of the luma grid, double precision, by plain torch; [N, H, W]."""
    x, y, a, b, c = (g[:, None, None] for g in geometry.double().unbind(1))
    height, width = reference.octave_size(size[1], size[0], octave)
    step = 2**octave
    dx = (torch.arange(width, dtype=torch.float64)[None, None, :] + 0.5) * step - x
    dy = (torch.arange(height, dtype=torch.float64)[None, :, None] + 0.5) * step - y
    u, v = a * dx, b * dy - c * dx
    return (1 - (u * u + v * v) / 4).clamp(min=0) ** 2


def dense(geometry, colour, starts, size: tuple[int, int]):
    """The sums in double precision, by plain torch, which knows how to enlarge; [K, C, H, W]."""
    octave_of = torch.tensor(reference.f32_octaves(geometry.detach().numpy(), 1.0, 1.0))
    parts = [slice(*pair) for pair in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)]
    total = None
    for octave in reversed(range(reference.OCTAVES)):
        w, values = weights(geometry, octave, size), colour * (octave_of == octave)[:, None]
        own = torch.stack([torch.einsum("nhw,nc->chw", w[p], values[p]) for p in parts])
        if total is not None:
            own = own + doubling(own.shape[2]) @ total @ doubling(own.shape[3]).T
        total = own
    return total


@pytest.mark.parametrize("kernels", [KERNELS, NATIVE], ids=["triton", "native"])
def test_gradients_of_the_torch_function(kernels) -> None:
    geometry, colour, starts = splats(21, 14, 12, 2, 3)
    weight = torch.randn(2, 3, 14, 21, generator=torch.Generator().manual_seed(4))
    grads = []
    sums_of = {
        torch.float32: lambda g, c: sum_f32(g, c, starts, (21, 14), GRIDS["luma"], kernels),
        torch.float64: lambda g, c: dense(g, c, starts, (21, 14)),
    }
    for kind, of in sums_of.items():
        place = kernels.device if kind == torch.float32 else torch.device("cpu")
        leaves = [t.clone().to(place, kind).requires_grad_() for t in (geometry, colour)]
        out = of(*leaves)
        (out**2 * weight.to(place, kind)).sum().backward()
        grads.append([leaf.grad.cpu() for leaf in leaves])
    for got, want in zip(*grads, strict=True):
        scale = want.abs().amax(0, keepdim=True)
        assert ((got - want).abs() <= 3e-3 * scale).all()


def test_lists_hold_every_splat_of_a_tile_in_order() -> None:
    """Each splat with a sample in a tile of its octave is in its list, once, and few others are."""
    width, height = size = 70, 50
    geometry, _, starts = splats(width, height, 80, 3, 1, sigma=4.2)
    octave_of = torch.tensor(reference.f32_octaves(geometry.numpy(), 1.0, 1.0))
    there_of = octaves.in_samples(geometry, octave_of, GRIDS["luma"])
    lists = tile_lists(*there(there_of, octave_of, starts), size, (2000, 4000))
    assert (lists.columns, lists.rows) == ([5, 3, 2, 1], [4, 2, 1, 1]) and lists.needed[0] <= 2000
    order = lists.order.tolist()
    assert lists.first[-1][-1] == int(lists.needed[1]) <= 4000 and lists.first[0][0] == 0
    layer_of = np.searchsorted(starts.numpy(), np.arange(len(geometry)), side="right") - 1
    for octave in range(reference.OCTAVES):
        each, first = weights(geometry, octave, size), lists.first[octave].tolist()
        columns, tiles, met, listed = lists.columns[octave], lists.columns[octave] * lists.rows[octave], 0, 0
        for k in range(3):
            own = {n for n in range(len(geometry)) if octave_of[n] == octave and layer_of[n] == k}
            for tile in range(tiles):
                rows, left = tile // columns * TILE, tile % columns * TILE
                meets = (each[:, rows : rows + TILE, left : left + TILE] > 0).flatten(1).any(1)
                want = set(meets.nonzero()[:, 0].tolist()) & own
                got = order[first[k * tiles + tile] : first[k * tiles + tile + 1]]
                assert got == sorted(set(got)) and want <= set(got) <= own
                met, listed = met + len(want), listed + len(got)
        assert met >= 12 and listed < 1.25 * met
        assert octave == 3 or first[-1] == int(lists.first[octave + 1][0])


def test_room_that_is_too_small_grows() -> None:
    kernels = triton_kernels()
    geometry, colour, starts = splats(64, 48, 8, 1, 1, sigma=20.0)
    want = sums(KERNELS, geometry, colour, starts, (64, 48), GRIDS["luma"])
    with kernels.rooms.deferred() as asked:
        lacking = sums(kernels, geometry, colour, starts, (64, 48), GRIDS["luma"])
    for _, needed in asked:
        needed *= 1000  # as if there had been more
    assert not kernels.rooms.holds(asked) and kernels.rooms.holds(asked)
    assert torch.equal(lacking, want)  # as there was room after all
    kernels.rooms = type(kernels.rooms)()
    made = kernels.rooms.fit("tiny", (1,), lambda room: (room, torch.tensor([9])))
    assert made[0] >= 9
