"""Scenes as other programs write them: made here by the descriptions of their formats, not by our writers."""

from __future__ import annotations

import gzip
import io
import json
import struct
import zipfile
from pathlib import Path

import numpy as np
import plyfile
import pytest
from scene_samples import REST

from pgsvc.scene.splats import SceneSplats

NAMES = ["x", "y", "z", "f_dc_0", "f_dc_1", "f_dc_2", "opacity", "scale_0", "scale_1", "scale_2"]
NAMES += ["rot_0", "rot_1", "rot_2", "rot_3"]


def ply(splats: SceneSplats, *, order: str = "<", text: bool = False, comments=(), **columns: np.ndarray) -> bytes:
    """A PLY file without normals, with the properties in another order than usual, and what else is given."""
    count, rest = splats.sh_rest.shape[:2]
    flat = splats.sh_rest.transpose(0, 2, 1).reshape(count, 3 * rest)
    parts = [splats.position, splats.sh_dc, splats.opacity[:, None], splats.log_scale, splats.rotation]
    named = dict(zip(NAMES, np.concatenate(parts, axis=1).T, strict=True))
    named |= {f"f_rest_{i}": flat[:, i] for i in reversed(range(3 * rest))} | columns
    table = np.empty(count, [(name, values.dtype) for name, values in named.items()])
    for name, values in named.items():
        table[name] = values
    file = io.BytesIO()
    element = plyfile.PlyElement.describe(table, "vertex")
    plyfile.PlyData([element], text=text, byte_order="=" if text else order, comments=list(comments)).write(file)
    return file.getvalue()


