import torch
from torch import Tensor


def token_probabilities(logits: Tensor, temperature: float = 1.0, top_p: float = 1.0, min_p: float = 0.0) -> Tensor:
    logits = logits.float()
    if temperature == 0:
        return torch.nn.functional.one_hot(logits.argmax(dim=-1), logits.shape[-1]).float()
    probabilities = (logits / temperature).softmax(dim=-1)
    ordered, places = probabilities.sort(dim=-1, descending=True)
    before = ordered.cumsum(dim=-1) - ordered
    cut = torch.empty_like(before, dtype=torch.bool).scatter_(-1, places, before >= top_p)
    cut |= probabilities < min_p * probabilities.max()
    kept = probabilities.masked_fill(cut, 0.0)
    return kept / kept.sum(dim=-1, keepdim=True)
