"""The losses, as pure functions of tensors. Learners rewrite them; the trainers call them."""

import torch
from torch import Tensor
from torch.nn import functional as F


def sft_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Summed cross entropy of the tokens that carry loss: -sum_t log p(label_t | what stands before).

    Args:
        logits: [M, V], the prediction at each position whose next token carries loss.
        labels: [M], those next tokens.

    Returns:
        A scalar in nats; divided by the number of targets it is the mean loss that TRL reports.
    """
    return F.cross_entropy(logits.float(), labels, reduction="sum")


def shift(input_ids: Tensor, loss_mask: Tensor) -> tuple[Tensor, Tensor]:
    """Where predictions are made and what they should be: the position before each token that carries loss.

    Args:
        input_ids: [T] tokens of one example.
        loss_mask: [T], 1 where the token carries loss. The first token is never a target: nothing stands before it.

    Returns:
        positions [M] and labels [M].
    """
    positions = torch.nonzero(loss_mask[1:]).squeeze(1)
    return positions, input_ids[positions + 1]
