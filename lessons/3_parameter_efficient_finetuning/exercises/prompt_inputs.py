# vi 🐕 prompt_inputs: đặt token ảo vào trước batch.
# vi Viết hàm bên dưới rồi chạy: smol check prompt_inputs
# vi Bài học: smol learn 3 prompt-tuning      Gợi ý: smol hint prompt_inputs
# en 🐕 prompt_inputs: virtual tokens in front of a batch.
# en Write the function below, then run: smol check prompt_inputs
# en Lesson: smol learn 3 prompt-tuning      Hint: smol hint prompt_inputs

from torch import Tensor


def prompt_inputs(prompt: Tensor, embeddings: Tensor, labels: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What prompt tuning gives to the frozen model: P learned vectors, then the batch.

    Args:
        prompt: [P, D], the learned vectors, the same for every row.
        embeddings: [N, T, D], of the real tokens.
        labels: [N, T], -100 where a token carries no loss; the model shifts by itself.
        attention_mask: [N, T], 0 at padding.

    Returns:
        embeddings [N, P + T, D], labels and attention_mask [N, P + T].
    """
    # TODO
    raise NotImplementedError
