"""Graded tools: steps follow from energies, and what the encoder freezes is what a decoder sees (spec 7.11)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from test_fit import FORMATS, objective_of, random_splats  # noqa: E402

from pgsvc.planar import graded  # noqa: E402
from pgsvc.planar.splats import SplatSet  # noqa: E402
from pgsvc.range_coder import RangeReader, RangeWriter  # noqa: E402
from pgsvc_encoder.fit.prune import drop_weak  # noqa: E402
from pgsvc_encoder.fit.splats import Splats  # noqa: E402
from pgsvc_encoder.fit.training import Training  # noqa: E402
from pgsvc_encoder.quantise.grade import Grade, coarseness_for  # noqa: E402
from pgsvc_encoder.quantise.graded import freeze_graded  # noqa: E402

GRADE = Grade(adapt_iterations=4, coarseness=0, least_worth=0, aware_iterations=3)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 80), st.integers(0, 15))
def test_signed_numbers_round_trip(seed: int, count: int, bits: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.integers(-(1 << bits) + 1, 1 << bits, count)
    context = rng.integers(0, 3, count)
    writer = RangeWriter()
    graded.code_signed(writer, np.full((3, 16), 8, np.uint16), context, values)
    reader = RangeReader(writer.finish())
    read = graded.code_signed(reader, np.full((3, 16), 8, np.uint16), context, None)
    reader.finish()
    assert np.array_equal(read, values)


def decoded(name: str, counts: list[int]) -> tuple[Splats, list[SplatSet], list[int]]:
    """Frozen splats, what a decoder makes of the coded symbols, and the bytes of each layer."""
    objective, f = objective_of(FORMATS[name], len(counts)), FORMATS[name]
    splats = random_splats(f, counts)
    layers = freeze_graded(Training(), objective, splats, GRADE, lambda *_: None)
    states, sizes = [], []
    for layer, n in zip(layers, counts, strict=True):
        header = {**layer.fields, "splat_count": n, "background": [0] * f.components}
        writer = RangeWriter()
        graded.code_graded(writer, header, f.width, f.height, f.components, layer.symbols)
        data = writer.finish()
        reader = RangeReader(data)
        symbols = graded.code_graded(reader, header, f.width, f.height, f.components)
        reader.finish()
        states.append(graded.key_frame(header, symbols, is_rgb=f.is_rgb))
        sizes.append(len(data))
    return splats, states, sizes


@pytest.mark.parametrize("name", FORMATS)
def test_frozen_splats_are_what_is_decoded(name: str) -> None:
    splats, states, sizes = decoded(name, [12, 0, 9])
    seen = Splats.from_sets(states)
    assert torch.allclose(seen.position, splats.position, atol=1e-4)
    assert torch.allclose(seen.shape, splats.shape, atol=1e-4)
    assert torch.allclose(seen.colour, splats.colour, atol=1e-4)
    assert sizes[1] == 0


def test_steps_follow_the_energy() -> None:
    header = Grade(coarseness=0, shape_precision=5).header(FORMATS["grey"], 1e-3, 10)
    bits = graded.energy_bits(header, np.array([[1], [2], [4], [64], [0]]))
    assert bits.tolist() == [4, 6, 8, 16, 0]
    assert graded.shear_exponent(header, bits).tolist() == [0, -1, -2, -5, 1]
    assert graded.slant_bits(np.array([0, 4096, 4 * 4096, -16 * 4096])).tolist() == [0, 1, 4, 8]


def test_predicted_steps_match_the_picture() -> None:
    """The error of one step of any number is about the same for all splats and numbers, whatever their size and colour."""
    f = FORMATS["grey"]
    objective = objective_of(f, 1)
    rng = np.random.default_rng(3)
    n = 40
    a, t, b = rng.uniform(0, 2, n), rng.uniform(-1, 1, n), rng.uniform(0, 2, n)
    shape = torch.tensor(np.stack([a, t, b], 1), dtype=torch.float32)
    energy = rng.uniform(8, 200, n) * rng.choice([-1, 1], n)
    header = Grade(shape_precision=13, position_precision=13, coarseness=13).header(f, 1e-4, n)
    step = 2.0 ** (header["energy_step"] / 8) / 8192
    colour = torch.tensor((energy * step / 2 ** ((a + b) / 2))[:, None], dtype=torch.float32)
    position = torch.tensor(rng.uniform([14, 10], [27, 17], (n, 2)), dtype=torch.float32)
    splats = Splats(position, shape, colour, torch.tensor([0, n], dtype=torch.int32))
    curvature = objective.curvature(splats).double().numpy()
    bits = graded.energy_bits(header, np.round(energy)[:, None].astype(np.int64))
    fixed = np.round(shape.double().numpy() * 4096).astype(np.int64)
    slant = graded.slant_bits(fixed[:, 1])
    places = header["cell_bits"] - graded.place_bits(header, bits, slant, fixed)
    scale = graded.scale_exponent(header, bits, slant)
    steps = np.stack([*places.T, scale, graded.shear_exponent(header, bits), scale], 1)
    free = np.stack(
        [
            *((places > graded.FINEST_POSITION) & (places < header["cell_bits"])).T,
            *((steps[:, 2:] > graded.FINEST) & (steps[:, 2:] < 1)).T,
        ],
        1,
    )
    error = np.log2(curvature * 4.0**steps)[free]
    assert free.mean() > 0.5
    assert np.quantile(error, 0.95) - np.quantile(error, 0.05) < 4.5  # steps are powers of two: 2 at least


def test_steps_are_finer_where_splats_are_many() -> None:
    found = [coarseness_for(n / (768 * 512)) for n in (1, 700, 1400, 2800, 5600, 100000)]
    assert found == sorted(found, reverse=True) and found[2] == 16 and found[0] == 22 and found[-1] == 6


def test_splats_worth_less_than_their_bits_are_dropped() -> None:
    objective, f = objective_of(FORMATS["rgb"], 2), FORMATS["rgb"]
    splats = random_splats(f, [8, 6])
    splats.colour[[2, 9, 13]] *= 1e-6
    kept = splats.position[[*range(2), *range(3, 9), *range(10, 13)]].clone()
    drop_weak(objective, splats, 1e-3)
    assert splats.starts.tolist() == [0, 7, 11] and torch.equal(splats.position, kept)
