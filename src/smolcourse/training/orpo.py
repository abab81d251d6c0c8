"""ORPO: fine-tuning on the chosen answer and a push away from the rejected one in one stage, with no reference model."""

from typing import Any

import torch
from torch import Tensor

from smolcourse.losses import orpo_loss
from smolcourse.training.dpo import margin_and_accuracy, pair_metrics
from smolcourse.training.logps import target_logps
from smolcourse.training.loop import RunTrainer
from smolcourse.training.pairs import sequence_logps


class ORPOTrainer(RunTrainer):
    """Mean cross entropy over the chosen tokens of a step, and mean odds ratio over its pairs."""

    def counts(self, batch: dict[str, Tensor]) -> list[int]:
        """Pairs, and the tokens of the cross entropy: the chosen answers, and their prompts where they are learned too."""
        chosen, _, prompts = batch["lengths"].chunk(3)
        return [len(chosen), int(chosen.sum() + prompts.sum())]

    def compute_loss(
        self, model: Any, inputs: dict[str, Tensor], return_outputs: bool = False, num_items_in_batch: Tensor | int | None = None
    ) -> Any:
        """This batch's part of the loss of the whole step."""
        pairs, tokens = torch.as_tensor(num_items_in_batch if num_items_in_batch is not None else self.counts(inputs))
        lengths = inputs["lengths"].clamp(min=1)
        logps = sequence_logps(target_logps(model, inputs, fast=self.recipe.fused), inputs)
        chosen, rejected, prompts = logps.chunk(3)
        chosen_tokens, rejected_tokens, _ = lengths.chunk(3)
        chosen_mean, rejected_mean = chosen / chosen_tokens, rejected / rejected_tokens
        entropy = -(chosen.sum() + prompts.sum()) / tokens
        odds = orpo_loss(chosen_mean, rejected_mean, beta=self.recipe.beta).sum() / pairs
        loss = entropy + odds
        rewards = self.recipe.beta * torch.stack([chosen_mean, rejected_mean]).detach()
        self.note(
            len(inputs["input_ids"]),
            loss=loss,
            nll_loss=entropy,
            odds_ratio_loss=odds,
            **pair_metrics(chosen, rejected, rewards, inputs["lengths"], pairs),
        )
        return (loss, None) if return_outputs else loss

    def logged(self, values: dict[str, float]) -> list[str]:
        """Margin and accuracy on the live line."""
        return margin_and_accuracy(values)
