"""The tools of the benchmarks: peers, measures, Bjøntegaard deltas, plots and resumed rows."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

REASON = "the benchmarks need the extras encoder, dev and bench"
for package in ("torch", "PIL", "skimage", "imagecodecs", "imageio_ffmpeg", "matplotlib", "bjontegaard"):
    pytest.importorskip(package, reason=REASON)

import measures  # noqa: E402
import peer_rows  # noqa: E402
from bjontegaard_table import bjontegaard, bjontegaard_rows, bjontegaard_table, thinned  # noqa: E402
from peers import jpeg, jpeg2000, still_peers  # noqa: E402
from peers.video import run_ffmpeg, video_peers  # noqa: E402
from plotting import Line, rate_distortion, training  # noqa: E402
from rate_tables import at_rate, fixed_rate_rows, level_curves, mean_lines  # noqa: E402

PEERS = still_peers()
CURVE = [(0.1, 28.0), (0.2, 31.0), (0.4, 34.5), (0.8, 37.0)]


@pytest.fixture(scope="module")
def picture():
    from skimage import data

    return np.ascontiguousarray(data.astronaut()[40:232, 130:322])


def moving(picture, count=4, side=176):
    """Frames of a window that slides over the picture."""
    cut = [picture[i : i + side, 2 * i : 2 * i + side] for i in range(count)]
    return [measures.yuv420(measures.rgb_picture(np.ascontiguousarray(c))) for c in cut]


def mean_square(a, b):
    return np.mean((a.astype(float) - b) ** 2)


def by_ffmpeg(stream, shape):
    """A codestream decoded by FFmpeg's own JPEG 2000 decoder."""
    data = run_ffmpeg(["-f", "j2k_pipe", "-i", "-", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], stream)
    return np.frombuffer(data, np.uint8).reshape(shape)