def compressed_ply(splats: SceneSplats, colours: bool = True) -> bytes:
    """PlayCanvas' packed PLY, by the page of its manual."""
    count, rest = len(splats), splats.sh_rest.shape[1]
    chunks = -(-count // 256)
    rgb = 0.5 + 0.28209479177387814 * splats.sh_dc
    groups = {"": splats.position, "scale_": splats.log_scale} | ({"rgb": rgb} if colours else {})
    names = {"": "xyz", "scale_": "xyz", "rgb": "rgb"}
    bounds, shares = [], {}
    for key, values in groups.items():
        parts = [values[256 * i : 256 * (i + 1)] for i in range(chunks)]
        low, high = (np.array([f(p, axis=0) for p in parts], np.float32) for f in (np.min, np.max))
        bounds += [low, high]
        spread = np.maximum(np.repeat(high - low, 256, axis=0)[:count], 1e-12)
        shares[key] = np.clip((values - np.repeat(low, 256, axis=0)[:count]) / spread, 0, 1)
    lines = [f"element chunk {chunks}"]
    for key in groups:
        prefix = "" if key == "rgb" else key
        lines += [f"property float {end}_{prefix}{axis}" for end in ("min", "max") for axis in names[key]]
    lines.append(f"element vertex {count}")
    lines += [f"property uint packed_{what}" for what in ("position", "rotation", "scale", "color")]
    if rest:
        lines += [f"element sh {count}", *(f"property uchar f_rest_{i}" for i in range(3 * rest))]
    header = "\n".join(["ply", "format binary_little_endian 1.0", *lines, "end_header", ""]).encode()

    def word(share: np.ndarray, bits: tuple[int, ...]) -> np.ndarray:
        packed = np.zeros(count, np.uint64)
        for index, width in enumerate(bits):
            code = np.round(share[:, index] * ((1 << width) - 1)).astype(np.uint64)
            packed = packed << np.uint64(width) | code
        return packed

    largest = np.abs(splats.rotation).argmax(axis=1)
    turned = splats.rotation * np.sign(splats.rotation[np.arange(count), largest])[:, None]
    others = np.array([np.delete(q, i) for q, i in zip(turned, largest, strict=True)])
    rotation = word(others / np.sqrt(2) + 0.5, (10, 10, 10)) | largest.astype(np.uint64) << np.uint64(30)
    alpha = 1 / (1 + np.exp(-splats.opacity[:, None].astype(np.float64)))
    colour = np.concatenate([shares["rgb"] if colours else np.clip(rgb, 0, 1), alpha], axis=1)
    vertices = [word(shares[""], (11, 10, 11)), rotation, word(shares["scale_"], (11, 10, 11)), word(colour, (8,) * 4)]
    codes = np.clip(np.floor((splats.sh_rest / 8 + 0.5) * 256), 0, 255).astype(np.uint8).transpose(0, 2, 1)
    body = np.concatenate(bounds, axis=1).astype("<f4").tobytes() + np.stack(vertices, 1).astype("<u4").tobytes()
    return header + body + codes.tobytes()


def spz_2(splats: SceneSplats, degree: int, bits: int = 12, flags: int = 0) -> bytes:
    """SPZ version 2, by the README of nianticlabs/spz; the frame is that of the splats."""
    fixed = np.round(splats.position.astype(np.float64) * 2**bits).astype("<i4").view(np.uint8).reshape(-1, 3, 4)
    alpha = 1 / (1 + np.exp(-splats.opacity.astype(np.float64)))
    sign = np.where(splats.rotation[:, :1] < 0, -1, 1)
    parts = [
        fixed[:, :, :3],
        np.round(255 * alpha),
        np.round(255 * (0.15 * splats.sh_dc + 0.5)),
        np.round(16 * (splats.log_scale + 10)),
        np.round(127.5 * sign * splats.rotation[:, 1:] + 127.5),
        np.round(128 * splats.sh_rest + 128),
    ]
    body = b"".join(np.clip(part, 0, 255).astype(np.uint8).tobytes() for part in parts)
    header = struct.pack("<4sIIBBBB", b"NGSP", 2, len(splats), degree, bits, flags, 0)
    return gzip.compress(header + body, mtime=0)


def sog(splats: SceneSplats, degree: int, version: int = 2, **more: object) -> dict[str, bytes]:
    """The files of a SOG scene, by the page of the PlayCanvas manual; coefficients are exact to a table of 256 numbers."""
    image = pytest.importorskip("PIL.Image", reason="SOG needs Pillow")
    count = len(splats)
    width = 16
    height = -(-count // width)

    def texture(samples: np.ndarray, shape: tuple[int, int] = (height, width)) -> bytes:
        full = np.zeros((shape[0] * shape[1], 4), np.uint8)
        full[:, 3] = 255
        full[: len(samples), : samples.shape[1]] = samples
        file = io.BytesIO()
        image.fromarray(full.reshape(*shape, 4)).save(file, "webp", lossless=True, exact=True)
        return file.getvalue()

    def coded(values: np.ndarray) -> tuple[np.ndarray, dict]:
        low, high = float(values.min()), float(values.max())
        codes = np.round((values - low) / (high - low) * 255).astype(np.uint8)
        table = np.linspace(low, high, 256)
        channels = values.shape[-1] if values.ndim == 2 else 0
        bounds = {"mins": [low] * channels or low, "maxs": [high] * channels or high}
        return codes, {"codebook": table.tolist()} if version == 2 else bounds

    spread = np.sign(splats.position) * np.log1p(np.abs(splats.position.astype(np.float64)))
    low, high = spread.min(axis=0), spread.max(axis=0)
    words = np.round((spread - low) / (high - low) * 65535).astype(np.uint16)
    largest = np.abs(splats.rotation).argmax(axis=1)
    turned = splats.rotation * np.sign(splats.rotation[np.arange(count), largest])[:, None]
    others = np.array([np.delete(q, i) for q, i in zip(turned, largest, strict=True)])
    quats = np.concatenate([np.round((others / np.sqrt(2) + 0.5) * 255), 252 + largest[:, None]], axis=1)
    scale, scale_meta = coded(splats.log_scale)
    if version == 2:
        colour, colour_meta = coded(splats.sh_dc)
        alpha = np.round(255 / (1 + np.exp(-splats.opacity.astype(np.float64))))
        colour = np.concatenate([colour, alpha[:, None].astype(np.uint8)], axis=1)
    else:
        colour, colour_meta = coded(np.concatenate([splats.sh_dc, splats.opacity[:, None]], axis=1))
    files = {
        "means_l.webp": texture((words & 255).astype(np.uint8)),
        "means_u.webp": texture((words >> 8).astype(np.uint8)),
        "quats.webp": texture(quats.astype(np.uint8)),
        "scales.webp": texture(scale),
        "sh0.webp": texture(colour),
    }
    meta: dict = {"means": {"mins": low.tolist(), "maxs": high.tolist(), "files": ["means_l.webp", "means_u.webp"]}}
    meta |= {"quats": {"files": ["quats.webp"]}, "scales": {**scale_meta, "files": ["scales.webp"]}}
    meta |= {"sh0": {**colour_meta, "files": ["sh0.webp"]}, **more}
    meta |= {"version": 2, "count": count} if version == 2 else {}
    if version == 1:
        meta["means"]["shape"] = [count, 3]
    if degree:
        codes, rest_meta = coded(splats.sh_rest)
        rows = -(-count // 64)
        palette = np.zeros((rows * 64, REST[degree], 3), np.uint8)
        palette[:count] = codes
        labels = np.stack([np.arange(count) & 255, np.arange(count) >> 8], axis=1).astype(np.uint8)
        files["shN_centroids.webp"] = texture(palette.reshape(-1, 3), (rows, 64 * REST[degree]))
        files["shN_labels.webp"] = texture(labels)
        told = {"count": count, "bands": degree} if version == 2 else {}
        meta["shN"] = {**rest_meta, **told, "files": ["shN_centroids.webp", "shN_labels.webp"]}
    return {"meta.json": json.dumps(meta).encode(), **files}


def zipped(files: dict[str, bytes]) -> bytes:
    """The files as a .sog archive."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return file.getvalue()


def save(folder: Path, files: dict[str, bytes]) -> Path:
    """Writes the files into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder
