"""Picture output: file formats, colour conversion, and files that appear only when complete."""

import hashlib
import io
from fractions import Fraction

import numpy as np
import pytest

from pgsvc.colour import rgb_matrix_coefficients, to_rgb
from pgsvc.errors import UsageError
from pgsvc.output import open_writer
from pgsvc.picture import Chroma, Picture, PictureFormat

RGB8 = PictureFormat(33, 19, Chroma.YUV444, 8, True, 1, 13, 0)


def noise(fmt: PictureFormat, seed: int = 0) -> Picture:
    rng = np.random.default_rng(seed)
    return Picture(fmt, tuple(rng.integers(0, 1 << fmt.bit_depth, s).astype(fmt.dtype) for s in fmt.plane_shapes))


def flat(fmt: PictureFormat, *values: int) -> Picture:
    return Picture(fmt, tuple(np.full(s, v, fmt.dtype) for s, v in zip(fmt.plane_shapes, values, strict=False)))


def save(path, *pictures, **options):
    with open_writer(str(path), pictures[0].format, **options) as writer:
        for picture in pictures:
            writer.write(picture)
    return writer


@pytest.mark.parametrize(
    "chroma, depth, location, tag",
    [
        (Chroma.YUV420, 8, 0, "C420mpeg2"),
        (Chroma.YUV420, 8, 1, "C420jpeg"),
        (Chroma.YUV420, 10, 0, "C420p10"),
        (Chroma.YUV422, 8, 0, "C422"),
        (Chroma.YUV422, 10, 0, "C422p10"),
        (Chroma.YUV444, 8, 0, "C444"),
        (Chroma.YUV444, 10, 0, "C444p10"),
        (Chroma.GREY, 8, 0, "Cmono"),
        (Chroma.GREY, 10, 0, "Cmono10"),
    ],
)
def test_y4m_header(chroma, depth, location, tag):
    fmt = PictureFormat(4, 2, chroma, depth, True, chroma_location=location, frame_rate=Fraction(30000, 1001))
    stream = io.BytesIO()
    picture = noise(fmt)
    save("-", picture, stdout=stream)
    head, rest = stream.getvalue().split(b"\n", 1)
    assert head.decode() == f"YUV4MPEG2 W4 H2 F30000:1001 Ip A1:1 {tag} XCOLORRANGE=FULL"
    assert rest == b"FRAME\n" + picture.tobytes()


def test_y4m_refuses_rgb(tmp_path):
    with pytest.raises(UsageError, match=r"-o name\.png.*\.yuv.*\.mp4"):
        open_writer(str(tmp_path / "a.y4m"), RGB8)
    assert not list(tmp_path.iterdir())


def test_yuv_is_little_endian_planes(tmp_path):
    pictures = [noise(PictureFormat(5, 3, bit_depth=10), s) for s in (1, 2)]
    writer = save(tmp_path / "a.yuv", *pictures)
    assert (tmp_path / "a.yuv").read_bytes() == b"".join(p.tobytes() for p in pictures)
    assert writer.description.startswith("yuv, 2 frames, 5x3 4:2:0 10 bit to ")


@pytest.mark.parametrize(
    "fmt",
    [
        RGB8,
        PictureFormat(21, 300, Chroma.YUV420, 8, matrix=1),
        PictureFormat(20, 9, Chroma.YUV422, 8, True, chroma_location=1),
        PictureFormat(7, 5, Chroma.GREY, 8),
        PictureFormat(1, 1, Chroma.YUV420, 8),
    ],
)
def test_png_reads_back_as_to_rgb(tmp_path, fmt):
    image = pytest.importorskip("PIL.Image")
    picture = noise(fmt)
    save(tmp_path / "a.png", picture)
    read = image.open(tmp_path / "a.png")
    assert read.mode == ("L" if fmt.chroma == Chroma.GREY else "RGB")
    assert np.array_equal(np.asarray(read.convert("RGB")), to_rgb(picture))


