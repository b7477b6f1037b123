"""What the user can ask of the encoder, and what the presets mean."""

from __future__ import annotations

import itertools
import math
from dataclasses import asdict, dataclass, field, replace

from pgsvc.errors import UsageError
from pgsvc.sizes import check_size
from pgsvc_encoder.fit.optimise import Rates
from pgsvc_encoder.fit.relocate import Relocation
from pgsvc_encoder.fit.train import CONTENT, Schedule
from pgsvc_encoder.fit.training import Training
from pgsvc_encoder.keyframes.dynamic import DynamicRule
from pgsvc_encoder.predict.frame import DifferencePrecision
from pgsvc_encoder.predict.graded import DifferenceGrade
from pgsvc_encoder.quantise.freeze import Precision
from pgsvc_encoder.quantise.grade import Grade
from pgsvc_encoder.targets import Targets

DEFAULT_DENSITY = 9000 / (768 * 512)  # splats per luma sample when --splats is not given


@dataclass(frozen=True)
class Preset:
    """Effort: iterations per key frame, after each freeze, and per predicted frame."""

    schedule: Schedule
    precision: Precision
    difference: DifferencePrecision
    grade: Grade = Grade()
    difference_grade: DifferenceGrade = DifferenceGrade()

    def iterations(self, tools: str) -> tuple[int, int]:
        """Of a key frame, and about those of a predicted one."""
        if tools == PAPER:
            return (
                self.schedule.iterations + self.precision.iterations,
                self.difference.iterations + self.difference.adapt_iterations,
            )
        g = self.difference_grade
        return (
            self.schedule.iterations + 3 * self.grade.adapt_iterations,
            3 * g.iterations // 2 + 2 * g.adapt_iterations,
        )


PRESETS = {
    "fast": Preset(
        Schedule(90, rounds=5, final_rate=0.1, newton=0.5, relocation=Relocation(rounds=8, share=0.2)),
        Precision(adapt_iterations=30, solve_iterations=5, sweeps=1, colour_choices=((2, 6), (2, 4))),
        DifferencePrecision(iterations=40, adapt_iterations=8),
        Grade(adapt_iterations=8, colour_groups=1, solve_iterations=3, sweeps=1),
        DifferenceGrade(iterations=40, adapt_iterations=10, motion_iterations=12),
    ),
    "medium": Preset(
        Schedule(900),
        Precision(adapt_iterations=80),
        DifferencePrecision(),
        Grade(adapt_iterations=60, colour_groups=2, solve_iterations=6),
    ),
    "slow": Preset(
        Schedule(3000),
        Precision(adapt_iterations=200, solve_iterations=12, sweeps=3),
        DifferencePrecision(iterations=150, adapt_iterations=40),
        Grade(adapt_iterations=200, solve_iterations=12),
        DifferenceGrade(iterations=160, adapt_iterations=40, motion_iterations=40),
    ),
    "placebo": Preset(
        Schedule(9000, relocation=Relocation(rounds=120)),
        Precision(adapt_iterations=400, solve_iterations=20, sweeps=4),
        DifferencePrecision(iterations=300, adapt_iterations=80),
        Grade(adapt_iterations=400, solve_iterations=20, sweeps=3),
        DifferenceGrade(iterations=400, adapt_iterations=80, motion_iterations=80),
    ),
}

MAIN, PAPER = TOOLS = ("main", "paper")
# Twice the usual steps: 0.07 to 0.1 dB better at the top of stills of 1,400 to 2,800 splats; three times are worse.
MAIN_RATES = Rates(1.4, 0.4, 0.06)

FREEZE, AWARE, ROUND = QUANTISE = ("freeze", "qat", "ptq")


def rounding(preset: Preset, method: str) -> Preset:
    """The preset with another way to quantise key frames: "qat" spends the iterations of "freeze" before it rounds, "ptq" none."""
    if method == FREEZE:
        return preset
    at_once = {"adapt_iterations": 0, "colour_groups": 1, "sweeps": 0}
    p, g = preset.precision, preset.grade
    p = replace(p, **at_once, aware_iterations=p.iterations if method == AWARE else 0)
    g = replace(g, **at_once, aware_iterations=3 * g.adapt_iterations if method == AWARE else 0)
    return replace(preset, precision=p, grade=g)


