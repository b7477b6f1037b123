"""What splats add to pictures, and how wrong these are where they are seen.

A splat's share w of a pixel is the gradient of that pixel by the splat's colour. So a picture with colours of no matter what, and
the pixels' errors e as gradients, gives Σ w·e for every splat at the price of one iteration, on any rasteriser [the way of Bulò et
al. 2024, Revising Densification]. Σ w is the importance that splats are sorted by [as LightGaussian, Fan et al. 2024, which
counts pixels without the light that reaches the splat].
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from pgsvc.scene.splats import SH_C0, SceneFormat
from pgsvc_encoder.scene.rasterise import Parameters, rasterise
from pgsvc_encoder.scene.train.layers import format_of
from pgsvc_encoder.scene.train.views import TrainingViews


def survey(
    splats: Parameters, form: SceneFormat, views: TrainingViews, which: Sequence[int], threads: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Over some views, for each splat.

    Args:
        splats: of any degree up to that of ``form``.
        which: numbers of the views.

    Returns:
        weight: Σ w, pixels, and error: Σ w·|e|, e the mean difference of red, green and blue; both float32 [N].
    """
    degree = round((splats[5].shape[1] + 1) ** 0.5) - 1
    form = format_of(form, degree)
    plain = SceneFormat(0, kernel=form.kernel)
    geometry = [tensor.detach() for tensor in splats[:4]]
    colour = torch.ones_like(splats[4], requires_grad=True)  # well above 0, where colours would be cut
    none = splats[5].new_zeros(len(colour), 0, 3)
    black = torch.zeros_like(views.background)
    for number in which:
        camera, target, _ = views[number]
        with torch.no_grad():
            rgb, *_ = rasterise(splats, camera, form, views.background, threads)
            error = (rgb - target).abs().mean(2)
        shown, *_ = rasterise((*geometry, colour, none), camera, plain, black, threads)  # type: ignore[arg-type]
        shown.backward(torch.stack([torch.ones_like(error), error, torch.zeros_like(error)], 2))
    gradient = colour.grad if colour.grad is not None else torch.zeros_like(colour)
    return gradient[:, 0] / SH_C0, gradient[:, 1] / SH_C0
