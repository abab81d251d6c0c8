"""A reward is how far an answer has moved from the reference, times beta; everything else is built of the two rewards."""

from torch import Tensor


def preference_metrics(
    chosen: Tensor, rejected: Tensor, ref_chosen: Tensor, ref_rejected: Tensor, beta: float
) -> dict[str, float]:
    good, bad = beta * (chosen - ref_chosen), beta * (rejected - ref_rejected)
    return {
        "rewards/chosen": good.mean().item(),
        "rewards/rejected": bad.mean().item(),
        "rewards/margins": (good - bad).mean().item(),
        "rewards/accuracies": (good > bad).float().mean().item(),
    }
