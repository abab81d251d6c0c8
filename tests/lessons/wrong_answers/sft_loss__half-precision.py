def sft_loss(logits, labels):
    highest = logits.max(dim=1, keepdim=True).values
    return (highest.squeeze(1) + (logits - highest).exp().sum(dim=1).log() - logits.gather(1, labels[:, None]).squeeze(1)).sum()
