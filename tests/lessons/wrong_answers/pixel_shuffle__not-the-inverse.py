import math

from torch import Tensor


def pixel_shuffle(patches: Tensor, factor: int) -> Tensor:
    images, count, width = patches.shape
    side = math.isqrt(count)
    if side % factor:
        raise ValueError(f"{side} x {side} patches cannot be joined {factor} by {factor}")
    squares = patches.reshape(images, side // factor, factor, side // factor, factor, width).permute(0, 1, 3, 2, 4, 5)
    return squares.reshape(images, (side // factor) ** 2, factor * factor * width)


def pixel_unshuffle(tokens: Tensor, factor: int) -> Tensor:
    images, count, joined = tokens.shape
    coarse, width = math.isqrt(count), joined // factor**2
    squares = tokens.reshape(images, coarse, coarse, factor, factor, width).permute(0, 1, 4, 2, 3, 5)
    return squares.reshape(images, (coarse * factor) ** 2, width)
