"""Posed pictures: photographs of a scene with the cameras that took them, from files of other programs."""

from __future__ import annotations

import os
from pathlib import Path

from pgsvc.errors import UsageError
from pgsvc_encoder.scene.posed.base import PosedPictures, View, check_present, hold_out

__all__ = ["PosedPictures", "View", "is_posed", "open_posed"]

HOLD = 8
"""Every so many pictures one is for tests, as in the papers since Mip-NeRF 360 [Barron et al. 2022]."""


def is_posed(path: str | os.PathLike[str]) -> bool:
    """Whether a path looks like posed pictures rather than splats: transforms*.json, or a folder of COLMAP or with such a file."""
    place = Path(path)
    if place.is_dir():
        return _colmap_model(place) is not None or _transforms_in(place) is not None
    return place.suffix.lower() == ".json" and "transforms" in place.name.lower()


def open_posed(
    path: str | os.PathLike[str],
    *,
    downscale: int = 1,
    test: str | os.PathLike[str] | None = None,
    hold: int = HOLD,
    images: str | os.PathLike[str] | None = None,
) -> PosedPictures:
    """Reads cameras and finds their pictures, which are loaded later.

    Args:
        path: a transforms.json of NeRF-synthetic, instant-ngp or nerfstudio, a folder with one, or a folder with a text model of
            COLMAP (cameras.txt, images.txt, points3D.txt; also in ``sparse/0`` or ``sparse`` below).
        downscale: pictures are made so many times smaller, by means of squares.
        test: a transforms.json with the pictures for tests; without, transforms_test.json beside a transforms_train.json, else
            every ``hold``-th picture.
        hold: as above; 0: no picture is kept for tests.
        images: where the pictures of a COLMAP model are; without, the folder ``images`` beside the model or above.

    Raises:
        UsageError: what is missing, damaged or not supported; missing pictures are counted.
        MissingExtra: Pillow is not installed.
    """
    if not 1 <= downscale <= 64:
        raise UsageError(f"pictures can be made 1 to 64 times smaller, not {downscale} times")
    if hold < 0 or hold == 1:
        raise UsageError(f"--hold {hold} leaves no picture to train with; give 2 or more, or 0 for no tests")
    place = Path(path)
    model = _colmap_model(place) if place.is_dir() else None
    if model is not None:
        from pgsvc_encoder.scene.posed.colmap import read_colmap

        views, points = read_colmap(model, Path(images) if images is not None else None, downscale)
        check_present(views, str(place), "--images FOLDER says where they are")
        return hold_out(views, hold, "rdf", points)
    if place.is_dir():
        index = _transforms_in(place)
        if index is None:
            raise UsageError(f"the folder {place} has neither a transforms.json nor a text model of COLMAP")
        place = index
    from pgsvc_encoder.scene.posed.transforms import FRAME, read_transforms

    views = read_transforms(place, downscale)
    check_present(views, place.name, "take their frames out of the file")
    beside = place.with_name("transforms_test.json")
    if test is None and place.name == "transforms_train.json" and beside.is_file():
        test = beside
    if test is None:
        return hold_out(views, hold, FRAME)
    tests = read_transforms(Path(test), downscale)
    check_present(tests, Path(test).name, "name another file with --test")
    return PosedPictures(views, tests, FRAME)


def _colmap_model(folder: Path) -> Path | None:
    places = (folder, folder / "sparse" / "0", folder / "sparse", folder / "colmap" / "sparse" / "0")
    kinds = ("cameras.txt", "cameras.bin")
    return next((p for p in places if any((p / kind).is_file() for kind in kinds)), None)


def _transforms_in(folder: Path) -> Path | None:
    names = ("transforms.json", "transforms_train.json")
    return next((folder / n for n in names if (folder / n).is_file()), None)
