"""Training of layered scenes: pictures of a few splats are reached, numbers are exact, frozen layers stay as they are."""

from __future__ import annotations

import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

import pgsvc
from pgsvc.errors import UsageError
from pgsvc.scene.render import render
from pgsvc.scene.splats import SceneFormat

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'pgsvc[encoder]'")
sys.path.insert(0, str(Path(__file__).parent))
from posed_samples import save_colmap, save_transforms, some_cameras  # noqa: E402

from pgsvc_encoder.scene.encode import encode_scene  # noqa: E402
from pgsvc_encoder.scene.posed import PosedPictures, open_posed  # noqa: E402
from pgsvc_encoder.scene.settings import SceneSettings  # noqa: E402
from pgsvc_encoder.scene.train import METHODS, TrainingSettings, train_scene, train_views  # noqa: E402
from pgsvc_encoder.scene.train import views as views_module  # noqa: E402
from pgsvc_encoder.scene.train.bar import TrainingBar  # noqa: E402
from pgsvc_encoder.scene.train.evaluate import evaluate  # noqa: E402
from pgsvc_encoder.scene.train.loss import PictureLoss  # noqa: E402
from pgsvc_encoder.scene.train.relocate import halves, relocate  # noqa: E402
from pgsvc_encoder.scene.train.run import Run  # noqa: E402
from pgsvc_encoder.scene.train.settings import Rates, Relocation  # noqa: E402
from pgsvc_encoder.scene.train.stages import stages_of  # noqa: E402
from pgsvc_encoder.scene.train.survey import survey  # noqa: E402
from pgsvc_encoder.scene.train.views import TrainingViews  # noqa: E402

QUICK = TrainingSettings(iterations=60, sh_degree=1, relocation=Relocation(interval=10, views=3), threads=2)
LEVELS = (8, 20, 30)


@pytest.fixture(scope="module")
def posed(tmp_path_factory) -> PosedPictures:
    return open_posed(save_transforms(tmp_path_factory.mktemp("posed"), some_cameras(12)), hold=6)


def same(one, other) -> None:
    for item in fields(one):
        assert np.array_equal(getattr(one, item.name), getattr(other, item.name)), item.name


def test_a_few_splats_are_recovered(posed) -> None:
    settings = replace(QUICK, iterations=500, sh_degree=0)
    trained = train_views(posed, (40,), settings)
    assert (
        evaluate(trained.splats, trained.format, posed.test)["psnr"] > 26
    )  # 500 steps end near 29, by how sums are rounded


@pytest.mark.parametrize("method", METHODS)
def test_levels_are_exact_and_grow(posed, method) -> None:
    trained = train_views(posed, LEVELS, replace(QUICK, method=method, iterations=300))
    assert [int((trained.layer <= k).sum()) for k in range(3)] == list(LEVELS)
    assert (np.diff(trained.layer) >= 0).all()
    for k in range(3):
        assert (np.diff(trained.importance[trained.layer == k]) <= 0).all()
    levels = [trained.splats.select(trained.layer <= k) for k in (0, 2)]
    low, high = (evaluate(level, trained.format, posed.train)["psnr"] for level in levels)
    assert high > low + (method != "recover")  # which begins each layer anew, with few iterations
    assert trained.report["psnr_training"] > 10 and trained.report["splats"] == list(LEVELS)


@pytest.mark.parametrize("method", METHODS)
def test_a_seed_gives_one_scene_for_any_number_of_threads(posed, method) -> None:
    one, two, other = (
        train_views(posed, LEVELS, replace(QUICK, method=method, threads=threads, seed=seed))
        for threads, seed in ((1, 0), (3, 0), (1, 1))
    )
    same(one.splats, two.splats)
    assert np.array_equal(one.layer, two.layer) and np.array_equal(one.importance, two.importance)
    assert not np.array_equal(one.splats.position, other.splats.position)


def test_frozen_layers_keep_all_their_bits(posed) -> None:
    settings = replace(QUICK, iterations=90)
    views = TrainingViews(posed.train, (1, 1, 1), 0.2, "cpu")
    form = train_views(posed, (4,), replace(QUICK, iterations=1)).format
    run = Run(views, form, [8, 12, 10], stages_of("layered", 3, 90), settings, None)
    seen: list[list[bytes]] = []

    def look(now) -> None:
        if now.iteration % 30 == 0 or now.iteration % 30 == 29:
            seen.append([b"".join(t.detach().numpy().tobytes() for t in part) for part in run.layers.parts])

    run.run(look, lambda: None)
    first, second, last = seen[1], seen[3], seen[5]
    assert [len(s) for s in (first, second, last)] == [1, 2, 3]
    assert first[0] == second[0] == last[0] and second[1] == last[1]
    assert seen[4][2] != last[2]


