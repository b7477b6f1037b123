"""Motion search of the encoder: known shifts are found, flat and still content stays where it is."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the encoder needs its extra")

from pgsvc.picture import Chroma, Picture, PictureFormat  # noqa: E402
from pgsvc_encoder.predict.motion import BLOCK, at_positions, estimate  # noqa: E402


def picture(plane: np.ndarray) -> Picture:
    return Picture(PictureFormat(plane.shape[1], plane.shape[0], Chroma.GREY), (plane.astype(np.uint8),))


def texture(height: int, width: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    rough = rng.uniform(0, 255, (height // 4 + 2, width // 4 + 2))
    return np.kron(rough, np.ones((4, 4)))[:height, :width]


@pytest.mark.parametrize("shift", [(0, 0), (3, -2), (-13, 7), (24, -20)])
def test_shift_is_found(shift: tuple[int, int]) -> None:
    plane = texture(150, 170)
    moved = np.roll(plane, (shift[1], shift[0]), (0, 1))
    vectors = estimate(picture(plane), picture(moved))
    assert vectors.shape == (-(-150 // BLOCK), -(-170 // BLOCK), 2)
    inner = vectors[3:-3, 3:-3].reshape(-1, 2)
    assert bool((inner == torch.tensor(shift, dtype=torch.float32)).all())


def test_flat_content_does_not_move() -> None:
    flat = picture(np.full((40, 52), 90))
    assert not estimate(flat, flat).any()


def test_tiny_pictures() -> None:
    one = picture(np.full((1, 1), 5))
    assert estimate(one, one).shape == (1, 1, 2)


def test_vectors_between_block_centres() -> None:
    vectors = torch.zeros(2, 3, 2)
    vectors[:, 1, 0] = 8.0
    middle = BLOCK * 1.5
    positions = torch.tensor([[BLOCK / 2, 8.0], [BLOCK * 1.0, 8.0], [middle, 20.0], [1e5, -1e5]])
    assert at_positions(vectors, positions)[:, 0].tolist() == [0.0, 4.0, 8.0, 0.0]
