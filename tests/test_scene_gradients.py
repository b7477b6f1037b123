"""Gradients of the rasteriser, against autograd through another one in double precision."""

from __future__ import annotations

import inspect
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pgsvc import kernel
from pgsvc.scene.render import render
from pgsvc.scene.splats import KERNELS

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'pgsvc[encoder]'")
sys.path.insert(0, str(Path(__file__).parent))
import scene_torch  # noqa: E402
from scene_cases import CAMERA, random_scene  # noqa: E402

from pgsvc_encoder.scene import rasterise as rasterise_module  # noqa: E402
from pgsvc_encoder.scene.rasterise import parameters, rasterise  # noqa: E402

LEVELS = kernel.native().isa_levels()
BACKGROUND = torch.tensor([0.1, 0.5, 0.9])
NAMES = ("position", "log_scale", "rotation", "opacity", "sh_dc", "sh_rest", "centre")


def gradients(splats, scene_format, threads: int = 2):
    """What the kernels say, for fixed gradients by the picture."""
    leaves = parameters(splats)
    rgb, alpha, info = rasterise(leaves, CAMERA, scene_format, BACKGROUND, threads)
    by_rgb, by_alpha = weights()
    ((rgb * by_rgb).sum() + (alpha * by_alpha).sum()).backward()
    return rgb.detach(), alpha.detach(), [leaf.grad for leaf in leaves] + [info.centre_gradient()]


def weights():
    rng = np.random.default_rng(3)
    size = CAMERA.height, CAMERA.width
    return torch.tensor(rng.normal(size=(*size, 3))).float(), torch.tensor(rng.normal(size=size)).float()


def compare(splats, scene_format) -> None:
    rgb, alpha, got = gradients(splats, scene_format)
    leaves = [leaf.detach().double().requires_grad_() for leaf in parameters(splats)]
    want_rgb, want_alpha, mean = scene_torch.render(leaves, CAMERA, scene_format.kernel, BACKGROUND.double())
    by_rgb, by_alpha = weights()
    ((want_rgb * by_rgb).sum() + (want_alpha * by_alpha).sum()).backward()
    assert (rgb - want_rgb).abs().mean() < 1e-5 and (alpha - want_alpha).abs().mean() < 1e-5
    for name, mine, theirs in zip(NAMES, got, [leaf.grad for leaf in leaves] + [mean.grad], strict=True):
        if theirs.numel() == 0:
            continue
        error, scale, typical = (mine - theirs).abs(), theirs.abs().max() + 1e-6, theirs.abs().mean() + 1e-6
        assert error.max() < 5e-3 * scale, f"{name}: {error.max() / scale}"
        assert error.mean() < 3e-3 * typical, f"{name}: {error.mean() / typical}"


@pytest.mark.parametrize("cpu", LEVELS)
@pytest.mark.parametrize("kind", KERNELS)
@pytest.mark.parametrize(
    "degree, count, size, spread",
    [(0, 1, -1.0, 0.1), (3, 12, -1.0, 0.7), (2, 60, -2.0, 1.0), (1, 40, -0.5, 3.0)],
    ids=["one", "few", "many", "around the camera"],
)
def test_against_autograd(monkeypatch, cpu, kind, degree, count, size, spread) -> None:
    monkeypatch.setenv("PGSVC_CPU", cpu)
    compare(*random_scene(count, count, degree, kind, size, spread))


@pytest.mark.parametrize("coefficient", range(15))
def test_colours_that_depend_on_the_direction(coefficient) -> None:
    """So large a splat that moving it changes next to nothing but its colour, which has one coefficient."""
    splats, scene_format = random_scene(coefficient, 1, 3, size=6.0)
    rest = np.zeros_like(splats.sh_rest)
    rest[0, coefficient] = 5.0, -3.0, 7.0
    bright = np.full_like(splats.sh_dc, 30.0)
    compare(replace(splats, sh_rest=rest, sh_dc=bright, opacity=np.zeros(1, np.float32)), scene_format)


@pytest.mark.parametrize("cpu", LEVELS)
def test_splats_that_hide_all(monkeypatch, cpu) -> None:
    """Where alpha is at its limit of 0.999 opacity and shape have no gradient."""
    monkeypatch.setenv("PGSVC_CPU", cpu)
    splats, scene_format = random_scene(27, 4, 1, size=0.0)
    compare(replace(splats, opacity=np.full(4, 9.0, np.float32)), scene_format)


@pytest.mark.parametrize("cpu", LEVELS)
def test_threads_change_nothing(monkeypatch, cpu) -> None:
    monkeypatch.setenv("PGSVC_CPU", cpu)
    splats, scene_format = random_scene(21, 1500)
    _, _, one = gradients(splats, scene_format, 1)
    for threads in (2, 5):
        for name, a, b in zip(NAMES, one, gradients(splats, scene_format, threads)[2], strict=True):
            assert (a == b).all(), name


def test_the_picture_is_that_of_the_decoder() -> None:
    splats, scene_format = random_scene(22, 100)
    rgb, alpha, _ = rasterise(parameters(splats), CAMERA, scene_format, BACKGROUND)
    view = render(splats, scene_format, CAMERA, background=BACKGROUND.numpy())
    assert (rgb.detach().numpy() == view.rgb).all() and (alpha.detach().numpy() == view.alpha).all()


def test_no_splats() -> None:
    splats, scene_format = random_scene(23, 0)
    _, _, got = gradients(splats, scene_format)
    assert all(g.shape[0] == 0 for g in got)


def test_what_gsplat_is_asked_for(monkeypatch) -> None:
    """Without a GPU only that the call fits the function, and what it is about."""
    gsplat = pytest.importorskip("gsplat", reason="gsplat is not installed: pip install 'pgsvc[dev]'")
    calls, signature = [], inspect.signature(gsplat.rasterization)

    def record(*arguments, **named):
        calls.append(signature.bind(*arguments, **named).arguments)
        centres = torch.zeros(1, 5, 2, requires_grad=True)
        return (
            torch.zeros(1, CAMERA.height, CAMERA.width, 3),
            torch.zeros(1, CAMERA.height, CAMERA.width, 1),
            {"means2d": centres * 1},
        )

    monkeypatch.setattr(gsplat, "rasterization", record)
    splats, scene_format = random_scene(26, 5, 2, "antialiased")
    rgb, alpha, _ = rasterise_module._on_gpu(parameters(splats), CAMERA, scene_format, BACKGROUND)
    assert rgb.shape == (CAMERA.height, CAMERA.width, 3) and alpha.shape == rgb.shape[:2]
    asked = calls[0]
    assert (
        asked["colors"].shape == (5, 9, 3) and asked["viewmats"].shape == (1, 4, 4) and asked["Ks"].shape == (1, 3, 3)
    )
    assert asked["sh_degree"] == 2 and asked["rasterize_mode"] == "antialiased" and asked["eps2d"] == 0.3
    assert torch.equal(asked["scales"].detach(), torch.tensor(splats.log_scale).exp())


def test_fitting_moves_splats_to_a_picture() -> None:
    """A few steps of gradient descent: all signs are right."""
    target, scene_format = random_scene(24, 20, 1)
    want = torch.tensor(render(target, scene_format, CAMERA).rgb)
    leaves = parameters(random_scene(25, 20, 1)[0])
    optimiser, losses = torch.optim.Adam(leaves, lr=0.02), []
    for _ in range(60):
        optimiser.zero_grad()
        rgb, _, _ = rasterise(leaves, CAMERA, scene_format, torch.zeros(3))
        loss = (rgb - want).square().mean()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.3 * losses[0]
