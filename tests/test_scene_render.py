"""Pictures of scenes: the native kernels against the slow twin, torch's gradients and gsplat's reference functions."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pgsvc import kernel
from pgsvc.errors import UsageError
from pgsvc.scene.camera import Camera
from pgsvc.scene.reference_render import harmonics, project
from pgsvc.scene.render import RenderedView, render, scene_arrays
from pgsvc.scene.splats import KERNELS, SceneFormat, SceneSplats

sys.path.insert(0, str(Path(__file__).parent))
from scene_cases import CAMERA, random_scene  # noqa: E402

LEVELS = kernel.native().isa_levels()
BACKGROUND = (0.1, 0.5, 0.9)


def agree(splats: SceneSplats, scene_format: SceneFormat, camera: Camera, cpu: str, threads: int = 2) -> RenderedView:
    """Draw with the kernels and the twin; all but a few pixels, where alpha is about 1/255, must be the same."""
    options = {"background": BACKGROUND, "weights": True, "depth": True}
    got = render(splats, scene_format, camera, cpu=cpu, threads=threads, **options)
    want = render(splats, scene_format, camera, cpu="reference", **options)
    for name, close, worst in (("rgb", 3e-5, 0.02), ("alpha", 3e-5, 0.01), ("depth", 2e-4, 0.1)):
        error = np.abs(getattr(got, name) - getattr(want, name))
        off = error > close
        assert off.mean() < 4e-3 and error.max() < worst, f"{name} at {np.argwhere(off)[:5]}, worst {error.max()}"
    assert np.abs(got.hits - want.hits).max(initial=0) <= 3
    assert np.allclose(got.weight, want.weight, rtol=1e-3, atol=0.02)
    return got


@pytest.mark.parametrize("cpu", LEVELS)
@pytest.mark.parametrize("kind", KERNELS)
@pytest.mark.parametrize("degree", range(4))
def test_random_scenes(cpu, kind, degree) -> None:
    splats, scene_format = random_scene(degree, 120, degree, kind)
    view = agree(splats, scene_format, CAMERA, cpu)
    assert view.alpha.max() > 0.9 and view.hits.sum() > 1000


@pytest.mark.parametrize("cpu", LEVELS)
@pytest.mark.parametrize("kind", KERNELS)
@pytest.mark.parametrize(
    "size, spread", [(1.5, 3.0), (-7.0, 1.0), (-1.0, 4.0)], ids=["huge", "tiny", "around the camera"]
)
def test_extreme_scenes(cpu, kind, size, spread) -> None:
    splats, scene_format = random_scene(5, 150, 1, kind, size, spread)
    agree(splats, scene_format, CAMERA, cpu)


@pytest.mark.parametrize("cpu", LEVELS)
@pytest.mark.parametrize("size", [(1, 1), (16, 16), (17, 3), (8, 70)], ids=str)
def test_sizes_of_pictures(cpu, size) -> None:
    splats, scene_format = random_scene(6, 60)
    focal = max(size)
    camera = Camera(*size, focal, 1.2 * focal, 0.4 * size[0], 0.6 * size[1], CAMERA.world_to_camera)
    agree(splats, scene_format, camera, cpu)


@pytest.mark.parametrize("cpu", LEVELS)
def test_needles(cpu) -> None:
    """Splats a thousand times as long as wide, across many tiles."""
    splats, scene_format = random_scene(7, 40, 0, "none")
    splats = replace(splats, log_scale=np.tile(np.float32([0.0, -6.9, -6.9]), (40, 1)))
    camera = Camera.look_at((0.3, -0.4, -4.0), (0, 0, 0), (0, -1, 0), (120, 90))
    agree(splats, scene_format, camera, cpu)


@pytest.mark.parametrize("cpu", LEVELS)
def test_light_that_is_used_up(cpu) -> None:
    """Hundreds of splats one behind the other, so that every pixel ends early."""
    splats, scene_format = random_scene(8, 300, 0, size=0.5, spread=0.4)
    view = agree(replace(splats, opacity=splats.opacity + 4), scene_format, CAMERA, cpu)
    assert (view.hits == 0).sum() > 100


@pytest.mark.parametrize("cpu", [*LEVELS, "reference"])
def test_nothing_to_see(cpu) -> None:
    for splats in (SceneSplats.none(0), behind_the_camera()):
        view = render(splats, SceneFormat(), CAMERA, background=BACKGROUND, weights=True, depth=True, cpu=cpu)
        assert (view.rgb == np.float32(BACKGROUND)).all() and not view.alpha.any()
        assert view.hits is not None and not view.hits.any() and len(view.hits) == len(splats)


def behind_the_camera() -> SceneSplats:
    splats, _ = random_scene(9, 20, 0)
    away = CAMERA.centre - 10 * CAMERA.world_to_camera[2, :3]
    return replace(splats, position=(splats.position + away).astype(np.float32))


@pytest.mark.parametrize("cpu", LEVELS)
def test_numbers_that_are_no_splats(cpu) -> None:
    """Not a number, infinite, and quaternions of length 0: nothing is drawn of them, and all else is."""
    splats, scene_format = random_scene(10, 30)
    want = render(splats, scene_format, CAMERA, cpu=cpu)
    for name in ("position", "log_scale", "rotation"):
        for value in (np.nan, np.inf, 0.0 if name == "rotation" else -np.inf):
            bad = splats.select(np.arange(1))
            bad = replace(bad, **{name: np.full_like(getattr(bad, name), value)})
            got = render(SceneSplats.concatenate([splats, bad]), scene_format, CAMERA, cpu=cpu)
            assert (name == "log_scale" and value < 0) or (got.rgb == want.rgb).all()
            assert np.isfinite(got.rgb).all()


@pytest.mark.parametrize("cpu", LEVELS)
def test_threads_change_nothing(cpu) -> None:
    splats, scene_format = random_scene(11, 2000)
    options = {"weights": True, "depth": True, "cpu": cpu}
    one = render(splats, scene_format, CAMERA, threads=1, **options)
    for threads in (2, 3, 7):
        more = render(splats, scene_format, CAMERA, threads=threads, **options)
        for name in ("rgb", "alpha", "depth", "weight", "hits"):
            assert (getattr(one, name) == getattr(more, name)).all(), name


@pytest.mark.parametrize("cpu", [*LEVELS, "reference"])
def test_equal_depths_are_in_the_order_of_indices(cpu) -> None:
    splats, scene_format = random_scene(12, 1, 0)
    both = SceneSplats.concatenate([splats, splats])
    red, blue = np.float32([[3, -3, -3], [-3, -3, 3]])
    both = replace(both, sh_dc=np.stack([red, blue]), opacity=np.full(2, 9, np.float32), position=both.position * 0)
    rgb = render(both, scene_format, CAMERA, cpu=cpu).rgb
    assert rgb[..., 0].max() > 0.9 and (rgb[..., 0] >= rgb[..., 2]).all()


def test_weights_are_shares_of_the_picture() -> None:
    splats, scene_format = random_scene(13, 200)
    view = render(splats, scene_format, CAMERA, weights=True)
    assert view.weight is not None and view.weight.sum() == pytest.approx(view.alpha.sum(), rel=1e-4)


def test_arguments_are_checked() -> None:
    splats, scene_format = random_scene(14, 3, 2)
    with pytest.raises(UsageError, match="sh_rest"):
        render(splats, replace(scene_format, sh_degree=1), CAMERA)
    with pytest.raises(UsageError, match="background"):
        render(splats, scene_format, CAMERA, background=(0.0, 1.0))


def test_eight_bits() -> None:
    rgb = np.float32([[[-1, 0.5, 2]]])
    assert RenderedView(rgb, rgb[..., 0], "srgb_rec709_display").to_rgb8().tolist() == [[[0, 128, 255]]]
    assert RenderedView(rgb, rgb[..., 0], "lin_rec709_display").to_rgb8().tolist() == [[[0, 188, 255]]]


# ---- gsplat's reference functions ----


@pytest.fixture
def gsplat():
    pytest.importorskip("torch", reason="torch is not installed: pip install 'pgsvc[encoder]'")
    return pytest.importorskip("gsplat.cuda._torch_impl", reason="gsplat is not installed: pip install 'pgsvc[dev]'")


@pytest.mark.parametrize("kind", KERNELS)
def test_projection_of_gsplat(gsplat, kind) -> None:
    import torch

    splats, scene_format = random_scene(15, 100, 0, kind, -1.5, 1.5)
    arrays = scene_arrays(splats, scene_format)
    tensors = [torch.tensor(a, dtype=torch.float64) for a in arrays]
    covariance, _ = gsplat._quat_scale_to_covar_preci(tensors[2], tensors[1].exp())
    focal = torch.tensor([[CAMERA.fx, 0, CAMERA.cx], [0, CAMERA.fy, CAMERA.cy], [0, 0, 1]], dtype=torch.float64)
    radii, means, depths, conics, compensation = gsplat._fully_fused_projection(
        tensors[0], covariance, torch.tensor(CAMERA.world_to_camera)[None], focal[None], CAMERA.width, CAMERA.height,
        0.0 if kind == "none" else 0.3, CAMERA.near, calc_compensations=True,
    )  # fmt: skip
    spots = np.empty((len(splats), 12), np.float32)
    view = CAMERA.numbers(), CAMERA.width, CAMERA.height, KERNELS.index(kind)
    kernel.native().scene_spots(*arrays, *view, spots, kernel.fitting_isa(), 1)
    seen = np.flatnonzero(spots[:, 10] >= 0)
    assert len(seen) > 40 and set(seen) <= set(np.flatnonzero(radii[0].numpy().any(1)))
    x, y, length, shear, m, peak = spots[seen, :6].T.astype(float)
    scale = 2 / np.log2(np.e)
    form = np.stack([length**2, shear * length**2, (shear * length) ** 2 + m], 1) * scale
    opacity = 1 / (1 + np.exp(-splats.opacity[seen].astype(float)))
    alpha = opacity * (compensation[0].numpy()[seen] if kind == "antialiased" else 1)
    np.testing.assert_allclose(np.stack([x, y], 1), means[0].numpy()[seen], atol=1e-4, rtol=1e-5)
    np.testing.assert_allclose(form, conics[0].numpy()[seen], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(spots[seen, 9], depths[0].numpy()[seen], rtol=1e-5)
    np.testing.assert_allclose(2**peak, alpha, rtol=1e-4)
    for n in seen[:20]:  # and the twin
        spot = project(*(a[n].astype(float) for a in arrays), camera=CAMERA, kind=kind)
        assert spot is not None
        inverse = np.linalg.inv(spot.covariance)
        np.testing.assert_allclose(inverse[[0, 0, 1], [0, 1, 1]], conics[0].numpy()[n], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("degree", range(4))
def test_harmonics_of_gsplat(gsplat, degree) -> None:
    import torch

    splats, scene_format = random_scene(16, 50, degree)
    sight = splats.position - CAMERA.centre
    coefficients = np.concatenate([splats.sh_dc[:, None], splats.sh_rest], 1).astype(float)
    want = gsplat._spherical_harmonics(degree, torch.tensor(sight), torch.tensor(coefficients)).numpy()
    units = sight / np.linalg.norm(sight, axis=1, keepdims=True)
    rest = np.stack([harmonics(u, scene_format.rest_count) @ c for u, c in zip(units, splats.sh_rest, strict=True)])
    np.testing.assert_allclose(0.28209479177387814 * splats.sh_dc + rest, want, atol=1e-6)
