"""The progress bar of a training."""

from __future__ import annotations

from pgsvc_encoder.scene.train.schedule import Progress

SMOOTH = 0.05  # weight of the newest picture in what is shown


class TrainingBar:
    """tqdm over iterations, with running means of the loss and of the top level's PSNR; a ``progress`` of `train_scene`."""

    def __init__(self, name: str, top: int, *, quiet: bool) -> None:
        from tqdm import tqdm

        self._bar = tqdm(unit="it", desc=name, disable=True if quiet else None, dynamic_ncols=True)
        self._top = top
        self._loss: float | None = None
        self._psnr: float | None = None

    def __call__(self, now: Progress) -> None:
        self._bar.total = now.total
        self._loss = _running(self._loss, now.loss)
        if now.level == self._top or self._psnr is None:
            self._psnr = _running(self._psnr, now.psnr)
        if now.iteration % 20 == 0:
            self._bar.set_postfix_str(f"level {now.level}, loss {self._loss:.4f}, {self._psnr:.2f} dB", refresh=False)
        self._bar.update(now.iteration - self._bar.n)

    def close(self) -> None:
        self._bar.close()


def _running(mean: float | None, value: float) -> float:
    return value if mean is None else mean + SMOOTH * (value - mean)
