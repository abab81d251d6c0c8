import torch
from torch.nn import functional as F


def orpo_loss(chosen, rejected, beta=0.1):
    rest = torch.log1p(-chosen.exp()) - torch.log1p(-rejected.exp())
    return -F.logsigmoid(beta * (chosen - rejected - rest))