@pytest.mark.parametrize("name", PEERS)
def test_error_falls_as_the_rate_grows(name, picture):
    points = sorted(PEERS[name].encode(picture), key=lambda p: p.size)
    assert all(p.picture.shape == picture.shape and p.picture.dtype == np.uint8 for p in points)
    errors = [mean_square(picture, p.picture) for p in (points[0], points[len(points) // 2], points[-1])]
    assert errors[0] > errors[1] > errors[2] > 0


def test_layers_are_prefixes_of_one_codestream(picture):
    rates = (0.3, 0.8, 2.0)
    whole, parts = jpeg2000.encode(picture, rates), jpeg2000.prefixes(picture, rates)
    assert parts[-1] == whole
    errors = []
    for part, rate in zip(parts, rates, strict=True):
        different = [i for i, (a, b) in enumerate(zip(part[:-2], whole, strict=False)) if a != b]
        assert len(different) <= 5 and all(
            i < 200 for i in different
        )  # the number of layers, the length of the tile-part
        assert len(part) * 8 / picture[..., 0].size == pytest.approx(rate, rel=0.15)
        decoded = jpeg2000.decode(part)
        assert mean_square(decoded, by_ffmpeg(part, decoded.shape)) < 0.01  # another decoder sees the same picture
        errors.append(mean_square(picture, decoded))
    assert errors[0] > 1.5 * errors[1] > 1.5 * errors[2]
    with pytest.raises(OSError):
        jpeg2000.decode(parts[0][:-200])  # the decoder wants every byte that is counted


def test_scans_decode_from_their_prefix(picture):
    stream = jpeg.encode(picture, 75)
    ends = jpeg.scan_ends(stream)
    assert len(ends) == 10 and ends == sorted(ends) and stream[ends[-1] :] == jpeg.EOI
    np.testing.assert_array_equal(jpeg.decode(stream[: ends[-1]] + jpeg.EOI), jpeg.decode(stream))


@pytest.mark.parametrize("name", video_peers())
def test_video_peers_return_every_frame(name, picture):
    peer, frames = video_peers()[name], moving(picture)
    raw = b"".join(f.tobytes() for f in frames)
    sizes, errors = [], []
    for factor in (peer.factors[1], peer.factors[-1]):
        stream = peer.encode(raw, (176, 176), "25", factor)
        decoded = measures.yuv_pictures(peer.decode(stream), 176, 176)
        assert len(decoded) == len(frames)
        sizes.append(len(stream))
        errors.append(np.mean([mean_square(a.planes[0], b.planes[0]) for a, b in zip(frames, decoded, strict=True)]))
    assert sizes[0] < sizes[1] and errors[0] > 2 * errors[1]
    assert "/" not in peer.settings(30)["ffmpeg"] and "FFmpeg" in peer.version


def test_measures(picture):
    same = measures.measure_still(picture, picture)
    assert same["psnr_rgb"] == np.inf and same["ms_ssim"] == pytest.approx(1)
    noise = np.random.default_rng(0).integers(-25, 26, picture.shape)
    noisy = np.clip(picture + noise, 0, 255).astype(np.uint8)
    worse = measures.measure_still(picture, noisy)
    assert 20 < worse["psnr_rgb"] < 30 and worse["ms_ssim"] < 0.99
    for name in measures.unavailable():
        assert same[name] is None and measures.unavailable()[name]


@pytest.mark.skipif("vmaf" in measures.unavailable(), reason=str(measures.unavailable().get("vmaf")))
def test_vmaf_falls_with_noise(picture):
    frames = moving(picture)
    rng = np.random.default_rng(0)

    def noisy(strength):
        planes = [[p + rng.integers(-strength, strength + 1, p.shape) for p in f.planes] for f in frames]
        data = b"".join(np.clip(p, 0, 255).astype(np.uint8).tobytes() for f in planes for p in f)
        return measures.yuv_pictures(data, 176, 176)

    scores = [measures.vmaf(frames, other) for other in (frames, noisy(20), noisy(60))]
    assert scores[0] > 95 and scores[0] > scores[1] + 5 > scores[2] + 10


def test_conversion_of_known_colours():
    colours = np.array([[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 0, 255]], np.uint8)
    for colour, expected in zip(
        colours, [(16, 128, 128), (235, 128, 128), (63, 102, 240), (32, 240, 118)], strict=True
    ):
        planes = measures.yuv420(measures.rgb_picture(np.broadcast_to(colour, (3, 5, 3)))).planes
        assert tuple(int(p[0, 0]) for p in planes) == expected and planes[1].shape == (2, 3)
        assert all(len(np.unique(p)) == 1 for p in planes)


def test_delta_of_a_shifted_curve():
    assert bjontegaard(CURVE, [(1.25 * r, q) for r, q in CURVE]).rate == pytest.approx(25)
    better = bjontegaard(CURVE, [(r, q + 0.5) for r, q in reversed(CURVE)])
    assert better.quality == pytest.approx(0.5) and better.rate < 0
    assert (better.low, better.high) == (28.5, 37.0)


def test_deltas_are_not_made_up():
    assert bjontegaard(CURVE, [(r, q + 6) for r, q in CURVE]).rate is None
    assert "points" in bjontegaard(CURVE, CURVE[:2]).reason
    assert thinned([(1, 5), (2, 4), (3, 6), (3, 5.5)]) == [(1, 5), (3, 6)]
    curves = {"half": {"a": [(0.5 * r, q) for r, q in CURVE]}, "far": {"a": [(r, q + 30) for r, q in CURVE]}}
    table = bjontegaard_table({"a": CURVE}, curves)
    assert table["half"]["rate"] == pytest.approx(-50) and table["far"]["rate"] is None
    missing = bjontegaard_table({"a": CURVE, "b": CURVE}, curves)["half"]
    assert missing["rate"] is None and (missing["pictures"], missing["of"]) == (1, 2)
    assert bjontegaard_rows(table)[0][1] == "-50.0 %" and bjontegaard_rows(table)[1][1] == "n/a"


def row(source, stream, level, levels, bpp, quality, codec="x"):
    keys = {"source": source, "stream": stream, "codec": codec, "level": level, "levels": levels}
    return {**keys, "bpp": bpp, "psnr_rgb": quality}


def test_tables_at_fixed_rates():
    assert at_rate([(0.1, 30.0), (0.4, 34.0)], 0.2) == pytest.approx(32)
    assert at_rate([(0.1, 30.0), (0.4, 34.0)], 0.5) is None
    rows = [row("a", f"{r}", 0, 1, r, q) for r, q in CURVE] + [row("b", f"{r}", 0, 1, r, q + 1) for r, q in CURVE[1:]]
    table = fixed_rate_rows(level_curves(rows, "psnr_rgb"), ["a", "b"], (0.1, 0.2, 0.8, 2), "psnr_rgb")
    assert table == [["x", "n/a (1)", "31.50", "37.50", "n/a"]]
    ((codec, layered, points),) = mean_lines(rows, ["a", "b"], "psnr_rgb")
    assert (codec, layered) == ("x", False) and points[0][0] == pytest.approx(0.2)
    stream = [row(s, "one", k, 3, 0.1 * (k + 1) * e, 30 + k) for s, e in (("a", 1), ("b", 1.1)) for k in range(3)]
    ((_, layered, points),) = mean_lines(stream, ["a", "b"], "psnr_rgb")
    assert layered and points[0] == pytest.approx((0.105, 30))


def test_plots_are_the_same_again(tmp_path):
    lines = [Line("one", CURVE), Line("two", [(2 * r, q) for r, q in CURVE[:3]], layered=True), Line("none", [])]
    steps = np.arange(1, 200)
    runs = {"plain": {"loss": 1 / steps, "gradient": 1 / steps**2}, "long": {"loss": 2 / steps, "iteration": 5 * steps}}
    files = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        files.append(rate_distortion("curves", {"first": lines, "empty": []}, folder=folder))
        files[-1] += training("loss", runs, title="training", marks=[50], folder=folder)
    assert [p.name for p in files[0]] == ["curves.png", "curves.svg", "loss.png", "loss.svg"]
    for first, second in zip(*files, strict=True):
        assert first.stat().st_size > 3000 and first.read_bytes() == second.read_bytes()
    assert b"<dc:date>" not in files[0][1].read_bytes()


def test_rows_are_kept_when_the_job_is_the_same(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(peer_rows, "RESULTS", tmp_path)
    measured = []

    def measure():
        measured.append(1)
        yield row("a", "s", 0, 1, 0.5, 30.0)

    for settings in ({"q": [1]}, {"q": [1]}, {"q": [2]}):
        rows = peer_rows.Rows("try", resume=True)
        rows.add("a", "x", "1.0", settings, measure)
        rows.finish("table")
    assert len(measured) == 2 and len(rows.rows) == 1
    text = (tmp_path / "try.json").read_text()
    assert '"complete": true' in text and str(tmp_path) not in text
    assert (tmp_path / "try.md").read_text().endswith("table\n")
