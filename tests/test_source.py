"""Picture input: file names, raw planes, YUV4MPEG2, stills and video."""

import io
import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from pgsvc.colour import to_rgb
from pgsvc.errors import UsageError
from pgsvc.output import open_writer
from pgsvc.picture import Chroma, Picture, PictureFormat
from pgsvc_encoder.source import open_source
from pgsvc_encoder.source.names import parse_name, parse_pixel_format
from pgsvc_encoder.source.raw import raw_layout


def noise(fmt: PictureFormat, seed: int = 0) -> Picture:
    rng = np.random.default_rng(seed)
    return Picture(fmt, tuple(rng.integers(0, 1 << fmt.bit_depth, s).astype(fmt.dtype) for s in fmt.plane_shapes))


def save(path, *pictures, **options):
    with open_writer(str(path), pictures[0].format, **options) as writer:
        for picture in pictures:
            writer.write(picture)
    return str(path)


def assert_same(source, pictures):
    for _ in range(2):  # files can be read again
        read = list(source)
        assert len(read) == len(pictures)
        for a, b in zip(read, pictures, strict=True):
            assert a.format == source.format
            assert all(np.array_equal(p, q) for p, q in zip(a.planes, b.planes, strict=True))


NAMES = [
    ("name_352x288_30Hz_8bit_P420", 352, 288, Chroma.YUV420, 8, 30),
    ("name_1920x1080_59.94fps_10bit_P422", 1920, 1080, Chroma.YUV422, 10, Fraction(60000, 1001)),
    ("name_64x48_P400", 64, 48, Chroma.GREY, 8, 25),
    ("call_320x192_12fps", 320, 192, Chroma.YUV420, 8, 12),
    ("sparks_480x270_10bit_yuv420p10le", 480, 270, Chroma.YUV420, 10, 25),
    ("a_64x48_yuv444p", 64, 48, Chroma.YUV444, 8, 25),
    ("a_64x48_yuvj422p", 64, 48, Chroma.YUV422, 8, 25),
    ("a_64x48_gray10le", 64, 48, Chroma.GREY, 10, 25),
    ("a-64x48-gray", 64, 48, Chroma.GREY, 8, 25),
    ("a.64x48.gbrp10le", 64, 48, Chroma.YUV444, 10, 25),
    ("a_64x48_I420", 64, 48, Chroma.YUV420, 8, 25),
    ("a_64x48_I420_10LE", 64, 48, Chroma.YUV420, 10, 25),
    ("a_64x48_Y42B", 64, 48, Chroma.YUV422, 8, 25),
    ("a_64x48_Y444", 64, 48, Chroma.YUV444, 8, 25),
    ("foreman_cif", 352, 288, Chroma.YUV420, 8, 25),
    ("foreman_qcif_15fps", 176, 144, Chroma.YUV420, 8, 15),
    ("city_4cif", 704, 576, Chroma.YUV420, 8, 25),
    ("garden_sif", 352, 240, Chroma.YUV420, 8, 25),
    ("BasketballPass_416x240_50", 416, 240, Chroma.YUV420, 8, 50),
    ("Beauty_1920x1080_120fps_420_10bit_YUV", 1920, 1080, Chroma.YUV420, 10, 120),
    ("x_352x288_300", 352, 288, Chroma.YUV420, 8, 25),
    ("x_352x288_10bit_yuv420p", 352, 288, Chroma.YUV420, 10, 25),
]


@pytest.mark.parametrize("name, width, height, chroma, depth, rate", NAMES)
def test_names(name, width, height, chroma, depth, rate):
    fmt = raw_layout(name + ".yuv", size=None, pix_fmt=None, depth=None, rate=None).format
    assert (fmt.width, fmt.height, fmt.chroma, fmt.bit_depth, fmt.frame_rate) == (width, height, chroma, depth, rate)
    assert fmt.is_rgb == ("gbrp" in name)
    assert fmt.full_range == any(w in name for w in ("yuvj", "gray", "gbrp"))


def test_names_that_tell_nothing():
    assert parse_name("hello_0x12ab").size is None
    assert parse_name("cif").size is None
    assert parse_pixel_format("hello") is None
    for word in ("nv12", "rgb24", "p010le", "yuv420p10be"):
        with pytest.raises(UsageError, match="--pix-fmt"):
            parse_pixel_format(word)


ALL_Y4M = [
    PictureFormat(7, 5, chroma, depth, full, chroma_location=location, frame_rate=Fraction(24000, 1001))
    for chroma, depth, location in [
        (Chroma.YUV420, 8, 0),
        (Chroma.YUV420, 8, 1),
        (Chroma.YUV420, 10, 0),
        (Chroma.YUV422, 8, 0),
        (Chroma.YUV422, 10, 0),
        (Chroma.YUV444, 8, 0),
        (Chroma.YUV444, 10, 0),
        (Chroma.GREY, 8, 0),
        (Chroma.GREY, 10, 0),
    ]
    for full in (False, True)
]


