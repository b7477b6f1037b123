"""What the user can ask of the encoder, and what the presets mean."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace

from pgsvc_encoder.fit.train import Schedule
from pgsvc_encoder.keyframes.dynamic import DynamicRule
from pgsvc_encoder.predict.frame import DifferencePrecision
from pgsvc_encoder.quantise.freeze import Precision

DEFAULT_DENSITY = 9000 / (768 * 512)  # splats per luma sample when --splats is not given


@dataclass(frozen=True)
class Preset:
    """Effort: iterations per key frame, after each freeze, and per predicted frame."""

    schedule: Schedule
    precision: Precision
    difference: DifferencePrecision


PRESETS = {
    "fast": Preset(
        Schedule(400, rounds=8),
        Precision(adapt_iterations=30, solve_iterations=5, sweeps=1, colour_choices=((2, 6), (2, 4))),
        DifferencePrecision(iterations=25, adapt_iterations=8),
    ),
    "medium": Preset(Schedule(1200), Precision(adapt_iterations=80), DifferencePrecision()),
    "slow": Preset(
        Schedule(3000),
        Precision(adapt_iterations=200, solve_iterations=12, sweeps=3),
        DifferencePrecision(iterations=150, adapt_iterations=40),
    ),
}


@dataclass(frozen=True)
class Settings:
    """Settings of one encode.

    Args:
        layers: number of layers; splats are spread evenly over them.
        splats: splats per frame, all layers together; None: by picture size.
        gop: frames per segment at the most, the key frame included.
        key_frames: "fixed", "difference" or "dynamic", where else a segment begins; ``dynamic``: the numbers of that method.
        chunk_frames: predicted frames per chunk.
        order: "segment" or "layer", the progression order.
        seed: of every random choice; the same seed and thread-independent kernels give the same file.
    """

    layers: int = 3
    splats: int | None = None
    gop: int = 32
    key_frames: str = "difference"
    dynamic: DynamicRule = DynamicRule()
    chunk_frames: int = 8
    order: str = "segment"
    seed: int = 0
    preset: str = "medium"
    threads: int = 0
    overrides: dict[str, dict[str, object]] = field(default_factory=dict)

    def effort(self) -> Preset:
        """The preset with the overrides applied."""
        preset = PRESETS[self.preset]
        parts = {name: replace(getattr(preset, name), **changes) for name, changes in self.overrides.items()}
        return replace(preset, **parts)  # type: ignore[arg-type]

    def layer_splats(self, pixels: int) -> list[int]:
        """Splats of each layer for a picture of so many pixels."""
        total = self.splats if self.splats is not None else max(self.layers, round(pixels * DEFAULT_DENSITY))
        share, rest = divmod(total, self.layers)
        return [share + (k < rest) for k in range(self.layers)]

    def identity(self) -> dict[str, object]:
        """What must be equal for a finished segment to be reused by ``--resume``."""
        return {k: v for k, v in asdict(self).items() if k not in ("threads",)}
