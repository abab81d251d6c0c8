# vi 🐕 dora_weight: tách độ dài khỏi hướng.
# vi Viết hàm bên dưới rồi chạy: smol check dora_weight
# vi Bài học: smol learn 3 dora      Gợi ý: smol hint dora_weight
# en 🐕 dora_weight: length apart from direction.
# en Write the function below, then run: smol check dora_weight
# en Lesson: smol learn 3 dora      Hint: smol hint dora_weight

from torch import Tensor


def dora_weight(weight: Tensor, a: Tensor, b: Tensor, magnitude: Tensor, alpha: float) -> Tensor:
    """The matrix that DoRA multiplies with: V = W + (alpha / r) B A, each row brought to its learned length.

    row_i = magnitude_i * V_i / |V_i|, where |V_i| counts as a constant for the gradient (Liu et al. 2024, section 4.3).

    Args:
        weight: [outputs, inputs].
        a: [r, inputs].
        b: [outputs, r].
        magnitude: [outputs], one length a row.
    """
    # TODO
    raise NotImplementedError