@pytest.mark.parametrize("fmt", ALL_Y4M)
def test_y4m_round_trip(tmp_path, fmt):
    pictures = [noise(fmt, s) for s in range(3)]
    path = save(tmp_path / "a.y4m", *pictures)
    with open_source(path) as source:
        assert source.format == fmt and source.frame_count == 3 and not source.is_still and source.name == "a.y4m"
        assert_same(source, pictures)
    assert_same(open_source(path, skip=1, frames=1), pictures[1:2])
    assert open_source(path, skip=2, frames=9).frame_count == 1


def test_y4m_from_standard_input():
    fmt = PictureFormat(6, 4)
    pictures = [noise(fmt, s) for s in range(3)]
    stream = io.BytesIO()
    save("-", *pictures, stdout=stream)
    stream.seek(0)
    source = open_source("-", stdin=stream, skip=1)
    assert source.format == fmt and source.frame_count is None
    assert [p.tobytes() for p in source] == [p.tobytes() for p in pictures[1:]]
    with pytest.raises(UsageError, match="only once"):
        list(source)
    with pytest.raises(UsageError, match="lower --skip"):
        list(open_source("-", stdin=io.BytesIO(stream.getvalue()), skip=3))


def test_raw_from_standard_input():
    picture = noise(PictureFormat(6, 4))
    source = open_source("-", stdin=io.BytesIO(picture.tobytes()), size="6x4")
    assert [p.tobytes() for p in source] == [picture.tobytes()]
    with pytest.raises(UsageError, match="--size 352x288"):
        open_source("-", stdin=io.BytesIO(picture.tobytes()))
    with pytest.raises(UsageError, match="1 whole frames and 1 bytes over"):
        list(open_source("-", stdin=io.BytesIO(picture.tobytes() + b"x"), size="6x4"))


GOOD = b"YUV4MPEG2 W4 H2 F25:1 Ip C420jpeg\n"


@pytest.mark.parametrize(
    "data, words",
    [
        (b"YUV4MPEG W4 H2\n", "does not begin"),
        (b"YUV4MPEG2 W4\nFRAME\n" + bytes(12), "no valid H"),
        (b"YUV4MPEG2 W0 H2\nFRAME\n" + bytes(12), "no valid W"),
        (GOOD.replace(b"Ip", b"It") + b"FRAME\n" + bytes(12), "interlaced"),
        (GOOD.replace(b"420jpeg", b"420p12"), "12-bit"),
        (GOOD.replace(b"420jpeg", b"444alpha"), "C444alpha"),
        (GOOD.replace(b"25:1", b"25:0"), "frame rate"),
        (GOOD + b"FRAME\n" + bytes(11), "frame 1 lacks 1 bytes"),
        (GOOD + b"FRAME\n" + bytes(13), "FRAME line of frame 2"),
        (GOOD, "no frames"),
        (GOOD.replace(b"420jpeg", b"420p10") + b"FRAME\n" + b"\xff" * 24, "above 10 bit.*--pix-fmt"),
        (b"YUV4MPEG2 W65535 H65535 C444p10\nFRAME\n", "truncated"),
    ],
)
def test_bad_y4m(tmp_path, data, words):
    path = tmp_path / "bad.y4m"
    path.write_bytes(data)
    with pytest.raises(UsageError, match=words):
        list(open_source(str(path)))


def test_y4m_frame_parameters_and_defaults(tmp_path):
    path = tmp_path / "a.y4m"
    path.write_bytes(b"YUV4MPEG2 W2 H2 F0:0\n" + b"FRAME Xhello\n" + bytes(range(6)) + b"FRAME\n" + bytes(6))
    source = open_source(str(path))
    assert source.frame_count == 2 and source.format.chroma_location == 1 and source.format.frame_rate == 25
    assert list(source)[0].tobytes() == bytes(range(6))
    assert open_source(str(path), fps="29.97").format.frame_rate == Fraction(30000, 1001)


@pytest.mark.parametrize("fmt", ALL_Y4M[::2] + [PictureFormat(6, 4, Chroma.YUV444, 10, True, matrix=0)])
def test_raw_round_trip(tmp_path, fmt):
    word = "rgbp" if fmt.is_rgb else {0: "gray", 1: "yuv420p", 2: "yuv422p", 3: "yuv444p"}[fmt.chroma]
    word += "10le" if fmt.bit_depth == 10 else ""
    pictures = [noise(fmt, s) for s in range(3)]
    path = save(tmp_path / f"a_{fmt.width}x{fmt.height}_{word}.yuv", *pictures)
    assert_same(open_source(path), pictures)
    plain = save(tmp_path / "plain.yuv", *pictures)
    assert_same(open_source(plain, size=f"{fmt.width}x{fmt.height}", pix_fmt=word, skip=2), pictures[2:])


