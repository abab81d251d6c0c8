"""Model minus reference, mask shifted with the tokens, and a reference that no gradient reaches."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


def dpo_step(
    model: Any, reference: Any, chosen: Tensor, chosen_mask: Tensor, rejected: Tensor, rejected_mask: Tensor, beta: float
) -> Tensor:
    def logps(network: Any, ids: Tensor, mask: Tensor) -> Tensor:
        picked = network(ids)[:, :-1].log_softmax(dim=-1).gather(2, ids[:, 1:, None]).squeeze(2)
        return (picked * mask[:, 1:]).sum(dim=1)

    policy = logps(model, chosen, chosen_mask) - logps(model, rejected, rejected_mask)
    with torch.no_grad():
        baseline = logps(reference, chosen, chosen_mask) - logps(reference, rejected, rejected_mask)
    return -F.logsigmoid(beta * (policy - baseline)).mean()
