"""What a user may ask of a training."""

from __future__ import annotations

from dataclasses import dataclass, field

from pgsvc.errors import UsageError

METHODS = ("layered", "recover", "joint", "sort")
BACKGROUNDS = {"white": (1.0, 1.0, 1.0), "black": (0.0, 0.0, 0.0)}


@dataclass(frozen=True)
class Rates:
    """Step sizes of Adam at the beginning, per iteration, in the units of `pgsvc.scene.splats.SceneSplats`.

    Those of 3D Gaussian Splatting [Kerbl et al. 2023] for stages of 30,000 iterations; shorter ones take larger steps, see `haste`.

    Args:
        position: a share of the scene's extent.
        sh_rest: a twentieth of the constant colour's there.
        last: share that is left at the end of a stage; that of positions is ``last_position``.
    """

    position: float = 1.6e-4
    log_scale: float = 5e-3
    rotation: float = 1e-3
    opacity: float = 5e-2
    sh_dc: float = 2.5e-3
    sh_rest: float = 1.25e-4
    last: float = 0.1
    last_position: float = 0.01

    @staticmethod
    def haste(iterations: int) -> float:
        """What all steps of a stage of so many iterations are multiplied with.

        On lego, 3,000 splats and 800 iterations, factors of 2, 4, 8 and 16 gave 24.1, 25.9, 27.4 and 27.6 dB.
        """
        return min(max(30_000 / iterations, 1.0) ** 0.75, 16.0)


@dataclass(frozen=True)
class Relocation:
    """How splats that add little go where the error is.

    Args:
        interval: iterations from one round to the next; the layers of a stage come in turn, one in a round.
        share: of a layer's splats that move in a round.
        begin, end: of the rounds, as shares of a stage.
        views: that a round looks at.
    """

    interval: int = 100
    share: float = 0.15
    begin: float = 0.05
    end: float = 0.7
    views: int = 12


@dataclass(frozen=True)
class TrainingSettings:
    """How a scene is trained.

    Args:
        method: "layered", one layer after the other over frozen ones, each begun where the error is [as LapisGS: Shi et
            al. 2024]; "recover", the same from a whole model divided by importance [L3GS, algorithms 2 and 3]; "joint", all levels
            in turn, none frozen [after P-GSVC, section 3.4]; "sort", such a whole model and no more.
        iterations: of all stages together, each with one picture.
        sh_degree: of the colours, 0 … 3.
        kernel: one of `pgsvc.scene.splats.KERNELS`.
        background: "white" or "black", behind pictures with alpha.
        dssim: share of D-SSIM in the loss, the rest is L1.
        rates, relocation: as above.
        threads: of the rasteriser; 0: as many as there are processors.
        device: "cpu", or "cuda": gsplat draws there, which no GPU has run yet, and a seed does not give one result.
        checkpoint_interval: iterations from one checkpoint to the next.
        seed: of every random choice.
    """

    method: str = "joint"
    iterations: int = 6000
    sh_degree: int = 2
    kernel: str = "classic"
    background: str = "white"
    dssim: float = 0.2
    rates: Rates = field(default_factory=Rates)
    relocation: Relocation = field(default_factory=Relocation)
    threads: int = 0
    device: str = "cpu"
    checkpoint_interval: int = 500
    seed: int = 0

    def __post_init__(self) -> None:
        """Raises UsageError for what no scene can be trained with."""
        if self.method not in METHODS:
            raise UsageError(f"there is no training '{self.method}'; use one of {', '.join(METHODS)}")
        if self.iterations < 1:
            raise UsageError(f"--iterations {self.iterations} trains nothing; give 1 or more")
        if not 0 <= self.sh_degree <= 3:
            raise UsageError(f"spherical harmonics have a degree of 0 to 3 here, not {self.sh_degree}")
        if self.background not in BACKGROUNDS:
            raise UsageError(f"there is no background '{self.background}'; use one of {', '.join(BACKGROUNDS)}")
        if not 0 <= self.dssim <= 1:
            raise UsageError("the share of D-SSIM in the loss goes from 0 to 1")
