# vi 🐢 preference_metrics: bốn con số mà mọi lần chạy DPO in ra.
# vi Viết hàm bên dưới rồi chạy: smol check preference_metrics
# vi Bài học: smol learn 2 curves      Gợi ý: smol hint preference_metrics
# en 🐢 preference_metrics: the four numbers that every DPO run prints.
# en Write the function below, then run: smol check preference_metrics
# en Lesson: smol learn 2 curves      Hint: smol hint preference_metrics

from torch import Tensor


def preference_metrics(
    chosen: Tensor, rejected: Tensor, ref_chosen: Tensor, ref_rejected: Tensor, beta: float
) -> dict[str, float]:
    """What a DPO run logs, as means over the pairs. The implicit reward of an answer is beta * log(p_model / p_reference).

    Args:
        chosen, rejected: [P], summed log-probabilities of the answers under the model that is trained.
        ref_chosen, ref_rejected: [P], the same under the reference model.

    Returns:
        "rewards/chosen" and "rewards/rejected": mean rewards.
        "rewards/margins": mean of chosen reward minus rejected reward.
        "rewards/accuracies": share of pairs, from 0 to 1, whose chosen reward is strictly larger.
    """
    # TODO
    raise NotImplementedError
