# vi 🐢 answer_logps: mô hình gán cho một câu trả lời xác suất bao nhiêu.
# vi Viết hàm bên dưới rồi chạy: smol check answer_logps
# vi Bài học: smol learn 2 logps      Gợi ý: smol hint answer_logps
# en 🐢 answer_logps: how likely a model finds an answer.
# en Write the function below, then run: smol check answer_logps
# en Lesson: smol learn 2 logps      Hint: smol hint answer_logps

from torch import Tensor


def answer_logps(logits: Tensor, input_ids: Tensor, loss_mask: Tensor) -> Tensor:
    """log p(answer | prompt) of every row: the sum over the answer's tokens.

    Args:
        logits: [N, T, V]; logits[:, t] is the prediction made after tokens 0 to t. fp32, fp16 or bf16.
        input_ids: [N, T], the prompt, the answer, then padding.
        loss_mask: [N, T], 1 at the answer's tokens, 0 at the prompt's and at padding. Never 1 at token 0.

    Returns:
        [N], in nats and in fp32. A sum, not a mean.
    """
    # TODO
    raise NotImplementedError