@dataclass(frozen=True)
class Settings:
    """Settings of one encode.

    Args:
        layers: number of layers.
        splats: splats per frame: of all layers together, spread evenly over them (measured best, tools/bench_fit.py), or of
            each level, rising; None: by picture size.
        targets: rate or quality of each level, for which the encoder searches the splats; ``splats`` is then not used.
        rate: bits per luma sample and frame that segments of video are held to; None: what the splats ask for.
        scalability: "quality": all levels have the picture's size; "resolution": level k has the share of its samples that the
            level has of the splats (P-GSVC, section 4.1), or its size in ``sizes``.
        sizes: width and height of each level, the last that of the picture.
        training_name: one of the trainings in fit/training.py.
        level_weights: of the levels' errors, base first; None: the default.
        tools: coding tools: one of TOOLS.
        positions: how the main tools code the cells of a key frame's splats: "tree" of counts (spec 7.10), or "anchors" as ProGS
            (spec 7.14).
        start: of the fit of a key frame, see :class:`pgsvc_encoder.fit.train.Schedule`.
        quantise: how key frames are quantised: "freeze" in steps, "qat" after training with quantised splats in view, "ptq" at
            once.
        gop: frames per segment at the most, the key frame included.
        key_frames: "fixed", "difference" or "dynamic", where else a segment begins; ``dynamic``: the numbers of that method.
        chunk_frames: predicted frames per chunk: more of them save bytes, fewer of them arrive sooner.
        order: "segment" or "layer", the progression order.
        roi_gain: dB by which a region of interest is meant to be better than the rest.
        device: where key frames are fitted, and sums made for predicted ones: "cpu" or "cuda".
        ms_ssim: measure it for the report.
        seed: of every random choice; the same seed and thread-independent kernels give the same file.
    """

    layers: int = 3
    splats: int | tuple[int, ...] | None = None
    targets: Targets | None = None
    rate: float | None = None
    scalability: str = "quality"
    sizes: tuple[tuple[int, int], ...] | None = None
    gop: int = 64
    key_frames: str = "difference"
    dynamic: DynamicRule = DynamicRule()
    chunk_frames: int = 32
    order: str = "segment"
    roi_gain: float = 6.0
    seed: int = 0
    preset: str = "medium"
    tools: str = MAIN
    quantise: str = FREEZE
    positions: str = "tree"
    start: str = CONTENT
    device: str = "cpu"
    threads: int = 0
    ms_ssim: bool = True
    training_name: str = "joint"
    level_weights: tuple[float, ...] | None = None
    overrides: dict[str, dict[str, object]] = field(default_factory=dict)

    def effort(self) -> Preset:
        """The preset with the overrides applied."""
        preset = rounding(PRESETS[self.preset], self.quantise)
        preset = replace(preset, schedule=replace(preset.schedule, start=self.start))
        preset = replace(preset, grade=replace(preset.grade, positions=self.positions))
        if self.tools == MAIN:
            preset = replace(preset, schedule=replace(preset.schedule, rates=MAIN_RATES))
        parts = {name: replace(getattr(preset, name), **changes) for name, changes in self.overrides.items()}
        return replace(preset, **parts)  # type: ignore[arg-type]

    def training(self) -> Training:
        return Training(self.training_name, self.level_weights, self.seed)

    def level_sizes(self, width: int, height: int) -> list[tuple[int, int]]:
        """Size of each level for a picture of this size; sides of lower levels are even where they were not given.

        Raises:
            UsageError: the sizes that were given do not fit the picture.
        """
        full = (width, height)
        if self.sizes is not None:
            _check_sizes(self.sizes, full, self.layers)
            return list(self.sizes)
        if self.scalability == "quality":
            return [full] * self.layers
        counts = self.layer_splats(width * height)
        shares = [math.sqrt(sum(counts[: k + 1]) / sum(counts)) for k in range(self.layers)]
        return [*(tuple(_even(side * s) for side in full) for s in shares[:-1]), full]  # type: ignore[misc]

    def layer_splats(self, pixels: int) -> list[int]:
        """Splats of each layer for a picture of so many pixels."""
        if isinstance(self.splats, tuple):
            return [b - a for a, b in itertools.pairwise((0, *self.splats))]
        total = self.splats if self.splats is not None else max(self.layers, round(pixels * DEFAULT_DENSITY))
        share, rest = divmod(total, self.layers)
        return [share + (k < rest) for k in range(self.layers)]

    def identity(self) -> dict[str, object]:
        """What must be equal for a finished segment to be reused by ``--resume``."""
        return {k: v for k, v in asdict(self).items() if k not in ("threads", "ms_ssim")}


def _even(side: float) -> int:
    """The nearest even number, at least 2; of one sample 1."""
    return max(2, 2 * round(side / 2)) if side > 1 else 1


def _check_sizes(sizes: tuple[tuple[int, int], ...], full: tuple[int, int], layers: int) -> None:
    text = ",".join(f"{w}x{h}" for w, h in sizes)
    if len(sizes) != layers:
        raise UsageError(f"--sizes {text}: give one size for each of the {layers} levels")
    if sizes[-1] != full:
        raise UsageError(f"--sizes {text}: the last level has the size of the picture, {full[0]}x{full[1]}")
    if any(a[0] > b[0] or a[1] > b[1] for a, b in itertools.pairwise(sizes)):
        raise UsageError(f"--sizes {text}: sizes must not fall from level to level")
    for size in sizes:
        check_size(full, size)
