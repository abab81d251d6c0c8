import torch
from torch import Tensor


def quantise(weight: Tensor, bits: int = 8, block: int = 32) -> tuple[Tensor, Tensor]:
    blocks = weight.reshape(len(weight), -1, block)
    scales = blocks.abs().amax(dim=2) / (2 ** (bits - 1) - 1)
    levels = (blocks / scales.masked_fill(scales == 0, 1.0)[..., None]).round()
    return levels.reshape(weight.shape).to(torch.int8), scales


def dequantise(levels: Tensor, scales: Tensor) -> Tensor:
    blocks = levels.float().reshape(*scales.shape, -1)
    return (blocks * scales.float()[..., None]).reshape(levels.shape)
