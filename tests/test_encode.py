"""Whole encodes of small synthetic content: files, reports, resuming, determinism, the command line."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch", reason="encoding needs the encoder extra")

from test_fit import smooth_picture  # noqa: E402

import pgsvc  # noqa: E402
from pgsvc.cut import cut  # noqa: E402
from pgsvc.errors import UsageError  # noqa: E402
from pgsvc.picture import Chroma, PictureFormat  # noqa: E402
from pgsvc_encoder import cli  # noqa: E402
from pgsvc_encoder.encode import encode  # noqa: E402
from pgsvc_encoder.settings import Settings  # noqa: E402
from pgsvc_encoder.source import open_source  # noqa: E402

QUICK = {
    "schedule": {"iterations": 50, "rounds": 4},
    "precision": {"adapt_iterations": 4, "solve_iterations": 3, "colour_choices": ((2, 4), (1, 3)), "sweeps": 1},
    "difference": {"iterations": 6, "adapt_iterations": 2, "codebook_bits": 4},
    "grade": {"adapt_iterations": 4, "solve_iterations": 3, "sweeps": 1},
    "difference_grade": {"iterations": 6, "adapt_iterations": 2, "motion_iterations": 3},
}


def write_clip(
    path: Path, frames: int = 7, chroma: Chroma = Chroma.YUV420, depth: int = 8, still_frames: int = 0
) -> Path:
    """A pattern as Y4M that moves after ``still_frames``."""
    from pgsvc.output import open_writer
    from pgsvc.picture import Picture

    picture_format = PictureFormat(48, 34, chroma, bit_depth=depth, frame_rate=Fraction(25))
    base = smooth_picture(picture_format)
    with open_writer(str(path), picture_format) as writer:
        for i in range(frames):
            writer.write(
                Picture(picture_format, tuple(np.roll(p, max(0, i - still_frames), axis=1) for p in base.planes))
            )
    return path


def encode_clip(path: Path, output: Path, **settings: object) -> dict:
    with open_source(str(path)) as source:
        return encode(source, output, Settings(splats=45, overrides=QUICK, **settings))  # type: ignore[arg-type]


@pytest.mark.parametrize("order", ["segment", "layer"])
@pytest.mark.parametrize("chroma, depth", [(Chroma.YUV420, 8), (Chroma.YUV422, 10), (Chroma.GREY, 8)])
def test_clip(tmp_path: Path, order: str, chroma: Chroma, depth: int) -> None:
    clip = write_clip(tmp_path / "clip.y4m", chroma=chroma, depth=depth)
    out = tmp_path / "clip.pgs"
    report = encode_clip(clip, out, gop=4, chunk_frames=2, order=order)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["clip.pgs", "clip.y4m"]
    stream = pgsvc.open(out)
    assert stream.layer_count == 3 and stream.frame_count == 7 and not stream.truncated
    rows = report["levels"]
    assert rows[0]["bytes"] < rows[1]["bytes"] < rows[2]["bytes"] == out.stat().st_size
    assert rows[0]["psnr"] < rows[1]["psnr"] < rows[2]["psnr"]
    assert len(report["frames"]) == 7 and [f["is_key"] for f in report["frames"]] == [i % 4 == 0 for i in range(7)]
    for level in range(3):
        frames = list(stream.frames(level, check_hash=True))
        assert [f.index for f in frames] == list(range(7)) and {f.level for f in frames} == {level}


@pytest.mark.parametrize("chroma, depth", [(Chroma.YUV420, 8), (Chroma.GREY, 10), (Chroma.YUV444, 8)])
def test_main_tools(tmp_path: Path, chroma: Chroma, depth: int) -> None:
    clip = write_clip(tmp_path / "clip.y4m", chroma=chroma, depth=depth, frames=5)
    sizes = {}
    for tools in ("paper", "main"):
        report = encode_clip(clip, tmp_path / f"{tools}.pgs", gop=3, tools=tools)
        stream = pgsvc.open(tmp_path / f"{tools}.pgs")
        for level in range(3):
            assert len(list(stream.frames(level, check_hash=True))) == 5
        rows = report["levels"]
        assert rows[0]["psnr"] < rows[1]["psnr"] < rows[2]["psnr"]
        sizes[tools] = rows[2]["bytes"]
    assert sizes["main"] < sizes["paper"]


def test_stills_have_the_main_tools_unless_others_are_asked_for(tmp_path: Path) -> None:
    picture, out = tmp_path / "p.png", tmp_path / "o.pgs"
    Image.fromarray(np.tile(np.arange(48, dtype=np.uint8)[None, :, None] * 5, (34, 1, 3))).save(picture)
    ways = {
        (): 2,
        ("--tools", "paper"): 1,
        ("--quantise", "ptq"): 2,
        ("--quantise", "qat"): 2,
        ("--positions", "anchors"): 3,
    }
    for options, tool in ways.items():
        arguments = [str(picture), str(out), "--splats", "30", "--preset", "fast", "--quiet", *options]
        assert cli.main(arguments) == 0
        stream = pgsvc.open(out)
        assert stream.segments[0].tracks[2, 0, 0].key.header["position_tool"] == tool
        assert stream.index is None


def test_same_seed_same_file_and_threads_do_not_matter(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.y4m", frames=3)
    files = []
    for name, settings in (("a", {"threads": 1}), ("b", {"threads": 2}), ("c", {"threads": 1, "seed": 1})):
        encode_clip(clip, tmp_path / f"{name}.pgs", **settings)
        files.append((tmp_path / f"{name}.pgs").read_bytes())
    assert files[0] == files[1] != files[2]


def test_resume_keeps_finished_segments(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.y4m")
    whole = tmp_path / "whole.pgs"
    encode_clip(clip, whole, gop=3)
    out = tmp_path / "killed.pgs"
    fitted: list[int] = []

    def stop_in_third_segment(frame: int, errors: object) -> None:
        fitted.append(frame)
        if frame == 6:
            raise KeyboardInterrupt

    settings = Settings(splats=45, overrides=QUICK, gop=3)
    with open_source(str(clip)) as source, pytest.raises(KeyboardInterrupt):
        encode(source, out, settings, progress=stop_in_third_segment)
    assert not out.exists() and len(list(tmp_path.glob("killed.pgs.parts/*.json"))) == 3
    fitted.clear()
    with open_source(str(clip)) as source:
        encode(source, out, settings, resume=True, progress=lambda f, e: fitted.append(f) if e is not None else None)
    assert set(fitted) == {6}
    assert out.read_bytes() == whole.read_bytes()
    assert not list(tmp_path.glob("*.parts"))


def test_resume_refuses_other_settings(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.y4m", frames=2)
    out = tmp_path / "x.pgs"

    def stop(frame: int, errors: object) -> None:
        raise KeyboardInterrupt

    with open_source(str(clip)) as source, pytest.raises(KeyboardInterrupt):
        encode(source, out, Settings(splats=45, overrides=QUICK), progress=stop)
    with open_source(str(clip)) as source, pytest.raises(UsageError, match="other settings"):
        encode(source, out, Settings(splats=60, overrides=QUICK), resume=True)


def test_predicted_frames_do_not_drift(tmp_path: Path) -> None:
    """Every frame of every level, decoded on its own from the file, is the picture the encoder saw."""
    clip = write_clip(tmp_path / "clip.y4m")
    out = tmp_path / "clip.pgs"
    encode_clip(clip, out, gop=7, chunk_frames=3)
    stream = pgsvc.open(out)
    for level in range(3):
        expected = [f.picture.tobytes() for f in stream.frames(level, check_hash=True)]
        assert [stream.frame(i, level).picture.tobytes() for i in (0, 3, 6)] == [expected[i] for i in (0, 3, 6)]


def test_quantisers_are_learned_anew_when_a_still_clip_begins_to_move(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.y4m", frames=9, still_frames=5)
    encode_clip(clip, tmp_path / "clip.pgs", gop=9, chunk_frames=2, tools="paper")
    stream = pgsvc.open(tmp_path / "clip.pgs")
    assert len(list(stream.frames(check_hash=True))) == 9
    kept = [chunk.header["keep_parameters"] for chunk in stream.segments[0].tracks[2, 0, 0].predicted]
    assert kept[0] == 0 and 1 in kept


def test_cut_equals_level_on_an_encoded_clip(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.y4m", frames=4)
    out = tmp_path / "clip.pgs"
    encode_clip(clip, out, gop=2)
    stream = pgsvc.Stream()
    stream.keep_chunks = True
    stream.feed(out.read_bytes())
    stream.close()
    for level in range(3):
        short = pgsvc.Stream()
        short.feed(cut(stream, level=level))
        short.close()
        assert short.layer_count == level + 1
        theirs = [f.picture.tobytes() for f in stream.frames(level)]
        assert [f.picture.tobytes() for f in short.frames(check_hash=True)] == theirs


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        __import__("pgsvc_encoder.settings", fromlist=["PRESETS"]).PRESETS, "fast", Settings(overrides=QUICK).effort()
    )
    clip = write_clip(tmp_path / "clip.y4m", frames=2)
    raw = tmp_path / "clip_48x34_25fps.yuv"
    body = clip.read_bytes().split(b"\n", 1)[1].split(b"FRAME\n")[1:]
    raw.write_bytes(b"".join(body))
    out, report = tmp_path / "o.pgs", tmp_path / "r.json"
    arguments = [str(raw), str(out), "--layers", "2", "--splats", "30", "--preset", "fast", "--report", str(report)]
    assert cli.main(arguments) == 0
    text = capsys.readouterr()
    assert text.out == "" and "PSNR-Y" in text.err and "per frame" in text.err
    record = json.loads(report.read_text())
    assert record["command"] == ["pgsvc-enc", *arguments] and len(record["levels"]) == 2
    unnamed = tmp_path / "in.yuv"
    unnamed.write_bytes(raw.read_bytes())
    assert cli.main([str(unnamed), str(out)]) == 2
    assert "--size" in capsys.readouterr().err
    assert cli.main([*arguments, "--tools", "main"]) == 0
    assert pgsvc.open(out).segments[0].tracks[1, 0, 0].key.header["position_tool"] == 2
    assert cli.main([str(raw), str(out), "--device", "cuda"]) == 2
    assert cli.main([str(raw), str(out), "--layers", "0"]) == 2
    assert cli.main([str(raw), str(out), "--tools", "paper", "--positions", "anchors"]) == 2
    assert "belongs to the main tools" in capsys.readouterr().err
    assert cli.main([str(raw), str(raw)]) == 2
    assert cli.main([str(tmp_path / "absent.png"), str(out)]) in (1, 2)
    assert "Traceback" not in capsys.readouterr().err


def test_missing_extra_is_one_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert cli.main(["a.png", "b.pgs"]) == 2
    assert "pip install 'pgsvc[encoder]'" in capsys.readouterr().err


@pytest.mark.parametrize("training", ["joint", "cyclic", "sequential", "pruning"])
def test_levels_of_their_own_sizes(tmp_path: Path, training: str) -> None:
    clip = write_clip(tmp_path / "clip.y4m", frames=3)
    arguments = {"layers": 3, "splats": (10, 20, 40), "scalability": "resolution", "training_name": training}
    with open_source(str(clip)) as source:
        report = encode(source, tmp_path / "o.pgs", Settings(overrides=QUICK, chunk_frames=2, **arguments))
    sizes = [(24, 16), (34, 24), (48, 34)]
    assert [tuple(row["size"]) for row in report["levels"]] == sizes
    with pgsvc.open(tmp_path / "o.pgs") as stream:
        for k, size in enumerate(sizes):
            assert stream.level_size(k) == size
            frames = list(stream.frames(k, check_hash=True))
            assert [(f.picture.format.width, f.picture.format.height) for f in frames] == [size] * 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--splats", "30,20,40"], "rise"),
        (["--splats", "10,20", "--layers", "3"], "one for each of the 3 levels"),
        (["--splats", "10,x"], "numbers separated by commas"),
        (["--sizes", "24x17,40x30"], "the last level has the size of the picture"),
        (["--sizes", "24x17,20x34,48x34"], "must not fall"),
        (["--sizes", "24x17,48x34", "--layers", "3"], "one size for each"),
        (["--sizes", "24,48x34"], "WxH"),
        (["--level-weights", "1,2"], "one number"),
        (["--training", "monolithic"], "--layers 1"),
    ],
)
def test_levels_that_make_no_sense(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    clip = write_clip(tmp_path / "clip.y4m", frames=1)
    assert cli.main([str(clip), str(tmp_path / "o.pgs"), "--quiet", *arguments]) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "o.pgs").exists()


def test_starts_of_the_fit(tmp_path: Path) -> None:
    pytest.importorskip("skimage", reason="superpixels need scikit-image")
    clip = write_clip(tmp_path / "clip.y4m", frames=1)
    coded = []
    for start in ("content", "superpixels", "uniform"):
        report = encode_clip(clip, tmp_path / f"{start}.pgs", start=start)
        assert report["levels"][-1]["psnr"] > 15
        coded.append((tmp_path / f"{start}.pgs").read_bytes())
    assert len(set(coded)) == 3
