"""From what the image encoder sees to what the language model reads: neighbouring patches joined, then a small MLP."""

import math

import torch
from torch import Tensor, nn
from transformers import initialization as init  # leaves alone what came out of a file


def pixel_shuffle(patches: Tensor, factor: int) -> Tensor:
    """Joins each square of `factor` x `factor` neighbouring patches into one long vector: fewer tokens, nothing lost.

    Space to depth (Shi et al. 2016, section 3.2, the other way round).

    Args:
        patches: [images, side * side, width], row by row.

    Returns:
        [images, (side / factor)^2, factor^2 * width]. In a vector, the patches of a square stand row by row.
    """
    images, count, width = patches.shape
    side = _side(count)
    if side % factor:
        raise ValueError(f"{side} x {side} patches cannot be joined {factor} by {factor}")
    squares = patches.view(images, side // factor, factor, side // factor, factor, width).permute(0, 1, 3, 2, 4, 5)
    return squares.reshape(images, (side // factor) ** 2, factor * factor * width)


def pixel_unshuffle(tokens: Tensor, factor: int) -> Tensor:
    """The inverse of `pixel_shuffle`: [images, (side / factor)^2, factor^2 * width] -> [images, side * side, width]."""
    images, count, joined = tokens.shape
    coarse, width = _side(count), joined // (factor * factor)
    squares = tokens.view(images, coarse, coarse, factor, factor, width).permute(0, 1, 3, 2, 4, 5)
    return squares.reshape(images, (coarse * factor) ** 2, width)


def _side(count: int) -> int:
    side = math.isqrt(count)
    if side * side != count:
        raise ValueError(f"{count} patches are no square")
    return side


class Projector(nn.Module):
    """[images, patches, vision width] -> [images, patches / factor^2, text width].

    Two linear layers (Liu et al. 2024, LLaVA-1.5, section 3.2) behind a layer norm; the second one begins so small that an image
    token is as long as a word's embedding, not a shout among them.
    """

    def __init__(self, vision_width: int, text_width: int, factor: int, embedding_std: float = 0.02) -> None:
        super().__init__()
        joined = vision_width * factor * factor
        self.factor = factor
        self.embedding_std = embedding_std
        self.norm = nn.LayerNorm(joined)
        self.enter = nn.Linear(joined, text_width)
        self.leave = nn.Linear(text_width, text_width)

    @torch.no_grad()
    def begin(self) -> None:
        """Random weights, such that the numbers of an image token begin with the deviation `embedding_std`."""
        gelu = 0.65  # root mean square of gelu(z), z standard normal
        for linear, length in ((self.enter, 1.0), (self.leave, self.embedding_std / gelu)):
            init.normal_(linear.weight, std=length * linear.in_features**-0.5)
            init.zeros_(linear.bias)

    def forward(self, patches: Tensor) -> Tensor:
        """See the class."""
        joined = self.norm(pixel_shuffle(patches, self.factor))
        tokens: Tensor = self.leave(nn.functional.gelu(self.enter(joined)))
        return tokens
