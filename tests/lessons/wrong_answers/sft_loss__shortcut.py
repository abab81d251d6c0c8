from torch.nn.functional import cross_entropy


def sft_loss(logits, labels):
    return cross_entropy(logits.float(), labels, reduction="sum")
