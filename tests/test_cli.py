"""The command lines: names, exit codes, what goes where, and that failures leave nothing behind (spec B.2)."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest

import pgsvc
from pgsvc.cli import cut, dec, info
from pgsvc.headers import SCENE

ROOT = Path(__file__).resolve().parent.parent / "conformance"
MANIFEST = tomllib.loads((ROOT / "manifest.toml").read_text(encoding="utf-8"))
VALID = {e["id"]: e for e in MANIFEST["valid"]}
CLIP, STILL, RGB, TEN_BIT, SIZED = (next(i for i in VALID if i.startswith(n)) for n in ("09", "04", "03", "05", "22"))
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(pgsvc.__file__).parents[1])}


def stream(name: str, folder: Path) -> Path:
    """A copy of a valid stream, so that files beside it are the test's own."""
    copy = folder / "clip.pgs"
    copy.write_bytes((ROOT / VALID[name]["file"]).read_bytes())
    return copy


def faulty(error: str, clause: str, words: str = "") -> str:
    entries = (e for e in MANIFEST["faulty"] if (e["error"], e["clause"]) == (error, clause) and words in e["id"])
    return str(ROOT / next(entries)["file"])


def command(module: str, *arguments: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    words = [sys.executable, "-m", f"pgsvc.cli.{module}", *arguments]
    return subprocess.run(words, input=data, capture_output=True, env=ENVIRONMENT, check=False)


def names(folder: Path) -> set[str]:
    return {p.name for p in folder.iterdir()}


# --- pgsvc-dec --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        (CLIP, [], "clip.level2.y4m"),
        (CLIP, ["--level", "0"], "clip.level0.y4m"),
        (STILL, ["-l", "1"], "clip.level1.png"),
        (RGB, [], "clip.level2.png"),
        (STILL, ["--output-kind", "yuv"], "clip.level2.yuv"),
    ],
)
def test_default_output_names(name: str, options: list[str], expected: str, tmp_path: Path) -> None:
    assert dec.main([str(stream(name, tmp_path)), *options]) == 0
    assert names(tmp_path) == {"clip.pgs", expected}


