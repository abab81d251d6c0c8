from torch.nn import functional as F


def orpo_loss(chosen, rejected, beta=0.1):
    return -beta * F.logsigmoid(chosen - rejected)
