"""-log p(label) = logsumexp(logits) - logits[label]; the row's maximum comes out first, so that exp never overflows."""

import torch
from torch import Tensor


def sft_loss(logits: Tensor, labels: Tensor) -> Tensor:
    logits = logits.float()
    highest = logits.max(dim=1, keepdim=True).values
    log_norm = highest.squeeze(1) + torch.log(torch.exp(logits - highest).sum(dim=1))
    chosen = logits.gather(1, labels.unsqueeze(1)).squeeze(1)
    return (log_norm - chosen).sum()
