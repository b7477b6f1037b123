"""Fitting with the Triton kernels: the same objective as on the CPU, captured iterations, and a whole encode."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
from on_triton import DEVICE, torch, triton_kernels

import pgsvc
from pgsvc.errors import UsageError
from pgsvc.picture import Chroma, Picture, PictureFormat
from pgsvc_encoder.device import captured
from pgsvc_encoder.device import triton_kernels as module
from pgsvc_encoder.device.choose import chosen, kernels_of
from pgsvc_encoder.fit.emphasis import Emphasis
from pgsvc_encoder.fit.objective import Objective
from pgsvc_encoder.fit.optimise import Optimiser, Rates
from pgsvc_encoder.fit.splats import Splats
from pgsvc_encoder.fit.train import Schedule, adapt, fit
from pgsvc_encoder.fit.training import Training
from pgsvc_encoder.source.resize import resized

SMALL = PictureFormat(20, 18, Chroma.YUV420)
GREY = PictureFormat(15, 12, Chroma.GREY)


def picture(f: PictureFormat) -> Picture:
    rng = np.random.default_rng(3)
    planes = []
    for height, width in f.plane_shapes:
        y, x = np.mgrid[0:height, 0:width] / width
        plane = 0.5 + 0.3 * np.sin(9 * x + rng.uniform(0, 6)) * np.cos(7 * y) + 0.2 * (x > 0.6)
        planes.append((plane.clip(0, 1) * 255).astype(f.dtype))
    return Picture(f, tuple(planes))


def some_splats(f: PictureFormat, counts: list[int]) -> Splats:
    g = torch.Generator().manual_seed(1)
    splats = Splats.unused(counts, f.components)
    n = sum(counts) - 1  # one stays unused
    splats.position[:n] = torch.rand(n, 2, generator=g) * torch.tensor([f.width, f.height])
    splats.shape[:n] = torch.randn(n, 3, generator=g) * 0.5 + torch.tensor([1.2, 0.0, 1.2])
    splats.shape[:n, ::2] += torch.arange(n)[:, None] % 4  # of all octaves
    splats.colour[:n] = torch.randn(n, f.components, generator=g) * 0.2
    return splats


def objective(f: PictureFormat, kernels=None, *, sizes: bool = False, emphasis: Emphasis | None = None) -> Objective:
    whole = picture(f)
    pictures = [resized(whole, f.width // 2, f.height // 2) if sizes else whole, whole]
    return Objective(pictures, np.full(f.components, 0.1), 1, emphasis, kernels)


@pytest.mark.parametrize("kind", ["quality", "resolution", "region"])
def test_objective_is_that_of_the_cpu(kind) -> None:
    inside = torch.zeros(18, 20, dtype=torch.bool)
    inside[3:9, 4:12] = True
    options = {"sizes": kind == "resolution", "emphasis": Emphasis(inside, 4.0) if kind == "region" else None}
    splats, weights = some_splats(SMALL, [5, 6]), torch.tensor([0.3, 1.0], dtype=torch.float64)
    results = []
    for kernels in (None, triton_kernels()):
        o = objective(SMALL, kernels, **options)
        found = [*o.evaluate(splats, weights), o.colour_diagonal(splats, weights), o.curvature(splats)]
        found += [torch.tensor(o.error(splats, 0)), *o.residual(splats, 1).planes]
        results.append([t.double() for t in found])
        assert all(t.is_cpu for t in found)  # where the splats are
    for want, got in zip(*results, strict=True):
        assert ((got - want).abs() <= 2e-3 * want.abs().max() + 1e-9).all()


def optimiser_of(o: Objective, splats: Splats) -> Optimiser:
    return Optimiser(next(Training().stages(o, splats)), splats, Rates())


@pytest.mark.skipif(DEVICE.type != "cpu", reason="a GPU captures in any case")
def test_captured_iterations_are_the_same(monkeypatch) -> None:
    """Lists begin with too little room and are outgrown on the way; no step is lost or made twice."""
    monkeypatch.setattr(captured, "WARM", 1)
    states = []
    for capture in (False, True):
        kernels = triton_kernels()
        splats = some_splats(GREY, [4, 5])
        optimiser = optimiser_of(objective(GREY, kernels), splats)
        step = captured.CapturedStep(optimiser, kernels)
        monkeypatch.setattr(optimiser, "_captured", step if capture else None)
        errors, recorded = [], 0
        for i in range(5):
            if i == 3:  # as if splats had become much larger
                splats.shape[:3, ::2] += 2.5
                if capture:
                    rooms = kernels.rooms._rooms
                    rooms.update({key: tuple(max(1, r // 8) for r in room) for key, room in rooms.items()})
            before = step._saved
            errors.append(optimiser.step(i, 1.0)[0].clone())
            recorded += step._saved is not before
        states.append([*errors, splats.position, splats.shape, splats.colour])
        assert recorded == (2 if capture else 0)  # steps with a capture: the first, and that with too little room
    for a, b in zip(*states, strict=True):
        assert torch.equal(a, b)


def test_the_same_seed_gives_the_same_fit() -> None:
    results = []
    for _ in range(2):
        o = objective(GREY, triton_kernels())
        splats = Splats.unused([4, 4], 1, DEVICE)
        errors: list[float] = []
        schedule = Schedule(4, rounds=1, relocation=None, exchange=False)
        fit(Training(), o, splats, schedule, torch.Generator().manual_seed(2), lambda e, _: errors.append(float(e[-1])))  # noqa: B023
        cpu = splats.to("cpu")
        adapt(Training(), o, cpu, 2, Rates(), lambda e, _: errors.append(float(e[-1])))  # noqa: B023
        results.append([torch.tensor(errors), cpu.position, cpu.shape, cpu.colour])
    assert errors[-1] < errors[0] / 2
    for a, b in zip(*results, strict=True):
        assert torch.equal(a, b)


def test_an_iteration_stays_on_the_device(monkeypatch) -> None:
    """On tensors of the device meta, which have no values: devices are not mixed, and nothing is read back.

    The optimiser's own step is left to torch, which says that fused Adam can be captured.
    """
    launched = []
    monkeypatch.setattr(module, "launch", lambda program, *a, **k: launched.append(program))
    o, splats = objective(SMALL, sizes=True), some_splats(SMALL, [5, 6])
    meta = torch.device("meta")
    kernels = module.TritonKernels(meta)
    for view in o.views:
        view.kernels = kernels
        view.groups = [dataclasses.replace(g, target=g.target.to(meta), weight=g.weight.to(meta)) for g in view.groups]
    monkeypatch.setattr("pgsvc_encoder.fit.optimise._method", lambda name, groups: SimpleNamespace(step=lambda: None))
    optimiser = optimiser_of(o, splats.to(meta))
    with kernels.rooms.deferred() as asked:
        errors, gradients = optimiser.iterate(torch.ones(2, dtype=torch.float64, device=meta))
    assert errors.device == meta and all(g.device == meta for g in gradients)
    assert len(asked) == 8  # lists of tiles and jobs for two grids of two sizes
    assert len(launched) == 28  # and for each: forward in four octaves, levels, backward, join


@pytest.mark.parametrize("call", ["tolist", "item"])
def test_meta_tensors_tell_when_something_is_read(call) -> None:
    """What the test above rests on."""
    with pytest.raises((RuntimeError, NotImplementedError)):
        getattr(torch.zeros(1, device="meta"), call)()


def test_encode_on_the_device(tmp_path, monkeypatch) -> None:
    """A stream of a key frame and a predicted frame, which the decoder finds to be what the encoder saw."""
    from pgsvc_encoder.encode import encode
    from pgsvc_encoder.settings import Settings
    from pgsvc_encoder.source import open_source

    if DEVICE.type == "cpu":
        monkeypatch.setenv("PGSVC_TRITON", "interpreter")
    raw = tmp_path / "in_8x8_30fps.yuv"
    plane = picture(PictureFormat(8, 8, Chroma.GREY)).planes[0]
    raw.write_bytes(plane.tobytes() + np.roll(plane, 1, 1).tobytes())
    overrides = {
        "schedule": {"iterations": 12, "rounds": 1, "relocation": None, "exchange": False},
        "grade": {"solve_iterations": 1},
        "difference_grade": {"iterations": 1, "adapt_iterations": 1, "motion_iterations": 1},
    }
    settings = Settings(layers=2, splats=6, threads=1, device=chosen("cuda"), quantise="ptq", overrides=overrides)
    with open_source(str(raw), pix_fmt="gray") as source:
        report = encode(source, tmp_path / "out.pgs", settings)
    assert report["settings"]["device"] == "cuda" and len(report["frames"]) == 2
    with pgsvc.open(tmp_path / "out.pgs") as stream:
        assert sum(1 for _ in stream.frames(check_hash=True)) == 2


def test_choice(monkeypatch) -> None:
    monkeypatch.delenv("PGSVC_TRITON", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert chosen("auto") == chosen("cpu") == "cpu"
    with pytest.raises(UsageError, match="no CUDA GPU"):
        chosen("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert chosen("auto") == chosen("cuda") == "cuda"
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert chosen("auto") == "cpu"
    with pytest.raises(UsageError, match=r"pgsvc\[gpu\]"):
        chosen("cuda")
    assert kernels_of("cpu").device.type == "cpu"
