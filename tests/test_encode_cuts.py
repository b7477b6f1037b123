"""Encodes of a clip with cuts: where key frames come, resuming, the progress bar, the command line's errors."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch", reason="encoding needs the encoder extra")

from test_encode import QUICK, smooth_picture  # noqa: E402
from test_keyframes import scene  # noqa: E402

from pgsvc.errors import UsageError  # noqa: E402
from pgsvc.output import open_writer  # noqa: E402
from pgsvc.picture import Chroma, Picture, PictureFormat  # noqa: E402
from pgsvc_encoder import cli, progress  # noqa: E402
from pgsvc_encoder.encode import encode  # noqa: E402
from pgsvc_encoder.keyframes.dynamic import DynamicRule  # noqa: E402
from pgsvc_encoder.settings import Settings  # noqa: E402
from pgsvc_encoder.source import open_source  # noqa: E402

TRIALS = DynamicRule(splats=60, key_iterations=30, predicted_iterations=6, factor=2.0)
FRAMES, CUT = 9, 4


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Two scenes, each panned."""
    path = tmp_path / "clip.y4m"
    picture_format = PictureFormat(64, 48, Chroma.GREY, frame_rate=Fraction(25))
    with open_writer(str(path), picture_format) as writer:
        for i in range(FRAMES):
            plane = scene(1 if i < CUT else 2, shift=i)[40:88, 30:94]
            writer.write(Picture(picture_format, (plane.clip(0, 255).astype("uint8"),)))
    return path


def settings(method: str, **changes: object) -> Settings:
    return Settings(splats=45, overrides=QUICK, key_frames=method, dynamic=TRIALS, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "method, gop, keys",
    [("fixed", 32, [0]), ("difference", 32, [0, 4]), ("difference", 3, [0, 3, 6]), ("dynamic", 32, [0, 4])],
)
def test_key_frames(tmp_path: Path, clip: Path, method: str, gop: int, keys: list[int]) -> None:
    told: list[int] = []
    with open_source(str(clip)) as source:
        report = encode(source, tmp_path / "o.pgs", settings(method, gop=gop), on_key=told.append)
    assert [i for i, f in enumerate(report["frames"]) if f["is_key"]] == keys == told


@pytest.mark.parametrize("method", ["difference", "dynamic"])
def test_resume(tmp_path: Path, clip: Path, method: str) -> None:
    whole, out = tmp_path / "whole.pgs", tmp_path / "killed.pgs"
    with open_source(str(clip)) as source:
        encode(source, whole, settings(method))
    begun: list[int] = []

    def stop(frame: int, errors: object) -> None:
        if begun == [0, CUT]:
            raise KeyboardInterrupt

    with open_source(str(clip)) as source, pytest.raises(KeyboardInterrupt):
        encode(source, out, settings(method), progress=stop, on_key=begun.append)
    assert len(list(tmp_path.glob("killed.pgs.parts/0*.json"))) == 1
    fitted: set[int] = set()
    with open_source(str(clip)) as source:
        encode(
            source, out, settings(method), resume=True, progress=lambda f, e: fitted.add(f) if e is not None else None
        )
    assert fitted == set(range(CUT, FRAMES))  # the trial fits are not made again
    assert out.read_bytes() == whole.read_bytes() and not list(tmp_path.glob("*.parts"))


def test_resume_refuses_another_method(tmp_path: Path, clip: Path) -> None:
    def stop(frame: int, errors: object) -> None:
        raise KeyboardInterrupt

    with open_source(str(clip)) as source, pytest.raises(KeyboardInterrupt):
        encode(source, tmp_path / "o.pgs", settings("fixed"), progress=stop)
    with open_source(str(clip)) as source, pytest.raises(UsageError, match="other settings"):
        encode(source, tmp_path / "o.pgs", settings("difference"), resume=True)


def test_still_is_one_key_frame(tmp_path: Path) -> None:
    path = tmp_path / "still.png"
    picture_format = PictureFormat(40, 30, Chroma.YUV444, matrix=0, full_range=True)
    with open_writer(str(path), picture_format) as writer:
        writer.write(smooth_picture(picture_format))
    with open_source(str(path)) as source:
        assert len(encode(source, tmp_path / "o.pgs", settings("dynamic"))["frames"]) == 1


@pytest.mark.parametrize("method", ["fixed", "difference", "dynamic"])
def test_progress_bar_ends_full(tmp_path: Path, clip: Path, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr("sys.stderr", terminal)
    wanted = settings(method, gop=3)
    with open_source(str(clip)) as source:
        bar = progress.ProgressBar(wanted, source, quiet=False)
        encode(source, tmp_path / "o.pgs", wanted, progress=bar, on_key=bar.key_frame)
        bar.close()
        assert bar._bar.n == bar._bar.total > 0


def test_standard_input_cannot_be_read_twice(
    tmp_path: Path, clip: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(clip.read_bytes())))
    out = tmp_path / "o.pgs"
    assert cli.main(["-", str(out), "--key-frames", "dynamic"]) == 2
    assert "--key-frames dynamic reads the pictures twice" in capsys.readouterr().err
    assert not list(tmp_path.glob("o.pgs*"))


def test_unknown_method(tmp_path: Path, clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([str(clip), str(tmp_path / "o.pgs"), "--key-frames", "often"])
    assert ended.value.code == 2 and "difference" in capsys.readouterr().err
    with open_source(str(clip)) as source, pytest.raises(UsageError, match="no key-frame method"):
        encode(source, tmp_path / "o.pgs", settings("often"))
