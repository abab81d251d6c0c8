def preference_metrics(chosen, rejected, ref_chosen, ref_rejected, beta):
    good, bad = beta * (chosen - ref_chosen), beta * (rejected - ref_rejected)
    return {
        "rewards/chosen": good.mean().item(),
        "rewards/rejected": bad.mean().item(),
        "rewards/margins": (good - bad).mean().item(),
        "rewards/accuracies": (good >= bad).float().mean().item(),
    }
