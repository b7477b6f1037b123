"""Segments coded on a Ray cluster, here of one machine: the same bytes, whatever happens to a worker on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))
torch = pytest.importorskip("torch", reason="encoding needs the encoder extra")
pytest.importorskip("ray", reason="a cluster needs the cluster extra")

from benchmarking import below  # noqa: E402
from test_encode import QUICK, write_clip  # noqa: E402
from test_workers import SETTINGS, clip, mask, run, whole  # noqa: E402, F401

from pgsvc.errors import PgsError, UsageError  # noqa: E402
from pgsvc.picture import Chroma, Picture  # noqa: E402
from pgsvc_encoder import cli, team  # noqa: E402
from pgsvc_encoder.cluster.connection import Cluster  # noqa: E402
from pgsvc_encoder.region import Region  # noqa: E402
from pgsvc_encoder.settings import Settings  # noqa: E402
from pgsvc_encoder.source import open_source  # noqa: E402

FRAMES = 8  # of the clip


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster("local", 2) as connected:
        yield connected


def working() -> list[int]:
    """Processes below this one that code a segment."""
    return below(os.getpid(), "ray::code")


def test_same_bytes_and_every_frame_is_told_once(
    tmp_path: Path,
    clip: Path,  # noqa: F811
    whole: bytes,  # noqa: F811
    cluster: Cluster,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from pgsvc_encoder.cluster.task import TaskInStore

    put, remove, stored, most = TaskInStore.put, TaskInStore.remove, [0], [0]

    def count_put(*arguments: object) -> TaskInStore:
        stored[0] += 1
        most[0] = max(most[0], stored[0])
        return put(*arguments)  # type: ignore[arg-type]

    def count_remove(task: TaskInStore) -> None:
        stored[0] -= 1
        remove(task)

    monkeypatch.setattr(TaskInStore, "put", staticmethod(count_put))
    monkeypatch.setattr(TaskInStore, "remove", count_remove)
    told: list[int] = []
    keys: list[int] = []
    out = tmp_path / "o.pgs"
    assert run(clip, out, 1, cluster=cluster, progress=lambda n, _: told.append(n), on_key=keys.append) == whole
    assert sorted(told) == list(range(FRAMES)) and keys == [0, 3, 6]
    assert most == [2] and stored == [0]
    assert [p.name for p in tmp_path.iterdir()] == ["o.pgs"]


def test_same_bytes_with_a_region_and_a_rate(tmp_path: Path, clip: Path, cluster: Cluster) -> None:  # noqa: F811
    settings = Settings(layers=2, splats=40, overrides=QUICK, gop=4, rate=1.5, chunk_frames=2)
    one = run(clip, tmp_path / "1.pgs", 1, settings, region=mask)
    assert run(clip, tmp_path / "2.pgs", None, settings, region=mask, cluster=cluster) == one


def test_a_killed_worker_is_replaced(tmp_path: Path, clip: Path, whole: bytes, cluster: Cluster) -> None:  # noqa: F811
    said: list[str] = []
    told: list[int] = []

    def progress(frame: int, errors: object) -> None:
        if not told:
            for pid in working():
                os.kill(pid, signal.SIGKILL)
        told.append(frame)

    assert run(clip, tmp_path / "o.pgs", 2, cluster=cluster, progress=progress, notice=said.append) == whole
    assert said and all("was killed; another begins them again" in text for text in said)
    assert sorted(told) == list(range(FRAMES))


def test_the_last_loss_ends_the_encode_and_finished_segments_are_kept(
    tmp_path: Path,
    clip: Path,  # noqa: F811
    whole: bytes,  # noqa: F811
    cluster: Cluster,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def progress(frame: int, errors: object) -> None:
        if len(list(tmp_path.glob("o.pgs.parts/*.json"))) > 1:  # settings and one segment
            for pid in working():
                os.kill(pid, signal.SIGKILL)

    monkeypatch.setattr(team, "MOST_LOSSES", 1)
    with pytest.raises(PgsError, match=r"was killed, the last of 1 lost with them.*--resume and fewer --workers"):
        run(clip, tmp_path / "o.pgs", 1, cluster=cluster, progress=progress)
    assert not (tmp_path / "o.pgs").exists()
    assert run(clip, tmp_path / "o.pgs", 1, resume=True) == whole


def test_ctrl_c_cancels_what_runs(tmp_path: Path, clip: Path, cluster: Cluster) -> None:  # noqa: F811
    def progress(frame: int, errors: object) -> None:
        assert working()
        raise KeyboardInterrupt

    long = Settings(splats=400, gop=3, threads=1)
    with pytest.raises(KeyboardInterrupt):
        run(clip, tmp_path / "o.pgs", 1, long, cluster=cluster, progress=progress)
    until = time.monotonic() + 60
    while working() and time.monotonic() < until:
        time.sleep(0.1)
    assert not working() and (tmp_path / "o.pgs.parts").is_dir()


def test_frames_are_told_of_without_the_board(
    tmp_path: Path,
    clip: Path,  # noqa: F811
    whole: bytes,  # noqa: F811
    cluster: Cluster,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from pgsvc_encoder.cluster import coder

    class Gone(coder.Board):
        async def take(self) -> list[int]:
            os._exit(1)

    monkeypatch.setattr(coder, "Board", Gone)
    told: list[int] = []
    assert run(clip, tmp_path / "o.pgs", 2, cluster=cluster, progress=lambda n, _: told.append(n)) == whole
    assert sorted(told) == list(range(FRAMES))


def test_an_error_in_a_task_is_reported(
    tmp_path: Path,
    clip: Path,  # noqa: F811
    cluster: Cluster,
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = [str(clip), str(tmp_path / "o.pgs"), "--quiet", "--gop", "3", "--sizes", "24x17,40x30"]
    assert cli.main(arguments) == 2
    alone = capsys.readouterr().err
    assert cli.main([*arguments, "--cluster", "local", "--workers", "2"]) == 2
    assert capsys.readouterr() == ("", alone) and "the last level has the size of the picture" in alone


def test_a_lost_cluster_is_reported(tmp_path: Path, clip: Path, cluster: Cluster) -> None:  # noqa: F811
    import ray

    def progress(frame: int, errors: object) -> None:
        raise ray.exceptions.RaySystemError("nobody answers")

    with pytest.raises(PgsError, match="the cluster is lost; --resume goes on .*nobody answers"):
        run(clip, tmp_path / "o.pgs", 1, cluster=cluster, progress=progress)


@pytest.mark.parametrize("chroma, depth", [(Chroma.YUV422, 10), (Chroma.GREY, 8)])
def test_pictures_and_masks_reach_a_machine_as_they_are(
    tmp_path: Path, cluster: Cluster, chroma: Chroma, depth: int
) -> None:
    from pgsvc_encoder.cluster.task import TaskInStore

    path = write_clip(tmp_path / "clip.y4m", frames=3, chroma=chroma, depth=depth)
    with open_source(str(path)) as source:
        pictures: list[Picture] = list(source)
    task = TaskInStore.put(4, 10, 5, iter(pictures), Region(mask))
    read = list(task.read())
    assert [p.tobytes() for p in read] == [p.tobytes() for p in pictures] and task.frames == 3
    assert all(plane.flags.writeable for picture in read for plane in picture.planes)
    region = task.region()
    assert region is not None
    for frame in (12, 10, 11):
        assert (region.at(frame, 48, 34) == mask(frame)).all()


def test_segments_and_threads_fit_the_machines(cluster: Cluster) -> None:
    from pgsvc_encoder.cluster.coder import plan

    assert cluster.processors() == [2]
    assert plan([4, 8], None, 0) == (12, 1)
    assert plan([4, 8], None, 3) == (3, 3)
    assert plan([4, 8], 3, 0) == (3, 4)
    assert plan([4, 8], 1, 0) == (1, 8)
    assert plan([4, 8], 20, 0) == (20, 1)
    for threads, most in ((9, [4, 8]), (1, [])):
        with pytest.raises(UsageError, match=f"no machine of the cluster has {threads} processors"):
            plan(most, None, threads)


def test_nobody_at_the_address(tmp_path: Path, clip: Path) -> None:  # noqa: F811
    """One line says so; nothing imports Ray before."""
    code = "import sys\nfrom pgsvc_encoder import cli, encode\nassert 'ray' not in sys.modules\nsys.exit(cli.main())"
    words = [str(clip), str(tmp_path / "o.pgs"), "--cluster", "ray://127.0.0.1:9"]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.splitlines()[-1].startswith("pgsvc-enc: --cluster ray://127.0.0.1:9: no connection: ")
    assert not list(tmp_path.iterdir())
