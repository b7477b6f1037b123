"""Predicted frames with graded differences: order of frames, motion fields, and round trips of random symbols (spec 7.12, 7.13)."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "conformance"))

from synthetic import GREY, YUV420, YUV444  # noqa: E402
from synthetic_predicted import PredictedMaker  # noqa: E402

from pgsvc import states  # noqa: E402
from pgsvc.container import Address  # noqa: E402
from pgsvc.errors import BadStream  # noqa: E402
from pgsvc.headers import PREDICTED_FRAMES  # noqa: E402
from pgsvc.planar import compiled  # noqa: E402
from pgsvc.planar.differences import BORN, Chain, DifferenceSymbols, Frame, Steps, code_frames, energies  # noqa: E402
from pgsvc.planar.graded import key_frame  # noqa: E402
from pgsvc.planar.motion import (  # noqa: E402
    CHANGED,
    HIGHEST,
    LOWEST,
    NEW,
    FieldCoder,
    FieldSymbols,
    Step,
    code_fields,
    coding_order,
    field_shape,
    vectors,
)
from pgsvc.planar.splats import SplatSet  # noqa: E402
from pgsvc.range_coder import RangeReader, RangeWriter  # noqa: E402
from pgsvc.segment import DataChunk, Segment, Track, motion_chunk  # noqa: E402
from pgsvc.stream import Stream  # noqa: E402
from pgsvc_encoder.write.payload import differences_payload  # noqa: E402

quick = settings(max_examples=30, deadline=None)


# --- order of frames --------------------------------------------------------------------------------------------------


@given(st.integers(1, 64), st.integers(0, 6))
def test_frames_are_coded_once_and_after_what_they_need(count: int, bits: int) -> None:
    order = coding_order(count, bits)
    assert sorted(s.frame for s in order) == list(range(1, count + 1))
    known = {0}
    for step in order:
        assert step.before < step.frame and {step.before} <= known
        if step.after is not None:
            assert step.frame < step.after and step.after in known
            assert 0 <= (step.after - step.frame) - (step.frame - step.before) <= 1
            assert not set(range(step.before + 1, step.after)) & known
        known.add(step.frame)
    outer = [s.frame for s in order if s.after is None]
    assert outer == sorted({*range(1 << bits, count + 1, 1 << bits), count})


def test_order_of_a_group() -> None:
    assert coding_order(6, 2) == [
        Step(4, 0, None), Step(2, 0, 4), Step(1, 0, 2), Step(3, 2, 4), Step(6, 4, None), Step(5, 4, 6),
    ]  # fmt: skip


# --- motion fields ----------------------------------------------------------------------------------------------------


@quick
@given(st.integers(0, 2**32 - 1), st.integers(1, 130), st.integers(1, 90), st.integers(4, 8), st.integers(1, 16380))
def test_fields_round_trip(seed: int, width: int, height: int, bits: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    header = {"frame_count": 7, "group_bits": 2, "motion_bits": bits}
    base = rng.integers(-size // 2, size // 2 + 1, (*field_shape(width, height, bits), 2))
    kinds = rng.integers(0, 3, 7)
    fields = [
        None if k == 0 else base + rng.integers(-1, 2, base.shape) if k == 1 else rng.permutation(base) for k in kinds
    ]
    writer = RangeWriter()
    written = code_fields(writer, header, width, height, fields)
    data = writer.finish()
    for native in (True, False):
        reader = RangeReader(data, native=native)
        read = code_fields(reader, header, width, height)
        reader.finish()
        for a, b, c in zip(fields, read, written, strict=True):
            assert (a is None) == (b is None) == (c is None)
            assert a is None or (np.array_equal(a, b) and np.array_equal(a, c))


def test_a_changed_field_is_sent_as_changes() -> None:
    rng = np.random.default_rng(1)
    coder = FieldCoder(RangeWriter(), {"motion_bits": 4}, 90, 90)
    field = rng.integers(-100, 100, coder.last.shape)
    assert coder.symbols(field).mode == NEW
    coder.code(Step(1, 0, None), coder.symbols(field))
    assert coder.symbols(field + rng.integers(-1, 2, field.shape)).mode == CHANGED
    assert coder.symbols(np.full_like(field, 40)).mode == NEW


@quick
@given(st.integers(0, 2**32 - 1))
def test_vectors_stay_in_their_range(seed: int) -> None:
    """Whatever is sent, sums end at the limits, and both readers agree."""
    rng = np.random.default_rng(seed)
    header, steps = {"motion_bits": 5}, [Step(1, 0, None), Step(2, 1, None)]
    writer = RangeWriter()
    coder = FieldCoder(writer, header, 400, 300)
    sent = [FieldSymbols(m, rng.integers(-32767, 32768, coder.last.shape)) for m in (NEW, CHANGED)]
    written = [coder.code(step, s) for step, s in zip(steps, sent, strict=True)]
    coder = FieldCoder(RangeReader(writer.finish()), header, 400, 300)
    for step, field in zip(steps, written, strict=True):
        read = coder.code(step, None)
        assert read is not None and field is not None
        assert np.array_equal(read, field)
        assert read.min() >= LOWEST and read.max() <= HIGHEST
    assert (read == LOWEST).any() and (read == HIGHEST).any()


def test_the_vector_at_a_splat() -> None:
    field = np.zeros((*field_shape(33, 30, 4), 2), np.int64)
    field[0, 1], field[1, 2] = (20, 0), (0, -2)  # 10 samples right at (16, 0), 1 up at (32, 16)
    position = np.array([[16, 0], [8, 0], [12, 4], [32, 16], [1 << 20, 16], [-9999, -9999]]) << 8
    got = vectors(field, position, 33, 30, 4)
    assert got.tolist() == [[2560, 0], [1280, 0], [1440, 0], [0, -256], [0, -240], [0, 0]]


# --- differences ------------------------------------------------------------------------------------------------------


def material(seed: int, chroma: int, *, is_rgb: bool, count: int, **fields) -> tuple[PredictedMaker, dict, SplatSet]:
    m = PredictedMaker(seed, 70, 45, chroma, **({"matrix_coefficients": 0} if is_rgb else {}))
    header = m.differences_header(**{"frames": 6, "group_bits": 2, **fields})
    key = m.graded_header(count)
    return m, header, key_frame(key, m.graded_symbols(key), is_rgb=is_rgb)


def same(a: SplatSet, b: SplatSet) -> bool:
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in ("position", "shape", "colour"))


@quick
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([(GREY, False), (YUV420, False), (YUV444, True)]),
    st.sampled_from([0, 1, 30]),
    st.integers(0, 6),
    st.sampled_from([3, 32767]),
    st.fixed_dictionaries({name: st.integers(0, 63) for name in ("shape_precision", "position_precision")}),
    st.integers(0, 128),
    st.integers(0, 8),
)
def test_round_trip(
    seed: int,
    kind: tuple[int, bool],
    count: int,
    group_bits: int,
    size: int,
    precisions: dict,
    energy_step: int,
    cell_bits: int,
) -> None:
    chroma, is_rgb = kind
    m, header, start = material(
        seed, chroma, is_rgb=is_rgb, count=count, group_bits=group_bits, energy_step=energy_step, cell_bits=cell_bits,
        **precisions,
    )  # fmt: skip
    frame = Frame(70, 45, m.components, is_rgb)
    symbols = [m.changes(header, count, 30, 20, size) for _ in range(6)]
    shape = (*field_shape(70, 45, header["motion_bits"]), 2)
    fields = [None if i % 3 == 1 else m.random.integers(-500, 500, shape) for i in range(6)]
    data = differences_payload(header, start, fields, symbols, frame, has_motion=True)
    data = data[len(PREDICTED_FRAMES.to_bytes(header, {"components": m.components})) :]
    chain = Chain(header, start, frame)
    for i, step in enumerate(coding_order(6, group_bits)):
        chain.advance(i + 1, step, chain.predicted(step, fields[i]), symbols[i])
    for native in (True, False):
        reader = RangeReader(data, native=native)
        states, read = code_frames(reader, header, start, code_fields(reader, header, 70, 45), frame)
        reader.finish()
        assert all(same(s, chain.states[f + 1]) for f, s in enumerate(states))
        for a, b in zip(read, symbols, strict=True):
            for name in ("update", "position", "shape", "energy"):
                assert np.array_equal(getattr(a, name), getattr(b, name)), name
            assert all(np.array_equal(getattr(a.born, n), getattr(b.born, n)) for n in vars(a.born))


@quick
@given(st.binary(max_size=120), st.integers(0, 6), st.sampled_from([GREY, YUV420]))
def test_readers_agree_on_anything(data: bytes, group_bits: int, chroma: int) -> None:
    m, header, start = material(7, chroma, is_rgb=False, count=12, frames=9, group_bits=group_bits)
    frame, outcomes = Frame(70, 45, m.components, False), []
    for native in (True, False):
        try:
            reader = RangeReader(data.rstrip(b"\0"), native=native)
            states, _ = code_frames(reader, header, start, code_fields(reader, header, 70, 45), frame)
            outcomes.append([(s.position.tolist(), s.shape.tolist(), s.colour.tolist()) for s in states])
        except BadStream as error:
            outcomes.append(str(error))
    assert outcomes[0] == outcomes[1]


def none_but(update: list[int], m: PredictedMaker, header: dict) -> DifferenceSymbols:
    """A frame in which only births happen."""
    born = m.graded_symbols({**header, "splat_count": update.count(BORN)})
    plain = DifferenceSymbols.none(len(update), m.components)
    return DifferenceSymbols(np.array(update, np.int32), born, plain.position, plain.shape, plain.energy)


def test_a_splat_lies_between_two_frames_unless_one_of_them_bore_it() -> None:
    m, header, start = material(3, YUV420, is_rgb=False, count=2, frames=4)
    chain = Chain(header, start, Frame(70, 45, 3, False))
    outer, middle, early, late = coding_order(4, 2)
    shift = np.zeros((*field_shape(70, 45, 5), 2), np.int64)
    shift[..., 0] = 16  # 8 samples
    chain.advance(1, outer, chain.predicted(outer, shift), none_but([0, BORN], m, header))
    first, last = start.position.tolist(), chain.states[4].position.tolist()
    assert last[0] == [first[0][0] + 2048, first[0][1]]
    at = chain.predicted(middle, None)
    assert at.position.tolist() == [[first[0][0] + 1024, first[0][1]], first[1]]  # a tie: the earlier frame's
    assert np.array_equal(at.colour[1], start.colour[1])
    chain.advance(2, middle, at, DifferenceSymbols.none(2, 3))
    assert chain.predicted(early, None).position.tolist() == [[first[0][0] + 512, first[0][1]], first[1]]
    at = chain.predicted(late, None)
    assert at.position.tolist() == [[first[0][0] + 1536, first[0][1]], chain.states[2].position[1].tolist()]
    assert chain.births[3].tolist() == [0, 0]


def test_energies_undo_colours() -> None:
    for chroma, is_rgb in ((GREY, False), (YUV420, False), (YUV444, True)):
        m, header, _ = material(5, chroma, is_rgb=is_rgb, count=0)
        header["energy_step"] = 60
        key = m.graded_header(200, energy_step=60)
        symbols = m.graded_symbols(key)
        state = key_frame(key, symbols, is_rgb=is_rgb)
        inside = (np.abs(state.colour.astype(int)) < 32767).all(1) & (state.shape[:, [0, 2]].sum(1) < 20000)
        error = energies(header, state, is_rgb=is_rgb)[inside] - np.abs(symbols.energy[inside])
        assert inside.mean() > 0.5 and np.abs(error).max() <= 2


def test_steps_are_finer_for_strong_splats() -> None:
    m, header, start = material(6, GREY, is_rgb=False, count=1)
    steps = []
    for colour in (0, 10, 100, 1000, 10000):
        state = SplatSet(
            start.position, np.zeros((1, 3), np.int32), np.full((1, 1), colour, np.int16), start.background, 1
        )
        s = Steps.of(header, state, is_rgb=False)
        steps.append([*s.position[0], *s.shape[0]])
    assert steps == sorted(steps, reverse=True) and steps[0] != steps[-1]
    assert np.min(steps) >= -5 and np.max(steps) <= 3


# --- whole streams ----------------------------------------------------------------------------------------------------


def slices(count: int) -> bytes:
    m = PredictedMaker(9, 64, 48, YUV420, frame_count=17)
    for number in range(count):
        m.graded(Address(0, 0, 0, 0, number), 2, last_slice=int(number == count - 1))
        m.differences(Address(0, 1, 0, 0, number), 16, group_bits=4)
    return m.build()


@pytest.mark.parametrize(
    ("cpu", "module", "name"), [("reference", states, "code_fields"), (None, compiled, "read_fields")]
)
def test_fields_are_decoded_once_for_all_slices(monkeypatch: pytest.MonkeyPatch, cpu, module, name) -> None:
    """A large field and many tiny slices are a small stream; they must not be much work (spec D)."""
    calls, real = [], getattr(module, name)

    def counted(*arguments):  # noqa: ANN002, ANN202
        calls.append(1)
        return real(*arguments)

    stream = Stream(cpu=cpu)
    stream.feed(slices(5))
    stream.close()
    monkeypatch.setattr(module, name, counted)
    assert sum(1 for _ in stream.frames()) == 17
    assert len(calls) == 1


def test_a_track_alone_finds_its_motion() -> None:
    """Also where the base layer's track is not decoded at its side."""
    stream = Stream()
    stream.feed(slices(2))
    stream.close()
    segment, f = stream.segments[0], stream.format
    assert f is not None
    shared: dict = {}
    together = [list(states.track_states(segment, segment.tracks[0, 0, n], f, None, shared))[-1] for n in range(2)]
    assert same(list(states.track_states(segment, segment.tracks[0, 0, 1], f))[-1], together[1])


@pytest.mark.parametrize("parts", [[1, 1, 1], [4, 2, 64]])
def test_the_chunk_that_holds_the_motion(parts: list[int]) -> None:
    header = {"frame_count": 1}
    segment, frame = Segment(0, (1,)), 1
    assert motion_chunk(segment, 1) is None
    segment.tracks[0, 0, 0] = Track(DataChunk({}, b"", 0))
    starts = []
    for n in parts:
        segment.tracks[0, 0, 0].predicted.append(DataChunk(header, b"", 0, frame))
        starts.append(frame)
        frame += n
    for at in range(frame + 1):
        found = motion_chunk(segment, at)
        assert (found is None) == (at not in starts)
        assert found is None or found.frame == at


def test_parameters_are_not_kept_from_the_other_tool() -> None:
    stream = Stream()
    with pytest.raises(BadStream, match="keep_parameters"):
        stream.feed((ROOT / "conformance/faulty/93-keep-parameters-of-other-tool.pgs").read_bytes())
