"""pgsvc-dec with scenes: files of other programs, pictures, parts, beginnings, and options that do not fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("tqdm")
from scene_samples import some_splats  # noqa: E402
from scene_streams import CAMERA, PICTURE, decoded, files  # noqa: E402

from pgsvc.cli import dec  # noqa: E402
from pgsvc.scene.digest import md5_of  # noqa: E402
from pgsvc.scene.frames import change_frame  # noqa: E402
from pgsvc.scene.splats import SceneFormat  # noqa: E402
from pgsvc.stream import Stream  # noqa: E402
from pgsvc_encoder.scene.source import open_scene  # noqa: E402


@pytest.mark.parametrize("kind", ["ply", "splat", "spz", "glb"])
def test_levels_as_files_of_other_programs(kind: str, scene_folder: Path, tmp_path: Path) -> None:
    for level, count in enumerate((40, 90, 170, 350)):
        output = tmp_path / f"out.{kind}"
        command = ["-q", str(scene_folder / "tiles.pgs"), "--level", str(level), "-o", str(output), "--check-hash"]
        assert dec.main(command) == 0
        if kind == "glb":
            assert output.read_bytes().startswith(b"glTF")
            continue
        again = open_scene(str(output))
        assert len(again.splats) == count
        wanted = change_frame(decoded(scene_folder / "tiles.pgs", level=level).splats, "rdf", again.format.frame)
        assert np.abs(again.splats.position - wanted.position).max() < 1e-3
    assert files(tmp_path) == {f"out.{kind}"}


def test_default_names(scene_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "room.pgs"
    source.write_bytes((scene_folder / "tiles.pgs").read_bytes())
    assert dec.main([str(source)]) == 0
    assert "level 3, 350 splats to" in capsys.readouterr().err
    assert dec.main([str(source), "--level", "1", "--output-kind", "spz4"]) == 0
    assert dec.main([str(source), "--camera", str(scene_folder / "cam.json"), "-l", "0"]) == 0
    assert dec.main([str(source), "--orbit", "2", "--size", "32x"]) == 0
    names = {"room.level3.ply", "room.level1.spz", "room.level0.png", "room.level3.y4m"}
    assert files(tmp_path) == {"room.pgs", *names}
    assert (tmp_path / "room.level3.y4m").read_bytes().startswith(b"YUV4MPEG2 W32 H24 ")


def test_md5_is_of_states_and_leaves_no_file(
    scene_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for level in range(4):
        assert dec.main([str(scene_folder / "tiles.pgs"), "--md5", "--level", str(level), "--check-hash"]) == 0
        assert capsys.readouterr().out == md5_of(decoded(scene_folder / "tiles.pgs", level=level)) + "\n"
    assert dec.main(["-q", str(scene_folder / "tiles.pgs"), "--md5", "--tiles", "1", "-o", "one.ply"]) == 0
    assert capsys.readouterr().out == md5_of(decoded(scene_folder / "tiles.pgs", tiles=(1,))) + "\n"
    assert files(tmp_path) == {"one.ply"}


def test_objects_and_tiles(scene_folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "o.ply"
    counts = []
    for number in ("0", "1"):
        assert dec.main(["-q", str(scene_folder / "objects.pgs"), "--objects", number, "-o", str(output)]) == 0
        scene = open_scene(str(output))
        counts.append(len(scene.splats))
    assert sum(counts) == 400
    parts = []
    for number in ("0", "1", "0,2"):
        command = ["-q", str(scene_folder / "tiles.pgs"), "--tiles", number, "--check-hash", "-o", str(output)]
        assert dec.main(command) == 0
        parts.append(len(open_scene(str(output)).splats))
    assert parts[1] + parts[2] == 350
    assert parts[0] < parts[2]


def test_pictures(scene_folder: Path, tmp_path: Path) -> None:
    from PIL import Image

    source, camera = str(scene_folder / "tiles.pgs"), str(scene_folder / "cam.json")
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


def test_an_orbit_as_mp4(scene_folder: Path, tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    output = tmp_path / "turn.mp4"
    assert dec.main(["-q", str(scene_folder / "tiles.pgs"), "--orbit", "4", "--size", "64x48", "-o", str(output)]) == 0
    with av.open(str(output)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 4


def test_luma_and_chroma_of_views_are_those_of_the_picture() -> None:
    from pgsvc.colour import to_rgb
    from pgsvc.scene.camera_file import camera_of
    from pgsvc.scene.picture import view_format, view_picture
    from pgsvc.scene.render import render

    view = render(some_splats(100), SceneFormat(), camera_of(CAMERA))
    turned = to_rgb(view_picture(view, view_format(64, 48, rgb=False))).astype(int)
    assert np.abs(turned - view.to_rgb8()).max() <= 3


@pytest.mark.parametrize("name", ["tiles.pgs", "objects.pgs"])
def test_beginnings(name: str, scene_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = (scene_folder / name).read_bytes()
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


def test_a_wrong_hash_is_told(scene_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from pgsvc import headers
    from pgsvc.assemble import RawChunk, in_order, make_chunk, prologue
    from pgsvc.container import DATA_TYPES, HASH, TILES

    stream = Stream()
    stream.keep_chunks = True
    stream.feed((scene_folder / "tiles.pgs").read_bytes())
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
    scene_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    source = tmp_path / "room.pgs"
    source.write_bytes((scene_folder / "tiles.pgs").read_bytes())
    assert dec.main([str(source), *(o.replace("{}", str(scene_folder)) for o in options)]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
    assert files(tmp_path) == {"room.pgs"}


@pytest.mark.parametrize("options", [["--tiles", "0"], ["--objects", "0"], ["--orbit", "9"], ["--background", "0,0,0"]])
def test_scene_options_with_pictures(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert dec.main([str(PICTURE), "-o", "null", *options]) == 2
    assert f"{options[0]} is for scenes, and the stream holds pictures" in capsys.readouterr().err
