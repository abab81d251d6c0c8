# vi 🦁 dpo_step: loss giảm đều đặn, mô hình lại thích câu bị loại. Tìm lỗi.
# vi Hàm bên dưới chạy được và loss của nó giảm. Nó có ba lỗi. Sửa rồi chạy: smol check dpo_step
# vi Bài học: smol learn 2 silent      Gợi ý: smol hint dpo_step
# en 🦁 dpo_step: the loss falls and falls, and the model comes to like the rejected answers. Find out why.
# en The function below runs, and its loss falls. It has three mistakes. Mend it: smol check dpo_step
# en Lesson: smol learn 2 silent      Hint: smol hint dpo_step

from typing import Any

from torch import Tensor
from torch.nn import functional as F


def dpo_step(
    model: Any, reference: Any, chosen: Tensor, chosen_mask: Tensor, rejected: Tensor, rejected_mask: Tensor, beta: float
) -> Tensor:
    """The mean DPO loss of P pairs, ready for backward().

    Args:
        model, reference: ids [P, T] -> logits [P, T, V]. The optimiser may hold the parameters of both (one base, two adapters):
            only those of `model` may get a gradient.
        chosen, rejected: [P, T] and [P, U], prompt and answer.
        chosen_mask, rejected_mask: 1 at the answer's tokens.

    Returns:
        A scalar.
    """

    def logps(network: Any, ids: Tensor, mask: Tensor) -> Tensor:
        picked = network(ids)[:, :-1].log_softmax(dim=-1).gather(2, ids[:, 1:, None]).squeeze(2)
        return (picked * mask[:, :-1]).sum(dim=1)

    policy = logps(model, chosen, chosen_mask) - logps(model, rejected, rejected_mask)
    baseline = logps(reference, chosen, chosen_mask) - logps(reference, rejected, rejected_mask)
    return -F.logsigmoid(beta * (baseline - policy)).mean()
