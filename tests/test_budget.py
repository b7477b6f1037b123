"""The search for the splats of each level: on model functions, in small encodes, on the command line."""

from __future__ import annotations

import json
import math
import random
import re
from dataclasses import replace
from itertools import accumulate
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="encoding needs the encoder extra")

from test_encode import QUICK, write_clip  # noqa: E402

from pgsvc.errors import UsageError  # noqa: E402
from pgsvc.output import open_writer  # noqa: E402
from pgsvc.picture import Chroma, Picture, PictureFormat  # noqa: E402
from pgsvc_encoder import cli, probe, report  # noqa: E402
from pgsvc_encoder.budget import Phase, Probe, Search  # noqa: E402
from pgsvc_encoder.encode import encode  # noqa: E402
from pgsvc_encoder.settings import PRESETS, Settings  # noqa: E402
from pgsvc_encoder.source import open_source  # noqa: E402
from pgsvc_encoder.targets import Targets  # noqa: E402

PIXELS = 768 * 512
PHASES = (Phase("fast", 4, 2.0), Phase("medium", 3))


class Model:
    """Encodes that never take place: rate and quality over splats as pictures show them, with noise.

    Args:
        bits: per splat; overhead: bytes of every stream; base: PSNR of 1000 splats; slope: dB per doubling; noise: relative.
    """

    def __init__(
        self, bits: float = 45, overhead: float = 300, base: float = 26, slope: float = 2, noise: float = 0
    ) -> None:
        self.bits, self.overhead, self.base, self.slope, self.noise = bits, overhead, base, slope, noise
        self.random = random.Random(1)

    def __call__(self, preset: str, splats: tuple[int, ...]) -> Probe:
        gain, price = (0.8, 1.04) if preset == "medium" else (0, 1)
        sizes, psnr = [], []
        for n in splats:
            sizes.append(round(self.overhead + n * self.bits * price * (1 + self._noise()) / 8))
            psnr.append(self.base + gain + self.slope * math.log2(n / 1000) + 4 * self._noise())
        return Probe(preset, splats, tuple(sizes), tuple(8 * s / PIXELS for s in sizes), tuple(psnr))

    def _noise(self) -> float:
        return self.noise * self.random.uniform(-1, 1)


def search(
    targets: Targets, model: Model, first: tuple[float, ...], *, layers: int = 3, most: int = PIXELS // 4
) -> tuple[Search, Probe]:
    s = Search(targets, layers, most, model)
    return s, s.run(first, PHASES)


@pytest.mark.parametrize("noise", [0.0, 0.01])
@pytest.mark.parametrize(
    "model", [Model(), Model(bits=25, overhead=20), Model(bits=90, overhead=2000), Model(base=23, slope=1.2)]
)
@pytest.mark.parametrize(
    "targets", [Targets("bpp", (0.1, 0.2, 0.4)), Targets("bpp", (0.3,)), Targets("psnr", (24, 26, 29.5))]
)
def test_finds_targets_in_few_probes(targets: Targets, model: Model, noise: float) -> None:
    s, best = search(targets, replace_noise(model, noise), (800, 1600, 3200)[-len(targets.values) :])
    assert s.miss(best) <= 1 and best.preset == "medium"
    assert len(s.probes) <= 7
    got = getattr(best, targets.kind)[-len(targets.values) :]
    for asked, reached in zip(targets.values, got, strict=True):
        assert abs(asked - reached) <= (0.051 * asked if targets.kind == "bpp" else 0.11)


def replace_noise(model: Model, noise: float) -> Model:
    return Model(model.bits, model.overhead, model.base, model.slope, noise)


def test_one_number_gives_equal_shares() -> None:
    s, best = search(Targets("bpp", (0.3,)), Model(), (1000,))
    assert all(p.splats == tuple(accumulate(Settings(splats=p.splats[-1]).layer_splats(PIXELS))) for p in s.probes)
    assert s.miss(best) <= 1


def test_levels_always_rise() -> None:
    s = Search(Targets("psnr", (20, 20.1, 20.2)), 3, 10, Model())
    assert s.counts([0, -3, -5]) == (1, 2, 3)
    assert s.counts([9, 9, 9]) == (8, 9, 10)
    assert Search(Targets("bpp", (1,)), 3, 10, Model()).counts([0]) == (1, 2, 3)


