"""Log-probabilities of the targets of a packed row, with gradients: what preference losses are made of."""

from typing import Any

import torch
from torch import Tensor, nn

from smolcourse.training import fused, lower
from smolcourse.training.plain import plain_logits


def target_logps(model: nn.Module, batch: dict[str, Tensor], *, fast: bool = True) -> Tensor:
    """log p(label | what stands before it) [M], for each target of a packed row.

    Args:
        model: any causal LM, also inside PEFT; where `fused.supports` it, and `fast`, through the hand-written layers.
        batch: a packed row as `training.packing.collate_tree` makes it.
    """
    return packed_logps(model, batch) if fast and fused.supports(model) else plain_logps(model, batch)


def packed_logps(model: nn.Module, batch: dict[str, Tensor]) -> Tensor:
    """The fused way; equal to the plain one to 1e-5, gradients too."""
    causal = fused._causal_lm(model)
    chosen = fused.body(model, batch)[batch["target_index"]]
    return head_logps(
        chosen, causal.lm_head.weight, batch["labels"], lower.copy(causal, [causal.lm_head], [causal.lm_head.weight])
    )


def plain_logps(model: Any, batch: dict[str, Tensor]) -> Tensor:
    """The same by the model's own forward pass."""
    logps: Tensor = plain_logits(model, batch).float().log_softmax(dim=-1).gather(1, batch["labels"][:, None]).squeeze(1)
    return logps


def head_logps(hidden: Tensor, weight: Tensor, labels: Tensor, low: Tensor | None = None) -> Tensor:
    """log softmax(hidden W^T) at the labels [M], for hidden [M, D] and W [V, D]; never holds all logits at once.

    Args:
        low: W once more, rounded for fast products (`lower.Head`).
    """
    result: Tensor = _HeadLogps.apply(hidden, weight, low, labels, torch.is_grad_enabled())  # type: ignore[no-untyped-call]
    return result


class _HeadLogps(torch.autograd.Function):
    """The gradient of a log-probability by its hidden state, W_label - softmax W, needs nothing that comes later.

    It is computed in the forward pass, while the logits are there, and only scaled in the backward pass. That of W needs
    the logits again.
    """

    CHUNK = 128  # rows of logits at a time: 25 MB in fp32 at a vocabulary of 49k

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, low: Tensor | None, labels: Tensor, learning: bool) -> Tensor:
        head = lower.Head(weight, low, min(len(labels), _HeadLogps.CHUNK))
        need_hidden, need_weight = (learning and needed for needed in ctx.needs_input_grad[:2])
        grad_hidden = torch.empty_like(hidden) if need_hidden else None
        logps = hidden.new_empty(len(labels), dtype=torch.float32)
        for start in range(0, len(labels), _HeadLogps.CHUNK):
            part = slice(start, start + _HeadLogps.CHUNK)
            logps[part] = head.read(hidden[part], labels[part], -hidden.new_ones(()))
            if grad_hidden is not None:
                grad_hidden[part] = head.to_hidden()
        ctx.save_for_backward(grad_hidden, *((hidden, weight, low, labels) if need_weight else (None,) * 4))
        return logps

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        grad_hidden, hidden, weight, low, labels = ctx.saved_tensors
        grad = grads[0]
        grad_weight = None
        if weight is not None:
            grad_weight = torch.zeros_like(weight)
            head = lower.Head(weight, low, min(len(labels), _HeadLogps.CHUNK))
            for start in range(0, len(labels), _HeadLogps.CHUNK):
                part = slice(start, start + _HeadLogps.CHUNK)
                head.read(hidden[part], labels[part], -grad[part])
                head.add_to_weight(grad_weight)
        return None if grad_hidden is None else grad_hidden * grad.unsqueeze(1), grad_weight, None, None, None
