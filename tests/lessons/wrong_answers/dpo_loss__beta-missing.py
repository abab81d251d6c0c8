from torch.nn import functional as F


def dpo_loss(chosen, rejected, ref_chosen, ref_rejected, beta=0.1):
    return -F.logsigmoid((chosen - ref_chosen) - (rejected - ref_rejected))
