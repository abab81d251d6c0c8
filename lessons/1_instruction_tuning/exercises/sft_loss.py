# vi 🐕 sft_loss: cross entropy, tự viết từ logits.
# vi Viết hàm bên dưới rồi chạy: smol check sft_loss
# vi Bài học: smol learn 1 sft-loss      Gợi ý: smol hint sft_loss
# en 🐕 sft_loss: cross entropy, written from the logits up.
# en Write the function below, then run: smol check sft_loss
# en Lesson: smol learn 1 sft-loss      Hint: smol hint sft_loss

from torch import Tensor


def sft_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Summed cross entropy of the tokens that carry loss: -sum_t log p(label_t | what stands before).

    Args:
        logits: [M, V], the prediction at each position whose next token carries loss; fp32, fp16 or bf16.
        labels: [M], those next tokens.

    Returns:
        A scalar in nats, in fp32. The sum, not the mean: the trainer divides by the targets of the whole step.
        Write it with basic operations (no cross_entropy, no log_softmax); logits may be as large as 1e4.
    """
    # TODO
    raise NotImplementedError