@pytest.mark.parametrize("name", [CLIP, STILL, RGB, TEN_BIT])
def test_raw_output_is_what_the_md5_is_of(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, output = stream(name, tmp_path), tmp_path / "out.yuv"
    for level, expected in enumerate(VALID[name]["md5"]):
        assert dec.main(["-q", str(source), "--level", str(level), "-o", str(output)]) == 0
        assert hashlib.md5(output.read_bytes()).hexdigest() == expected
        assert dec.main([str(source), "--level", str(level), "--md5", "--check-hash"]) == 0
        assert capsys.readouterr().out == expected + "\n"
    assert names(tmp_path) == {"clip.pgs", "out.yuv"}


def test_md5_of_each_frame_and_ranges_of_frames(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = str(stream(CLIP, tmp_path))
    assert dec.main([source, "--frame-md5"]) == 0
    every = capsys.readouterr().out.split()
    assert len(every) == VALID[CLIP]["frames"]
    assert dec.main([source, "--frame-md5", "--skip", "2", "--frames", "3"]) == 0
    assert capsys.readouterr().out.split() == every[2:5]
    assert dec.main([source, "--frame-md5", "--skip", "99"]) == 2


@pytest.mark.parametrize(
    ("name", "options", "size"),
    [
        (CLIP, ["--size", "20x15"], "W20 H15"),
        (CLIP, ["--size", "24x"], "W24 H18"),
        (CLIP, ["-s", "x72", "--level", "0"], "W96 H72"),
        (SIZED, [], "W47 H35"),
        (SIZED, ["--level", "0", "--check-hash"], "W21 H18"),
        (SIZED, ["--level", "0", "--size", "48x"], "W48 H36"),
        (SIZED, ["--level", "1", "--size", "21x18", "--check-hash"], "W21 H18"),
    ],
)
def test_sizes(name: str, options: list[str], size: str, tmp_path: Path) -> None:
    output = tmp_path / "out.y4m"
    assert dec.main(["-q", str(stream(name, tmp_path)), "-o", str(output), *options]) == 0
    assert output.read_bytes().startswith(f"YUV4MPEG2 {size} ".encode())


def test_truncated_streams_are_noted_or_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = stream(CLIP, tmp_path)
    entry = next(e for e in MANIFEST["truncated"] if e["stream"] == CLIP and len(set(e["levels"])) > 1)
    source.write_bytes(source.read_bytes()[: entry["bytes"]])
    assert dec.main([str(source), "--md5"]) == 0
    captured = capsys.readouterr()
    assert captured.out == entry["md5"] + "\n"
    assert "truncated" in captured.err
    assert "decoded at level" in captured.err
    assert dec.main([str(source), "--strict", "-o", str(tmp_path / "out.y4m")]) == 1
    assert "spec 5.4" in capsys.readouterr().err
    assert dec.main(["-q", str(source), "--md5"]) == 0
    assert capsys.readouterr().err == ""
    assert names(tmp_path) == {"clip.pgs"}


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([str(ROOT / VALID[CLIP]["file"]), "--level", "3"], 2, "levels 0 to 2"),
        ([str(ROOT / VALID[CLIP]["file"]), "--level", "-1"], 2, "levels 0 to 2"),
        ([str(ROOT / VALID[CLIP]["file"]), "-o", "{}/x.y4m", "--size", "0x9"], 2, "out of range"),
        ([str(ROOT / VALID[CLIP]["file"]), "-o", "{}/x.y4m", "--size", "769x"], 2, "16 times that of 48x36"),
        ([str(ROOT / VALID[CLIP]["file"]), "-o", "{}/x.y4m", "--size", "x576", "--allow", "pixels=4k"], 4, "spec A.1"),
        ([str(ROOT / VALID[CLIP]["file"]), "-o", "{}/x.y4m", "--size", "20x", "--check-hash"], 2, "of another size"),
        ([str(ROOT / VALID[CLIP]["file"]), "-o", "{}/x.tiff"], 2, "does not tell"),
        ([str(ROOT / VALID[CLIP]["file"]), "-o", "{}/none/x.y4m"], 2, "folder"),
        ([str(ROOT / VALID[RGB]["file"]), "-o", "{}/x.y4m"], 2, "RGB"),
        ([str(ROOT / VALID[CLIP]["file"]), "-o", "{}/x.y4m", "--cpu", "z80"], 2, "z80"),
        ([str(ROOT / VALID[CLIP]["file"]), "-o", "{}/x.y4m", "--allow", "lots"], 2, "--allow"),
        ([str(ROOT / VALID[CLIP]["file"]), "-o", "{}/x.y4m", "--allow", "pixels=100"], 4, "spec A"),
        (["{}/none.pgs"], 1, "No such file"),
        ([faulty("BadStream", "7.8"), "-o", "{}/x.y4m"], 1, "spec 7.8"),
        ([faulty("BadStream", "4.1"), "-o", "{}/x.y4m"], 1, "spec 4.1"),
        ([faulty("HashMismatch", "6.6"), "-o", "{}/x.yuv", "--check-hash"], 1, "spec 6.6"),
        ([faulty("Unsupported", "6.1"), "-o", "{}/x.y4m"], 3, "spec 6.1"),
        ([faulty("LimitExceeded", "A.3"), "-o", "{}/x.yuv"], 4, "spec A.3"),
    ],
)
def test_errors(
    arguments: list[str], code: int, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dec.main([a.replace("{}", str(tmp_path)) for a in arguments]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert captured.err.startswith("pgsvc-dec: ")
    assert message in captured.err
    assert names(tmp_path) == set()


@pytest.mark.parametrize(
    "arguments", [["--skip", "-1"], ["--frames", "0"], ["--no-such"], ["--size", "20"], ["-s", "x"], ["-s", "9x-9"], []]
)
def test_usage_errors(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        dec.main([*(["x.pgs"] if arguments else []), *arguments])
    assert caught.value.code == 2
    assert "usage: pgsvc-dec" in capsys.readouterr().err


def test_a_failure_keeps_the_file_that_was_there(tmp_path: Path) -> None:
    """The second segment overlaps the first one: frames are written before the fault is met."""
    source, output = faulty("BadStream", "6.3", "segments-overlap"), tmp_path / "out.y4m"
    output.write_bytes(b"precious")
    assert dec.main([source, "-o", str(output)]) == 1
    assert output.read_bytes() == b"precious"
    assert dec.main([str(ROOT / VALID[CLIP]["file"]), "-o", str(output), "--check-hash"]) == 0
    assert output.read_bytes().startswith(b"YUV4MPEG2")
    assert names(tmp_path) == {"out.y4m"}


def test_standard_streams(tmp_path: Path) -> None:
    data = (ROOT / VALID[CLIP]["file"]).read_bytes()
    done = command("dec", "-", "-o", "-", "--level", "1", data=data)
    assert done.returncode == 0
    assert done.stdout.startswith(b"YUV4MPEG2 W48 H36 F25:1 ")
    raw = command("dec", "-", "-o", "-", "--output-kind", "yuv", "--level", "1", data=data)
    assert hashlib.md5(raw.stdout).hexdigest() == VALID[CLIP]["md5"][1]
    small = command("cut", "-", "-", "--level", "1", data=data)
    again = command("dec", "-", "--md5", data=small.stdout)
    assert again.stdout.decode().strip() == VALID[CLIP]["md5"][1]


def test_standard_streams_in_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = io.BytesIO()
    data = (ROOT / VALID[STILL]["file"]).read_bytes()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=taken))
    assert dec.main(["-", "--output-kind", "yuv"]) == 0
    assert hashlib.md5(taken.getvalue()).hexdigest() == VALID[STILL]["md5"][-1]


def test_a_reader_that_goes_away_is_no_error() -> None:
    words = [sys.executable, "-m", "pgsvc.cli.dec", str(ROOT / VALID["19-video-empty-tracks"]["file"]), "-o", "-"]
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(words, stdout=write, stderr=subprocess.PIPE, env=ENVIRONMENT, check=False)
    os.close(write)
    assert done.stderr == b""
    assert done.returncode == 0


@pytest.mark.parametrize("module", ["dec", "cut", "info"])
def test_help_is_quick(module: str) -> None:
    code = f"import sys\nfrom pgsvc.cli.{module} import main\ntry: main(['--help'])\nfinally: print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=ENVIRONMENT, check=False)
    assert done.returncode == 0
    assert "examples:" in done.stdout
    assert not {"numpy", "constriction", "zstandard", "bitstring", "torch"} & set(done.stderr.split())
    assert command(module, "--version").stdout.startswith(f"pgsvc-{module} ".encode())


# --- pgsvc-cut --------------------------------------------------------------------------------------------------------


def test_cut(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, small = stream(CLIP, tmp_path), tmp_path / "small.pgs"
    assert cut.main([str(source), str(small), "--level", "0"]) == 0
    assert "→" in capsys.readouterr().err
    assert dec.main([str(small), "--md5"]) == 0
    assert capsys.readouterr().out.strip() == VALID[CLIP]["md5"][0]
    assert cut.main(["-q", str(source), str(small), "--max-bytes", "1500"]) == 0
    assert small.stat().st_size <= 1500
    assert capsys.readouterr().err == ""
    assert cut.main([str(source), str(small), "--frames", "0:3"]) == 0
    assert names(tmp_path) == {"clip.pgs", "small.pgs"}


@pytest.mark.parametrize(
    ("options", "code"),
    [(["--level", "9"], 2), (["--max-bytes", "100"], 2), (["--frames", "500:"], 2), (["--allow", "splats=1"], 4)],
)
def test_cut_errors_leave_no_file(options: list[str], code: int, tmp_path: Path) -> None:
    source = stream(CLIP, tmp_path)
    assert cut.main([str(source), str(tmp_path / "small.pgs"), *options]) == code
    assert names(tmp_path) == {"clip.pgs"}


def test_cut_does_not_overwrite_its_input(tmp_path: Path) -> None:
    source = stream(CLIP, tmp_path)
    before = source.read_bytes()
    assert cut.main([str(source), str(source), "--level", "0"]) == 2
    assert source.read_bytes() == before
    with pytest.raises(SystemExit):
        cut.main([str(source), "x.pgs", "--frames", "3"])


# --- pgsvc-info -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", VALID)
def test_info_as_json(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    entry = VALID[name]
    assert info.main([str(ROOT / entry["file"]), "--json", "--chunks"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["bytes"], len(told["layers"])) == (entry["bytes"], entry["layers"])
    if told["header"]["profile"] != SCENE:
        assert told["frames"] == entry["frames"]
    assert 8 + sum(c["bytes"] for c in told["chunks"]) == entry["bytes"]
    assert told["truncated"] is False


def test_info_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert info.main([str(ROOT / VALID[CLIP]["file"]), "--chunks"]) == 0
    out = capsys.readouterr().out
    assert "48x36 4:2:0 8 bit, 7 frames at 25 frames/s in 1 segments" in out
    assert "KEYF" in out


def test_info_shows_level_sizes(capsys: pytest.CaptureFixture[str]) -> None:
    source = str(ROOT / VALID[SIZED]["file"])
    assert info.main([source]) == 0
    rows = capsys.readouterr().out.splitlines()[-3:]
    assert [row.split()[-1] for row in rows] == VALID[SIZED]["sizes"]
    assert info.main([source, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["layers"]
    assert [f"{row['width']}x{row['height']}" for row in told] == VALID[SIZED]["sizes"]


def test_info_errors(capsys: pytest.CaptureFixture[str]) -> None:
    assert info.main([faulty("Unsupported", "4.4")]) == 3
    assert info.main(["/no/such/file.pgs"]) == 1
    assert capsys.readouterr().out == ""