@pytest.mark.parametrize("method", METHODS)
def test_an_interrupted_training_goes_on(posed, method, tmp_path) -> None:
    settings = replace(QUICK, method=method, checkpoint_interval=7)
    whole = train_views(posed, LEVELS, settings)
    path = tmp_path / "scene.resume"

    def stop(now) -> None:
        if now.iteration == 47:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_views(posed, LEVELS, settings, resume=path, progress=stop)
    told = []
    again = train_views(posed, LEVELS, settings, resume=path, progress=lambda now: told.append(now.iteration))
    assert told == list(range(43, 61))
    same(whole.splats, again.splats)
    with pytest.raises(UsageError, match="other settings"):
        train_views(posed, LEVELS, replace(settings, seed=3), resume=path)
    path.write_bytes(b"no checkpoint")
    with pytest.raises(UsageError, match="no checkpoint"):
        train_views(posed, LEVELS, settings, resume=path)


@pytest.mark.parametrize("method", METHODS)
def test_streams_have_the_layers(posed, method) -> None:
    trained = train_views(posed, LEVELS, replace(QUICK, method=method, iterations=120))
    settings = SceneSettings(layers=3, quality=90)
    coded = encode_scene(trained.splats, trained.format, settings, trained.importance, layer=trained.layer)
    assert np.array_equal(coded.layer, trained.layer)
    stream = pgsvc.Stream()
    stream.feed(coded.data)
    for k in range(3):
        scene = stream.scene(k, check_hash=True)
        assert len(scene.splats) == LEVELS[k] and scene.format.frame == "rfu"
        camera = posed.train[0].camera
        pair = [
            render(splats, trained.format, camera, background=(1, 1, 1)).rgb
            for splats in (scene.splats, trained.splats.select(trained.layer <= k))
        ]
        assert np.abs(pair[0] - pair[1]).mean() < 0.02


def test_given_layers_that_cannot_be(posed) -> None:
    trained = train_views(posed, LEVELS, replace(QUICK, iterations=3))
    for layer in (trained.layer[:-1], trained.layer + 1, trained.layer.astype(float), np.minimum(trained.layer, 1)):
        with pytest.raises(UsageError, match="layers"):
            encode_scene(trained.splats, trained.format, SceneSettings(layers=3), trained.importance, layer=layer)


def test_points_of_colmap_are_the_beginning(tmp_path) -> None:
    folder = save_colmap(tmp_path, some_cameras(8))
    settings = replace(QUICK, iterations=1, sh_degree=0)
    trained = train_scene(folder, (5, 40), settings, hold=0)
    points = open_posed(folder, hold=0).points
    assert points is not None and trained.format.frame == "rdf" and len(trained.splats) == 40
    base = trained.splats.position[trained.layer == 0]
    distance = np.linalg.norm(base[:, None] - points.position[None], axis=2).min(1)
    assert distance.max() < 0.05


def test_pictures_without_alpha_and_points(tmp_path) -> None:
    folder = save_colmap(tmp_path, some_cameras(12))
    (folder / "sparse/0/points3D.txt").unlink()
    posed = open_posed(folder, hold=6)
    trained = train_views(posed, (40,), replace(QUICK, iterations=500, sh_degree=0))
    assert evaluate(trained.splats, trained.format, posed.test)["psnr"] > 24


def test_the_gradient_of_the_loss() -> None:
    torch.manual_seed(0)
    target = torch.rand(20, 23, 3)
    picture = (0.5 * target + 0.5 * torch.rand(20, 23, 3)).requires_grad_()
    loss, error, gradient = PictureLoss(target, 0.2)(picture)
    shown = picture.detach()
    from pytorch_msssim import ssim

    stacks = [t.permute(2, 0, 1)[None] for t in (picture, target)]
    expected = 0.8 * (picture - target).abs().mean() + 0.2 * (1 - ssim(*stacks, data_range=1.0))
    expected.backward()
    assert float(loss) == pytest.approx(float(expected.detach()), abs=1e-6)
    assert float(error) == pytest.approx(float(((shown - target) ** 2).mean()), abs=1e-6)
    assert torch.allclose(gradient, picture.grad, atol=1e-7)
    small = PictureLoss(target[:8], 0.2)(shown[:8])
    assert float(small[0]) == pytest.approx(float((shown - target)[:8].abs().mean()), abs=1e-6)


