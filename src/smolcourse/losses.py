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


def dpo_loss(
    chosen: Tensor,
    rejected: Tensor,
    ref_chosen: Tensor,
    ref_rejected: Tensor,
    *,
    beta: float = 0.1,
    loss_type: str = "sigmoid",
    label_smoothing: float = 0.0,
    reference_free: bool = False,
    chosen_tokens: Tensor | None = None,
    rejected_tokens: Tensor | None = None,
) -> Tensor:
    """Direct preference optimisation: raise log p(chosen) - log p(rejected) above what the reference model gives.

    With delta = (chosen - ref_chosen) - (rejected - ref_rejected), s(x) = log sigmoid(x) and e = label_smoothing:

        sigmoid       -(1 - e) s(beta delta) - e s(-beta delta)            Rafailov et al. 2023, eq. 7; cDPO: Mitchell 2023
        hinge         max(0, 1 - beta delta)                               Zhao et al. 2023 (SLiC), eq. 2
        ipo           (delta a token - 1 / (2 beta))^2                     Azar et al. 2023, eq. 17
        robust        (-(1 - e) s(beta delta) + e s(-beta delta)) / (1 - 2 e)   Chowdhury et al. 2024, eq. 12
        sigmoid_norm  -s(beta delta a token)                               Meng et al. 2024, section 4, with a reference

    Args:
        chosen, rejected: [P] summed log-probabilities of the answers of P pairs under the model that is trained.
        ref_chosen, ref_rejected: [P] the same under the reference model.
        reference_free: a reference that finds every answer equally likely.
        chosen_tokens, rejected_tokens: [P] lengths of the answers, for the types that reckon a token.

    Returns:
        [P] losses in nats.
    """
    chosen_ratio = chosen if reference_free else chosen - ref_chosen
    rejected_ratio = rejected if reference_free else rejected - ref_rejected
    if loss_type in ("ipo", "sigmoid_norm"):
        assert chosen_tokens is not None and rejected_tokens is not None, "this loss type needs the lengths of the answers"
        chosen_ratio, rejected_ratio = chosen_ratio / chosen_tokens, rejected_ratio / rejected_tokens
    delta = chosen_ratio - rejected_ratio
    if loss_type == "ipo":
        return (delta - 1 / (2 * beta)) ** 2
    if loss_type == "hinge":
        return torch.relu(1 - beta * delta)
    right, flipped = F.logsigmoid(beta * delta), F.logsigmoid(-beta * delta)
    if loss_type == "robust":
        return (label_smoothing * flipped - (1 - label_smoothing) * right) / (1 - 2 * label_smoothing)
    if loss_type in ("sigmoid", "sigmoid_norm"):
        return -(1 - label_smoothing) * right - label_smoothing * flipped
    raise ValueError(loss_type)


def orpo_loss(chosen: Tensor, rejected: Tensor, *, beta: float = 0.1) -> Tensor:
    """The odds ratio's part of ORPO (Hong et al. 2024, eq. 7): -beta log sigmoid(log odds(chosen) - log odds(rejected)).

    odds(y) = p / (1 - p), where p is the geometric mean of the probabilities of y's tokens. The whole loss (eq. 6) adds the mean
    cross entropy of the chosen answers; no reference model is needed.

    Args:
        chosen, rejected: [P] mean log-probability a token.

    Returns:
        [P] losses in nats.
    """
    log_odds = (chosen - rejected) - (_log1mexp(chosen) - _log1mexp(rejected))
    return -beta * F.logsigmoid(log_odds)


def simpo_loss(chosen: Tensor, rejected: Tensor, *, beta: float = 2.0, simpo_gamma: float = 0.5) -> Tensor:
    """SimPO (Meng et al. 2024, eq. 6): -log sigmoid(beta (chosen - rejected) - gamma). No reference model.

    Args:
        chosen, rejected: [P] mean log-probability a token.
        simpo_gamma: the margin by which the chosen answer should win.

    Returns:
        [P] losses in nats.
    """
    return -F.logsigmoid(beta * (chosen - rejected) - simpo_gamma)


def kto_loss(
    logps: Tensor,
    ref_logps: Tensor,
    desirable: Tensor,
    kl: Tensor,
    *,
    beta: float = 0.1,
    desirable_weight: float = 1.0,
    undesirable_weight: float = 1.0,
) -> Tensor:
    """KTO (Ethayarajh et al. 2024, eq. 7), for answers that are only good or bad, in no pairs.

    Args:
        logps, ref_logps: [N] summed log-probabilities of the answers, under the model and under its reference.
        desirable: [N] bool, whether the answer is a good one.
        kl: scalar, how far the model has moved, measured on answers to other prompts; never below 0, without gradient.

    Returns:
        [N] losses, between 0 and the weight.
    """
    ratio = logps - ref_logps
    good = desirable_weight * (1 - torch.sigmoid(beta * (ratio - kl)))
    bad = undesirable_weight * (1 - torch.sigmoid(beta * (kl - ratio)))
    return torch.where(desirable, good, bad)


def _log1mexp(x: Tensor) -> Tensor:
    """log(1 - e^x) for x <= 0, exact at both ends (Mächler 2012); x = 0, a certain answer, is kept just below."""
    x = x.clamp(max=-1e-7)
    # each branch gets numbers it can bear: a NaN in the branch not taken would still spoil the gradient
    near = torch.log(-torch.expm1(x.clamp(min=-0.6931472)))
    far = torch.log1p(-torch.exp(x.clamp(max=-0.6931472)))
    return torch.where(x > -0.6931472, near, far)
