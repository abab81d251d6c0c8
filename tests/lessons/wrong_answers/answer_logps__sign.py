from torch.nn import functional as F


def answer_logps(logits, input_ids, loss_mask):
    labels = input_ids[:, 1:].masked_fill(loss_mask[:, 1:] == 0, -100)
    return F.cross_entropy(logits[:, :-1].float().transpose(1, 2), labels, reduction="none").sum(1)
