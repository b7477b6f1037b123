"""Fitting: gradients against autograd, colours against least squares, seeding and additions."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="fitting needs the encoder extra")

from pgsvc.picture import Chroma, Picture, PictureFormat  # noqa: E402
from pgsvc_encoder.fit.objective import Objective, component_weights, neutral  # noqa: E402
from pgsvc_encoder.fit.solve import solve_colours  # noqa: E402
from pgsvc_encoder.fit.splats import Splats  # noqa: E402
from pgsvc_encoder.fit.train import Schedule, fit, level_weights  # noqa: E402

FORMATS = {
    "rgb": PictureFormat(40, 28, Chroma.YUV444, matrix=0, full_range=True),
    "420": PictureFormat(41, 27, Chroma.YUV420),
    "420-10": PictureFormat(40, 28, Chroma.YUV420, bit_depth=10, chroma_location=1),
    "422": PictureFormat(39, 26, Chroma.YUV422),
    "grey": PictureFormat(33, 30, Chroma.GREY),
}


def smooth_picture(picture_format: PictureFormat, seed: int = 0) -> Picture:
    """A few blobs and an edge, in every plane."""
    rng = np.random.default_rng(seed)
    planes = []
    for height, width in picture_format.plane_shapes:
        y, x = np.mgrid[0:height, 0:width] / max(height, width)
        plane = 0.3 + 0.2 * (x > 0.4)
        for _ in range(4):
            cx, cy, s = rng.uniform(0, 1), rng.uniform(0, 0.7), rng.uniform(0.05, 0.3)
            plane = plane + rng.uniform(-0.2, 0.3) * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * s * s))
        top = (1 << picture_format.bit_depth) - 1
        planes.append(np.clip(plane * top, 0, top).astype(picture_format.dtype))
    return Picture(picture_format, tuple(planes))


def random_splats(picture_format: PictureFormat, counts: list[int], seed: int = 0) -> Splats:
    g = torch.Generator().manual_seed(seed)
    splats = Splats.unused(counts, picture_format.components)
    n = sum(counts)
    size = torch.tensor([picture_format.width, picture_format.height])
    splats.position = torch.rand(n, 2, generator=g) * size
    splats.shape = torch.randn(n, 3, generator=g) * torch.tensor([0.6, 0.7, 0.6]) + torch.tensor([1.5, 0.0, 1.5])
    splats.colour = torch.randn(n, picture_format.components, generator=g) * 0.3
    return splats


def dense_errors(objective: Objective, splats: Splats) -> torch.Tensor:
    """The same errors written down without kernels: float64, every splat at every sample."""
    position, shape = splats.position.double(), splats.shape.double()
    a, b = torch.exp2(-shape[:, 0]), torch.exp2(-shape[:, 2])
    c = shape[:, 1] * a
    errors = torch.zeros(splats.layers, dtype=torch.float64)
    for g in objective.groups:
        sx, sy, ox, oy = g.grid
        x = torch.arange(g.plane.width).double() * sx + ox
        y = torch.arange(g.plane.height).double() * sy + oy
        dx = x[None, None, :] - position[:, 0, None, None]
        dy = y[None, :, None] - position[:, 1, None, None]
        q = (a[:, None, None] * dx) ** 2 + (b[:, None, None] * dy - c[:, None, None] * dx) ** 2
        h = q / 32
        w = torch.where(q <= 12, (1 - h + h * h / 2 - h**3 / 6) ** 16, torch.zeros(()).double())
        total = -g.target.double()
        for k in range(splats.layers):
            part = splats.layer(k)
            total = total + torch.einsum("nyx,nc->cyx", w[part], splats.colour[part][:, g.plane.components].double())
            errors[k] = errors[k] + ((total**2).sum((1, 2)) * g.weight.double()).sum()
    return errors


@pytest.mark.parametrize("name", FORMATS)
def test_errors_and_gradients(name: str) -> None:
    picture_format = FORMATS[name]
    objective = Objective(smooth_picture(picture_format), 2, np.zeros(picture_format.components))
    splats = random_splats(picture_format, [9, 7])
    weights = level_weights(2)
    geometry = splats.geometry()
    objective.forward(splats, geometry)
    errors = objective.errors(weights)
    grad_geometry, grad_colour = objective.backward(splats, geometry)
    grad_position, grad_shape = splats.chain(geometry, grad_geometry)
    for tensor in (splats.position, splats.shape, splats.colour):
        tensor.requires_grad_(True)
    dense = dense_errors(objective, splats)
    (dense * weights).sum().backward()
    torch.testing.assert_close(errors, dense.detach(), rtol=1e-4, atol=1e-7)
    for ours, theirs in ((grad_position, splats.position), (grad_shape, splats.shape), (grad_colour, splats.colour)):
        scale = float(theirs.grad.abs().max())
        torch.testing.assert_close(ours, theirs.grad, rtol=2e-3, atol=2e-3 * scale)


@pytest.mark.parametrize("name", ["rgb", "420"])
def test_colour_solve_reaches_least_squares(name: str) -> None:
    picture_format = FORMATS[name]
    objective = Objective(smooth_picture(picture_format), 2, np.zeros(3))
    splats = random_splats(picture_format, [8, 6])
    weights = level_weights(2)
    solve_colours(objective, splats, weights, 60, ridge=0.0)
    objective.forward(splats, splats.geometry())
    objective.errors(weights)
    grad = objective.backward(splats, splats.geometry())[1]
    assert float(grad.abs().max()) < 1e-5
    fixed = splats.colour.clone()
    splats.colour += 0.05
    free = torch.zeros(14, dtype=torch.bool)
    free[3] = True
    solve_colours(objective, splats, weights, 5, free=free)
    assert torch.equal(splats.colour[~free], (fixed + 0.05)[~free])


def test_curvature_is_the_gauss_newton_diagonal() -> None:
    picture_format = FORMATS["rgb"]
    objective = Objective(smooth_picture(picture_format), 1, np.zeros(3))
    splats = random_splats(picture_format, [5])
    splats.position = splats.position * 0.5 + 10
    curvature = objective.curvature(splats)
    step = 1e-2
    for column, (name, i) in enumerate([("position", 0), ("position", 1), ("shape", 0), ("shape", 1), ("shape", 2)]):
        sums = []
        for sign in (-1, 1):
            moved = random_splats(picture_format, [5])
            moved.position = moved.position * 0.5 + 10
            getattr(moved, name)[2, i] += sign * step
            objective.forward(moved, moved.geometry())
            sums.append(objective.groups[0].layers[0].double().clone())
        change = (sums[1] - sums[0]) / (2 * step)
        expected = float((change**2).sum((1, 2)) @ objective.groups[0].weight.double())
        assert float(curvature[2, column]) == pytest.approx(expected, rel=0.05)


def test_fit_places_every_splat_and_improves() -> None:
    picture_format = FORMATS["420"]
    objective = Objective(smooth_picture(picture_format), 3, np.zeros(3))
    splats = Splats.unused([10, 10, 10], 3)
    seen: list[torch.Tensor] = []
    fit(objective, splats, Schedule(120, rounds=4), torch.Generator().manual_seed(1), seen.append)
    assert bool(splats.in_use().all())
    assert float(seen[-1][2]) < 0.05 * float(seen[0][2])
    assert float(seen[-1][2]) < float(seen[-1][1]) < float(seen[-1][0])
    inside = (splats.position > 0).all() and (splats.position < torch.tensor([41.0, 27.0])).all()
    assert bool(inside)


def test_shares_of_components() -> None:
    assert component_weights(FORMATS["grey"]) == [1.0]
    assert sum(component_weights(FORMATS["420"])) == pytest.approx(1)
    assert neutral(FORMATS["rgb"]).tolist() == [0, 0, 0]
    assert neutral(FORMATS["420"]).tolist() == [0, 0.5, 0.5]
