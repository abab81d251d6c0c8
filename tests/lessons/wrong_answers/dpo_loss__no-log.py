import torch


def dpo_loss(chosen, rejected, ref_chosen, ref_rejected, beta=0.1):
    return 1 - torch.sigmoid(beta * ((chosen - ref_chosen) - (rejected - ref_rejected)))
