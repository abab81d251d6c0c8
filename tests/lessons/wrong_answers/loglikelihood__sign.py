from torch.nn.functional import cross_entropy


def loglikelihood(logits, ids, context):
    return float(cross_entropy(logits[context - 1 : -1].float(), ids[context:], reduction="sum")), len(ids) - context
