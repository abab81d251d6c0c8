import torch
from torch.nn import functional as F


def dpo_step(model, reference, chosen, chosen_mask, rejected, rejected_mask, beta):
    def logps(network, ids, mask):
        picked = network(ids)[:, :-1].log_softmax(dim=-1).gather(2, ids[:, 1:, None]).squeeze(2)
        return (picked * mask[:, 1:]).sum(dim=1)

    policy = logps(model, chosen, chosen_mask) - logps(model, rejected, rejected_mask)
    with torch.no_grad():
        baseline = logps(reference, chosen, chosen_mask) - logps(reference, rejected, rejected_mask)
    return -F.logsigmoid(beta * (baseline - policy)).mean()
