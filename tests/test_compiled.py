"""The native ways through a chunk and around the sum, beside their twins in numpy (spec 7.10–7.13, 8.3, 8.6, 8.7, A.3)."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "conformance"))

from synthetic import GREY, YUV420, YUV444, Maker  # noqa: E402
from test_differences import material  # noqa: E402

import pgsvc  # noqa: E402
from pgsvc import kernel, reference  # noqa: E402
from pgsvc.errors import BadStream, LimitExceeded  # noqa: E402
from pgsvc.headers import PREDICTED_FRAMES  # noqa: E402
from pgsvc.limits import LEVELS  # noqa: E402
from pgsvc.picture import Chroma, PictureFormat  # noqa: E402
from pgsvc.planar import canvas, compiled, splats  # noqa: E402
from pgsvc.planar.differences import Frame, code_frames  # noqa: E402
from pgsvc.planar.graded import code_graded, key_frame  # noqa: E402
from pgsvc.planar.motion import code_fields, field_shape  # noqa: E402
from pgsvc.planar.running import RunningSum  # noqa: E402
from pgsvc.planar.splats import CHOLESKY, LOG_CHOLESKY, SplatSet, clip_shape, covered_samples  # noqa: E402
from pgsvc.range_coder import RangeReader, RangeWriter  # noqa: E402
from pgsvc.states import track_states  # noqa: E402
from pgsvc_encoder.write.payload import differences_payload  # noqa: E402

quick = settings(max_examples=40, deadline=None)
VALID = sorted((ROOT / "conformance/valid").glob("*.pgs"))
KINDS = st.sampled_from([(GREY, False), (YUV420, False), (YUV444, True)])
PRECISIONS = st.fixed_dictionaries(
    {
        "shape_precision": st.integers(0, 63),
        "position_precision": st.integers(0, 63),
        "energy_step": st.integers(0, 128),
        "cell_bits": st.integers(0, 8),
    }
)


def rows(s: SplatSet) -> tuple:
    return s.position.tolist(), s.shape.tolist(), s.colour.tolist(), s.background.tolist(), s.domain


def keys_of(data: bytes, header: dict, frame: Frame) -> list:
    """What both ways make of the data of a key frame slice: splats, or the error."""
    outcomes = []
    for native in (True, False):
        try:
            if native:
                found = compiled.key_splats(data, header, frame)
            else:
                reader = RangeReader(data, native=False)
                symbols = code_graded(reader, header, frame.width, frame.height, frame.components)
                reader.finish()
                found = key_frame(header, symbols, is_rgb=frame.is_rgb)
            outcomes.append(rows(found))
        except BadStream as error:
            outcomes.append(str(error))
    return outcomes


def chunks_of(data: bytes, header: dict, start: SplatSet, frame: Frame) -> list:
    """Likewise of the data of a PRED chunk with motion."""
    outcomes, size = [], (frame.width, frame.height)
    for native in (True, False):
        try:
            reader = RangeReader(data, native=native)
            if native:
                fields = compiled.read_fields(reader, header, *size)
                states = compiled.read_frames(reader, header, start, fields, frame)
            else:
                states, _ = code_frames(reader, header, start, code_fields(reader, header, *size), frame)
            outcomes.append(([rows(s) for s in states], reader.state.tolist()))
        except BadStream as error:
            outcomes.append(str(error))
    return outcomes


# --- symbols ----------------------------------------------------------------------------------------------------------


@quick
@given(st.integers(0, 2**32 - 1), KINDS, st.sampled_from([0, 1, 12, 13, 200]), PRECISIONS)
def test_key_frames(seed: int, kind: tuple[int, bool], count: int, fields: dict) -> None:
    chroma, is_rgb = kind
    m = Maker(seed, 70, 45, chroma, **({"matrix_coefficients": 0} if is_rgb else {}))
    header = m.graded_header(count, **fields)
    symbols, writer = m.graded_symbols(header), RangeWriter()
    code_graded(writer, header, 70, 45, m.components, symbols)
    mine, twin = keys_of(writer.finish(), header, Frame(70, 45, m.components, is_rgb))
    assert mine == twin
    assert mine == rows(key_frame(header, symbols, is_rgb=is_rgb))


@quick
@given(st.binary(max_size=150), st.integers(0, 60), PRECISIONS)
def test_key_frames_of_anything(data: bytes, count: int, fields: dict) -> None:
    header = Maker(1, 70, 45, YUV420).graded_header(count, **fields)
    mine, twin = keys_of(data, header, Frame(70, 45, 3, False))
    assert mine == twin


@quick
@given(
    st.integers(0, 2**32 - 1),
    KINDS,
    st.lists(st.tuples(st.sampled_from([0, 1, 13, 40, 200]), PRECISIONS, st.booleans()), max_size=7),
)
def test_key_frames_together(seed: int, kind: tuple[int, bool], slices: list[tuple[int, dict, bool]]) -> None:
    """Slices of any sizes and headers, some of other data, are what each of them is by itself."""
    chroma, is_rgb = kind
    m = Maker(seed, 70, 45, chroma, **({"matrix_coefficients": 0} if is_rgb else {}))
    frame, coded = Frame(70, 45, m.components, is_rgb), []
    for count, fields, is_broken in slices:
        header, writer = m.graded_header(count, **fields), RangeWriter()
        code_graded(writer, header, 70, 45, m.components, m.graded_symbols(header))
        coded.append((b"\xff" * 9 if is_broken else writer.finish(), header))
    found = compiled.key_splats_together(coded, frame)
    for (data, header), state in zip(coded, found, strict=True):
        alone = keys_of(data, header, frame)[0]
        assert isinstance(alone, str) if state is None else alone == rows(state)


@quick
@given(
    st.integers(0, 2**32 - 1),
    KINDS,
    st.sampled_from([0, 1, 40]),
    st.integers(0, 6),
    st.sampled_from([3, 32767]),
    PRECISIONS,
)
def test_predicted_frames(
    seed: int, kind: tuple[int, bool], count: int, group_bits: int, size: int, precisions: dict
) -> None:
    chroma, is_rgb = kind
    m, header, start = material(seed, chroma, is_rgb=is_rgb, count=count, group_bits=group_bits, **precisions)
    frame = Frame(70, 45, m.components, is_rgb)
    symbols = [m.changes(header, count, 30, 20, size) for _ in range(6)]
    shape = (*field_shape(70, 45, header["motion_bits"]), 2)
    fields = [None if i % 3 == 1 else m.random.integers(-500, 500, shape) for i in range(6)]
    data = differences_payload(header, start, fields, symbols, frame, has_motion=True)
    data = data[len(PREDICTED_FRAMES.to_bytes(header, {"components": m.components})) :]
    mine, twin = chunks_of(data, header, start, frame)
    assert mine == twin
    assert not isinstance(mine, str)


@quick
@given(st.binary(max_size=150), st.integers(0, 6), st.sampled_from([GREY, YUV420]))
def test_predicted_frames_of_anything(data: bytes, group_bits: int, chroma: int) -> None:
    m, header, start = material(7, chroma, is_rgb=False, count=20, frames=9, group_bits=group_bits)
    mine, twin = chunks_of(data.rstrip(b"\0"), header, start, Frame(70, 45, m.components, False))
    assert mine == twin


def test_each_fault_has_its_words() -> None:
    """Every fault of the tree and of the coder is met by some data."""
    header, seen = Maker(1, 70, 45, YUV420).graded_header(50, cell_bits=0), set()
    rng = np.random.default_rng(3)
    for _ in range(3000):
        size = rng.choice([40, 800])
        data = rng.integers(0, 256, size, dtype=np.uint8) | rng.choice(np.array([0, 255], np.uint8), size, p=[0.3, 0.7])
        mine, twin = keys_of(data.astype(np.uint8).tobytes(), header, Frame(70, 45, 3, False))
        assert mine == twin
        if isinstance(mine, str):
            seen.add(mine)
    assert {message for message, _ in compiled.FAULTS.values()} <= {s.split(" (")[0] for s in seen}


@pytest.mark.parametrize("path", VALID, ids=lambda p: p.stem)
def test_conformance_streams(path: Path) -> None:
    """Splats of all tracks, and pictures where predicted frames are summed by what changes."""
    with pgsvc.open(path, threads=1) as stream:
        for segment in stream.segments.values():
            for track in segment.tracks.values():
                mine, twin = (track_states(segment, track, stream.format, cpu) for cpu in (None, "reference"))
                assert [rows(s) for s in mine] == [rows(s) for s in twin]


# --- geometry and samples ---------------------------------------------------------------------------------------------


@quick
@given(st.integers(0, 2**32 - 1), st.sampled_from([(352, 288), (100, 288), (704, 1000)]))
def test_geometry(seed: int, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(seed)
    domain = rng.integers(0, 2, 60).astype(np.uint8)
    raw = rng.choice([-(1 << 24), -5000, 0, 1500, 30000, 1 << 24], (60, 3)) + rng.integers(-3000, 3000, (60, 3))
    shape = np.array([clip_shape(row[None], d)[0] for row, d in zip(raw, domain, strict=True)], np.int32)
    out = np.empty((60, 3), np.int32), np.empty((60, 3), np.int64), np.empty(60, np.int64)
    kernel.native().geometry(shape, domain, splats.POWERS, 352, 288, *size, *out, 2)
    for i, d in enumerate(domain.tolist()):
        factor = splats.inverse_cholesky(shape[i : i + 1], d)
        assert np.array_equal(out[0][i], factor[0])
        assert np.array_equal(out[1][i], splats.quadratic_form(factor)[0])
        assert out[2][i] == covered_samples(factor, 352, 288, size)


@pytest.mark.parametrize(("depth", "dtype"), [(8, np.uint8), (10, np.uint16)])
def test_samples(depth: int, dtype: type) -> None:
    """All sums, and neighbours that are far apart in the coarser octaves; sizes that do and do not divide by 8."""
    rng = np.random.default_rng(depth)
    sums = np.arange(-32768, 32768).astype(np.int16).reshape(1, 256, 256)
    for first in (np.tile(sums, (9, 1, 1)), np.tile(sums, (3, 2, 5))[:, 1:, 5:-7], sums[:, :1, :1], sums[:, :17, :3]):
        for most in (0, 2**15):
            sizes = [reference.octave_size(*first.shape[1:], j) for j in range(1, reference.OCTAVES)]
            others = [rng.integers(-most, most + 1, (len(first), *size)).clip(-(2**15), 2**15 - 1) for size in sizes]
            some = (first, *(acc.astype(np.int16) for acc in others))
            want = reference.to_samples(some, depth, dtype)
            for cpu in kernel.levels()[1:]:
                got = kernel.to_samples(some, depth, dtype, threads=3, cpu=cpu)
                assert got.dtype == want.dtype
                assert np.array_equal(got, want), cpu


def test_joined_octaves() -> None:
    """A coarse sample spreads over four finer ones along each axis; a border goes on as it is."""
    one = tuple(np.zeros((1, n, n), np.int16) for n in (8, 4, 2, 1))
    one[1][0, 1, 1] = 1600
    spread = [0, 1, 3, 3, 1, 0, 0, 0]
    assert np.array_equal(reference.joined(one)[0], 100 * np.outer(spread, spread))
    assert (reference.joined(tuple(np.full_like(acc, 7) for acc in one)) == 28).all()


def test_joined_octaves_wrap() -> None:
    """Differences of neighbours are read as 16 bits."""
    sums = tuple(np.array([[values]], np.int16) for values in ([0, 0, 0, 0], [30000, -30000], [0], [0]))
    far = (65536 - 60000 + 2) >> 2
    assert reference.joined(sums)[0, 0].tolist() == [30000, 30000 + far, -30000 - far, -30000]


# --- the running sum --------------------------------------------------------------------------------------------------

FORMAT = PictureFormat(70, 45, Chroma.YUV420)


def random_set(rng: np.random.Generator, count: int, domain: int, components: int = 3) -> SplatSet:
    octaves = rng.uniform(0, 10000, (count, 3))
    shape = octaves if domain == LOG_CHOLESKY else 4096 * 2 ** (octaves / 4096)
    position = rng.integers(-2000, 20000, (count, 2)).astype(np.int32)
    colour = rng.integers(-9000, 9000, (count, components)).astype(np.int16)
    background = rng.integers(-999, 999, components).astype(np.int16)
    return SplatSet(position, clip_shape(shape.astype(np.int64), domain), colour, background, domain)


def changed(rng: np.random.Generator, s: SplatSet, share: float) -> SplatSet:
    fresh, pick = random_set(rng, len(s), s.domain, s.colour.shape[1]), rng.random(len(s)) < share
    kind = rng.integers(0, 3, len(s))
    values = [
        np.where((pick & (kind == k))[:, None], getattr(fresh, name), getattr(s, name))
        for k, name in enumerate(("position", "shape", "colour"))
    ]
    return SplatSet(*values, s.background, s.domain)


@pytest.mark.parametrize("size", [(70, 45), (35, 30), (90, 45)])
@pytest.mark.parametrize("chroma", [Chroma.GREY, Chroma.YUV420, Chroma.YUV444])
def test_running_sum(monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], chroma: Chroma) -> None:
    """Frames that change a little, much, not at all, and whose sets come and go, beside whole sums."""
    rng = np.random.default_rng(5)
    components = 1 if chroma == Chroma.GREY else 3
    output = replace(FORMAT, width=size[0], height=size[1], chroma=chroma)
    subtracted, real = [], kernel.sum_i16

    def counted(*arguments, **options) -> None:  # noqa: ANN002, ANN003
        subtracted.append(len(arguments) > 8 and arguments[8])
        real(*arguments, **options)

    monkeypatch.setattr(canvas.kernel, "sum_i16", counted)
    mine, twin = (RunningSum(output, (70, 45), LEVELS[1], cpu=cpu, threads=1) for cpu in (None, "reference"))
    kinds = [(20, CHOLESKY), (15, LOG_CHOLESKY), (0, LOG_CHOLESKY)]
    sets = {(k, 0, 0): random_set(rng, n, domain, components) for k, (n, domain) in enumerate(kinds)}
    plan = [(0.0, 3), (0.1, 3), (0.0, 3), (1.0, 3), (0.1, 2), (0.2, 2), (0.05, 1), (0.0, 2), (0.1, 3), (0.1, 3)]
    for share, count in plan:
        sets = {key: changed(rng, s, share) for key, s in sets.items()}
        shown = dict(list(sets.items())[:count])
        before = [s.position.copy() for s in shown.values()]
        assert mine.picture(shown).tobytes() == twin.picture(shown).tobytes()
        assert all(np.array_equal(s.position, p) for s, p in zip(shown.values(), before, strict=True))
    assert True in subtracted and False in subtracted


def test_the_limit_holds_for_every_frame() -> None:
    rng = np.random.default_rng(6)
    s = random_set(rng, 4, LOG_CHOLESKY)
    small = replace(s, shape=np.zeros_like(s.shape))
    limits = replace(LEVELS[1], covered=covered_samples(small.factor, 70, 45) + 20)
    for cpu in (None, "reference"):
        total = RunningSum(FORMAT, (70, 45), limits, cpu=cpu, threads=1)
        total.picture({(0, 0, 0): small})
        grown = replace(small, shape=small.shape + np.array([[0], [0], [0], [9000]], np.int32))
        with pytest.raises(LimitExceeded, match=r"A\.3"):
            total.picture({(0, 0, 0): grown})


@pytest.mark.parametrize("size", [(70, 45), (300, 200)])
def test_patches_hold_the_support(size: tuple[int, int]) -> None:
    """Every sample that a splat adds to lies in a patch that it marks, and tall slanted splats do not mark their whole box."""
    rng, native = np.random.default_rng(8), kernel.native()
    width, height = size
    patch_width, patch_height = native.PATCH
    marked_share = []
    for step, origin in ((256, 128), (512, 256)):
        s = random_set(rng, 200, LOG_CHOLESKY, 1)
        position = (s.position * np.array([width / 70, height / 45])).astype(np.int32)
        for i in range(len(s)):
            one = position[i : i + 1], s.form[i : i + 1], np.full((1, 1), 9000, np.int16)
            sums = kernel.empty_sums(1, height, width)
            for acc in sums:
                acc[:] = 0
            kernel.sum_i16(sums, *one, step, step, origin, origin, threads=1)
            marked, first = np.zeros(native.patch_count(width, height), np.uint8), 0
            native.mark_patches(*one, width, height, step, step, origin, origin, marked)
            for octave, acc in enumerate(sums):
                rows, columns = acc.shape[1:]
                down, across = -(-rows // patch_height), -(-columns // patch_width)
                patches = marked[first : first + down * across].reshape(down, across)
                first += down * across
                whole = np.kron(patches, np.ones((patch_height, patch_width), np.uint8))[:rows, :columns]
                for reached in (acc, reference.joined(sums[octave:])):
                    assert not (reached[0] != 0)[whole == 0].any()
                if octave == 0 and (total := reference.joined(sums)).any():
                    marked_share.append((whole != 0).sum() / max((total != 0).sum(), patch_width * patch_height))
            assert first == len(marked)
    assert np.median(marked_share) < 4


@pytest.mark.parametrize("reuse", [False, True])
def test_large_planes_change_in_patches(monkeypatch: pytest.MonkeyPatch, reuse: bool) -> None:  # noqa: FBT001
    """As the running sum, where planes are too large to be made new as a whole; pictures given away stay as they are."""
    monkeypatch.setattr(canvas, "SMALL", 0)
    rng = np.random.default_rng(9)
    output = replace(FORMAT, width=300, height=200)
    mine, twin = (
        RunningSum(output, (300, 200), LEVELS[1], reuse=reuse, cpu=cpu, threads=1) for cpu in (None, "reference")
    )
    sets, given = {(0, 0, 0): random_set(rng, 30, LOG_CHOLESKY)}, []
    for share in (0.0, 0.1, 0.1, 0.0, 0.0, 0.05, 0.5, 0.1, 1.0, 0.1):
        sets = {key: changed(rng, s, share) for key, s in sets.items()}
        want, got = twin.picture(sets).tobytes(), mine.picture(sets)
        assert got.tobytes() == want
        given.append((got, want))
    assert reuse or all(picture.tobytes() == want for picture, want in given)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("size", [(70, 45), (9, 3), (300, 200), (40, 700)], ids=str)
def test_a_picture_that_no_other_follows(monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], threads: int) -> None:
    """Drawn in bands, as without: splats of all octaves, some over a band's border or far outside; bit depths, plane groups."""
    monkeypatch.setattr(canvas, "SMALL", 0)  # plane groups side by side
    rng = np.random.default_rng([*size, threads])
    for chroma, depth in ((Chroma.YUV420, 8), (Chroma.GREY, 10), (Chroma.YUV444, 8)):
        output = replace(FORMAT, width=size[0], height=size[1], chroma=chroma, bit_depth=depth)
        components = 1 if chroma == Chroma.GREY else 3
        sets = {(k, 0, 0): random_set(rng, n, LOG_CHOLESKY, components) for k, n in enumerate((60, 1, 0))}
        for cpu in kernel.levels()[1:]:
            mine, twin = (RunningSum(output, (70, 45), LEVELS[3], cpu=c, threads=threads) for c in (cpu, "reference"))
            want = twin.picture(sets)
            assert mine.picture(sets, alone=True).tobytes() == want.tobytes(), cpu
            mine.restart()
            assert mine.picture(sets).tobytes() == want.tobytes(), cpu
