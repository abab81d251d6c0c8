# vi 🐢 sampling: từ logits đến phân phối mà token kế tiếp được rút ra.
# vi Viết hàm bên dưới rồi chạy: smol check sampling
# vi Bài học: smol learn 7 sampling      Gợi ý: smol hint sampling
# en 🐢 sampling: from logits to the distribution that the next token is drawn from.
# en Write the function below, then run: smol check sampling
# en Lesson: smol learn 7 sampling      Hint: smol hint sampling

from torch import Tensor


def token_probabilities(logits: Tensor, temperature: float = 1.0, top_p: float = 1.0, min_p: float = 0.0) -> Tensor:
    """The distribution that the next token is drawn from, for each row.

    Temperature comes first; top-p and min-p both look at the probabilities after it, and a token stays if both keep it.

    Args:
        logits: [N, V], fp32 or bf16; no two in a row are equal.
        temperature: logits are divided by it before the softmax; 0 puts all probability on the likeliest token.
        top_p: keeps the smallest set of likeliest tokens that together hold at least this much probability.
        min_p: keeps tokens at least this many times as likely as the likeliest one of their row.

    Returns:
        [N, V] in fp32: 0 for tokens that are cut, the others in their old proportions; each row sums to 1.
    """
    # TODO
    raise NotImplementedError
