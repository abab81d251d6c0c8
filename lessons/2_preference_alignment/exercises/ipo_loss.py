# vi 🐕 ipo_loss: biến thể của DPO không kéo hai câu ra xa nhau mãi.
# vi Viết hàm bên dưới rồi chạy: smol check ipo_loss
# vi Bài học: smol learn 2 variants      Gợi ý: smol hint ipo_loss
# en 🐕 ipo_loss: the variant that does not pull two answers apart for ever.
# en Write the function below, then run: smol check ipo_loss
# en Lesson: smol learn 2 variants      Hint: smol hint ipo_loss

from torch import Tensor


def ipo_loss(
    chosen: Tensor,
    rejected: Tensor,
    ref_chosen: Tensor,
    ref_rejected: Tensor,
    chosen_tokens: Tensor,
    rejected_tokens: Tensor,
    beta: float,
) -> Tensor:
    """(delta - 1 / (2 beta))^2, where delta is DPO's, with each answer's log-ratio divided by its own tokens.

    Azar et al. 2023, eq. 17; a mean over tokens as its authors meant it, and as TRL computes it.

    Args:
        chosen, rejected: [P], summed log-probabilities under the model that is trained.
        ref_chosen, ref_rejected: [P], the same under the reference model.
        chosen_tokens, rejected_tokens: [P], how many tokens each sum has.

    Returns:
        [P], one loss a pair.
    """
    # TODO
    raise NotImplementedError
