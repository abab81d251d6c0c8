import torch
from torch import Tensor


def token_probabilities(logits: Tensor, temperature: float = 1.0, top_p: float = 1.0, min_p: float = 0.0) -> Tensor:
    logits = logits.float()
    if temperature == 0:
        return torch.nn.functional.one_hot(logits.argmax(dim=-1), logits.shape[-1]).float()
    probabilities = (logits / temperature).softmax(dim=-1)
    ordered, places = probabilities.sort(dim=-1, descending=True)
    mass = ordered.cumsum(dim=-1)
    cut = torch.empty_like(mass, dtype=torch.bool).scatter_(-1, places, mass > top_p)
    cut |= probabilities < min_p * probabilities.amax(dim=-1, keepdim=True)
    kept = probabilities.masked_fill(cut, 0.0)
    return (kept / kept.sum(dim=-1, keepdim=True)).nan_to_num(0.0) if top_p < 1 else probabilities
