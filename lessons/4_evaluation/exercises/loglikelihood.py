# vi 🐢 loglikelihood: mô hình thấy một lựa chọn có khả năng đến đâu?
# vi Viết hàm bên dưới rồi chạy: smol check loglikelihood
# vi Bài học: smol learn 4 loglik      Gợi ý: smol hint loglikelihood
# en 🐢 loglikelihood: how likely does a model find a choice?
# en Write the function below, then run: smol check loglikelihood
# en Lesson: smol learn 4 loglik      Hint: smol hint loglikelihood

from torch import Tensor


def loglikelihood(logits: Tensor, ids: Tensor, context: int) -> tuple[float, int]:
    """log p(continuation | context), and how many tokens the continuation has.

    It is the sum of log p(token | all tokens before it) over the tokens of the continuation, in nats, computed in fp32.

    Args:
        logits: [T, V], what the model puts out for the whole row; fp32 or bf16. Not normalised.
        ids: [T], the row: first the context, then the continuation.
        context: how many tokens of the row are context; at least 1.
    """
    # TODO
    raise NotImplementedError
