"""The command lines with scenes: layers and back, parts, beginnings, pictures, and flags that do not fit."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("tqdm")
from scene_samples import some_splats  # noqa: E402

import pgsvc  # noqa: E402
from pgsvc.cli import cut, dec, info  # noqa: E402
from pgsvc.scene.digest import md5_of
from pgsvc.scene.frames import change_frame  # noqa: E402
from pgsvc.scene.output import write_scene  # noqa: E402
from pgsvc.scene.splats import SceneFormat  # noqa: E402
from pgsvc.stream import Stream  # noqa: E402
from pgsvc_encoder import cli as enc  # noqa: E402
from pgsvc_encoder.scene.encode import encode_scene  # noqa: E402
from pgsvc_encoder.scene.settings import SceneSettings  # noqa: E402
from pgsvc_encoder.scene.source import open_scene  # noqa: E402

CAMERA = {"width": 64, "height": 48, "fov": 60, "position": [0, 0, -8], "look_at": [0, 0, 0], "up": [0, -1, 0]}
PICTURE = Path(__file__).resolve().parent.parent / "conformance/valid/04-still-420.pgs"
if not PICTURE.exists():
    PICTURE = next(p for p in sorted(PICTURE.parent.glob("*.pgs")) if "still" in p.name)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scene, and streams of it: of four layers in three tiles; of two objects with a quality layer."""
    place = tmp_path_factory.mktemp("scene")
    splats = some_splats(400, 1, objects=False, seed=5)
    write_scene(str(place / "room.ply"), splats, SceneFormat(1))
    (place / "labels.txt").write_text(" ".join(str(n % 2) for n in range(400)))
    (place / "cam.json").write_text(json.dumps(CAMERA))
    ply, tiles, objects = (str(place / n) for n in ("room.ply", "tiles.pgs", "objects.pgs"))
    assert enc.main(["-q", ply, tiles, "--splats", "40,90,170,350", "--tiles", "3", "--importance", "volume"]) == 0
    more = ["--layers", "3", "--quality-layers", "1", "--labels", str(place / "labels.txt")]
    assert enc.main(["-q", ply, objects, *more, "--importance", "volume", "--order", "segment"]) == 0
    return place


def files(place: Path) -> set[str]:
    return {p.name for p in place.iterdir()}


def decoded(path: Path, **options):  # noqa: ANN201
    with pgsvc.open(path) as stream:
        return stream.scene(check_hash="objects" not in options, **options)


# --- pgsvc-enc --------------------------------------------------------------------------------------------------------