def test_png_above_8_bit_has_16_bit_samples(tmp_path):
    image = pytest.importorskip("PIL.Image")
    picture = noise(PictureFormat(40, 30, Chroma.GREY, 10, True))
    save(tmp_path / "a.png", picture)
    plane = picture.planes[0]
    assert np.array_equal(np.asarray(image.open(tmp_path / "a.png")), plane << 6 | plane >> 4)
    skimage_io = pytest.importorskip("imageio.v3")
    save(tmp_path / "b.png", noise(PictureFormat(8, 6, Chroma.YUV444, 10, True, matrix=0)))
    assert skimage_io.imread(tmp_path / "b.png").shape == (6, 8, 3)


def test_png_names(tmp_path):
    one, two = noise(RGB8, 1), noise(RGB8, 2)
    save(tmp_path / "one.png", one, frame_count_hint=1)
    save(tmp_path / "few.png", one, two)
    save(tmp_path / "hint.png", one, frame_count_hint=5)
    save(tmp_path / "p%03d.png", one)
    save(tmp_path / "q%d.png", one, two)
    expected = ["few-0001", "few-0002", "hint-0001", "one", "p001", "q1", "q2"]
    assert sorted(p.stem for p in tmp_path.iterdir()) == expected
    stream = io.BytesIO()
    save("-", one, kind="png", stdout=stream)
    assert stream.getvalue() == (tmp_path / "one.png").read_bytes()


@pytest.mark.parametrize(
    "fmt",
    [
        PictureFormat(33, 19, frame_rate=Fraction(30000, 1001), chroma_location=1, matrix=1),
        PictureFormat(32, 18, Chroma.YUV422, 10, frame_rate=Fraction(12)),
        PictureFormat(31, 18, Chroma.GREY, full_range=True),
        RGB8,
        PictureFormat(16, 16, Chroma.YUV444, 10, True, matrix=0),
    ],
)
def test_mp4(tmp_path, fmt):
    av = pytest.importorskip("av")
    picture = flat(fmt, *[200 << fmt.bit_depth - 8] * 3)
    save(tmp_path / "a.mp4", picture, picture, picture)
    with av.open(str(tmp_path / "a.mp4")) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        assert stream.average_rate == fmt.frame_rate
    assert len(frames) == 3
    assert frames[0].format.name in ("yuv420p10le",) if fmt.bit_depth == 10 else ("yuv420p", "yuvj420p")
    assert (frames[0].width, frames[0].height) == (fmt.width + fmt.width % 2, fmt.height + fmt.height % 2)
    assert (frames[0].color_range == 2) == (fmt.full_range and not fmt.is_rgb)
    if fmt.is_rgb:  # white-ish grey: limited-range luma, neutral chroma
        unit = 1 << fmt.bit_depth - 8
        values = [int(np.frombuffer(p, fmt.dtype)[0]) for p in frames[0].planes]
        luma = unit * (16 + 219 * (200 * unit / ((1 << fmt.bit_depth) - 1)))
        assert abs(values[0] - luma) <= 2 * unit and all(abs(v - 128 * unit) <= unit for v in values[1:])


def test_md5_and_null(tmp_path):
    pictures = [noise(RGB8, s) for s in (1, 2)]
    writer = save("-", *pictures, kind="md5")
    assert writer.frame_md5s == [hashlib.md5(p.tobytes()).hexdigest() for p in pictures]
    assert writer.hexdigest() == hashlib.md5(b"".join(p.tobytes() for p in pictures)).hexdigest()
    save(tmp_path / "a.md5", *pictures)
    assert (tmp_path / "a.md5").read_text() == writer.hexdigest() + "\n"
    assert save("null", *pictures).frame_count == 2


