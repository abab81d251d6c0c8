def loglikelihood(logits, ids, context):
    logs = logits.float().log_softmax(dim=-1)
    return float(logs[context:].gather(1, ids[context:, None]).sum()), len(ids) - context
