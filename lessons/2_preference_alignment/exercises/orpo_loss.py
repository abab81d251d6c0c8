# vi 🐕 orpo_loss: tỉ số odds của ORPO, không cần mô hình tham chiếu.
# vi Viết hàm bên dưới rồi chạy: smol check orpo_loss
# vi Bài học: smol learn 2 orpo      Gợi ý: smol hint orpo_loss
# en 🐕 orpo_loss: ORPO's odds ratio, with no reference model.
# en Write the function below, then run: smol check orpo_loss
# en Lesson: smol learn 2 orpo      Hint: smol hint orpo_loss

from torch import Tensor


def orpo_loss(chosen: Tensor, rejected: Tensor, beta: float = 0.1) -> Tensor:
    """-beta * log sigmoid(log odds(chosen) - log odds(rejected)); Hong et al. 2024, eq. 7, weighted by beta.

    odds(y) = p / (1 - p), where p is the geometric mean of the probabilities of y's tokens.

    Args:
        chosen, rejected: [P], mean log-probability a token: log p, always below 0.

    Returns:
        [P], one loss a pair. Right from log p = -0.001 down to -150, where p itself is 0 in fp32, gradients too.
        The cross entropy of the chosen answer is added elsewhere.
    """
    # TODO
    raise NotImplementedError
