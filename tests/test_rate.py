"""A rate is kept along a clip: what a bit is worth follows what the chunks so far have taken."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the encoder needs its extra")

from pgsvc.assemble import RawChunk  # noqa: E402
from pgsvc.container import Address  # noqa: E402
from pgsvc.picture import Chroma, Picture, PictureFormat  # noqa: E402
from pgsvc_encoder import coder  # noqa: E402
from pgsvc_encoder.predict.budget import ELASTICITY, Budget  # noqa: E402
from pgsvc_encoder.settings import Settings  # noqa: E402


def clip(costs: list[float], key: float, total: float, chunk: int = 16) -> float:
    """Bytes that frames take whose cost falls with the worth of a bit, relative to the total; chunk by chunk."""
    budget = Budget(total, 1 + len(costs))
    budget.spend(key, 1, is_key=True)
    taken = key
    for start in range(0, len(costs), chunk):
        size = sum(costs[start : start + chunk]) * budget.pressure**-ELASTICITY
        taken += size
        budget.spend(size, len(costs[start : start + chunk]))
    return taken / total


@pytest.mark.parametrize("factor", [0.7, 1.0, 1.4])
def test_budget_is_kept(factor: float) -> None:
    costs = [100.0 * factor] * 63
    assert abs(clip(costs, 3000.0, 3000.0 + 6300.0) - 1) < 0.02


def test_costs_that_rise_along_the_clip() -> None:
    costs = [80.0 + i for i in range(95)]
    total = 2000 + sum(costs) * 0.9
    assert abs(clip(costs, 2000.0, total, 8) - 1) < 0.05


def test_a_key_frame_that_takes_everything_leaves_finite_pressure() -> None:
    budget = Budget(1000.0, 30)
    budget.spend(2000.0, 1, is_key=True)
    assert budget.pressure == 1.0
    for _ in range(3):
        budget.spend(100.0, 8)
        assert 1 < budget.pressure <= 27


@pytest.mark.parametrize(
    ("sizes", "kept"), [([1.01], 0), ([1.3, 0.99], 1), ([0.9, 1.2], 0)], ids=["near", "mended", "no nearer"]
)
def test_a_segment_that_misses_its_rate_is_coded_again(
    sizes: list[float], kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    f = PictureFormat(64, 32, Chroma.GREY)
    pictures = [Picture(f, (np.zeros((32, 64), np.uint8),))] * 5
    wanted = 2.0 * 64 * 32 * 5 / 8
    aims: list[float | None] = []

    done: list[int] = []

    def code(
        number: int, first: int, given: Iterator[Picture], settings: Settings, progress: coder.Progress, *_: object
    ) -> object:
        for frame, _ in enumerate(given):
            progress(frame, None)
        aims.append(settings.rate)
        size = round(sizes[len(aims) - 1] * wanted) - coder.INDEXED
        return [RawChunk(b"KEYF", Address(0, 0, 0, 0), bytes(size))], {"number": len(aims) - 1}

    monkeypatch.setattr(coder, "_code_once", code)
    _, found = coder.code_segment(0, 0, iter(pictures), Settings(rate=2.0), lambda f, e: done.append(f), 5, None)
    assert done == list(range(5))  # once, however often they are coded
    assert found == {"number": kept} and aims == pytest.approx([2.0, 2.0 / sizes[0]][: len(sizes)], rel=1e-3)
