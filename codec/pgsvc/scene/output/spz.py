"""SPZ files, versions 3 and 4, after nianticlabs/spz (README.md, src/cc/load-spz.cc).

One byte a number, three a coordinate, four a rotation. Version 3 is one gzip stream, header included. Version 4 is a plain
header, records of extensions, a table of sizes and one zstd stream for each attribute; it says its frame in the record
``SPZ_ADOBE_coordinate_system``. In both the frame is RUB. Rotations are the "smallest three": two bits for the largest of
x, y, z, w, then sign and nine bits for each of the others, in units of 1/(511·√2).
"""

from __future__ import annotations

import gzip
import math
import struct

import numpy as np

from pgsvc.errors import UsageError
from pgsvc.scene.frames import change_frame
from pgsvc.scene.output.check import sigmoid, to_byte
from pgsvc.scene.output.splat import refuse_linear
from pgsvc.scene.splats import SceneFormat, SceneSplats

FRAME = "rub"
MAGIC = b"NGSP"
HEADER = struct.Struct("<4sIIBBBB")
"""Magic, version, splats, SH degree, fraction bits of positions, flags, and streams (version 4, else 0)."""
HEADER_4 = struct.Struct("<4sIIBBBBI12x")
"""The same, and the offset of the table of sizes."""
EXTENSION = struct.Struct("<II")
"""Type of a record and bytes that follow."""
ANTIALIASED, EXTENSIONS = 1, 2
COORDINATE_SYSTEM = 0xADBE0003
COORDINATE_SYSTEMS = {3: "lub", 4: "rub", 6: "rdf", 7: "luf", 8: "ruf", 12: "rfu"}
COLOUR_SCALE = 0.15

_COARSE, _FINE = 16, 8  # steps of coefficients: 4 bits, and 5 for those of degree 1, as the format's own encoder
_ZSTD_LEVEL = 12


def spz_bytes(splats: SceneSplats, format: SceneFormat, version: int = 3) -> bytes:
    """The file, coded as the format's own encoder does. Scales, colours and coefficients beyond the format's range end at it.

    Opacities keep off 0 and 1, whose logits are infinite to other readers.

    Raises:
        UsageError: positions that need more than 24 bits, or the scene's colours are linear.
    """
    refuse_linear(format, "SPZ")
    splats = change_frame(splats, format.frame, FRAME)
    bits = fraction_bits(splats.position)
    flags = ANTIALIASED if format.kernel == "antialiased" else 0
    parts = [
        _fixed(splats.position, bits),
        np.clip(to_byte(255 * sigmoid(splats.opacity)), 1, 254),
        to_byte(255 * (0.5 + COLOUR_SCALE * splats.sh_dc.astype(np.float64))),
        to_byte(16 * (splats.log_scale.astype(np.float64) + 10)),
        pack_rotations(splats.rotation),
        _coefficients(splats.sh_rest),
    ]
    streams = [part.tobytes() for part in parts[: 6 if format.sh_degree else 5]]
    if version == 3:
        header = HEADER.pack(MAGIC, 3, len(splats), format.sh_degree, bits, flags, 0)
        return gzip.compress(header + b"".join(streams), 6, mtime=0)
    return _container(streams, len(splats), format.sh_degree, bits, flags, format.frame)


def fraction_bits(position: np.ndarray) -> int:
    """Fraction bits of 24-bit coordinates: 12 as all writers, more for small scenes, fewer where 12 do not fit.

    Raises:
        UsageError: no number of bits fits.
    """
    reach = float(np.abs(position).max(initial=0))
    if reach >= 2**23 - 1:
        raise UsageError(f"positions reach {reach:.6g}, and SPZ ends at 8388607 units; scale the scene or write .ply")
    exponent = math.ceil(math.log2(reach)) if reach > 0 else 0
    wanted = min(max(12, 16 - exponent), 22)  # 16 bits for the scene's size
    return next(bits for bits in range(wanted, -1, -1) if round(reach * 2**bits) < 2**23)


def _fixed(position: np.ndarray, bits: int) -> np.ndarray:
    """uint8 [N, 9]: little-endian two's complement of 24 bits."""
    numbers = np.floor(position.astype(np.float64) * 2**bits + 0.5).astype("<i4")
    return np.ascontiguousarray(numbers).view(np.uint8).reshape(-1, 3, 4)[:, :, :3]


def pack_rotations(rotation: np.ndarray) -> np.ndarray:
    """uint32 [N] for unit quaternions w, x, y, z [N, 4]."""
    quaternion = np.roll(rotation.astype(np.float64), -1, axis=1)
    largest = np.abs(quaternion).argmax(axis=1)
    negative = np.take_along_axis(quaternion, largest[:, None], 1) < 0
    quaternion = np.where(negative, -quaternion, quaternion)
    packed = largest.astype(np.uint32)
    for index in range(4):
        number = quaternion[:, index]
        size = np.minimum(np.floor(511 * math.sqrt(2) * np.abs(number) + 0.5), 511).astype(np.uint32)
        more = (packed << np.uint32(10)) | ((number < 0).astype(np.uint32) << np.uint32(9)) | size
        packed = np.where(largest == index, packed, more)
    return packed.astype("<u4")


def _coefficients(rest: np.ndarray) -> np.ndarray:
    """uint8 [N, K, 3]: 128 for 0, 128 steps to 1, rounded to coarser ones."""
    step = np.where(np.arange(rest.shape[1]) < 3, _FINE, _COARSE)[:, None]
    steps = np.floor(rest.astype(np.float64) * 128 + 0.5) + 128
    return np.clip(np.floor((steps + step // 2) / step) * step, 0, 255).astype(np.uint8)


def _container(streams: list[bytes], count: int, degree: int, bits: int, flags: int, frame: str) -> bytes:
    """Version 4 around the attributes; without the record of the frame where that is not known."""
    import zstandard

    code = next(code for code, name in COORDINATE_SYSTEMS.items() if name == FRAME)
    record = b"" if frame == "unspecified" else EXTENSION.pack(COORDINATE_SYSTEM, 4) + code.to_bytes(4, "little")
    flags |= EXTENSIONS if record else 0
    packed = [zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compress(stream) for stream in streams]
    header = HEADER_4.pack(MAGIC, 4, count, degree, bits, flags, len(streams), HEADER_4.size + len(record))
    sizes = [struct.pack("<QQ", len(small), len(whole)) for small, whole in zip(packed, streams, strict=True)]
    return b"".join([header, record, *sizes, *packed])
