"""m V / |V| row by row; the length in the denominator is detached, which saves memory and, in the paper, costs no quality."""

from torch import Tensor


def dora_weight(weight: Tensor, a: Tensor, b: Tensor, magnitude: Tensor, alpha: float) -> Tensor:
    direction = weight + alpha / a.shape[0] * (b @ a)
    length = direction.detach().norm(dim=1)
    return (magnitude / length)[:, None] * direction
