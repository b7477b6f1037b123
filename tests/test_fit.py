"""Fitting: gradients against autograd, colours against least squares, seeding and additions."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="fitting needs the encoder extra")

from pgsvc.picture import Chroma, Picture, PictureFormat  # noqa: E402
from pgsvc.reference import OCTAVES, octave_size  # noqa: E402
from pgsvc_encoder.fit.emphasis import Emphasis  # noqa: E402
from pgsvc_encoder.fit.objective import Objective  # noqa: E402
from pgsvc_encoder.fit.solve import colour_gradient, solve_colours  # noqa: E402
from pgsvc_encoder.fit.splats import Splats  # noqa: E402
from pgsvc_encoder.fit.training import Training  # noqa: E402
from pgsvc_encoder.fit.view import component_weights, neutral  # noqa: E402
from pgsvc_encoder.source.resize import resized  # noqa: E402

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


def objective_of(
    picture_format: PictureFormat,
    levels: int,
    sizes: list[tuple[int, int]] | None = None,
    emphasis: Emphasis | None = None,
) -> Objective:
    """Objective of a smooth picture; the levels have the picture's size or ``sizes``."""
    picture = smooth_picture(picture_format)
    sizes = sizes or [(picture_format.width, picture_format.height)] * levels
    pictures = [resized(picture, *size) for size in sizes]
    return Objective(pictures, np.zeros(picture_format.components), emphasis=emphasis)


def some_region(picture_format: PictureFormat) -> Emphasis:
    """A rectangle in which squared errors count seven times."""
    inside = torch.zeros(picture_format.height, picture_format.width, dtype=torch.bool)
    inside[5:19, 8:31] = True
    return Emphasis(inside, 7.0)


def dense_sum(
    position: torch.Tensor, inverse: torch.Tensor, colour: torch.Tensor, size: tuple[int, int], grid: tuple[float, ...]
) -> torch.Tensor:
    """Sum [C, H, W] of splats with these centres, inverse covariances and colours, every one at every sample of its octave."""
    i, (step_x, step_y, origin_x, origin_y) = inverse[:, :, :, None, None], grid
    trace = inverse[:, 0, 0] * step_x**2 + inverse[:, 1, 1] * step_y**2
    octaves = torch.stack([trace * 4**j <= 0.5 for j in range(1, OCTAVES)]).sum(0)
    total = torch.zeros(colour.shape[1], *octave_size(size[1], size[0], OCTAVES - 1), dtype=torch.float64)
    for octave in reversed(range(OCTAVES)):
        height, width = octave_size(size[1], size[0], octave)
        if octave < OCTAVES - 1:  # a bilinear resize by two has the weights of the format, and repeats the border
            total = torch.nn.functional.interpolate(total[None], scale_factor=2, mode="bilinear")[0, :, :height, :width]
        x = origin_x + step_x * ((2**octave - 1) / 2 + 2**octave * torch.arange(width).double())
        y = origin_y + step_y * ((2**octave - 1) / 2 + 2**octave * torch.arange(height).double())
        dx = x[None, None, :] - position[:, 0, None, None]
        dy = y[None, :, None] - position[:, 1, None, None]
        q = i[:, 0, 0] * dx * dx + 2 * i[:, 0, 1] * dx * dy + i[:, 1, 1] * dy * dy
        w = (1 - q / 4).clamp(min=0) ** 2 * (octaves == octave)[:, None, None]
        total = total + torch.einsum("nyx,nc->cyx", w, colour)
    return total


def dense_errors(objective: Objective, splats: Splats) -> torch.Tensor:
    """The same errors written down without kernels: float64, every splat at every sample, covariances as matrices."""
    position, shape = splats.position.double(), splats.shape.double()
    l1, l3 = torch.exp2(shape[:, 0]), torch.exp2(shape[:, 2])
    l2 = shape[:, 1] * l3
    covariance = torch.stack([torch.stack([l1 * l1, l1 * l2], 1), torch.stack([l1 * l2, l2 * l2 + l3 * l3], 1)], 1)
    errors = torch.zeros(splats.layers, dtype=torch.float64)
    for v in objective.views:
        f = torch.tensor(v.ratio, dtype=torch.float64)
        for g in v.groups:
            step = torch.tensor(g.grid[:2], dtype=torch.float64)
            wide = covariance + torch.diag(torch.clamp(step**2 * (f**2 - 1) / 6, min=0))
            gain = torch.sqrt(torch.linalg.det(covariance) / torch.linalg.det(wide))
            inverse = torch.linalg.inv(wide / (f[:, None] * f[None]))
            total = -g.target.double()
            for k in range(v.last + 1):
                part = splats.layer(k)
                colour = gain[part, None] * splats.colour[part][:, g.plane.components].double()
                size = g.plane.width, g.plane.height
                total = total + dense_sum(position[part] / f, inverse[part], colour, size, g.grid)
                if k >= v.first:
                    squares = total**2 if g.map is None else total**2 * g.map.weights
                    errors[k] = errors[k] + (squares.sum((1, 2)) * g.weight.double()).sum()
    return errors


