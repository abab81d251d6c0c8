"""Tiles keep a picture's shape and order; colours are normalised one by one."""

import numpy as np
import pytest
from PIL import Image

from smolcourse.vision.pixels import grid, normalise, tiles


@pytest.mark.parametrize(
    ("size", "max_tiles", "wanted"),
    [
        ((64, 64), 9, (1, 1)),  # small: one tile has all its pixels
        ((2000, 2000), 1, (1, 1)),
        ((2000, 2000), 4, (2, 2)),
        ((2000, 1000), 4, (2, 1)),
        ((1000, 3000), 4, (1, 3)),
        ((224, 112), 9, (2, 1)),  # no more tiles than it has pixels for
        ((4000, 100), 6, (6, 1)),
    ],
)
def test_the_grid_follows_the_shape(size: tuple[int, int], max_tiles: int, wanted: tuple[int, int]) -> None:
    assert grid(*size, 112, max_tiles) == wanted


def test_the_whole_comes_first_and_tiles_follow_row_by_row() -> None:
    picture = Image.new("RGB", (40, 40))
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)]
    for place, colour in enumerate(colours):
        picture.paste(colour, (20 * (place % 2), 20 * (place // 2), 20 * (place % 2) + 20, 20 * (place // 2) + 20))
    cut = tiles(picture, 20, max_tiles=4)
    assert cut.shape == (5, 20, 20, 3) and cut.dtype == np.uint8
    assert [tuple(map(int, part[10, 10])) for part in cut[1:]] == colours
    assert [tuple(map(int, cut[0][y, x])) for y, x in ((3, 3), (3, 16), (16, 3), (16, 16))] == colours
    assert tiles(picture, 20).shape == (1, 20, 20, 3)


def test_colours_are_normalised_one_by_one() -> None:
    pixels = np.zeros((1, 2, 2, 3), np.uint8)
    pixels[0, 0, 1] = (255, 51, 0)
    values = normalise(pixels, (0.5, 0.1, 0.0), (0.5, 0.1, 1.0))
    assert values.shape == (1, 3, 2, 2) and values.dtype == np.float32
    assert values[0, :, 0, 1].tolist() == pytest.approx([1.0, 1.0, 0.0], abs=1e-6)
    assert values[0, :, 0, 0].tolist() == pytest.approx([-1.0, -1.0, 0.0], abs=1e-6)
