"""A segment on its way to a worker process: its pictures, and masks of a region, in files beside the finished segments.

In a file they take no memory, and are still there when the worker that had them is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pgsvc.picture import Picture, PictureFormat
from pgsvc_encoder.region import Region
from pgsvc_encoder.team import Task


@dataclass
class TaskInFiles(Task):
    """A segment in files.

    Args:
        pictures: file of their samples, plane after plane in the machine's byte order.
        masks: file of one mask for each picture, see :meth:`Region.packed`, or None.
    """

    format: PictureFormat
    pictures: Path
    masks: Path | None

    @staticmethod
    def write(
        folder: Path, number: int, first_frame: int, expected: int, pictures: Iterable[Picture], region: Region | None
    ) -> TaskInFiles:
        """Use up the pictures of a segment; there is at least one.

        Raises:
            UsageError: the region's masks do not fit them.
        """
        path = folder / f"{number:06d}.pictures"
        masks = None if region is None else path.with_suffix(".masks")
        picture_format: PictureFormat | None = None
        frames = 0
        with open(path, "wb") as out, nullcontext() if masks is None else open(masks, "wb") as out_masks:
            for picture in pictures:
                f = picture_format = picture.format
                for plane in picture.planes:
                    plane.tofile(out)
                if region is not None and out_masks is not None:
                    region.packed(first_frame + frames, f.width, f.height).tofile(out_masks)
                frames += 1
        assert picture_format is not None
        return TaskInFiles(number, first_frame, expected, frames, picture_format, path, masks)

    def read(self) -> Iterator[Picture]:
        """The pictures, one by one."""
        with open(self.pictures, "rb") as file:
            for _ in range(self.frames):
                planes = tuple(
                    np.fromfile(file, self.format.dtype, height * width).reshape(height, width)
                    for height, width in self.format.plane_shapes
                )
                yield Picture(self.format, planes)

    def region(self) -> Region | None:
        """The region of these frames."""
        path = self.masks
        if path is None:
            return None
        width, height = self.format.width, self.format.height
        size = -(-width * height // 8)

        def mask(frame: int) -> np.ndarray:
            return np.fromfile(path, np.uint8, size, offset=(frame - self.first_frame) * size)

        return Region.of_packed(mask, width, height)

    def remove(self) -> None:
        """Its files."""
        for path in (self.pictures, self.masks):
            if path is not None:
                path.unlink(missing_ok=True)


def remove_files(folder: Path) -> None:
    """Of all tasks."""
    for path in (*folder.glob("*.pictures"), *folder.glob("*.masks")):
        path.unlink(missing_ok=True)
