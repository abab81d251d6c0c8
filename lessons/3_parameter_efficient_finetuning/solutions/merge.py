"""W + s B A: summed in fp32, rounded once, in a new tensor."""

from torch import Tensor


def merge(weight: Tensor, a: Tensor, b: Tensor, alpha: float) -> Tensor:
    return (weight.float() + alpha / a.shape[0] * (b @ a)).to(weight.dtype)


def unmerge(merged: Tensor, a: Tensor, b: Tensor, alpha: float) -> Tensor:
    return (merged.float() - alpha / a.shape[0] * (b @ a)).to(merged.dtype)
