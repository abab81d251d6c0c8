from torch.nn import functional as F


def orpo_loss(chosen, rejected, beta=0.1):
    p, q = chosen.exp(), rejected.exp()
    return -beta * F.logsigmoid((p / (1 - p)).log() - (q / (1 - q)).log())
