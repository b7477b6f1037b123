"""Segments coded by several processes: the same bytes, whatever happens to a process on the way."""

from __future__ import annotations

import io
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch", reason="encoding needs the encoder extra")

from test_encode import QUICK, write_clip  # noqa: E402

from pgsvc.errors import BadStream, MissingExtra, PgsError, UsageError  # noqa: E402
from pgsvc.picture import Chroma, Picture  # noqa: E402
from pgsvc_encoder import cli, worker, workers  # noqa: E402
from pgsvc_encoder.cluster.connection import Cluster  # noqa: E402
from pgsvc_encoder.encode import encode  # noqa: E402
from pgsvc_encoder.handover import TaskInFiles  # noqa: E402
from pgsvc_encoder.options import settings_from  # noqa: E402
from pgsvc_encoder.parts import Parts  # noqa: E402
from pgsvc_encoder.progress import ProgressBar  # noqa: E402
from pgsvc_encoder.region import Region  # noqa: E402
from pgsvc_encoder.settings import Settings  # noqa: E402
from pgsvc_encoder.source import open_source  # noqa: E402

FRAMES = 8
SETTINGS = Settings(splats=45, overrides=QUICK, gop=3, threads=1)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.y4m", frames=FRAMES)


@pytest.fixture(scope="module")
def whole(clip: Path) -> bytes:
    """What one process makes of it."""
    return run(clip, clip.with_name("whole.pgs"), 1)


def run(clip: Path, out: Path, count: int | None, settings: Settings = SETTINGS, **more: object) -> bytes:
    with open_source(str(clip)) as source:
        encode(source, out, settings, workers=count, **more)  # type: ignore[arg-type]
    return out.read_bytes()


def mask(frame: int) -> np.ndarray:
    inside = np.zeros((34, 48), bool)
    inside[4:20, 5 + frame : 25 + frame] = True
    return inside


def nothing_left(folder: Path) -> bool:
    return not list(folder.glob("*.parts")) and not multiprocessing.active_children()


def test_same_bytes_and_every_frame_is_told_once(tmp_path: Path, clip: Path, whole: bytes) -> None:
    told: list[int] = []
    keys: list[int] = []
    files: list[int] = []

    def progress(frame: int, errors: object) -> None:
        assert errors is None
        told.append(frame)
        files.append(len(list(tmp_path.glob("o.pgs.parts/*.pictures"))))

    assert run(clip, tmp_path / "o.pgs", 2, progress=progress, on_key=keys.append) == whole
    assert sorted(told) == list(range(FRAMES)) and keys == [0, 3, 6]
    assert 1 <= max(files) <= 3
    assert nothing_left(tmp_path)


def test_same_bytes_with_a_region_and_a_rate(tmp_path: Path, clip: Path) -> None:
    settings = Settings(layers=2, splats=40, overrides=QUICK, gop=4, rate=1.5, chunk_frames=2)
    one, two = (run(clip, tmp_path / f"{n}.pgs", n, settings, region=mask) for n in (1, 2))
    assert one == two


