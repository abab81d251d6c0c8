def loglikelihood(logits, ids, context):
    logs = logits.float().log_softmax(dim=-1)
    return float(logs[context - 1 : -1].gather(1, ids[context:, None]).mean()), len(ids) - context
