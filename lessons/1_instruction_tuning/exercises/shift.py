# vi 🐢 shift: dự đoán ở vị trí nào ứng với token nào.
# vi Viết hàm bên dưới rồi chạy: smol check shift
# vi Bài học: smol learn 1 shift      Gợi ý: smol hint shift
# en 🐢 shift: which position predicts which token.
# en Write the function below, then run: smol check shift
# en Lesson: smol learn 1 shift      Hint: smol hint shift

from torch import Tensor


def shift(input_ids: Tensor, loss_mask: Tensor) -> tuple[Tensor, Tensor]:
    """Where predictions are made and what they should be: the position before each token that carries loss.

    Args:
        input_ids: [T] tokens of one example.
        loss_mask: [T], 1 where the token carries loss. The first token is never a target: nothing stands before it.

    Returns:
        positions [M] and labels [M], in order: the logits at positions[i] predict labels[i].
    """
    # TODO
    raise NotImplementedError
