"""From what the image encoder sees to what the language model reads: neighbouring patches joined, then a small MLP."""

import math

import torch
from torch import Tensor, nn
from transformers import initialization as init  # leaves alone what came out of a file

_FLOOR = 1e-3


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
    token is as long as a word's embedding, not a shout among them. What they read is whitened patches, see `whiten`.
    """

    centre: Tensor
    whitening: Tensor

    def __init__(self, vision_width: int, text_width: int, factor: int, embedding_std: float = 0.02) -> None:
        super().__init__()
        joined = vision_width * factor * factor
        self.factor = factor
        self.embedding_std = embedding_std
        self.register_buffer("centre", torch.zeros(vision_width))
        self.register_buffer("whitening", torch.eye(vision_width))
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

    @property
    def is_white(self) -> bool:
        """Whether `whiten` has seen patches."""
        return bool(self.centre.any())

    @torch.no_grad()
    def whiten(self, patches: Tensor) -> None:
        """From now on all directions in which patches differ weigh the same (LeCun et al. 1998, Efficient BackProp, section 4.3).

        An encoder's patches differ a thousand times more in some directions than in others, and gradient descent learns the weak
        ones last: a shape's colour can be one of those.

        Args:
            patches: [some, vision width], of pictures like those to come.
        """
        samples = patches.double()
        strengths, directions = torch.linalg.eigh(torch.cov(samples.T))
        floor = _FLOOR * strengths.mean()  # what hardly differs is mostly noise
        whitening = directions @ torch.diag((strengths.clamp_min(0) + floor).rsqrt()) @ directions.T
        self.centre.copy_(samples.mean(0))
        self.whitening.copy_(whitening)

    def forward(self, patches: Tensor) -> Tensor:
        """See the class."""
        joined = self.norm(pixel_shuffle((patches - self.centre) @ self.whitening, self.factor))
        tokens: Tensor = self.leave(nn.functional.gelu(self.enter(joined)))
        return tokens
