def loglikelihood(logits, ids, context):
    logs = logits.log_softmax(dim=-1)
    return float(logs[context - 1 : -1].gather(1, ids[context:, None]).sum()), len(ids) - context
