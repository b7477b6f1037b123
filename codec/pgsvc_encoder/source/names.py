"""What the name of a raw video tells about its planes.

Understood are names after Vooya (``clip_352x288_30Hz_8bit_P420``), ffmpeg (``clip_352x288_yuv420p10le``), GStreamer
(``clip_352x288_I420``), the JVET (``clip_416x240_50``) and Xiph (``clip_cif``). The same words serve ``--pix-fmt``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from pgsvc.errors import UsageError
from pgsvc.picture import Chroma
from pgsvc_encoder.source.base import parse_rate

_NAMED_SIZES = {
    "qcif": (176, 144),
    "cif": (352, 288),
    "4cif": (704, 576),
    "16cif": (1408, 1152),
    "qsif": (176, 120),
    "sif": (352, 240),
    "4sif": (704, 480),
}
_JVET_RATES = ("15", "20", "24", "25", "30", "50", "60", "100", "120")


@dataclass(frozen=True)
class PixelFormat:
    """How raw planes are stored. ``depth`` None: the word does not tell.

    ``order`` lists, for R, G, B or Y, Cb, Cr, which stored plane holds it.
    """

    chroma: Chroma
    depth: int | None = None
    rgb: bool = False
    full_range: bool = False
    order: tuple[int, ...] = (0, 1, 2)


@dataclass(frozen=True)
class RawName:
    """What a file name gave away; None where it is silent. ``size`` is (width, height)."""

    size: tuple[int, int] | None = None
    pixels: PixelFormat | None = None
    depth: int | None = None
    rate: Fraction | None = None


_PLAIN = {
    "i420": PixelFormat(Chroma.YUV420),
    "iyuv": PixelFormat(Chroma.YUV420),
    "yv12": PixelFormat(Chroma.YUV420, 8, order=(0, 2, 1)),
    "i422": PixelFormat(Chroma.YUV422),
    "y42b": PixelFormat(Chroma.YUV422),
    "y444": PixelFormat(Chroma.YUV444),
    "i444": PixelFormat(Chroma.YUV444),
    "y8": PixelFormat(Chroma.GREY, 8),
    "gbr": PixelFormat(Chroma.YUV444, rgb=True, full_range=True, order=(2, 0, 1)),
}
_CHROMA = {"400": Chroma.GREY, "420": Chroma.YUV420, "422": Chroma.YUV422, "444": Chroma.YUV444}
_FFMPEG_YUV = re.compile(r"yuv(j?)(420|422|444)p(\d+)?(le|be)?")
_FFMPEG_GREY = re.compile(r"gr[ae]y(\d+)?(le|be)?")
_PLANAR_RGB = re.compile(r"(gbrp|rgbp)(\d+)?(le|be)?")
_VOOYA = re.compile(r"p(400)|p?(420|422|444)p?")  # a bare 400 would rather be a number of frames
_GSTREAMER_DEEP = re.compile(r"(i420|i422|y444|i444|gbr)_?(\d\d)le")
_FOREIGN = re.compile(
    r"nv12|nv21|nv16|nv24|p010(le)?|p016(le)?|uyvy(422)?|yuyv(422)?|yuy2|v210|(rgb|bgr)(24|48)(le|be)?"
)
_SIZE = re.compile(r"(?<![0-9a-z])([1-9]\d{0,4})x([1-9]\d{0,4})(?![0-9])")
_RATE = re.compile(r"(?<![0-9a-z.])(\d+(?:\.\d+)?)(?:fps|hz)(?![0-9a-z])")
_DEPTH = re.compile(r"(?<![0-9a-z])(\d\d?)bits?(?![0-9a-z])")
_WORDS = re.compile(r"[_\-. ]+")


def parse_pixel_format(word: str) -> PixelFormat | None:
    """The layout that a word stands for, or None if it is no such word.

    Raises:
        UsageError: a known layout that is not planar, or big-endian.
    """
    word = word.lower()
    if word in _PLAIN:
        return _PLAIN[word]
    if match := _GSTREAMER_DEEP.fullmatch(word):
        base = _PLAIN[match[1]]
        return PixelFormat(base.chroma, int(match[2]), base.rgb, base.full_range, base.order)
    if match := _VOOYA.fullmatch(word):
        return PixelFormat(_CHROMA[match[1] or match[2]])
    if match := _FFMPEG_YUV.fullmatch(word):
        found = PixelFormat(_CHROMA[match[2]], int(match[3] or 8), full_range=bool(match[1]))
    elif match := _FFMPEG_GREY.fullmatch(word):
        found = PixelFormat(Chroma.GREY, int(match[1] or 8), full_range=True)
    elif match := _PLANAR_RGB.fullmatch(word):
        order = (2, 0, 1) if match[1] == "gbrp" else (0, 1, 2)
        found = PixelFormat(Chroma.YUV444, int(match[2] or 8), True, True, order)
    else:
        if _FOREIGN.fullmatch(word):
            raise UsageError(f"raw video as {word} is not read; convert it to planes, for example --pix-fmt yuv420p")
        return None
    if word.endswith("be"):
        raise UsageError(
            f"big-endian raw video ({word}) is not read; convert it to {word[:-2]}le and use --pix-fmt {word[:-2]}le"
        )
    return found


def parse_name(stem: str, *, with_pixels: bool = True) -> RawName:
    """Reads a file name without its folder and extension; ``with_pixels=False`` leaves the layout alone.

    Raises:
        UsageError: the name tells of a layout that is not read (see `parse_pixel_format`).
    """
    low = stem.lower()
    words = _WORDS.split(low)
    size_match = _SIZE.search(low)
    size = (int(size_match[1]), int(size_match[2])) if size_match else None
    if size is None:
        size = next((_NAMED_SIZES[w] for w in words[1:] if w in _NAMED_SIZES), None)
    rate_match, depth_match = _RATE.search(low), _DEPTH.search(low)
    rate = parse_rate(rate_match[1]) if rate_match else _jvet_rate(low, size_match)
    pairs = (a + b for a, b in pairwise(words) if re.fullmatch(r"\d\dle", b))  # I420_10LE is one word
    candidates = [found for w in (*pairs, *words[1:]) if with_pixels and (found := parse_pixel_format(w))]
    # A word that tells the depth too (yuv420p10le) says more than a bare 420.
    pixels = next((c for c in candidates if c.depth), candidates[0] if candidates else None)
    return RawName(size, pixels, int(depth_match[1]) if depth_match else None, rate)


def _jvet_rate(low: str, size_match: re.Match[str] | None) -> Fraction | None:
    """The number that follows the size in ``BasketballPass_416x240_50``."""
    if size_match is None:
        return None
    following = _WORDS.split(low[size_match.end() :])
    if len(following) > 1 and following[0] == "" and following[1] in _JVET_RATES:
        return Fraction(following[1])
    return None
