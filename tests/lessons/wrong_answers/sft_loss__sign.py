def sft_loss(logits, labels):
    return logits.float().log_softmax(dim=1).gather(1, labels[:, None]).sum()
