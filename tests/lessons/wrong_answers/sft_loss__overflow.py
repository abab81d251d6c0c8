def sft_loss(logits, labels):
    logits = logits.float()
    return (logits.exp().sum(dim=1).log() - logits.gather(1, labels[:, None]).squeeze(1)).sum()