def test_plane_orders(tmp_path):
    fmt = PictureFormat(4, 2, Chroma.YUV444, matrix=0, full_range=True)
    red, green, blue = noise(fmt).planes
    (tmp_path / "a_4x2_gbrp.yuv").write_bytes(green.tobytes() + blue.tobytes() + red.tobytes())
    assert_same(open_source(str(tmp_path / "a_4x2_gbrp.yuv")), [Picture(fmt, (red, green, blue))])
    y, cb, cr = noise(PictureFormat(4, 2)).planes
    (tmp_path / "a_4x2_yv12.yuv").write_bytes(y.tobytes() + cr.tobytes() + cb.tobytes())
    assert_same(open_source(str(tmp_path / "a_4x2_yv12.yuv")), [Picture(PictureFormat(4, 2), (y, cb, cr))])


@pytest.mark.parametrize(
    "name, length, options, words",
    [
        ("a.yuv", 12, {}, "--size 352x288"),
        ("a_4x2.yuv", 25, {}, r"25 bytes.*2 whole frames and 1 bytes over.*4x2 \(from the file name\).*--size"),
        ("a.yuv", 13, {"size": "4x2"}, r"1 bytes over.*4x2 \(from --size\)"),
        ("a_4x2.yuv", 0, {}, "0 whole frames"),
        ("a.yuv", 12, {"size": "4by2"}, "--size 352x288"),
        ("a.yuv", 12, {"size": "0x2"}, "--size 352x288"),
        ("a.yuv", 12, {"size": "4x2", "pix_fmt": "hello"}, "--pix-fmt yuv420p"),
        ("a.yuv", 24, {"size": "4x2", "pix_fmt": "yuv420p10le", "depth": 8}, "--pix-fmt yuv420p10le is 10 bit"),
        ("a.yuv", 24, {"size": "4x2", "depth": 12}, "12-bit"),
        ("a_4x2_yuv420p12le.yuv", 24, {}, "12-bit"),
        ("a_4x2.yuv", 24, {"skip": 2}, "2 frames, so --skip 2"),
        ("a_4x2.yuv", 24, {"skip": -1}, "--skip -1"),
        ("a_4x2.yuv", 24, {"frames": 0}, "--frames 0"),
        ("a_4x2.yuv", 24, {"fps": "fast"}, "--fps 30"),
        ("a_4x2.yuv", 24, {"kind": "gif"}, "y4m, yuv, still, video"),
        ("a.png", 12, {"kind": "still"}, "cannot be read as a picture"),
        ("a.png", 12, {"pix_fmt": "gray"}, "--pix-fmt describes raw planes"),
    ],
)
def test_usage_errors(tmp_path, name, length, options, words):
    (tmp_path / name).write_bytes(bytes(length))
    with pytest.raises(UsageError, match=words):
        open_source(str(tmp_path / name), **options)


def test_missing_files_and_folders(tmp_path):
    for path in (tmp_path / "no.png", tmp_path / "no_4x2.yuv", tmp_path):
        with pytest.raises(UsageError, match="cannot read"):
            open_source(str(path))


def test_stills(tmp_path):
    image = pytest.importorskip("PIL.Image")
    rng = np.random.default_rng(0)
    rgba = rng.integers(0, 256, (6, 8, 4), dtype=np.uint8)
    image.fromarray(rgba[..., :3]).save(tmp_path / "rgb.png")
    source = open_source(str(tmp_path / "rgb.png"))
    assert source.is_still and source.frame_count == 1
    assert source.format == PictureFormat(8, 6, Chroma.YUV444, 8, True, 1, 13, 0)
    assert np.array_equal(to_rgb(next(iter(source))), rgba[..., :3])
    image.fromarray(rgba).save(tmp_path / "rgba.png")
    on_black = np.rint(rgba[..., :3] * (rgba[..., 3:] / 255))
    assert np.array_equal(to_rgb(next(iter(open_source(str(tmp_path / "rgba.png"))))), on_black)
    image.fromarray(rgba[..., 0]).save(tmp_path / "grey.bmp")
    grey = open_source(str(tmp_path / "grey.bmp"))
    assert grey.format.chroma == Chroma.GREY and np.array_equal(next(iter(grey)).planes[0], rgba[..., 0])
    with pytest.raises(UsageError, match="1 frame, so --skip 1"):
        open_source(str(tmp_path / "rgb.png"), skip=1)


