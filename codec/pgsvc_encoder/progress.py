"""The progress bar of pgsvc-enc."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from pgsvc_encoder.settings import Settings
    from pgsvc_encoder.source import Source


class ProgressBar:
    """tqdm over fit iterations, with the time left and the current top-level PSNR.

    How many key frames will come is not known: the total takes the longest segments for granted and is corrected at each key frame.
    With several workers it moves when a frame is finished, of whatever segment.
    """

    def __init__(self, settings: Settings, source: Source, *, quiet: bool) -> None:
        from tqdm import tqdm

        effort = settings.effort()
        self._quiet = quiet
        self._key, self._predicted = effort.iterations(settings.tools)
        self._gop = 1 if source.is_still else settings.gop
        self._keys: set[int] = set()
        self._frames = source.frame_count
        trials = 0  # of each frame, before the first is encoded
        if settings.key_frames == "dynamic" and not source.is_still:
            trials = settings.dynamic.key_iterations + settings.dynamic.predicted_iterations
        self._before = 0  # iterations of trials
        self._finished = 0  # of finished frames
        total = None if self._frames is None else self._due(self._frames, 0) + self._frames * trials
        self._bar = tqdm(total=total, unit="it", desc=source.name, disable=True if quiet else None, dynamic_ncols=True)

    def _due(self, frames: int, since: int) -> int:
        """Iterations up to that frame, if key frames come only every gop after frame ``since``, the next key frame."""
        keys = len(self._keys) + math.ceil((frames - since) / self._gop)
        return self._before + keys * self._key + (frames - keys) * self._predicted

    def key_frame(self, frame: int) -> None:
        """A segment begins at the frame."""
        if frame == 0:
            self._before = self._bar.n
        if self._frames is not None:
            self._bar.total = self._due(self._frames, frame)
        self._keys.add(frame)

    def __call__(self, frame: int, errors: torch.Tensor | None) -> None:
        if errors is None:
            self._finished += self._key if frame in self._keys else self._predicted
            self._bar.update(max(0, self._before + self._finished - self._bar.n))
            return
        if self._frames is None or self._bar.n < self._due(frame + 1, frame + 1):  # frames differ in what they take
            self._bar.update(1)
        if self._bar.n % 20 == 0:
            self._bar.set_postfix_str(
                f"frame {frame}, {-10 * math.log10(max(float(errors[-1]), 1e-12)):.2f} dB", refresh=False
            )

    def say(self, text: str) -> None:
        """A line above the bar, or where there is no bar."""
        if not self._quiet:
            self._bar.write(f"pgsvc-enc: {text}", file=sys.stderr)

    def close(self) -> None:
        self._bar.close()
