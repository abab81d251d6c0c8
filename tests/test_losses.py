"""The losses are TRL's: the same values and the same gradients on the same log-probabilities."""

from collections import defaultdict
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from smolcourse.losses import dpo_loss, kto_loss, orpo_loss, simpo_loss

PAIRS, LENGTH = 5, 12


def log_probabilities(seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Token log-probabilities [2 P, L] of chosen and rejected answers, their mask, and summed ones of a reference [2 P]."""
    generator = torch.Generator().manual_seed(seed)
    tokens = -torch.rand(2 * PAIRS, LENGTH, generator=generator).mul(4).add(0.01)
    lengths = torch.randint(2, LENGTH, (2 * PAIRS,), generator=generator)
    mask = (torch.arange(LENGTH) < lengths[:, None]).int()
    tokens = tokens * mask
    reference = tokens.sum(dim=1) + torch.randn(2 * PAIRS, generator=generator)
    return tokens, mask, reference


def accelerator() -> Any:
    return SimpleNamespace(device=torch.device("cpu"), gather=lambda x: x, gather_for_metrics=lambda x: x)


def trl_dpo(tokens: Tensor, mask: Tensor, reference: Tensor, **settings: Any) -> Tensor:
    """TRL's own loss code, fed with token log-probabilities in place of a model's."""
    from trl import DPOTrainer

    trainer = SimpleNamespace(
        model=SimpleNamespace(training=True),
        accelerator=accelerator(),
        aux_loss_enabled=False,
        ld_alpha=None,
        precompute_ref_logps=True,
        f_divergence_type="reverse_kl",
        loss_weights=[1.0],
        use_weighting=False,
        _metrics=defaultdict(lambda: defaultdict(list)),
        _total_train_tokens=0,
        _tp_size=1,
        **settings,
    )
    nothing = torch.zeros_like(tokens)
    outputs = SimpleNamespace(log_probs=tokens, entropy=nothing, mean_logits=nothing, is_top1=nothing.bool())
    # TRL's mask has one place more: the first token of a row is no target
    completion = torch.cat([torch.zeros(2 * PAIRS, 1, dtype=torch.int), mask], dim=1)
    inputs = {
        "input_ids": completion.long(),
        "attention_mask": torch.ones_like(completion),
        "completion_mask": completion,
        "ref_chosen_logps": reference[:PAIRS],
        "ref_rejected_logps": reference[PAIRS:],
    }
    loss: Tensor = DPOTrainer._compute_loss(trainer, lambda **kwargs: outputs, inputs, False)
    return loss


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("beta", [0.1, 0.7])
@pytest.mark.parametrize(
    ("loss_type", "label_smoothing"),
    [("sigmoid", 0.0), ("hinge", 0.0), ("ipo", 0.0), ("robust", 0.2), ("robust", 0.0), ("sigmoid_norm", 0.0)],
)
def test_dpo_is_trls(loss_type: str, label_smoothing: float, beta: float, seed: int) -> None:
    tokens, mask, reference = log_probabilities(seed)
    theirs = tokens.clone().requires_grad_()
    wanted = trl_dpo(theirs, mask, reference, loss_types=[loss_type], beta=beta, label_smoothing=label_smoothing)
    wanted.backward()

    ours = tokens.clone().requires_grad_()
    chosen, rejected = ours.sum(dim=1).chunk(2)
    lengths = mask.sum(dim=1).chunk(2)
    losses = dpo_loss(
        chosen,
        rejected,
        *reference.chunk(2),
        beta=beta,
        loss_type=loss_type,
        label_smoothing=label_smoothing,
        chosen_tokens=lengths[0],
        rejected_tokens=lengths[1],
    )
    assert losses.shape == (PAIRS,)
    losses.mean().backward()
    torch.testing.assert_close(losses.mean(), wanted, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-5, atol=1e-7)


def trl_cpo(chosen: Tensor, rejected: Tensor, **settings: Any) -> Tensor:
    from trl.experimental.cpo import CPOTrainer

    losses: Tensor = CPOTrainer.cpo_loss(SimpleNamespace(accelerator=accelerator(), alpha=0.0, **settings), chosen, rejected)[0]
    return losses


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1, 0.45])
def test_label_smoothing_without_a_reference_is_trls(label_smoothing: float) -> None:
    tokens, _, reference = log_probabilities()
    chosen, rejected = tokens.sum(dim=1).chunk(2)
    wanted = trl_cpo(chosen, rejected, loss_type="sigmoid", beta=0.3, label_smoothing=label_smoothing)
    found = dpo_loss(chosen, rejected, *reference.chunk(2), beta=0.3, label_smoothing=label_smoothing, reference_free=True)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-6)


def test_simpo_is_trls() -> None:
    tokens, mask, _ = log_probabilities()
    chosen, rejected = (tokens.sum(dim=1) / mask.sum(dim=1)).chunk(2)
    wanted = trl_cpo(chosen, rejected, loss_type="simpo", beta=2.0, simpo_gamma=0.5, label_smoothing=0.0)
    torch.testing.assert_close(simpo_loss(chosen, rejected, beta=2.0, simpo_gamma=0.5), wanted, rtol=1e-5, atol=1e-6)


def test_the_odds_ratio_is_trls() -> None:
    from trl.experimental.orpo import ORPOTrainer

    values = torch.tensor([[-0.01, -0.3, -0.7, -2.0, -30.0], [-3.0, -0.69, -0.01, -2.0, -0.5]])
    theirs, ours = values.clone().requires_grad_(), values.clone().requires_grad_()
    wanted = -ORPOTrainer.odds_ratio_loss(SimpleNamespace(beta=0.4, accelerator=accelerator()), *theirs)[0]
    found = orpo_loss(*ours, beta=0.4)
    wanted.mean().backward()
    found.mean().backward()
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-6)
    # TRL's own gradient is not a number where exp overflows the branch not taken; ours is always one
    assert torch.isfinite(ours.grad).all()
    known = torch.isfinite(theirs.grad)
    torch.testing.assert_close(ours.grad[known], theirs.grad[known], rtol=1e-5, atol=1e-7)


def test_a_certain_answer_leaves_the_odds_ratio_a_number() -> None:
    chosen = torch.tensor([0.0, -1e-9], requires_grad=True)
    loss = orpo_loss(chosen, torch.tensor([-2.0, 0.0])).sum()
    loss.backward()
    assert torch.isfinite(loss) and torch.isfinite(chosen.grad).all()


def test_kto_is_one_minus_the_sigmoid_of_what_was_gained() -> None:
    logps, reference = torch.tensor([-3.0, -5.0, -2.0]), torch.tensor([-4.0, -4.0, -2.5])
    desirable, kl = torch.tensor([True, False, True]), torch.tensor(0.3)
    found = kto_loss(logps, reference, desirable, kl, beta=0.5, desirable_weight=1.5, undesirable_weight=0.5)
    gained = 0.5 * (logps - reference - kl)
    wanted = [1.5 * (1 - torch.sigmoid(gained[0])), 0.5 * (1 - torch.sigmoid(-gained[1])), 1.5 * (1 - torch.sigmoid(gained[2]))]
    torch.testing.assert_close(found, torch.stack(wanted))


def test_the_gradient_points_from_rejected_to_chosen() -> None:
    chosen, rejected = torch.zeros(1, requires_grad=True), torch.zeros(1, requires_grad=True)
    for loss_type in ("sigmoid", "hinge", "ipo", "robust", "sigmoid_norm"):
        chosen.grad = rejected.grad = None
        lengths = {"chosen_tokens": torch.ones(1), "rejected_tokens": torch.ones(1)}
        dpo_loss(chosen, rejected, torch.zeros(1), torch.zeros(1), loss_type=loss_type, **lengths).sum().backward()
        assert float(chosen.grad) < 0 < float(rejected.grad), loss_type
