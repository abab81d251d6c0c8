import torch


def sft_loss(logits, labels):
    with torch.no_grad():
        return -logits.float().log_softmax(dim=1).gather(1, labels[:, None]).sum()