@pytest.mark.parametrize(
    ("targets", "words"),
    [
        (Targets("psnr", (24, 26, 60)), "level 2, the most that are tried"),
        (Targets("bpp", (30,)), "the most that are tried"),
        (Targets("bpp", (0.0001, 0.2, 0.4)), "level 0 can have, one splat"),
        (Targets("bpp", (0.0001,)), "one splat in each layer"),
    ],
)
def test_out_of_reach(targets: Targets, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        search(targets, Model(), (800, 1600, 3200)[-len(targets.values) :])


def test_more_quality_than_asked_is_no_error() -> None:
    _, best = search(Targets("psnr", (1, 2, 3)), Model(base=60), (800, 1600, 3200))
    assert best.splats == (1, 2, 3)


def picture(tmp_path: Path) -> Path:
    """Noise with the spectrum of pictures, so that quality rises evenly with the number of splats."""
    picture_format = PictureFormat(96, 64, Chroma.YUV444, matrix=0, full_range=True)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(64) * 64, np.fft.rfftfreq(96) * 96, indexing="ij"))
    noise = np.fft.rfft2(np.random.default_rng(0).normal(size=(64, 96))) / np.maximum(frequency, 1) ** 1.4
    plane = np.fft.irfft2(noise, (64, 96))
    samples = (128 + 45 * plane / plane.std()).clip(0, 255).astype(np.uint8)
    with open_writer(str(tmp_path / "in.png"), picture_format) as writer:
        writer.write(Picture(picture_format, (samples, samples, samples)))
    return tmp_path / "in.png"


@pytest.mark.parametrize("preset", ["fast", "medium"])
@pytest.mark.parametrize("targets", [Targets("bpp", (1, 1.5, 2.5)), Targets("psnr", (26, 29))])
def test_still_reaches_its_targets(tmp_path: Path, targets: Targets, preset: str, monkeypatch) -> None:  # noqa: ANN001
    for name, iterations in (("fast", 80), ("medium", 120)):
        effort = {"schedule": {"iterations": iterations}}
        monkeypatch.setitem(PRESETS, name, Settings(preset="fast", overrides=effort).effort())
    settings = Settings(targets=targets, preset=preset, layers=len(targets.values))
    lines: list[str] = []
    with open_source(str(picture(tmp_path))) as source:
        result = encode(source, tmp_path / "o.pgs", settings, notice=lines.append)
    record = result["targets"]
    assert record["asked"] == list(targets.values) and record["reached"] == [r[targets.kind] for r in result["levels"]]
    assert record["reached"] == pytest.approx(record["expected"]) and len(lines) == len(record["probes"]) + 1
    for asked, reached in zip(record["asked"], record["reached"], strict=True):
        assert abs(asked - reached) <= (0.1 * asked if targets.kind == "bpp" else 0.3)
    assert "target" in report.format_table(result["levels"], 1.0, 1)
    with open_source(str(tmp_path / "in.png")) as source:  # the same stream as with the splats given
        encode(source, tmp_path / "p.pgs", replace(settings, targets=None, splats=tuple(record["splats"])))
    assert (tmp_path / "p.pgs").read_bytes() == (tmp_path / "o.pgs").read_bytes()


def test_clip_resumes_without_another_search(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.y4m", frames=7)
    settings = Settings(targets=Targets("bpp", (0.8, 1.2)), layers=2, gop=4, overrides=QUICK)
    with open_source(str(clip)) as source:
        whole = encode(source, tmp_path / "whole.pgs", settings)
    for asked, reached in zip(whole["targets"]["asked"], whole["targets"]["reached"], strict=True):
        assert abs(asked - reached) <= 0.15 * asked
    lines: list[str] = []

    def stop_in_second_segment(frame: int, errors: object) -> None:
        if frame == 4:
            raise KeyboardInterrupt

    out = tmp_path / "o.pgs"
    with open_source(str(clip)) as source, pytest.raises(KeyboardInterrupt):
        encode(source, out, settings, progress=stop_in_second_segment, notice=lines.append)
    assert len(lines) > 1
    lines.clear()
    with open_source(str(clip)) as source:
        again = encode(source, out, settings, resume=True, notice=lines.append)
    assert not lines and again["targets"]["splats"] == whole["targets"]["splats"]
    assert out.read_bytes() == (tmp_path / "whole.pgs").read_bytes()
    with open_source(str(clip)) as source, pytest.raises(KeyboardInterrupt):
        encode(source, out, settings, progress=stop_in_second_segment)
    other = replace(settings, targets=Targets("bpp", (0.8, 1.3)))
    with open_source(str(clip)) as source, pytest.raises(UsageError, match="other settings"):
        encode(source, out, other, resume=True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--bpp", "0.1", "--psnr", "30"], "--bpp and --psnr: give only one"),
        (["--splats", "10", "--bpp", "0.1"], "--splats and --bpp: give only one"),
        (["--bpp", "0.2,0.1"], "rise"),
        (["--psnr", "30,30"], "rise"),
        (["--psnr", "nan"], "greater than 0"),
        (["--bpp", "0"], "greater than 0"),
        (["--bpp", "x"], "numbers separated by commas"),
        (["--psnr", "20,30", "--layers", "3"], "one for each of the 3 levels"),
        (["--psnr", "90", "--preset", "fast"], "the most that are tried"),
        (["--bpp", "0.01", "--preset", "fast"], "one splat in each layer"),
        (["--bitrate", "100", "--preset", "fast"], "--bitrate 100: the least that level 2 can have, one splat in each"),
        (["--bitrate", "900M", "--preset", "fast"], "--bitrate 900M: "),
        (["--bitrate", "2M,1M"], "rise"),
        (["--bitrate", "300q"], "--bitrate 300q: numbers separated by commas"),
        (["--bitrate", "k"], "--bitrate k: numbers separated by commas"),
        (["--bitrate", "0k"], "greater than 0"),
        (["--bitrate", "1k,2k", "--layers", "3"], "one for each of the 3 levels"),
        (["--bpp", "0.1", "--bitrate", "30k"], "--bpp and --bitrate: give only one"),
    ],
)
def test_command_line_errors(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    words: str,
) -> None:
    monkeypatch.setitem(PRESETS, "fast", Settings(overrides=QUICK).effort())
    clip = write_clip(tmp_path / "clip.y4m", frames=1)
    assert cli.main([str(clip), str(tmp_path / "o.pgs"), "--quiet", *arguments]) == 2
    text = capsys.readouterr().err
    assert words in text and text.count("\n") == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["clip.y4m"]


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PRESETS, "fast", Settings(overrides=QUICK).effort())
    monkeypatch.setitem(PRESETS, "medium", Settings(overrides=QUICK).effort())
    clip = write_clip(tmp_path / "clip.y4m", frames=2)
    assert cli.main([str(clip), str(tmp_path / "o.pgs"), "--bpp", "1,2"]) == 0
    text = capsys.readouterr().err
    assert "searching the splats for 1.000, 2.000 bit/pixel" in text and "probe 1, medium" in text and "target" in text