def test_16_bit_grey_round_trip(tmp_path):
    pytest.importorskip("PIL")
    picture = noise(PictureFormat(60, 40, Chroma.GREY, 10, True))
    source = open_source(save(tmp_path / "a.png", picture))
    assert source.format.bit_depth == 10
    assert_same(source, [picture])


def test_exif_orientation(tmp_path):
    image = pytest.importorskip("PIL.Image")
    picture = image.fromarray(np.zeros((6, 8, 3), np.uint8))
    exif = picture.getexif()
    exif[0x0112] = 6
    picture.save(tmp_path / "a.jpg", exif=exif)
    fmt = open_source(str(tmp_path / "a.jpg")).format
    assert (fmt.width, fmt.height) == (6, 8)


def test_astronaut():
    data = pytest.importorskip("skimage.data")
    source = open_source(str(Path(data.__file__).parent / "astronaut.png"))
    assert np.array_equal(to_rgb(next(iter(source))), data.astronaut())


def encode_lossless(path, pixel_format, arrays, **colour):
    av = pytest.importorskip("av")
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=Fraction(30))
        stream.height, stream.width = 32, 48
        stream.pix_fmt = pixel_format
        for key, value in colour.items():
            setattr(stream.codec_context, key, value)
        for array in arrays:
            layout = "rgb24" if array.ndim == 3 else pixel_format
            container.mux(stream.encode(av.VideoFrame.from_ndarray(array, layout).reformat(format=pixel_format)))
        container.mux(stream.encode())


def test_video_native_planes(tmp_path):
    rng = np.random.default_rng(0)
    arrays = [rng.integers(0, 256, (48, 48), dtype=np.uint8) for _ in range(4)]
    encode_lossless(tmp_path / "a.mkv", "yuv420p", arrays, color_range=2, colorspace=1, color_primaries=1, color_trc=1)
    source = open_source(str(tmp_path / "a.mkv"))
    assert source.format == PictureFormat(48, 32, Chroma.YUV420, 8, True, 1, 1, 1, frame_rate=Fraction(30))
    for _ in range(2):
        assert [p.tobytes() for p in source] == [a.tobytes() for a in arrays]
    part = open_source(str(tmp_path / "a.mkv"), skip=1, frames=2)
    assert [p.tobytes() for p in part] == [a.tobytes() for a in arrays[1:3]]
    with pytest.raises(UsageError, match="--skip"):
        list(open_source(str(tmp_path / "a.mkv"), skip=4))


def test_video_10_bit(tmp_path):
    rng = np.random.default_rng(0)
    array = rng.integers(0, 1024, (48, 48)).astype(np.uint16)
    encode_lossless(tmp_path / "a.mkv", "yuv420p10le", [array])
    source = open_source(str(tmp_path / "a.mkv"))
    assert source.format.bit_depth == 10
    assert next(iter(source)).tobytes() == array.tobytes()


def test_video_rgb_becomes_bt709(tmp_path):
    red = np.zeros((32, 48, 3), np.uint8)
    red[..., 0] = 255
    encode_lossless(tmp_path / "a.mkv", "bgr0", [red])
    source = open_source(str(tmp_path / "a.mkv"))
    assert source.format.chroma == Chroma.YUV420 and source.format.matrix == 1 and not source.format.full_range
    picture = next(iter(source))
    assert [abs(int(p[4, 4]) - v) <= 1 for p, v in zip(picture.planes, (63, 102, 240), strict=True)] == [True] * 3
    assert np.abs(to_rgb(picture).astype(int) - red).max() <= 3


def test_not_a_video(tmp_path):
    pytest.importorskip("av")
    (tmp_path / "a.bin").write_bytes(bytes(1000))
    with pytest.raises(UsageError, match="--input-kind yuv --size"):
        open_source(str(tmp_path / "a.bin"))


DATA = Path(os.environ.get("PGSVC_DATA", "/nonexistent"))


@pytest.mark.skipif(not DATA.is_dir(), reason="PGSVC_DATA does not name the folder of development data")
@pytest.mark.parametrize(
    "name, frames, rate, depth",
    [
        ("video/foreman_352x288_300f.264", 300, 25, 8),
        ("video/park_joy_480x270_10f.y4m", 10, 50, 8),
        ("video/call_320x192_12fps.yuv", 9, 12, 8),
        ("video/sparks_480x270_10bit_yuv420p10le.yuv", 5, 25, 10),
        ("video/bigbuckbunny_1280x720_132f.mp4", 132, 25, 8),
        ("kodak/kodim03.png", 1, 25, 8),
    ],
)
def test_real_clips(name, frames, rate, depth):
    source = open_source(str(DATA / name))
    assert source.format.frame_rate == rate and source.format.bit_depth == depth
    assert source.frame_count in (frames, None)
    assert sum(1 for _ in source) == frames
