"""How much more the chosen answer has gained than the rejected one, through a log-sigmoid that never sees sigmoid = 0."""

from torch import Tensor
from torch.nn import functional as F


def dpo_loss(chosen: Tensor, rejected: Tensor, ref_chosen: Tensor, ref_rejected: Tensor, beta: float = 0.1) -> Tensor:
    delta = (chosen - ref_chosen) - (rejected - ref_rejected)
    return -F.logsigmoid(beta * delta)
