"""Objects (spec 4.3, 5.2, 9): what is complete, what a stream shows that has fewer layers of one of them, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pgsvc.cli import cut as cut_command
from pgsvc.cli import info
from pgsvc.container import DATA_TYPES, HASH
from pgsvc.cut import cut
from pgsvc.errors import UsageError
from pgsvc.objects import true_levels
from pgsvc.planar.reconstruct import add_layer, empty_sums, to_picture
from pgsvc.states import track_states
from pgsvc.stream import Stream

FOLDER = Path(__file__).parents[1] / "conformance" / "valid"
STILL, MOTION, KEPT = (next(FOLDER.glob(f"{n}-*.pgs")) for n in (34, 35, 36))


def parsed(data: bytes) -> Stream:
    stream = Stream(threads=1)
    stream.keep_chunks = True
    stream.feed(data)
    stream.close()
    return stream


def sum_of(stream: Stream, layers: list[int], level: int, frame: int) -> bytes:
    """Samples of a frame of the first segment, summed from what the objects have up to ``layers`` and ``level``."""
    segment = stream.segments[0]
    shown = stream.output_format(level)
    sums = empty_sums(shown)
    for (layer, number, _), track in segment.tracks.items():
        if layer <= level and layer < layers[number]:
            state = list(track_states(segment, track, stream.format))[frame]
            add_layer(sums, shown, [state], reference=(stream.format.width, stream.format.height), threads=1)
    return to_picture(sums, shown).tobytes()


@pytest.mark.parametrize(
    ("path", "levels", "layers"),
    [
        (STILL, {0: 0}, [1, 3]),
        (STILL, {0: 1, 1: 0}, [2, 1]),
        (STILL, {1: -1}, [3, 0]),
        (MOTION, {0: 0}, [1, 3]),
        (MOTION, {1: 1}, [2, 2]),
        (MOTION, {1: -1}, [2, 0]),
        (KEPT, {0: 1, 1: -1}, [2, 0, 0]),
    ],
)
def test_fewer_layers_of_an_object(path: Path, levels: dict[int, int], layers: list[int]) -> None:
    whole = parsed(path.read_bytes())
    part = parsed(cut(whole, object_levels=levels))
    assert list(part.object_layers) == layers and part.layer_count == max(layers)
    kept = [c.raw for c in whole.chunks if c.type in DATA_TYPES and c.address.layer < layers[c.address.object]]
    assert [c.raw for c in part.chunks if c.type in DATA_TYPES] == kept
    true = true_levels(whole.object_layers, layers)
    assert {c.address.layer for c in part.chunks if c.type == HASH} == set(range(true))
    for level in range(part.layer_count):
        frames = list(part.frames(level, check_hash=True))
        assert len(frames) == whole.frame_count
        assert {(f.level, f.partial) for f in frames} == {(level, False)}
        for number in range(part.segments[0].frames):
            expected = sum_of(whole, layers, level, number)
            assert frames[number].picture.tobytes() == expected
            assert (expected == whole.frame(number, level).picture.tobytes()) == (level < true)


def test_a_level_limits_all_objects() -> None:
    whole = parsed(MOTION.read_bytes())
    part = parsed(cut(whole, level=0))
    assert part.object_layers == (1, 1) and len(part.header["level_sizes"]) == 1
    assert cut(parsed(cut(whole, level=1)), level=0) == cut(whole, level=0)
    assert cut(whole, level=1, object_levels={0: 0}) == cut(parsed(cut(whole, object_levels={0: 0})), level=1)
    assert parsed(cut(whole, level=0, object_levels={1: 2})).object_layers == (1, 1)


@pytest.mark.parametrize(
    ("levels", "words"),
    [({2: 0}, "object 2 does not exist"), ({1: 3}, "level 3 of object 1"), ({0: -1}, "object 0 holds the motion")],
)
def test_objects_and_levels_that_do_not_exist(levels: dict[int, int], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        cut(parsed(STILL.read_bytes()), object_levels=levels)


def test_a_layer_is_complete_with_all_its_objects() -> None:
    """Without the last chunk of a layer it is not; a region of interest that is there is added to the level below."""
    data = STILL.read_bytes()
    whole = parsed(data)
    for chunk in whole.chunks:
        a = chunk.address
        if chunk.type not in DATA_TYPES:
            continue
        stream = parsed(data[: chunk.offset])
        reached = -1 if a.layer == 0 else a.layer - 1
        assert stream.complete_level(0) == reached
        if reached >= 0:
            (frame,) = stream.frames()
            some = [(number, c) for number, c in enumerate(stream.chunks) if c.address.layer == a.layer]
            assert frame.partial == any(c.type in DATA_TYPES for _, c in some)
    without = b"".join(c.raw for c in whole.chunks if (c.address.layer, c.address.object) != (1, 0))
    stream = parsed(data[:8] + without)
    (frame,) = stream.frames()
    assert (frame.level, frame.partial) == (0, True)
    expected = sum_of(stream, [1, 2], 1, 0)
    assert frame.picture.tobytes() == expected != whole.frame(0, 0).picture.tobytes()


def test_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = tmp_path / "small.pgs"
    assert cut_command.main([str(MOTION), str(small), "--object-level", "0=0", "-q"]) == 0
    assert small.read_bytes() == cut(parsed(MOTION.read_bytes()), object_levels={0: 0})
    assert info.main([str(small), "--json"]) == 0
    layers = json.loads(capsys.readouterr().out)["layers"]
    assert [[o["splats"] for o in r["objects"]] for r in layers] == [[25, 10], [0, 20], [0, 40]]
    assert [r["splats"] for r in layers] == [35, 20, 40] and {r["frames"] for r in layers} == {9}
    assert all(sum(o["bytes"] for o in r["objects"]) == r["bytes"] for r in layers)
    assert info.main([str(small)]) == 0
    assert "1.1       20" in capsys.readouterr().out
    assert cut_command.main([str(MOTION), str(small), "--object-level", "0=7"]) == 2
    with pytest.raises(SystemExit):
        cut_command.main([str(MOTION), str(small), "--object-level", "inside"])
