import torch
from torch import Tensor


def whitening(patches: Tensor, floor: float = 1e-3) -> tuple[Tensor, Tensor]:
    samples = patches.double()
    centre = samples.mean(0)
    away = samples - centre
    strengths, directions = torch.linalg.eigh(away.T @ away / (len(samples) - 1))
    scales = (strengths.clamp_min(0) + floor).rsqrt()
    matrix = directions @ torch.diag(scales) @ directions.T
    return centre.to(patches.dtype), matrix.to(patches.dtype)
