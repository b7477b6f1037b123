"""Key-frame selection: both decision rules on synthetic input, and how a stream of pictures is cut into segments."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the encoder needs its extra")

from test_motion import picture, texture  # noqa: E402

from pgsvc.picture import Picture  # noqa: E402
from pgsvc_encoder.keyframes.difference import DifferenceTest  # noqa: E402
from pgsvc_encoder.keyframes.dynamic import DynamicRule, Losses, key_frames, normalised  # noqa: E402
from pgsvc_encoder.keyframes.segments import segments  # noqa: E402
from pgsvc_encoder.keyframes.trial import measure  # noqa: E402

HEIGHT, WIDTH = 144, 176

torch.set_num_threads(1)  # as the encoder does; small pictures gain nothing from more


def scene(seed: int, shift: int = 0) -> np.ndarray:
    """Smooth random structure of one scene, panned by ``shift`` samples; values 40 … 200."""
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft2(rng.normal(size=(HEIGHT, 2 * WIDTH)))
    fy, fx = np.fft.fftfreq(HEIGHT)[:, None], np.fft.rfftfreq(2 * WIDTH)[None]
    plane = np.fft.irfft2(spectrum / (0.01 + np.hypot(fy, fx)), s=(HEIGHT, 2 * WIDTH))
    plane = np.interp(plane, np.quantile(plane, [0.02, 0.98]), [40, 200])
    return plane[:, shift : shift + WIDTH]


def new_at(planes: list[np.ndarray]) -> list[int]:
    test = DifferenceTest()
    return [i for i, plane in enumerate(planes) if test(picture(np.clip(plane, 0, 255)))]


def test_hard_cuts_are_found() -> None:
    planes = [scene(seed, shift=4 * i) for seed in (1, 2, 3) for i in range(3)]
    assert new_at(planes) == [0, 3, 6]


@pytest.mark.parametrize("step", [0, 3, 9])
def test_pan_is_no_cut(step: int) -> None:
    assert new_at([scene(1, shift=step * i) for i in range(6)]) == [0]


def test_flash_is_no_cut() -> None:
    base = scene(1)
    assert new_at([base, base, 1.1 * base + 35, base, 0.6 * base, base]) == [0]


def test_fade_and_dissolve_are_no_cuts() -> None:
    a, b = scene(1), scene(2)
    assert new_at([a * share for share in np.linspace(1, 0, 25)]) == [0]
    assert new_at([a * (1 - share) + b * share for share in np.linspace(0, 1, 9)]) == [0]


def test_noise_is_no_cut() -> None:
    rng = np.random.default_rng(0)
    assert new_at([scene(1) + rng.normal(0, 10, (HEIGHT, WIDTH)) for _ in range(4)]) == [0]
    assert new_at([20 + rng.normal(0, 1, (HEIGHT, WIDTH)) for _ in range(4)]) == [0]


def test_scene_after_black_is_new() -> None:
    black = np.full((HEIGHT, WIDTH), 16.0)
    assert new_at([scene(1), black, black, scene(2), scene(2)]) == [0, 3]


def test_tiny_pictures() -> None:
    assert new_at([np.full((1, 1), 5)] * 2) == [0]
    assert new_at([texture(7, 3)] * 2) == [0]


def losses(values: list[float]) -> Losses:
    """Whose v before normalisation are ``values``."""
    return Losses([0.0] * len(values), values, 2 * len(values) - 1, 0)


def chosen(values: list[float], **rule: object) -> list[int]:
    flags = key_frames(losses(values), DynamicRule(**rule))  # type: ignore[arg-type]
    return [i for i, is_key in enumerate(flags) if is_key]


def test_values_are_normalised_without_the_first() -> None:
    assert normalised(losses([99.0, -1.0, 0.0, 3.0])).tolist() == [0.0, 0.0, 0.25, 1.0]
    assert normalised(losses([99.0, 2.0, 2.0])).tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("mean_rule", [True, False])
def test_lone_cut_is_chosen(mean_rule: bool) -> None:
    values = [0.0] + [1.0, 1.2] * 15
    values[15] = 9.0
    assert chosen(values, mean_rule=mean_rule) == [0, 15]


def test_two_cuts_in_a_window_are_found_by_the_second_rule_only() -> None:
    values = [0.0] + [1.0, 1.2] * 15
    values[12] = values[18] = 9.0
    assert chosen(values, mean_rule=False) == [0]
    assert chosen(values) == [0, 12, 18]


def test_second_rule_fires_without_a_cut() -> None:
    values = [0.0] + [0.10, 0.11] * 10
    values[7] = values[9] = 0.13
    assert chosen(values, mean_rule=False) == [0] and len(chosen(values)) > 1


def test_dynamic_rule_on_nearly_nothing() -> None:
    assert chosen([]) == [] and chosen([1.0]) == [0] and chosen([1.0, 1.0, 1.0]) == [0]


def test_trial_fits_see_the_cut_and_are_counted() -> None:
    pictures = [picture(scene(seed)[:48, :64]) for seed in (1, 1, 2, 2)]
    rule = DynamicRule(splats=60, key_iterations=30, predicted_iterations=6)
    steps: list[int] = []
    found = measure(pictures, rule, threads=1, on_step=lambda frame, errors: steps.append(frame))
    assert found.fits == 7 and found.iterations == len(steps) == 4 * 30 + 3 * 6
    assert steps.count(0) == 30 and steps.count(3) == 36
    assert int(np.argmax(normalised(found))) == 2
    assert measure(pictures, rule, threads=2) == found


def cut(new: set[int], frames: int, longest: int, shortest: int = 1) -> list[int]:
    """Lengths of the segments of ``frames`` pictures when those in ``new`` are called new."""
    numbers = count()
    pictures: Iterator[Picture] = islice((picture(np.zeros((1, 1))) for _ in count()), frames)
    runs = segments(pictures, lambda _: next(numbers) in new, longest, shortest)
    return [sum(1 for _ in run) for run in runs]


def test_segments() -> None:
    assert cut(set(), 7, 3) == [3, 3, 1]
    assert cut({0, 2, 3}, 7, 3) == [2, 1, 3, 1]
    assert cut({5}, 12, 4) == [4, 1, 4, 3]
    assert cut({3}, 6, 3) == [3, 3]  # a cut where a segment ends anyway
    assert cut(set(), 0, 3) == [] and cut({0}, 3, 1) == [1, 1, 1]


def test_shortest_segment_delays_a_cut() -> None:
    assert cut({4, 5}, 12, 8, shortest=3) == [4, 3, 5]
    assert cut(set(range(9)), 9, 8, shortest=3) == [3, 3, 3]
    assert cut({1}, 4, 2, shortest=3) == [2, 2]


def test_segments_read_one_picture_ahead() -> None:
    taken: list[int] = []

    def endless() -> Iterator[Picture]:
        for i in count():
            taken.append(i)
            yield picture(np.zeros((1, 1)))

    runs = segments(endless(), lambda _: False, 4)
    for run in islice(runs, 2):
        assert sum(1 for _ in run) == 4
    assert len(taken) == 9
