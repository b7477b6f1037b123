"""A training that runs: its stages, its steps, and all of its state, so that it can go on where it was interrupted."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from pgsvc.errors import UsageError
from pgsvc.scene.splats import SceneFormat
from pgsvc_encoder.fit.adam import Adam
from pgsvc_encoder.scene.posed.base import Points
from pgsvc_encoder.scene.rasterise import rasterise
from pgsvc_encoder.scene.train.enhance import enhancement
from pgsvc_encoder.scene.train.initialise import extent, first_splats, random_points
from pgsvc_encoder.scene.train.layers import NAMES, Layers
from pgsvc_encoder.scene.train.relocate import forget, relocate
from pgsvc_encoder.scene.train.schedule import Progress, degree_at, set_rates
from pgsvc_encoder.scene.train.settings import TrainingSettings
from pgsvc_encoder.scene.train.stages import Stage
from pgsvc_encoder.scene.train.survey import survey
from pgsvc_encoder.scene.train.views import TrainingViews

FORMED = 16  # views that tell where an enhancement layer begins


class Run:
    """A training.

    Args:
        counts: splats of each layer.
        points: to begin with, or None.
    """

    def __init__(
        self,
        views: TrainingViews,
        form: SceneFormat,
        counts: list[int],
        stages: list[Stage],
        settings: TrainingSettings,
        points: Points | None,
    ) -> None:
        self.views, self.form, self.counts, self.stages, self.settings = views, form, counts, stages, settings
        self.extent = extent(views.cameras)
        self.generator = torch.Generator().manual_seed(settings.seed)
        self.layers = Layers([])
        self.stage, self.iteration, self.order = 0, 0, []
        points = points or random_points(views, max(counts[0], 1), self.generator)
        rest = form.rest_count
        for count in [sum(counts)] if stages[0].whole else counts[: len(stages[0].layers)]:
            self.layers.parts.append(first_splats(points, count, rest, self.generator, settings.device))
        self._begin()

    def _begin(self) -> None:
        """Set the layers of the stage free and the optimiser to nothing."""
        stage = self.stages[self.stage]
        self.layers.train(stage.layers)
        tensors = {name: [self.layers.parts[k][i] for k in stage.layers] for i, name in enumerate(NAMES)}
        self.adam = Adam([{"params": tensors[name], "lr": 0.0, "name": name} for name in NAMES])

    def run(self, progress: Callable[[Progress], None], checkpoint: Callable[[], None]) -> None:
        """All iterations that are left; ``checkpoint`` is called between some of them.

        Raises:
            UsageError: numbers of splats are no longer finite at the end of a stage.
        """
        total = sum(stage.iterations for stage in self.stages)
        while True:
            stage = self.stages[self.stage]
            done = sum(s.iterations for s in self.stages[: self.stage])
            while self.iteration < stage.iterations:
                level, loss, error = self._step(stage)
                level = len(self.counts) - 1 if stage.whole else level
                progress(Progress(done + self.iteration, total, level, loss, -10 * math.log10(max(error, 1e-12))))
                if (done + self.iteration) % self.settings.checkpoint_interval == 0:
                    checkpoint()
            if not all(torch.isfinite(tensor).all() for k in stage.layers for tensor in self.layers.parts[k]):
                raise UsageError("the training has diverged: numbers of splats are not finite; give it more iterations")
            self.layers.train(())
            if stage.whole:
                self._divide()
            if self.stage == len(self.stages) - 1:
                return
            self._next()

    def _divide(self) -> None:
        """Make layers of the only one: the most important splats are the base."""
        whole = self.layers.level(0, self.form.sh_degree)
        weight, _ = survey(whole, self.form, self.views, range(len(self.views)), self.settings.threads)
        order = torch.argsort(weight, descending=True, stable=True)
        parts = zip(*(tensor[order].split(self.counts) for tensor in whole), strict=True)
        self.layers = Layers([tuple(tensor.clone() for tensor in part) for part in parts])  # type: ignore[misc]

    def _next(self) -> None:
        """Begin the next stage; its layer is added if it is not there."""
        self.stage, self.iteration = self.stage + 1, 0
        top = self.stages[self.stage].top
        if len(self.layers.parts) <= top:
            below = self.layers.level(top - 1, self.form.sh_degree)
            _, error = survey(below, self.form, self.views, self._some(FORMED), self.settings.threads)
            self.layers.parts.append(enhancement(below, error, self.counts[top], self.generator))
        self._begin()

    def _step(self, stage: Stage) -> tuple[int, float, float]:
        """One picture; its level, loss and mean square error."""
        share = self.iteration / stage.iterations
        level = stage.level(self.iteration)
        degree = self.form.sh_degree if self.stage else degree_at(share, self.form.sh_degree)
        camera, _, measure = self.views[self._draw()]
        splats = self.layers.level(level, degree)
        form = SceneFormat(degree, kernel=self.form.kernel)
        rgb, *_ = rasterise(splats, camera, form, self.views.background, self.settings.threads)
        loss, error, gradient = measure(rgb)
        rgb.backward(gradient)
        set_rates(self.adam, self.settings.rates, stage.iterations, share, self.extent)
        self.adam.step()
        for group in self.adam.param_groups:
            for tensor in group["params"]:
                tensor.grad = None
        self.iteration += 1
        self._relocate(stage, degree)
        return level, float(loss), float(error)

    def _relocate(self, stage: Stage, degree: int) -> None:
        """In a round, splats of one layer; the layers of a stage come in turn."""
        how = self.settings.relocation
        share, (number, early) = self.iteration / stage.iterations, divmod(self.iteration, how.interval)
        if early or not how.begin <= share <= how.end:
            return
        k = stage.layers[number % len(stage.layers)]
        with torch.no_grad():
            level = self.layers.level(k, degree)
        weight, error = survey(level, self.form, self.views, self._some(how.views), self.settings.threads)
        rows = relocate(self.layers, k, weight, error, how.share, self.generator)
        forget(self.adam, self.layers.parts[k], rows)

    def _draw(self) -> int:
        """The next view; all come once before one comes again."""
        if not self.order:
            self.order = torch.randperm(len(self.views), generator=self.generator).tolist()
        return self.order.pop()

    def _some(self, count: int) -> list[int]:
        return torch.randperm(len(self.views), generator=self.generator)[:count].tolist()

    def state(self) -> dict[str, Any]:
        """Everything that changes while it runs."""
        tensors = [t for group in self.adam.param_groups for t in group["params"]]
        return {
            "place": (self.stage, self.iteration, list(self.order)),
            "layers": [[tensor.detach() for tensor in part] for part in self.layers.parts],
            "adam": [(*self.adam.state[t].values(), self.adam.steps[t]) for t in tensors],
            "generator": self.generator.get_state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what ``state`` gave."""
        self.stage, self.iteration, self.order = state["place"]
        device = self.settings.device
        self.layers = Layers([tuple(tensor.to(device) for tensor in part) for part in state["layers"]])  # type: ignore[misc]
        self._begin()
        tensors = [t for group in self.adam.param_groups for t in group["params"]]
        for tensor, (mean, square, steps) in zip(tensors, state["adam"], strict=True):
            self.adam.state[tensor] = {"mean": mean.to(device), "square": square.to(device)}
            self.adam.steps[tensor] = steps.to(device)
        self.generator.set_state(state["generator"].cpu())
