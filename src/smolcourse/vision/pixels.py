"""From a picture to what the encoder takes: square tiles of one size, colours as it knows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from smolcourse.vision.encoder import MEAN, STD

if TYPE_CHECKING:
    from PIL.Image import Image

Array = np.ndarray[Any, Any]


def grid(width: int, height: int, side: int, max_tiles: int) -> tuple[int, int]:
    """Columns and rows of tiles that a picture is cut into: no more than it has pixels for, nearest to its own shape.

    Args:
        max_tiles: columns x rows at most; 1 for no cutting.
    """
    best, shape = (1, 1), width / height
    wanted = min(max_tiles, max(1, round(width * height / side**2)))
    for columns in range(1, wanted + 1):
        for rows in range(1, wanted // columns + 1):
            # How far a tile would be stretched, then how many pixels are kept.
            new = (abs(np.log(columns / rows / shape)), -columns * rows)
            old = (abs(np.log(best[0] / best[1] / shape)), -best[0] * best[1])
            best = (columns, rows) if new < old else best
    return best


def tiles(image: Image, side: int, max_tiles: int = 1) -> Array:
    """Cuts a picture into tiles: [tiles, side, side, 3], uint8. The whole of it, small, comes first; its tiles follow row by row.

    A picture that needs one tile only is that tile. Each is squeezed to a square: a language model learns what that does.
    """
    from PIL import Image as pillow

    columns, rows = grid(*image.size, side, max_tiles)
    whole = np.asarray(image.resize((side, side), pillow.Resampling.BICUBIC))
    if columns * rows == 1:
        return whole[None]
    large = np.asarray(image.resize((columns * side, rows * side), pillow.Resampling.BICUBIC))
    parts = large.reshape(rows, side, columns, side, 3).swapaxes(1, 2).reshape(-1, side, side, 3)
    return np.concatenate([whole[None], parts])


def normalise(pixels: Array, mean: tuple[float, ...] = MEAN, std: tuple[float, ...] = STD) -> Array:
    """[tiles, side, side, 3] uint8 -> [tiles, 3, side, side] float32: (x / 255 - mean) / std, a colour at a time."""
    scaled = (pixels.astype(np.float32) / 255 - np.asarray(mean, np.float32)) / np.asarray(std, np.float32)
    return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))
