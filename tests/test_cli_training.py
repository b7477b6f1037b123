"""pgsvc-enc from posed pictures to a stream, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="training needs the encoder extra")

from posed_samples import save_transforms, some_cameras  # noqa: E402

import pgsvc  # noqa: E402
from pgsvc.errors import UsageError  # noqa: E402
from pgsvc_encoder import cli  # noqa: E402

BUDGETS = "6,12,24"
QUICK = ["-q", "--splats", BUDGETS, "--iterations", "30", "--sh-degree", "0", "--hold", "4"]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    return save_transforms(tmp_path, some_cameras(8))


def test_levels_have_exactly_the_splats_that_are_asked_for(pictures: Path, tmp_path: Path) -> None:
    output, report = tmp_path / "out.pgs", tmp_path / "report.json"
    assert cli.body([*QUICK, str(pictures), str(output), "--report", str(report)]) == 0
    with pgsvc.open(output) as stream:
        assert [len(stream.scene(k, check_hash=True).splats) for k in range(3)] == [6, 12, 24]
    told = json.loads(report.read_text())
    assert told["training"]["splats"] == [6, 12, 24] and told["training"]["pictures"] == 6
    assert [row["level"] for row in told["tests"]] == [0, 1, 2]
    assert not list(tmp_path.glob("*.training"))


def test_quality_layers_and_methods(pictures: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.pgs"
    more = ["--quality-layers", "1", "--method", "layered", "--background", "black", "--downscale", "2"]
    assert cli.body([*QUICK, *more, str(pictures), str(output)]) == 0
    with pgsvc.open(output) as stream:
        assert [len(stream.scene(k).splats) for k in range(4)] == [6, 12, 24, 24]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--preset", "fast"], "--preset"),
        (["--repair"], "--repair"),
        (["--iterations", "0"], "--iterations 0"),
        (["--splats", "20,10,30"], "grow"),
    ],
)
def test_what_does_not_fit(flags: list[str], words: str, pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=words):
        cli.body([*QUICK, *flags, str(pictures), str(tmp_path / "out.pgs")])
    assert not (tmp_path / "out.pgs").exists()


def test_the_output_never_replaces_the_input(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = pictures.read_bytes()
    (tmp_path / "link.pgs").symlink_to(pictures)
    for output in (pictures, tmp_path / "link.pgs"):
        assert cli.main([*QUICK, str(pictures), str(output)]) == 2
        assert "the same file" in capsys.readouterr().err
    assert pictures.read_bytes() == content
    assert not list(tmp_path.glob("*.training"))


def test_what_test_pictures_say_is_shown(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    loud = [*QUICK[1:], "--splats", "6,12", "--iterations", "4", "--no-views"]
    assert cli.main([*loud, str(pictures), str(tmp_path / "out.pgs")]) == 0
    told = capsys.readouterr().err
    assert "level 0 beside 2 test pictures: " in told and "level 1 beside 2 test pictures: " in told
    assert "(training " in told and ", measuring " in told


def test_flags_of_trainings_are_for_posed_pictures(tmp_path: Path) -> None:
    (tmp_path / "a.y4m").write_bytes(b"YUV4MPEG2 W2 H2 F1:1 Cmono\nFRAME\n0000")
    with pytest.raises(UsageError, match="--iterations"):
        cli.body([str(tmp_path / "a.y4m"), str(tmp_path / "out.pgs"), "--iterations", "5"])