def test_the_report(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report, output = tmp_path / "r.json", tmp_path / "o.pgs"
    assert enc.main([str(folder / "room.ply"), str(output), "--layers", "2", "--report", str(report)]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert all(word in captured.err for word in ("bit/splat", "PSNR", "largest errors", "400 splats of room.ply"))
    told = json.loads(report.read_text())
    assert told["command"][0] == "pgsvc-enc"
    assert told["format"]["sh_degree"] == 1
    first, last = told["levels"]
    assert last["bytes"] == output.stat().st_size
    assert first["bytes"] < last["bytes"]
    assert (first["splats"], last["splats"]) == (200, 400)
    assert last["psnr"] > first["psnr"] > 0
    assert 0 < first["ssim"] < last["ssim"] <= 1
    parts = last["bits_per_splat"]
    assert sum(parts.values()) == pytest.approx(8 * last["bytes"] / 400, rel=0.1)
    assert set(last["largest_error"]) == {"position", "log_scale", "angle", "opacity", "colour", "sh"}
    assert all(0 <= e < 90 for e in last["largest_error"].values())
    assert files(tmp_path) == {"r.json", "o.pgs"}


def test_largest_errors_are_those_of_the_decoded_stream() -> None:
    from pgsvc_encoder.scene.measure import errors, level_rows

    splats = some_splats(150, 2, seed=9)
    form = SceneFormat(2)
    encoded = encode_scene(splats, form, SceneSettings(layers=3, quality_layers=1, tiles=2, importance="volume"))
    rows = level_rows(encoded, splats, form, views=0)
    stream = Stream()
    stream.feed(encoded.data)
    stream.close()
    for row in rows:
        shown = stream.scene(row["level"]).splats
        own = splats.select(encoded.decoded(row["level"]))
        assert row["largest_error"]["position"] == pytest.approx(
            np.linalg.norm(own.position - shown.position, axis=1).max()
        )
        alphas = [1 / (1 + np.exp(-s.opacity)) for s in (own, shown)]
        assert row["largest_error"]["opacity"] == pytest.approx(np.abs(alphas[0] - alphas[1]).max(), abs=1e-6)
        assert row["psnr"] is None
    assert rows[2]["largest_error"]["colour"] < rows[1]["largest_error"]["colour"]
    assert all(value == pytest.approx(0, abs=1e-5) for value in errors(splats, splats).values())


def test_repairs_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    splats = some_splats(50)
    source, output = tmp_path / "bad.ply", tmp_path / "o.pgs"
    write_scene(str(source), splats, SceneFormat())
    data = source.read_bytes()
    at = data.index(b"end_header\n") + len(b"end_header\n")
    source.write_bytes(data[:at] + np.float32(np.nan).tobytes() + data[at + 4 :])
    assert enc.main([str(source), str(output), "--no-views"]) == 2
    assert "--repair" in capsys.readouterr().err
    assert files(tmp_path) == {"bad.ply"}
    assert enc.main([str(source), str(output), "--no-views", "--repair"]) == 0
    assert "left out 1 splats" in capsys.readouterr().err
    assert len(decoded(output).splats) == 49


@pytest.mark.parametrize("kind", ["ply", "splat", "spz", "spz4"])
def test_inputs_are_recognised_by_their_content(kind: str, tmp_path: Path) -> None:
    name = tmp_path / ("scene.splat" if kind == "splat" else "scene.dat")
    write_scene(str(name), some_splats(60), SceneFormat(), kind=kind)
    output = tmp_path / "o.pgs"
    assert enc.main(["-q", str(name), str(output), "--frame", "rub", "--units", "0.5"]) == 0
    scene = decoded(output)
    assert (scene.format.frame, scene.format.metres_per_unit) == ("rub", 0.5)
    assert len(scene.splats) == 60


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--gop", "64"], "--gop is for pictures, and the input is a scene"),
        (["--bpp", "0.1", "--preset", "fast"], "--bpp and --preset are for pictures"),
        (["--resume"], "--resume is for pictures"),
        (["--splats", "10,x"], "whole numbers"),
        (["--splats", "20,10"], "grow from level to level"),
        (["--splats", "10,20", "--layers", "3"], "one for each of the 3"),
        (["--splats", "401"], "the scene has 400"),
        (["--splats", "3"], "too few for 4 layers"),
        (["--layers", "17"], "1 to 16 layers"),
        (["--quality", "101"], "0 to 100"),
        (["--quality-layers", "4", "--layers", "4"], "below the quality layers"),
        (["--tiles", "0"], "tiles"),
        (["--frame", "xyz"], "there is no frame 'xyz'"),
        (["--units", "-1"], "metres"),
        (["--kernel", "box"], "there is no kernel 'box'"),
        (["--labels", "/no/such"], "cannot read /no/such"),
    ],
)
def test_options_that_do_not_fit_a_scene(
    options: list[str], message: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert enc.main([str(folder / "room.ply"), str(tmp_path / "o.pgs"), *options]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
    assert files(tmp_path) == set()


def test_options_of_scenes_with_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from PIL import Image

    Image.new("RGB", (32, 32)).save(tmp_path / "a.png")
    assert enc.main([str(tmp_path / "a.png"), str(tmp_path / "o.pgs"), "--quality", "50", "--tiles", "2"]) == 2
    assert "--quality and --tiles are for scenes, and the input is none" in capsys.readouterr().err
    assert files(tmp_path) == {"a.png"}


def test_a_failure_keeps_the_file_that_was_there(folder: Path, tmp_path: Path) -> None:
    ply = tmp_path / "room.ply"
    ply.write_bytes((folder / "room.ply").read_bytes())
    assert enc.main([str(ply), str(ply)]) == 2
    assert ply.read_bytes() == (folder / "room.ply").read_bytes()
    assert enc.main([str(ply), str(tmp_path / "none" / "o.pgs")]) == 2
    assert files(tmp_path) == {"room.ply"}


def test_importance(folder: Path) -> None:
    from pgsvc_encoder.scene.importance import blend_weights, importance, volumes
    from pgsvc_encoder.scene.views import inside_share

    splats = some_splats(300, seed=2)
    form = SceneFormat()
    weight = blend_weights(splats, form, 6, (64, 64))
    assert weight.shape == (300,)
    assert (weight >= 0).all()
    assert np.array_equal(weight, blend_weights(splats, form, 6, (64, 64), threads=1))
    whole = importance(splats, form, "weight", views=6, size=(64, 64))
    assert (whole > 0).all()
    assert np.corrcoef(whole, weight)[0, 1] > 0.99
    assert volumes(splats)[0] == pytest.approx(
        np.exp(splats.log_scale[0].sum()) / (1 + np.exp(-splats.opacity[0])), rel=1e-5
    )
    room, thing = (_shell(fog) for fog in (1.6, 0.4))  # a detailed shell with a blurred one around it, or within
    assert inside_share(room, form) > 0.6
    assert inside_share(thing, form) < 0.4


def _shell(fog: float):  # noqa: ANN202
    rng = np.random.default_rng(1)
    splats = some_splats(4000, seed=3)
    way = rng.normal(size=(4000, 3))
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    blurred = np.arange(4000) < 600
    splats.position[:] = way * np.where(blurred, fog, 1.0)[:, None]
    splats.log_scale[:] = np.where(blurred, np.log(0.15 * fog), np.log(0.03))[:, None]
    splats.opacity[:] = 4
    splats.sh_dc[blurred] = 0
    return splats


def test_from_python(folder: Path, tmp_path: Path) -> None:
    source = open_scene(str(folder / "room.ply"))
    data = encode_scene(source.splats, source.format).data
    (tmp_path / "o.pgs").write_bytes(data)
    with pgsvc.open(tmp_path / "o.pgs") as stream:
        assert [len(stream.scene(level=k).splats) for k in range(4)] == [50, 100, 200, 400]
        assert stream.scene(level=1).level == 1


# --- pgsvc-dec --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["ply", "splat", "spz", "glb"])
def test_levels_as_files_of_other_programs(kind: str, folder: Path, tmp_path: Path) -> None:
    for level, count in enumerate((40, 90, 170, 350)):
        output = tmp_path / f"out.{kind}"
        command = ["-q", str(folder / "tiles.pgs"), "--level", str(level), "-o", str(output), "--check-hash"]
        assert dec.main(command) == 0
        if kind == "glb":
            assert output.read_bytes().startswith(b"glTF")
            continue
        again = open_scene(str(output))
        assert len(again.splats) == count
        wanted = change_frame(decoded(folder / "tiles.pgs", level=level).splats, "rdf", again.format.frame)
        assert np.abs(again.splats.position - wanted.position).max() < 1e-3
    assert files(tmp_path) == {f"out.{kind}"}


def test_default_names(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "room.pgs"
    source.write_bytes((folder / "tiles.pgs").read_bytes())
    assert dec.main([str(source)]) == 0
    assert "level 3, 350 splats to" in capsys.readouterr().err
    assert dec.main([str(source), "--level", "1", "--output-kind", "spz4"]) == 0
    assert dec.main([str(source), "--camera", str(folder / "cam.json"), "-l", "0"]) == 0
    assert dec.main([str(source), "--orbit", "2", "--size", "32x"]) == 0
    names = {"room.level3.ply", "room.level1.spz", "room.level0.png", "room.level3.y4m"}
    assert files(tmp_path) == {"room.pgs", *names}
    assert (tmp_path / "room.level3.y4m").read_bytes().startswith(b"YUV4MPEG2 W32 H24 ")


def test_md5_is_of_states_and_leaves_no_file(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for level in range(4):
        assert dec.main([str(folder / "tiles.pgs"), "--md5", "--level", str(level), "--check-hash"]) == 0
        assert capsys.readouterr().out == md5_of(decoded(folder / "tiles.pgs", level=level)) + "\n"
    assert dec.main(["-q", str(folder / "tiles.pgs"), "--md5", "--tiles", "1", "-o", "one.ply"]) == 0
    assert capsys.readouterr().out == md5_of(decoded(folder / "tiles.pgs", tiles=(1,))) + "\n"
    assert files(tmp_path) == {"one.ply"}


def test_objects_and_tiles(folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "o.ply"
    counts = []
    for number in ("0", "1"):
        assert dec.main(["-q", str(folder / "objects.pgs"), "--objects", number, "-o", str(output)]) == 0
        scene = open_scene(str(output))
        counts.append(len(scene.splats))
    assert sum(counts) == 400
    parts = []
    for number in ("0", "1", "0,2"):
        command = ["-q", str(folder / "tiles.pgs"), "--tiles", number, "--check-hash", "-o", str(output)]
        assert dec.main(command) == 0
        parts.append(len(open_scene(str(output)).splats))
    assert parts[1] + parts[2] == 350
    assert parts[0] < parts[2]


def test_pictures(folder: Path, tmp_path: Path) -> None:
    from PIL import Image

    source, camera = str(folder / "tiles.pgs"), str(folder / "cam.json")
    red = ["--background", "1,0,0"]
    for size, expected in ((None, (64, 48)), ("32x", (32, 24)), ("x96", (128, 96)), ("50x50", (50, 50))):
        sized = [] if size is None else ["--size", size]
        assert dec.main(["-q", source, "--camera", camera, "-o", str(tmp_path / "v.png"), *red, *sized]) == 0
        picture = Image.open(tmp_path / "v.png")
        assert picture.size == expected
    view = np.asarray(picture.convert("RGB"))
    assert view.reshape(-1, 3).std(axis=0).min() > 1
    assert dec.main(["-q", source, "--orbit", "3", "--size", "40x30", "-o", str(tmp_path / "turn.png")]) == 0
    assert files(tmp_path) == {"v.png", "turn-0001.png", "turn-0002.png", "turn-0003.png"}
    both = [np.asarray(Image.open(tmp_path / f"turn-000{n}.png")) for n in (1, 2)]
    assert not np.array_equal(*both)


def test_an_orbit_as_mp4(folder: Path, tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    output = tmp_path / "turn.mp4"
    assert dec.main(["-q", str(folder / "tiles.pgs"), "--orbit", "4", "--size", "64x48", "-o", str(output)]) == 0
    with av.open(str(output)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 4


def test_luma_and_chroma_of_views_are_those_of_the_picture(folder: Path) -> None:
    from pgsvc.colour import to_rgb
    from pgsvc.scene.camera_file import camera_of
    from pgsvc.scene.picture import view_format, view_picture
    from pgsvc.scene.render import render

    view = render(some_splats(100), SceneFormat(), camera_of(CAMERA))
    turned = to_rgb(view_picture(view, view_format(64, 48, rgb=False))).astype(int)
    assert np.abs(turned - view.to_rgb8()).max() <= 3


@pytest.mark.parametrize("name", ["tiles.pgs", "objects.pgs"])
def test_beginnings(name: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = (folder / name).read_bytes()
    source, output = tmp_path / "part.pgs", tmp_path / "o.ply"
    last = 0
    for size in [*range(9, len(data), max(1, len(data) // 60)), len(data) - 1]:
        source.write_bytes(data[:size])
        code = dec.main([str(source), "-o", str(output)])
        err = capsys.readouterr().err
        if code:
            assert not output.exists()
            assert "spec" in err
            continue
        assert "truncated" in err
        count = len(open_scene(str(output)).splats)
        assert count >= last
        last = count
        assert dec.main([str(source), "-o", str(output), "--strict"]) == 1
        assert "spec 5.4" in capsys.readouterr().err
    assert last == (350 if name == "tiles.pgs" else 400)


def test_a_wrong_hash_is_told(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from pgsvc import headers
    from pgsvc.assemble import RawChunk, in_order, make_chunk, prologue
    from pgsvc.container import DATA_TYPES, HASH, TILES

    stream = Stream()
    stream.keep_chunks = True
    stream.feed((folder / "tiles.pgs").read_bytes())
    kept = [RawChunk(c.type, c.address, c.raw) for c in stream.chunks if c.type in (*DATA_TYPES, TILES)]
    wrong = headers.HASH.to_bytes({"frame_count": 1, "crc32": 7})
    kept += [make_chunk(HASH, c.address, wrong) for c in stream.chunks if c.type == HASH]
    assert stream.header is not None
    ordered = in_order(stream.header, kept)
    (tmp_path / "x.pgs").write_bytes(prologue(stream.header, ordered) + b"".join(c.raw for c in ordered))
    assert dec.main(["-q", str(tmp_path / "x.pgs"), "-o", "null"]) == 0
    assert dec.main([str(tmp_path / "x.pgs"), "-o", str(tmp_path / "o.ply"), "--check-hash"]) == 1
    assert "spec 6.6" in capsys.readouterr().err
    assert files(tmp_path) == {"x.pgs"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--frame-md5"], "--frame-md5 is for pictures, and the stream holds a scene"),
        (["--md5", "--camera", "{}/cam.json"], "--md5 is of the splats"),
        (["--frames", "3", "--skip", "0"], "--frames and --skip are for pictures"),
        (["--level", "4"], "levels 0 to 3"),
        (["--objects", "1"], "--objects 1: the stream has only the numbers 0 to 0"),
        (["--tiles", "1,3"], "only the numbers 0 to 2"),
        (["--tiles", "a"], "numbers separated by commas"),
        (["--camera", "{}/cam.json", "--orbit", "3"], "only one of them"),
        (["--camera", "{}/none.json"], "cannot be read"),
        (["--camera", "{}/cam.json", "--background", "1,2,0"], "--background 1,2,0"),
        (["--orbit", "0"], "--orbit 0"),
        (["--size", "64x48"], "--camera or --orbit"),
        (["--objects", "0", "--check-hash"], "leave out --objects"),
        (["-o", "x.png"], "--camera or --orbit"),
        (["-o", "x.tiff"], "does not tell"),
        (["--camera", "{}/cam.json", "-o", "x.ply"], "does not tell"),
        (["--output-kind", "obj"], "there is no scene kind 'obj'"),
    ],
)
def test_decoder_options_that_do_not_fit(
    options: list[str],
    message: str,
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    source = tmp_path / "room.pgs"
    source.write_bytes((folder / "tiles.pgs").read_bytes())
    assert dec.main([str(source), *(o.replace("{}", str(folder)) for o in options)]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
    assert files(tmp_path) == {"room.pgs"}


@pytest.mark.parametrize("options", [["--tiles", "0"], ["--objects", "0"], ["--orbit", "9"], ["--background", "0,0,0"]])
def test_scene_options_with_pictures(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert dec.main([str(PICTURE), "-o", "null", *options]) == 2
    assert f"{options[0]} is for scenes, and the stream holds pictures" in capsys.readouterr().err


# --- pgsvc-cut --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["tiles.pgs", "objects.pgs"])
def test_cutting_a_level_is_decoding_it(name: str, folder: Path, tmp_path: Path) -> None:
    source, small = folder / name, tmp_path / "small.pgs"
    with pgsvc.open(source) as stream:
        levels = stream.layer_count
    for level in range(levels):
        assert cut.main(["-q", str(source), str(small), "--level", str(level)]) == 0
        ours, theirs = decoded(small), decoded(source, level=level)
        assert ours.level == level
        for key, state in theirs.states.items():
            assert ours.states[key].tobytes() == state.tobytes()
    assert small.read_bytes() == source.read_bytes()


def test_cutting_tiles(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, small = folder / "tiles.pgs", tmp_path / "small.pgs"
    assert cut.main(["-q", str(source), str(small), "--tiles", "2,0", "--level", "2"]) == 0
    ours, theirs = decoded(small), decoded(source, level=2, tiles=(0, 2))
    assert ours.level == 2
    assert not ours.partial
    assert np.array_equal(ours.splats.position, theirs.splats.position)
    assert dec.main([str(small), "-o", "null", "--check-hash", "--strict"]) == 0
    assert "not in the stream: 1" in capsys.readouterr().err
    assert info.main([str(small), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(row["tile"], row["complete_level"]) for row in told["tiles"]] == [(0, 2), (1, -1), (2, 2)]
    assert [len(row["missing"]) for row in told["tiles"]] == [4, 4, 4]  # the table is copied as it is
    assert dec.main([str(small), "-o", "null", "--tiles", "1"]) == 1
    again = tmp_path / "again.pgs"
    assert cut.main(["-q", str(source), str(again), "--tiles", "0,2"]) == 0
    assert cut.main(["-q", str(again), str(again.with_name("b.pgs")), "--level", "2"]) == 0
    assert again.with_name("b.pgs").read_bytes() == small.read_bytes()


def test_cutting_objects(folder: Path, tmp_path: Path) -> None:
    source, small = folder / "objects.pgs", tmp_path / "small.pgs"
    assert cut.main(["-q", str(source), str(small), "--object-level", "0=0"]) == 0
    ours = decoded(small).states
    assert ours[0, 0].tobytes() == decoded(source, level=0, objects=(0,)).states[0, 0].tobytes()
    assert ours[0, 1].tobytes() == decoded(source, objects=(1,)).states[0, 1].tobytes()
    assert cut.main(["-q", str(source), str(small), "--object-level", "1=-1"]) == 0
    assert list(decoded(small).states) == [(0, 0)]


def test_cutting_bytes(folder: Path, tmp_path: Path) -> None:
    source, small = folder / "tiles.pgs", tmp_path / "small.pgs"
    whole = source.stat().st_size
    last = 0
    for size in range(whole // 4, whole, whole // 7):
        assert cut.main(["-q", str(source), str(small), "--max-bytes", str(size)]) == 0
        assert small.stat().st_size <= size
        count = len(decoded(small).splats)
        assert count >= last
        last = count


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--frames", "0:3"], "--frames is for pictures"),
        (["--tiles", "3"], "only the numbers 0 to 2"),
        (["--level", "4"], "levels 0 to 3"),
        (["--max-bytes", "100"], "nothing decodable"),
        (["--object-level", "0=-1"], "keep at least its level 0"),
    ],
)
def test_cuts_that_cannot_be(
    options: list[str], message: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cut.main([str(folder / "tiles.pgs"), str(tmp_path / "s.pgs"), *options]) == 2
    assert message in capsys.readouterr().err
    assert files(tmp_path) == set()


def test_tiles_of_a_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cut.main([str(PICTURE), str(tmp_path / "s.pgs"), "--tiles", "0"]) == 2
    assert "--tiles is for scenes" in capsys.readouterr().err


# --- pgsvc-info -------------------------------------------------------------------------------------------------------


def test_info(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = str(folder / "tiles.pgs")
    assert info.main([source, "--json", "--chunks"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["to_here"]["splats"] for row in told["layers"]] == [40, 90, 170, 350]
    assert 8 + sum(c["bytes"] for c in told["chunks"]) == told["bytes"] == os.path.getsize(source)
    assert told["chunks"][2]["type"] == "tILe"
    assert sum(row["splats"] for row in told["tiles"]) == 350
    boxes = np.array([row["box"] for row in told["tiles"]])
    assert (boxes[:, 0] <= boxes[:, 1]).all()
    assert info.main([source]) == 0
    out = capsys.readouterr().out
    words = [
        "scene",
        "350 splats, SH degree 1, axes rdf, kernel classic",
        "3 tiles, 1 object",
        "bit/splat",
        "from … to",
    ]
    assert all(word in out for word in words)
    assert info.main([str(folder / "objects.pgs")]) == 0
    out = capsys.readouterr().out
    assert "finer" in out
    assert "1 tile, 2 objects" in out


# --- scenes of others -------------------------------------------------------------------------------------------------

DATA = os.environ.get("PGSVC_DATA")


@pytest.mark.skipif(not DATA, reason="PGSVC_DATA does not say where captured scenes are")
@pytest.mark.parametrize("name", ["statues/angel.sog", "playbot_lod/lod-meta.json#3"])
def test_captured_scenes(name: str, tmp_path: Path) -> None:
    source, output = f"{DATA}/splats/{name}", tmp_path / "o.pgs"
    if not Path(source.partition("#")[0]).exists():
        pytest.skip(f"{name} is not there")
    report = tmp_path / "r.json"
    assert enc.main(["-q", source, str(output), "--splats", "4000,9000,20000", "--report", str(report)]) == 0
    rows = json.loads(report.read_text())["levels"]
    assert [row["splats"] for row in rows] == [4000, 9000, 20000]
    assert rows[0]["psnr"] < rows[1]["psnr"] < rows[2]["psnr"]
    assert dec.main(["-q", str(output), "--level", "1", "-o", str(tmp_path / "o.spz"), "--check-hash"]) == 0
    assert len(open_scene(str(tmp_path / "o.spz")).splats) == 9000
