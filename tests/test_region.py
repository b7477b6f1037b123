"""A region of interest: masks, the weight of errors, sets of splats, and whole streams with one."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch", reason="encoding needs the encoder extra")

from test_encode import QUICK, write_clip  # noqa: E402
from test_fit import FORMATS, objective_of, random_splats, some_region  # noqa: E402

import pgsvc  # noqa: E402
from pgsvc.cut import cut  # noqa: E402
from pgsvc.errors import UsageError  # noqa: E402
from pgsvc.picture import Chroma, Picture, PictureFormat  # noqa: E402
from pgsvc.states import track_states  # noqa: E402
from pgsvc.stream import Stream  # noqa: E402
from pgsvc_encoder import cli, metrics  # noqa: E402
from pgsvc_encoder.encode import encode  # noqa: E402
from pgsvc_encoder.fit.emphasis import Emphasis  # noqa: E402
from pgsvc_encoder.fit.initialise import add_by_error  # noqa: E402
from pgsvc_encoder.fit.prune import drop_weak  # noqa: E402
from pgsvc_encoder.fit.solve import solve_colours  # noqa: E402
from pgsvc_encoder.fit.splats import Splats  # noqa: E402
from pgsvc_encoder.fit.training import Training  # noqa: E402
from pgsvc_encoder.predict.places import find_places  # noqa: E402
from pgsvc_encoder.region import Region  # noqa: E402
from pgsvc_encoder.report import measure  # noqa: E402
from pgsvc_encoder.settings import Settings  # noqa: E402
from pgsvc_encoder.source import open_source  # noqa: E402
from pgsvc_encoder.targets import Targets  # noqa: E402

WIDTH, HEIGHT = 48, 34  # of write_clip
FACE = np.zeros((HEIGHT, WIDTH), bool)
FACE[8:26, 10:30] = True

# --- masks ------------------------------------------------------------------------------------------------------------


def saved(path: Path, inside: np.ndarray, mode: str = "L") -> str:
    Image.fromarray((255 * inside).astype(np.uint8)).convert(mode).save(path)
    return str(path)


def mask_clip(path: Path, masks: list[np.ndarray]) -> str:
    from pgsvc.output import open_writer

    height, width = masks[0].shape
    f = PictureFormat(width, height, Chroma.YUV420, frame_rate=Fraction(25))
    chroma = np.full(((height + 1) // 2, (width + 1) // 2), 128, np.uint8)
    with open_writer(str(path), f) as writer:
        for inside in masks:
            writer.write(Picture(f, (np.where(inside, 235, 16).astype(np.uint8), chroma, chroma)))
    return str(path)


@pytest.mark.parametrize("kind", ["rectangle", "grey", "colour", "bitmap", "clip"])
def test_masks_from_text(tmp_path: Path, kind: str) -> None:
    texts = {
        "rectangle": lambda: "10,8,20,18",
        "grey": lambda: saved(tmp_path / "m.png", FACE),
        "colour": lambda: saved(tmp_path / "m.png", FACE, "RGB"),
        "bitmap": lambda: saved(tmp_path / "m.bmp", FACE, "1"),
        "clip": lambda: mask_clip(tmp_path / "m.y4m", [FACE] * 3),
    }
    with open_source(str(write_clip(tmp_path / "clip.y4m", frames=3))) as source:
        region = Region.from_text(texts[kind](), source)
    for frame in (0, 2, 1):
        assert (region.at(frame, WIDTH, HEIGHT) == FACE).all()


def test_masks_of_a_clip(tmp_path: Path) -> None:
    masks = [np.roll(FACE, 3 * i, axis=1) for i in range(4)]
    path = mask_clip(tmp_path / "m.y4m", masks)
    with open_source(str(write_clip(tmp_path / "clip.y4m"))) as source:
        region = Region.from_text(path, source, skip=1)
        for i in (0, 2, 1, 0):
            assert (region.at(i, WIDTH, HEIGHT) == masks[i + 1]).all()
        with pytest.raises(UsageError, match="only 3 frames"):
            region.at(3, WIDTH, HEIGHT)


def test_masks_that_do_not_fit(tmp_path: Path) -> None:
    with open_source(str(write_clip(tmp_path / "clip.y4m"))) as source:
        with pytest.raises(UsageError, match="is 20x10; the picture is 48x34"):
            Region.from_text(saved(tmp_path / "m.png", np.ones((10, 20))), source)
        with pytest.raises(UsageError, match="nothing of a picture of 48x34"):
            Region.from_text("48,0,10,10", source)
        with pytest.raises(UsageError, match="cannot read"):
            Region.from_text(str(tmp_path / "none.png"), source)
    with pytest.raises(UsageError, match=r"shape \(48, 34\)"):
        Region.of(lambda _: FACE.T).at(0, WIDTH, HEIGHT)
    clipped = Region.rectangle(40, 30, 100, 100, (WIDTH, HEIGHT)).at(0, WIDTH, HEIGHT)
    assert clipped.sum() == 8 * 4 and clipped[30:, 40:].all()


def test_names_tell_regions_apart() -> None:
    other = FACE.copy()
    other[0, 0] = True
    assert Region.of(FACE).name == Region.of(FACE.astype(np.uint8)).name != Region.of(other).name


# --- weights ----------------------------------------------------------------------------------------------------------


def test_weights_of_samples() -> None:
    inside = torch.zeros(4, 6, dtype=torch.bool)
    inside[:, :3] = True
    emphasis = Emphasis.of(inside, 5.0)
    assert emphasis.weight == pytest.approx(10.0)
    assert emphasis.weights(6, 4)[0].tolist() == pytest.approx([10, 10, 10, 1, 1, 1])
    assert emphasis.weights(3, 2)[1].tolist() == pytest.approx([10, 5.5, 1])
    places = torch.tensor([[0.0, 0.0], [2.9, 3.9], [3.1, 1.0], [-1e6, 2.0], [7.0, 9.0]])
    assert emphasis.contains(places).tolist() == [True, True, False, True, False]


@pytest.mark.parametrize("sizes", [None, [(21, 15), (30, 20), (41, 27)]])
def test_curvature_by_colour(sizes: list | None) -> None:
    """The diagonal is taken from mean weights under the splats: near the truth, but for slanted ones at a corner of the region."""
    objective = objective_of(FORMATS["420"], 3, sizes, some_region(FORMATS["420"]))
    splats = random_splats(FORMATS["420"], [12, 12, 12])
    weights = torch.ones(3, dtype=torch.float64)
    found = objective.colour_diagonal(splats, weights)
    ratios = []
    for row in range(len(splats)):
        colour = torch.zeros_like(splats.colour)
        colour[row] = 1
        exact = objective.evaluate(splats, weights, colour=colour, against_target=False)[2][row]
        ratios += (found[row] / exact).tolist()
    assert np.quantile(ratios, [0.1, 0.5, 0.9]) == pytest.approx([1, 1, 1], abs=0.45)
    assert min(ratios) > 0.5 and max(ratios) < 2


def test_colours_are_solved_for_the_weights() -> None:
    f = FORMATS["420"]
    results = []
    for emphasis in (None, some_region(f)):
        objective = objective_of(f, 3, None, emphasis)
        splats = random_splats(f, [12, 12, 12], seed=3)
        splats.shape[:, ::2] += 0.5  # so that they overlap
        before = objective.error(splats, -1)
        solve_colours(Training(), objective, splats, 30)
        assert objective.error(splats, -1) < 0.5 * before
        residual = objective_of(f, 3).residual(splats, 2).planes[0][0] ** 2
        inside = some_region(f).inside
        results.append((float(residual[inside].mean()), float(residual[~inside].mean())))
    assert results[1][0] < 0.8 * results[0][0] and results[1][1] > results[0][1]


def test_places_stay_in_the_region() -> None:
    f = FORMATS["420"]
    objective = objective_of(f, 2, None, some_region(f))
    (stage,) = Training().stages(objective, Splats.unused([4, 4], 3))
    for number in (0, 1):
        places = find_places(stage, stage.splats, 1, 5, 0.0, number)
        assert len(places.gain)
        assert set(objective.emphasis.contains(places.position).tolist()) == {bool(number)}


def test_splats_that_are_added_share_the_error() -> None:
    """Most of the weighted error lies in the region, and so do most splats: together they must not make it larger."""
    f = FORMATS["420"]
    objective = objective_of(f, 1, None, Emphasis(some_region(f).inside, 100.0))
    splats = Splats.unused([150], 3)
    before = objective.error(splats, 0)
    add_by_error(splats, 0, 150, objective.residual(splats, 0), torch.Generator().manual_seed(0))
    assert 120 < int(objective.emphasis.contains(splats.position).sum()) < 150
    assert objective.error(splats, 0) < 0.3 * before


# --- sets -------------------------------------------------------------------------------------------------------------


def test_splats_are_split_layer_by_layer() -> None:
    splats = random_splats(FORMATS["420"], [7, 5])
    marks = torch.arange(12).float()
    splats.colour[:, 0] = marks
    inside = torch.tensor([0, 1, 0, 0, 1, 1, 0, 1, 1, 1, 1, 1]).bool()
    splats.split(inside)
    assert splats.colour[:, 0].tolist() == [0, 2, 3, 6, 1, 4, 5, 7, 8, 9, 10, 11]
    assert splats.borders.tolist() == [0, 4, 7, 7, 12] and splats.starts.tolist() == [0, 7, 12]
    assert (splats.objects, splats.set_count) == (2, 4)
    assert splats.part(1, 2).borders.tolist() == [0, 0, 5] and splats.merged().objects == 1
    weak = torch.tensor([2, 5, 11])
    splats.colour[weak] = 1e-6
    drop_weak(objective_of(FORMATS["420"], 2), splats, 1e-6)
    assert splats.borders.tolist() == [0, 3, 5, 5, 9] and splats.starts.tolist() == [0, 5, 9]
    assert splats.set_of().tolist() == [0, 0, 0, 1, 1, 3, 3, 3, 3]


# --- streams ----------------------------------------------------------------------------------------------------------


def parsed(path: Path) -> Stream:
    stream = Stream(threads=1)
    stream.keep_chunks = True
    stream.feed(path.read_bytes())
    stream.close()
    return stream


def textured(frames: int, f: PictureFormat) -> list[Picture]:
    """Blurred noise, everywhere the same, that moves slowly."""
    rng = np.random.default_rng(5)
    out = []
    planes = []
    for height, width in f.plane_shapes:
        noise = rng.normal(size=(height, width))
        for axis in (0, 1):
            noise = sum(np.roll(noise, i, axis) * w for i, w in zip(range(-3, 4), (1, 3, 6, 7, 6, 3, 1), strict=True))
        planes.append(np.clip(128 + 35 * noise / noise.std(), 0, 255).astype(np.uint8))
    for i in range(frames):
        out.append(Picture(f, tuple(np.roll(p, i, axis=1) for p in planes)))
    return out


def encoded(
    tmp_path: Path, region: object, pictures: list[Picture] | None = None, **settings: object
) -> tuple[Stream, dict]:
    from pgsvc.output import open_writer

    clip = tmp_path / "clip.y4m"
    if pictures is None:
        write_clip(clip, frames=5)
    else:
        with open_writer(str(clip), pictures[0].format) as writer:
            for p in pictures:
                writer.write(p)
    chosen = Settings(**{"splats": 60, "overrides": QUICK, "gop": 4, "chunk_frames": 3, "threads": 1, **settings})  # type: ignore[arg-type]
    with open_source(str(clip)) as source:
        report = encode(source, tmp_path / "clip.pgs", chosen, region=region)  # type: ignore[arg-type]
    return parsed(tmp_path / "clip.pgs"), report


KINDS = [
    {},
    {"tools": "paper"},
    {"order": "layer", "scalability": "resolution"},
    {"quantise": "qat", "training_name": "sequential"},
    {"tools": "paper", "quantise": "qat"},
    {"training_name": "pruning"},
]


@pytest.mark.parametrize("settings", KINDS, ids=lambda s: " ".join(map(str, s.values())) or "default")
def test_streams_with_a_region(tmp_path: Path, settings: dict) -> None:
    stream, report = encoded(tmp_path, FACE, **settings)
    assert stream.object_layers == (3, 3) and stream.frame_count == 5 and len(stream.segments) == 2
    for segment in stream.segments.values():
        assert {key[:2] for key in segment.tracks} == {(layer, number) for layer in range(3) for number in range(2)}
        inside = {number: [] for number in range(2)}
        for (_, number, _), track in segment.tracks.items():
            state = next(track_states(segment, track, stream.format))
            column, row = (state.position >> 8).T
            inside[number] += FACE[row.clip(0, HEIGHT - 1), column.clip(0, WIDTH - 1)].tolist()
        assert len(inside[1]) > 5 and np.mean(inside[1]) > 0.85 and np.mean(inside[0]) < 0.1  # but for rounding
    for level in range(3):
        frames = list(stream.frames(level, check_hash=True))
        assert [f.index for f in frames] == list(range(5)) and {(f.level, f.partial) for f in frames} == {
            (level, False)
        }
        row = report["levels"][level]
        assert row["bytes"] == len(cut(stream, level=level)) and row["psnr_inside"] > 10 < row["psnr_outside"]
    coarse = Stream(threads=1)
    coarse.feed(cut(stream, object_levels={0: 0}))
    for frame in coarse.frames(check_hash=True):
        assert (frame.level, frame.partial) == (2, False)


@pytest.mark.parametrize(("tools", "layers", "splats"), [("main", 3, 164), ("paper", 1, 160)])
def test_the_region_is_better_for_the_same_bytes(tmp_path: Path, tools: str, layers: int, splats: int) -> None:
    f = PictureFormat(96, 64, Chroma.YUV420, frame_rate=Fraction(25))
    inside = np.zeros((64, 96), bool)
    inside[16:48, 30:66] = True
    effort = {"schedule": {"iterations": 120, "rounds": 6}}
    more = {"overrides": {**QUICK, **effort}, "tools": tools, "layers": layers}
    pictures = textured(4, f)
    plain, _ = encoded(tmp_path, None, pictures, splats=220, **more)
    plain_bytes = (tmp_path / "clip.pgs").stat().st_size
    region, report = encoded(tmp_path, inside, pictures, splats=splats, **more)
    assert (tmp_path / "clip.pgs").stat().st_size <= 1.02 * plain_bytes

    def quality(stream: Stream, part: np.ndarray) -> float:
        pairs = zip(pictures, stream.frames(), strict=True)
        return float(np.mean([metrics.psnr_within(p, d.picture, part) or 0 for p, d in pairs]))

    assert quality(region, inside) > quality(plain, inside) + 1
    assert quality(region, inside) > quality(region, ~inside) + 2
    assert report["levels"][-1]["psnr_inside"] == pytest.approx(quality(region, inside), abs=1e-6)
    assert report["levels"][-1]["psnr_outside"] == pytest.approx(quality(region, ~inside), abs=1e-6)


def test_a_function_gives_the_mask_of_each_frame(tmp_path: Path) -> None:
    asked = []

    def mask(frame: int) -> np.ndarray:
        asked.append(frame)
        return np.roll(FACE, 2 * frame, axis=1) if frame < 4 else 0 * FACE

    stream, report = encoded(tmp_path, mask)
    assert sorted(set(asked)) == list(range(5))
    last = stream.segments[1].tracks
    assert [last[layer, 1, 0].key.header["splat_count"] for layer in range(3)] == [0, 0, 0]
    assert report["frames"][4]["levels"][0]["psnr_inside"] is None and report["levels"][0]["psnr_inside"] is not None
    assert all(f.level == 2 for f in stream.frames(check_hash=True))


def test_an_encode_goes_on_with_the_same_region(tmp_path: Path) -> None:
    clip, out = write_clip(tmp_path / "clip.y4m"), tmp_path / "clip.pgs"
    settings = Settings(splats=45, overrides=QUICK, gop=3, threads=1)  # type: ignore[arg-type]

    def stop(frame: int, errors: object) -> None:
        if frame == 3:
            raise KeyboardInterrupt

    with open_source(str(clip)) as source:
        with pytest.raises(KeyboardInterrupt):
            encode(source, out, settings, region=FACE, progress=stop)
        with pytest.raises(UsageError, match="other settings"):
            encode(source, out, settings, region=~FACE, resume=True)
        report = encode(source, out, settings, region=FACE.copy(), resume=True)
    assert report["region"] == Region.of(FACE).name and len(report["frames"]) == 7
    assert all(f.level == 2 for f in pgsvc.open(out).frames(check_hash=True))


def test_a_rate_with_a_region(tmp_path: Path) -> None:
    stream, report = encoded(tmp_path, FACE, targets=Targets("bpp", (1.0,)), preset="fast", gop=8)
    assert report["levels"][2]["bpp"] == pytest.approx(1.0, rel=0.3) and stream.object_count == 2


def test_all_inside(tmp_path: Path) -> None:
    stream, report = encoded(tmp_path, np.ones((HEIGHT, WIDTH), bool), tools="paper")
    assert stream.segments[0].tracks[0, 0, 0].key.header["splat_count"] == 0
    assert report["levels"][2]["psnr_outside"] is None
    assert all(f.level == 2 for f in stream.frames(check_hash=True))


def test_measures_inside_and_outside() -> None:
    f = PictureFormat(8, 6, Chroma.GREY)
    original = Picture(f, (np.full((6, 8), 100, np.uint8),))
    inside = np.zeros((6, 8), bool)
    inside[:, :4] = True
    decoded = Picture(f, (np.where(inside, 101, 110).astype(np.uint8),))
    (row,) = measure([original], [decoded], inside)
    assert row["psnr_inside"] == pytest.approx(20 * np.log10(255)) and row["psnr_outside"] == pytest.approx(
        20 * np.log10(25.5)
    )
    small = PictureFormat(4, 3, Chroma.GREY)
    a, b = (Picture(small, (p.planes[0][::2, ::2],)) for p in (original, decoded))
    assert measure([a], [b], inside)[0]["psnr_inside"] == row["psnr_inside"]
    assert "psnr_inside" not in measure([original], [decoded])[0]


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    saved(tmp_path / "face.png", FACE)
    clip, out = write_clip(tmp_path / "clip.y4m", frames=1), tmp_path / "out.pgs"
    command = [str(clip), str(out), "--splats", "40", "--preset", "fast", "--quantise", "ptq", "--threads", "1"]
    report = tmp_path / "report.json"
    assert cli.main([*command, "--roi", str(tmp_path / "face.png"), "--roi-gain", "12", "--report", str(report)]) == 0
    assert "inside    outside" in capsys.readouterr().err
    level = json.loads(report.read_text())["levels"][2]
    assert level["psnr_inside"] > level["psnr_outside"]
    assert pgsvc.open(out).object_count == 2
    assert cli.main([*command, "--roi", "0,0,5,5", "--roi-gain", "21"]) == 2
    assert "0 to 20 dB" in capsys.readouterr().err
