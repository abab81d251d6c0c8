def sft_loss(logits, labels):
    return -logits[:-1].float().log_softmax(dim=1).gather(1, labels[1:, None]).sum()
