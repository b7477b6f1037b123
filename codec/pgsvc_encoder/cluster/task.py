"""What runs on the machines of a cluster: segments are coded, and a board keeps the numbers of finished frames.

The machines share no disk: pictures and masks come from Ray's object store, one by one, and the coded segment goes back.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

import pgsvc
from pgsvc.errors import PgsError, UsageError
from pgsvc.picture import Picture, PictureFormat
from pgsvc_encoder.probe import Segment
from pgsvc_encoder.region import Region
from pgsvc_encoder.settings import Settings
from pgsvc_encoder.team import Task
from pgsvc_encoder.worker import code_task, portable

ray: Any = importlib.import_module("ray")  # its types would be known only where it is installed


@dataclass
class TaskInStore(Task):
    """A segment in the object store.

    Args:
        pictures: references to its pictures.
        masks: references to one mask for each, see :meth:`Region.packed`, or None.
    """

    format: PictureFormat
    pictures: list[Any]
    masks: list[Any] | None

    @staticmethod
    def put(
        number: int, first_frame: int, expected: int, pictures: Iterable[Picture], region: Region | None
    ) -> TaskInStore:
        """Use up the pictures of a segment; there is at least one.

        Raises:
            UsageError: the region's masks do not fit them.
        """
        stored: list[Any] = []
        masks: list[Any] | None = None if region is None else []
        picture_format: PictureFormat | None = None
        for frame, picture in enumerate(pictures, first_frame):
            f = picture_format = picture.format
            stored.append(ray.put(picture.planes))
            if region is not None and masks is not None:
                masks.append(ray.put(region.packed(frame, f.width, f.height)))
        assert picture_format is not None
        return TaskInStore(number, first_frame, expected, len(stored), picture_format, stored, masks)

    def read(self) -> Iterator[Picture]:
        """The pictures, one by one, in memory of this process: what Ray gives is read-only, and takes room of the store."""
        for stored in self.pictures:
            yield Picture(self.format, tuple(np.array(plane) for plane in ray.get(stored)))

    def region(self) -> Region | None:
        masks = self.masks
        if masks is None:
            return None
        return Region.of_packed(
            lambda frame: ray.get(masks[frame - self.first_frame]), self.format.width, self.format.height
        )

    def remove(self) -> None:
        self.pictures, self.masks = [], None


def code(task: TaskInStore, settings: Settings, board: Any, version: str) -> Segment | Exception:
    """Chunks and statistics of the segment, or the error that came up; the board is told of finished frames.

    Args:
        board: a :class:`pgsvc_encoder.cluster.board.Board`.
        version: of this package in the main process.
    """

    def progress(frame: int, errors: torch.Tensor | None) -> None:
        if errors is None:
            board.tell.remote(frame)

    try:
        if version != pgsvc.__version__:
            raise UsageError(f"a machine of the cluster has pgsvc {pgsvc.__version__}, this one {version}")
        return code_task(task, settings, progress)
    except ray.exceptions.RayError as error:
        return PgsError(f"the pictures of frames from {task.first_frame} on did not reach a machine: {error}")
    except Exception as error:
        return portable(error)
