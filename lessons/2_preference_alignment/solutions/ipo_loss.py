"""A square has a lowest point: a pair that is 1 / (2 beta) a token apart pulls no more, one that is further is pulled back."""

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
    delta = (chosen - ref_chosen) / chosen_tokens - (rejected - ref_rejected) / rejected_tokens
    return (delta - 1 / (2 * beta)) ** 2
