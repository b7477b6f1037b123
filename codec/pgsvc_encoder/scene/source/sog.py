"""SOG scenes of PlayCanvas, versions 2 and 1: textures of bytes, and a meta.json that says what they stand for.

Source: the page "The SOG Format" of the PlayCanvas manual and playcanvas/splat-transform (readers/read-sog.ts). Positions are
16 bits of sign(x)·ln(|x| + 1) between bounds, rotations three bytes and the index of the largest of w, x, y, z, opacity a byte;
scales and colours are indices into a table of 256 numbers (version 2) or lie between bounds (version 1, whose opacities are
logits), coefficients come from a palette. The page says y up, but the programs that write SOG keep the numbers of their PLY
files, which makes the frame "rdf".
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np

from pgsvc.errors import PgsError
from pgsvc.scene.splats import SceneFormat, SceneSplats
from pgsvc_encoder.scene.source.base import Reading, check_count, damaged, float32, logits_of_bytes, smallest_three
from pgsvc_encoder.scene.source.sog_files import ReadFile, archive_files, folder_files, pixels

_REST = (0, 3, 8, 15)
_PALETTE = 1 << 16
_PALETTE_ROW = 64
_SMALL = 1 << 20  # a texture may have that many pixels however few splats there are


def read_sog_archive(path: str, name: str) -> Reading:
    """A scene in one ZIP file.

    Raises:
        UsageError: damage, or a version that is not read.
        MissingExtra: Pillow is not installed.
    """
    files = archive_files(path, name)
    try:
        meta = json.loads(files("meta.json"))
    except (ValueError, RecursionError) as error:
        raise damaged(name, "its meta.json is no JSON") from error
    return read_sog(meta, files, name)


def read_sog_folder(meta: dict, folder: Path, name: str) -> Reading:
    """A scene of a meta.json and files beside it; errors as for `read_sog_archive`."""
    return read_sog(meta, folder_files(folder, name), name)


def read_sog(meta: dict, files: ReadFile, name: str) -> Reading:
    """A scene of its meta.json and a function that reads files; errors as for `read_sog_archive`."""
    try:
        return _Scene(meta, files, name).reading()
    except PgsError:
        raise
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise damaged(name, f"its meta.json is not that of a scene ({type(error).__name__}: {error})") from error


class _Scene:
    """One meta.json and its textures."""

    def __init__(self, meta: dict, files: ReadFile, name: str) -> None:
        self.meta, self.files, self.name = meta, files, name
        self.version = meta.get("version", 1)
        if self.version not in (1, 2):
            raise damaged(name, f"it says that it is version {self.version!r}, and 1 and 2 are read")
        count = meta["count"] if self.version == 2 else meta["means"]["shape"][0]
        if type(count) is not int or count < 0:
            raise damaged(name, f"{count!r} is no number of splats")
        check_count(count, name)
        self.count = count

    def reading(self) -> Reading:
        rest = self._coefficients() if self.meta.get("shN") else np.zeros((self.count, 0, 3), np.float32)
        colour = self._texture("sh0")
        splats = SceneSplats(
            position=self._positions(),
            log_scale=self._numbers("scales", self._texture("scales")[:, :3]),
            rotation=self._rotations(),
            opacity=logits_of_bytes(colour[:, 3]) if self.version == 2 else self._numbers("sh0", colour)[:, 3],
            sh_dc=self._numbers("sh0", colour)[:, :3],
            sh_rest=rest,
        )
        smooth = self.meta.get("antialias") is True or self.meta.get("model") == "antialiased"
        kernel = "antialiased" if smooth else "classic"
        return Reading(splats, SceneFormat(sh_degree=_REST.index(rest.shape[1]), frame="rdf", kernel=kernel))

    def _texture(self, what: str, index: int = 0) -> np.ndarray:
        """A sample for each splat, uint8 [N, 4]."""
        data = self.files(self.meta[what]["files"][index])
        samples = pixels(data, self.name, at_least=self.count, at_most=max(_SMALL, 4 * self.count))
        return samples.reshape(-1, 4)[: self.count]

    def _bounds(self, what: str) -> tuple[np.ndarray, np.ndarray]:
        low, high = (np.array(self.meta[what][key], np.float64) for key in ("mins", "maxs"))
        return low, high

    def _numbers(self, what: str, codes: np.ndarray) -> np.ndarray:
        """float32 of bytes, by the table or the bounds of ``what``."""
        if self.version == 2:
            table = np.array(self.meta[what]["codebook"], np.float64)
            if table.shape != (256,):
                raise damaged(self.name, f"the table of its {what} does not have 256 numbers")
            return float32(table)[codes]
        low, high = self._bounds(what)
        with np.errstate(over="ignore", invalid="ignore"):
            return float32(low + (high - low) * (codes / 255))

    def _positions(self) -> np.ndarray:
        codes = self._texture("means", 0).astype(np.int64) | self._texture("means", 1).astype(np.int64) << 8
        low, high = self._bounds("means")
        if low.shape != (3,) or high.shape != (3,):
            raise damaged(self.name, "the bounds of its positions are no three numbers")
        with np.errstate(over="ignore", invalid="ignore"):
            spread = low + (high - low) * (codes[:, :3] / 65535)
            return float32(np.sign(spread) * np.expm1(np.abs(spread)))

    def _rotations(self) -> np.ndarray:
        codes = self._texture("quats")
        if (codes[:, 3] < 252).any():
            raise damaged(self.name, f"{int((codes[:, 3] < 252).sum())} of its rotations have an index above 3")
        return smallest_three((codes[:, :3] / 255 - 0.5) * math.sqrt(2), codes[:, 3].astype(np.int64) - 252)

    def _coefficients(self) -> np.ndarray:
        """float32 [N, K, 3]: labels of splats choose among rows of 64 entries of K pixels."""
        meta = self.meta["shN"]
        palette = pixels(self.files(meta["files"][0]), self.name, at_least=1, at_most=_PALETTE * _REST[3])
        number, odd = divmod(palette.shape[1], _PALETTE_ROW)
        told = _REST[meta["bands"]] if self.version == 2 else number
        if odd or number not in _REST[1:] or number != told:
            raise damaged(self.name, f"a palette {palette.shape[1]} pixels wide is not that of a degree 1 to 3")
        entries = palette[:, :, :3].reshape(-1, number, 3)
        labels = self._texture("shN", 1).astype(np.int64)
        chosen = labels[:, 0] | labels[:, 1] << 8
        if (chosen >= min(len(entries), meta.get("count", _PALETTE))).any():
            raise damaged(self.name, "labels of its splats are beyond the palette")
        return self._numbers("shN", entries)[chosen]