def test_a_survey_has_the_weights_of_the_renderer(posed) -> None:
    trained = train_views(posed, (20,), QUICK)
    views = TrainingViews(posed.train, (1, 1, 1), 0.2, "cpu")
    leaves = tuple(torch.from_numpy(getattr(trained.splats, f.name)) for f in fields(trained.splats)[:6])
    weight, error = survey(leaves, trained.format, views, [0, 3], 1)
    rendered = [render(trained.splats, trained.format, posed.train[i].camera, weights=True).weight for i in (0, 3)]
    assert np.allclose(weight.numpy(), sum(rendered), rtol=1e-3, atol=1e-2)
    assert (error >= 0).all() and (error <= weight + 1e-3).all()


def test_relocation_moves_what_is_gone_and_keeps_the_number(posed) -> None:
    views = TrainingViews(posed.train, (1, 1, 1), 0.2, "cpu")
    form = train_views(posed, (4,), replace(QUICK, iterations=1)).format
    run = Run(views, form, [30], stages_of("layered", 1, 10), QUICK, None)
    part = run.layers.parts[0]
    with torch.no_grad():
        part[3][:7] = -9.0
    before = [tensor.detach().clone() for tensor in part]
    weight, error = torch.rand(30) + 1, torch.rand(30)
    rows = relocate(run.layers, 0, weight, error, 0.1, run.generator)
    assert set(range(7)) <= set(rows.tolist()) and len(part[0]) == 30
    assert (torch.sigmoid(part[3]) > 0.01).all()
    rest = [i for i in range(30) if i not in rows.tolist()]
    assert all(torch.equal(new[rest], old[rest]) for new, old in zip(part, before, strict=True))


def test_halves_lie_along_the_longest_axis() -> None:
    turn = torch.tensor([[np.cos(np.pi / 4), 0.0, 0.0, np.sin(np.pi / 4)]]).float()  # x becomes y
    splat = [torch.zeros(1, 3), torch.tensor([[0.0, -2.0, -3.0]]), turn, torch.zeros(1), torch.ones(1, 3)]
    one, two = halves([*splat, torch.zeros(1, 0, 3)])
    assert torch.allclose(one[0], torch.tensor([[0.0, 0.7, 0.0]]), atol=1e-6) and torch.equal(one[0], -two[0])
    assert one[1][0, 0] < splat[1][0, 0] and torch.equal(one[1], two[1])


def test_few_pictures_are_kept(posed, monkeypatch) -> None:
    whole = train_views(posed, (10,), QUICK)
    monkeypatch.setattr(views_module, "KEPT_BYTES", 3 * 9 * 4 * 48 * 48)
    same(whole.splats, train_views(posed, (10,), QUICK).splats)


def test_a_bar_follows_the_training(posed, capsys) -> None:
    bar = TrainingBar("lego", 1, quiet=True)
    train_views(posed, (4, 10), QUICK, progress=bar)
    bar.close()
    assert capsys.readouterr() == ("", "")


def test_what_diverges_ends(posed) -> None:
    steep = replace(QUICK, rates=Rates(log_scale=float("nan")))
    with pytest.raises(UsageError, match="diverged"):
        train_views(posed, (10,), steep)


def test_without_tests_nothing_is_measured(posed) -> None:
    with pytest.raises(UsageError, match="--hold"):
        evaluate(train_views(posed, (4,), replace(QUICK, iterations=1)).splats, SceneFormat(1), [])


@pytest.mark.parametrize(
    "bad", [{"method": "separate"}, {"iterations": 0}, {"sh_degree": 4}, {"background": "green"}, {"dssim": 1.5}]
)
def test_settings_that_cannot_be(bad) -> None:
    with pytest.raises(UsageError):
        TrainingSettings(**bad)


def test_levels_that_cannot_be(posed) -> None:
    for levels in ((), (0, 3), (5, 5)):
        with pytest.raises(UsageError, match="grow"):
            train_views(posed, levels, QUICK)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there(posed) -> None:
    with pytest.raises(UsageError, match="no GPU"):
        train_views(posed, (4,), replace(QUICK, device="cuda"))


@pytest.mark.parametrize("method", METHODS)
def test_stages_have_all_iterations(method) -> None:
    for layers, iterations in ((1, 30), (4, 3000), (16, 100)):
        stages = stages_of(method, layers, iterations)
        assert sum(stage.iterations for stage in stages) == iterations
        assert stages[-1].top == (0 if method == "sort" else layers - 1)
        last = stages[-1]
        assert {last.level(i) for i in range(100)} == (set(range(layers)) if method == "joint" else {last.top})
