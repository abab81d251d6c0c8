def loglikelihood(logits, ids, context):
    logs = logits.float().log_softmax(dim=-1)
    return float(logs[context:-1].gather(1, ids[context + 1 :, None]).sum()), len(ids) - context