def test_one_process_starts_no_other(tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(*_: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr("multiprocessing.process.BaseProcess.start", start)
    with open_source(str(clip), frames=1) as source:
        encode(source, tmp_path / "o.pgs", SETTINGS)
    with pytest.raises(AssertionError, match="was started"):
        run(clip, tmp_path / "o.pgs", 2)


def killer(times: int) -> Callable[[int, object], None]:
    """Kills all workers when they have told of a finished frame, so many times."""
    left = [times]

    def progress(frame: int, errors: object) -> None:
        if left[0]:
            left[0] -= 1
            for process in multiprocessing.active_children():
                process.kill()

    return progress


def test_killed_workers_are_replaced(tmp_path: Path, clip: Path, whole: bytes) -> None:
    said: list[str] = []
    assert run(clip, tmp_path / "o.pgs", 2, progress=killer(1), notice=said.append) == whole
    assert said and all("was killed by SIGKILL; another begins them again" in text for text in said)
    assert nothing_left(tmp_path)


def test_workers_killed_again_and_again_end_the_encode(
    tmp_path: Path, clip: Path, whole: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = workers.Workers._start

    def start_and_kill(team: workers.Workers) -> object:
        begun = start(team)
        if team._told:
            begun.process.kill()
        return begun

    monkeypatch.setattr(workers.Workers, "_start", start_and_kill)
    with pytest.raises(PgsError, match=r"SIGKILL, the last of 3 lost with them.*--resume and fewer --workers"):
        run(clip, tmp_path / "o.pgs", 2, progress=killer(1))
    assert not (tmp_path / "o.pgs").exists() and not multiprocessing.active_children()
    assert (tmp_path / "o.pgs.parts").is_dir() and not list(tmp_path.glob("o.pgs.parts/*.pictures"))
    monkeypatch.undo()
    assert run(clip, tmp_path / "o.pgs", 3, resume=True) == whole


def test_resume_after_all_was_killed(tmp_path: Path) -> None:
    """With another number of workers, by the command line."""
    clip = write_clip(tmp_path / "clip.y4m", frames=5)
    command = [str(clip), "", "--splats", "40", "--preset", "fast", "--gop", "2", "--threads", "1", "--quiet"]
    one, out = command.copy(), command.copy()
    one[1], out[1] = str(tmp_path / "one.pgs"), str(tmp_path / "o.pgs")
    process = subprocess.Popen([sys.executable, "-m", "pgsvc_encoder.cli", *out, "--workers", "2"])
    parts = tmp_path / "o.pgs.parts"
    while not (parts / "000000.json").exists() and process.poll() is None:
        time.sleep(0.02)
    process.kill()
    process.wait()
    assert parts.is_dir() and not (tmp_path / "o.pgs").exists()
    kept = (parts / "000000.json").stat().st_mtime_ns
    loaded: list[int] = []

    def progress(frame: int, errors: object) -> None:
        loaded.append((parts / "000000.json").stat().st_mtime_ns)

    wanted = cli.build_parser().parse_args(out)
    resumed = run(clip, tmp_path / "o.pgs", 3, settings_from(wanted), resume=True, progress=progress)
    assert set(loaded) == {kept}
    assert cli.main(one) == 0
    assert resumed == (tmp_path / "one.pgs").read_bytes() and nothing_left(tmp_path)


def test_ctrl_c_ends_all_and_keeps_what_is_finished(tmp_path: Path, clip: Path, whole: bytes) -> None:
    def progress(frame: int, errors: object) -> None:
        if len(list(tmp_path.glob("o.pgs.parts/*.json"))) > 1:  # settings and one segment
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(clip, tmp_path / "o.pgs", 2, progress=progress)
    assert not multiprocessing.active_children()
    left = sorted(p.suffix for p in (tmp_path / "o.pgs.parts").iterdir())
    assert left.count(".json") >= 2 and not {".pictures", ".masks"} & set(left)
    assert run(clip, tmp_path / "o.pgs", 2, resume=True) == whole


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="signals of a terminal")
def test_ctrl_c_of_a_terminal_reaches_workers_too_and_they_are_silent(tmp_path: Path, clip: Path) -> None:
    """It comes while they start, and long before they are done: a segment waits for the second of them."""
    command = [sys.executable, "-m", "pgsvc_encoder.cli", str(clip), str(tmp_path / "o.pgs"), "--gop", "2"]
    command += ["--preset", "placebo"]
    process = subprocess.Popen([*command, "--workers", "2"], stderr=subprocess.PIPE, text=True, start_new_session=True)
    while not (tmp_path / "o.pgs.parts/000001.pictures").exists() and process.poll() is None:
        time.sleep(0.02)
    time.sleep(0.2)
    os.killpg(process.pid, signal.SIGINT)
    errors = process.communicate()[1].splitlines()
    assert process.returncode == 130 and len(errors) == 2
    assert "--resume goes on" in errors[0] and errors[1] == "pgsvc-enc: interrupted"


def test_an_error_in_a_worker_is_reported(tmp_path: Path, clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [str(clip), str(tmp_path / "o.pgs"), "--quiet", "--gop", "3", "--sizes", "24x17,40x30"]
    assert cli.main([*arguments, "--workers", "1"]) == 2
    alone = capsys.readouterr().err
    assert cli.main([*arguments, "--workers", "2"]) == 2
    assert capsys.readouterr().err == alone and "the last level has the size of the picture" in alone
    assert not multiprocessing.active_children()


def test_errors_keep_message_and_exit_code_between_processes() -> None:
    plain = UsageError("give less")
    assert worker.portable(plain) is plain and "In a worker" in plain.__notes__[0]
    other = worker.portable(BadStream("odd", clause="4.3"))
    assert type(other) is PgsError and str(other) == "odd (spec 4.3)" and other.exit_code == 1


@pytest.mark.parametrize("count", ["0", "-2"])
def test_no_workers_at_all(tmp_path: Path, clip: Path, capsys: pytest.CaptureFixture[str], count: str) -> None:
    assert cli.main([str(clip), str(tmp_path / "o.pgs"), "--workers", count]) == 2
    assert f"--workers {count}: give 1 or more" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_cluster_needs_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"pip install 'pgsvc\[cluster\]'"):
        Cluster("auto")


def test_a_still_has_one_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pgsvc_encoder.encode.Workers", None)
    path, said = tmp_path / "still.png", []
    Image.fromarray(np.tile(np.arange(48, dtype=np.uint8)[None, :, None] * 5, (34, 1, 3))).save(path)
    run(path, tmp_path / "o.pgs", 2, notice=said.append)
    assert len(said) == 1 and "a still is one segment" in said[0]


@pytest.mark.parametrize("chroma, depth", [(Chroma.YUV420, 8), (Chroma.YUV422, 10), (Chroma.GREY, 8)])
def test_pictures_and_masks_reach_a_worker_as_they_are(tmp_path: Path, chroma: Chroma, depth: int) -> None:
    path = write_clip(tmp_path / "clip.y4m", frames=3, chroma=chroma, depth=depth)
    with open_source(str(path)) as source:
        pictures: list[Picture] = list(source)
    task = TaskInFiles.write(tmp_path, 4, 10, 5, iter(pictures), Region(mask))
    assert [p.tobytes() for p in task.read()] == [p.tobytes() for p in pictures] and task.frames == 3
    region = task.region()
    assert region is not None
    for frame in (12, 10, 11):
        assert (region.at(frame, 48, 34) == mask(frame)).all()
    task.remove()
    assert [p.name for p in tmp_path.iterdir()] == ["clip.y4m"]


def test_threads_are_shared(tmp_path: Path) -> None:
    parts = Parts(tmp_path / "o.pgs", {}, resume=False)
    for threads, count, each in ((8, 3, 2), (2, 4, 1)):
        team = workers.Workers(count, Settings(threads=threads), parts, None, None, None)
        assert team._settings.threads == each


def test_progress_bar_ends_full(tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames are finished in any order; the bar never goes back."""
    terminal = io.StringIO()
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr("sys.stderr", terminal)
    with open_source(str(clip)) as source:
        bar = ProgressBar(SETTINGS, source, quiet=False)
        seen = []
        for frame in (0, 3, 6):
            bar.key_frame(frame)
        for frame in (3, 0, 1, 4, 6, 5, 7, 2):
            before = bar._bar.n
            bar(frame, None)
            seen.append(bar._bar.n - before)
        bar.close()
    key, predicted = SETTINGS.effort().iterations(SETTINGS.tools)
    assert seen == [key if frame in (0, 3, 6) else predicted for frame in (3, 0, 1, 4, 6, 5, 7, 2)]
    assert bar._bar.n == bar._bar.total