@pytest.mark.parametrize(
    ("known", "asked", "read", "frames"), [(70, None, 17, 70), (None, 8, 8, 8), (None, 40, 17, 40)]
)
def test_frames_of_a_stream_of_unknown_length(
    tmp_path: Path, known: int | None, asked: int | None, read: int, frames: int
) -> None:
    with open_source(str(write_clip(tmp_path / "clip.y4m", frames=1)), frames=asked) as source:
        source.frame_count = known
        assert probe.expected_frames(source, Settings(), read) == frames


def test_bits_per_second(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A bit rate is so many bits per pixel at the source's size and frame rate, and the report shows it."""
    for name in ("fast", "medium"):
        monkeypatch.setitem(PRESETS, name, Settings(overrides=QUICK).effort())
    clip = write_clip(tmp_path / "clip.y4m", frames=2)
    with open_source(str(clip), fps="10") as source:
        per_second = source.format.width * source.format.height * 10
    files = []
    for name, options in (
        ("a", ["--bpp", "1,2"]),
        ("b", ["--bitrate", f"{per_second / 1000}k,{per_second / 500}k"]),
    ):
        report_file = tmp_path / f"{name}.json"
        arguments = [str(clip), str(tmp_path / f"{name}.pgs"), *options, "--fps", "10", "--report", str(report_file)]
        assert cli.main(arguments) == 0
        files.append((tmp_path / f"{name}.pgs").read_bytes())
    assert files[0] == files[1]
    text = capsys.readouterr().err
    words = f"{per_second / 1000:g}k, {per_second / 500:g}k bit/s: 1.000, 2.000 bit/pixel"
    assert f"searching the splats for {words}" in text and "kbit/s" in text
    record = json.loads(report_file.read_text())
    assert record["targets"]["bitrates"] == pytest.approx([per_second, 2 * per_second])
    for row in record["levels"]:
        assert row["bitrate"] == pytest.approx(row["bpp"] * per_second)
        assert f"{row['bitrate'] / 1000:>11.1f}{row['target_bitrate'] / 1000:>11g}" in text


def test_bits_per_second_need_a_frame_rate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = write_clip(tmp_path / "clip.y4m", frames=1)
    header, rest = clip.read_bytes().split(b"\n", 1)
    clip.write_bytes(re.sub(rb" F\S+", b"", header) + b"\n" + rest)
    raw = tmp_path / "clip_48x34.yuv"
    raw.write_bytes(bytes(48 * 34 * 3 // 2))
    for source in (clip, raw):
        assert cli.main([str(source), str(tmp_path / "o.pgs"), "--quiet", "--bitrate", "300k"]) == 2
        assert f"--bitrate 300k: {source.name} does not tell its frame rate; add it" in capsys.readouterr().err
    still = picture(tmp_path)
    assert cli.main([str(still), str(tmp_path / "o.pgs"), "--quiet", "--bitrate", "0.5M"]) == 2
    assert "--bitrate 500k: in.png is a still picture" in capsys.readouterr().err
    with open_source(str(raw)) as guessed, open_source(str(raw), fps="30") as told:
        assert not guessed.has_frame_rate and told.has_frame_rate
        wanted = Targets("bitrate", (48 * 34 * 30.0,)).for_source(told)
    assert wanted.kind == "bpp" and wanted.values == (1.0,)
