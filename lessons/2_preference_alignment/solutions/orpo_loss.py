"""log odds = log p - log(1 - p), and log(1 - p) = log1p(-exp(log p)): p never stands alone, so it may be as small as it likes."""

import torch
from torch import Tensor
from torch.nn import functional as F


def orpo_loss(chosen: Tensor, rejected: Tensor, beta: float = 0.1) -> Tensor:
    log_odds = (chosen - rejected) - (torch.log1p(-torch.exp(chosen)) - torch.log1p(-torch.exp(rejected)))
    return -beta * F.logsigmoid(log_odds)
