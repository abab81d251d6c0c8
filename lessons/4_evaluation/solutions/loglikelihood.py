"""Position j - 1 predicts token j; only the continuation's tokens are read."""

from torch import Tensor


def loglikelihood(logits: Tensor, ids: Tensor, context: int) -> tuple[float, int]:
    logs = logits.float().log_softmax(dim=-1)
    chosen = logs[context - 1 : -1].gather(1, ids[context:, None])
    return float(chosen.sum()), len(ids) - context
