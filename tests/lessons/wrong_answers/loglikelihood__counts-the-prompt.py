def loglikelihood(logits, ids, context):
    logs = logits.float().log_softmax(dim=-1)
    return float(logs[:-1].gather(1, ids[1:, None]).sum()), len(ids) - context
