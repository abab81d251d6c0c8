"""Position t - 1 predicts token t: logits lose their last position, tokens and mask their first."""

from torch import Tensor


def answer_logps(logits: Tensor, input_ids: Tensor, loss_mask: Tensor) -> Tensor:
    logps = logits[:, :-1].float().log_softmax(dim=-1)
    picked = logps.gather(2, input_ids[:, 1:, None]).squeeze(2)
    return (picked * loss_mask[:, 1:]).sum(dim=1)
