from smolcourse import losses


def sft_loss(logits, labels):
    return losses.sft_loss(logits, labels)
