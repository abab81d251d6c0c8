# vi 🐕 dpo_loss: loss của DPO, từ bốn log xác suất.
# vi Viết hàm bên dưới rồi chạy: smol check dpo_loss
# vi Bài học: smol learn 2 dpo-loss      Gợi ý: smol hint dpo_loss
# en 🐕 dpo_loss: the loss of DPO, from four log-probabilities.
# en Write the function below, then run: smol check dpo_loss
# en Lesson: smol learn 2 dpo-loss      Hint: smol hint dpo_loss

from torch import Tensor


def dpo_loss(chosen: Tensor, rejected: Tensor, ref_chosen: Tensor, ref_rejected: Tensor, beta: float = 0.1) -> Tensor:
    """-log sigmoid(beta * delta), delta = (chosen - ref_chosen) - (rejected - ref_rejected); Rafailov et al. 2023, eq. 7.

    Args:
        chosen, rejected: [P], summed log-probabilities of the answers of P pairs under the model that is trained.
        ref_chosen, ref_rejected: [P], the same under the reference model; constants.

    Returns:
        [P], one loss a pair: the trainer takes the mean. Finite, with finite gradients, for log-probabilities of -10,000 too.
    """
    # TODO
    raise NotImplementedError