@pytest.mark.parametrize("sizes", [None, [(21, 15), (21, 15), None], [(17, 13), (28, 20), None]])
@pytest.mark.parametrize("name, emphasised", [*((name, False) for name in FORMATS), ("420", True), ("rgb", True)])
def test_errors_and_gradients(name: str, emphasised: bool, sizes: list | None) -> None:
    picture_format = FORMATS[name]
    full = (picture_format.width, picture_format.height)
    emphasis = some_region(picture_format) if emphasised else None
    objective = objective_of(picture_format, 3, sizes and [s or full for s in sizes], emphasis)
    splats = random_splats(picture_format, [9, 7, 5])
    weights = Training().weights(3)
    geometry = splats.geometry()
    errors, grad_geometry, grad_colour = objective.evaluate(splats, weights)
    grad_position, grad_shape = splats.chain(geometry, grad_geometry)
    for tensor in (splats.position, splats.shape, splats.colour):
        tensor.requires_grad_(True)
    dense = dense_errors(objective, splats)
    (dense * weights).sum().backward()
    torch.testing.assert_close(errors, dense.detach(), rtol=1e-4, atol=1e-7)
    for ours, theirs in ((grad_position, splats.position), (grad_shape, splats.shape), (grad_colour, splats.colour)):
        scale = float(theirs.grad.abs().max())
        torch.testing.assert_close(ours, theirs.grad, rtol=2e-3, atol=2e-3 * scale)


@pytest.mark.parametrize("sizes", [None, [(17, 13), (28, 20), (41, 27)]])
def test_some_splats_on_top_of_the_others(sizes: list | None) -> None:
    """Where the rest stays as it is, errors and gradients are those of all splats together."""
    objective, splats = objective_of(FORMATS["420"], 3, sizes), random_splats(FORMATS["420"], [9, 7, 5])
    weights, rows = Training().weights(3), torch.arange(21) % 3 == 1
    rows[:9] = False  # a layer with no splat to fit
    whole = objective.evaluate(splats, weights)
    for chosen in (rows, torch.zeros(21, dtype=torch.bool)):
        part = objective.around(splats.chosen(~chosen)).evaluate(splats.chosen(chosen), weights)
        torch.testing.assert_close(part[0], whole[0], rtol=1e-5, atol=1e-9)
        for ours, theirs in zip(part[1:], whole[1:], strict=True):
            torch.testing.assert_close(ours, theirs[chosen], rtol=1e-3, atol=1e-5 * float(theirs.abs().max()))


@pytest.mark.parametrize("sizes", [None, [(20, 14), (40, 28)]])
@pytest.mark.parametrize("name", ["rgb", "420-10"])
def test_colour_solve_reaches_least_squares(name: str, sizes: list[tuple[int, int]] | None) -> None:
    picture_format = FORMATS[name]
    objective = objective_of(picture_format, 2, sizes)
    splats = random_splats(picture_format, [8, 6])
    training = Training()
    solve_colours(training, objective, splats, 80, ridge=0.0)
    assert float(colour_gradient(training, objective, splats).abs().max()) < 1e-5
    fixed = splats.colour.clone()
    splats.colour += 0.05
    free = torch.zeros(14, dtype=torch.bool)
    free[3] = True
    solve_colours(training, objective, splats, 5, free=free)
    assert torch.equal(splats.colour[~free], (fixed + 0.05)[~free])
    assert not torch.equal(splats.colour[3], fixed[3] + 0.05)


def test_curvature_is_the_gauss_newton_diagonal() -> None:
    picture_format = FORMATS["rgb"]
    objective = objective_of(picture_format, 1)
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
            sums.append(objective.sums(moved, 0)[0].double())
        change = (sums[1] - sums[0]) / (2 * step)
        expected = float((change**2).sum((1, 2)) @ objective.views[0].groups[0].weight.double())
        assert float(curvature[2, column]) == pytest.approx(expected, rel=0.05)


def test_shares_of_components() -> None:
    assert component_weights(FORMATS["grey"]) == [1.0]
    assert sum(component_weights(FORMATS["420"])) == pytest.approx(1)
    assert neutral(FORMATS["rgb"]).tolist() == [0, 0, 0]
    assert neutral(FORMATS["420"]).tolist() == [0, 0.5, 0.5]