@pytest.mark.parametrize("name", ["a.y4m", "a.yuv", "a.png", "a.mp4", "a.md5"])
def test_failure_leaves_the_old_file(tmp_path, name):
    if name == "a.mp4":
        pytest.importorskip("av")
    (tmp_path / name).write_bytes(b"old")
    picture = noise(PictureFormat(16, 16))
    with pytest.raises(KeyError), open_writer(str(tmp_path / name), picture.format) as writer:
        writer.write(picture)
        raise KeyError
    assert [p.name for p in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes() == b"old"
    save(tmp_path / name, picture)
    assert [p.name for p in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes() != b"old"


def test_links_and_pipes_survive(tmp_path):
    picture = noise(RGB8)
    (tmp_path / "real.yuv").write_bytes(b"")
    (tmp_path / "link.yuv").symlink_to("real.yuv")
    save(tmp_path / "link.yuv", picture)
    assert (tmp_path / "link.yuv").is_symlink() and (tmp_path / "real.yuv").read_bytes() == picture.tobytes()
    save("/dev/null", picture, kind="yuv")


@pytest.mark.parametrize(
    "name, options, words",
    [
        ("a.avi", {}, "--output-kind"),
        ("a.yuv", {"kind": "gif"}, "y4m, yuv, png"),
        ("no/such/a.yuv", {}, "folder"),
        ("", {"kind": "yuv"}, "-o"),
        ("%d-%d.png", {}, "one %d"),
        ("-", {"kind": "mp4"}, "-o name.mp4"),
    ],
)
def test_usage_errors(tmp_path, name, options, words):
    with pytest.raises(UsageError, match=words):
        open_writer(name if name == "-" else str(tmp_path / name), RGB8, **options)
    assert not list(tmp_path.iterdir())


def test_format_change_is_refused():
    writer = open_writer("null", RGB8)
    with pytest.raises(UsageError, match="changes from 33x19 RGB"):
        writer.write(noise(PictureFormat(33, 19)))


@pytest.mark.parametrize("matrix", [1, 2, 5, 6, 9])
@pytest.mark.parametrize("depth", [8, 10])
def test_grey_stays_grey(matrix, depth):
    fmt = PictureFormat(6, 4, Chroma.YUV420, depth, False, matrix=matrix)
    unit = 1 << depth - 8
    for luma, expected in ((16, 0), (235, (1 << depth) - 1)):
        assert (to_rgb(flat(fmt, luma * unit, 128 * unit, 128 * unit)) == expected).all()


@pytest.mark.parametrize(
    "yuv, rgb", [((63, 102, 240), (255, 0, 0)), ((173, 42, 26), (0, 255, 0)), ((32, 240, 118), (0, 0, 255))]
)
def test_bt709_primaries(yuv, rgb):
    fmt = PictureFormat(4, 4, Chroma.YUV420, 8, matrix=1)
    assert np.abs(to_rgb(flat(fmt, *yuv)).astype(int) - rgb).max() <= 1


def test_unspecified_matrix_follows_the_height():
    small, large = (rgb_matrix_coefficients(PictureFormat(8, h)) for h in (719, 720))
    assert small[0, 2] == pytest.approx(1.402) and large[0, 2] == pytest.approx(1.5748)
    with pytest.raises(UsageError, match="matrix code 8"):
        rgb_matrix_coefficients(PictureFormat(8, 8, matrix=8))


@pytest.mark.parametrize("chroma", [Chroma.YUV420, Chroma.YUV422])
@pytest.mark.parametrize("location", [0, 1])
def test_chroma_ramp_is_upsampled_at_its_true_position(chroma, location):
    """Cr sampled from a linear ramp over luma positions must give the ramp back, away from the edges."""
    fmt = PictureFormat(64, 32, chroma, 8, True, matrix=1, chroma_location=location)
    group = fmt.plane_groups[1]
    x = (np.arange(group.width) * group.step_x + group.origin_x) / 256
    y = (np.arange(group.height) * group.step_y + group.origin_y) / 256
    cr = (100 + (x - x[0])[None] + (y - y[0])[:, None]).astype(np.uint8)  # whole numbers
    planes = (np.full((32, 64), 90, np.uint8), np.full(cr.shape, 128, np.uint8), cr)
    red = to_rgb(Picture(fmt, planes))[..., 0].astype(float)
    ramp = 100 + (np.arange(64) + 0.5 - x[0])[None] + (np.arange(32) + 0.5 - y[0])[:, None]
    expected = 90 + 1.5748 * (ramp - 128)
    assert np.abs(red - expected)[2:-2, 2:-2].max() < 0.51


def test_write_whole_leaves_nothing_behind_when_it_fails(tmp_path, monkeypatch) -> None:
    from pgsvc.output import target

    path = tmp_path / "whole.bin"
    target.write_whole(str(path), b"first")

    def full(self: object, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(target.FileTarget, "write", full)
    with pytest.raises(OSError):
        target.write_whole(str(path), b"second")
    assert path.read_bytes() == b"first" and [p.name for p in tmp_path.iterdir()] == ["whole.bin"]
