"""Direct preference optimisation: chosen answers become likelier than rejected ones, by more than the reference model has it.

With `rpo_alpha` the chosen answer's cross entropy is added, so that it rises itself (Pang et al. 2024, eq. 1).
"""

from collections import deque
from typing import Any

import torch
from torch import Tensor

from smolcourse.language import tr
from smolcourse.losses import dpo_loss, simpo_loss
from smolcourse.training.logps import target_logps
from smolcourse.training.loop import RunTrainer
from smolcourse.training.pairs import sequence_logps


class DPOTrainer(RunTrainer):
    """Mean loss over the pairs of a step, on packed rows; the reference's log-probabilities come with the pairs."""

    def counts(self, batch: dict[str, Tensor]) -> list[int]:
        """Pairs, and the tokens of their chosen answers."""
        chosen, _, _ = batch["lengths"].chunk(3)
        return [len(chosen), int(chosen.sum())]

    def compute_loss(
        self, model: Any, inputs: dict[str, Tensor], return_outputs: bool = False, num_items_in_batch: Tensor | int | None = None
    ) -> Any:
        """The summed loss of this batch's pairs over the number of pairs in the whole step."""
        recipe = self.recipe
        count, tokens = torch.as_tensor(num_items_in_batch if num_items_in_batch is not None else self.counts(inputs))
        chosen_tokens, rejected_tokens, _ = inputs["lengths"].chunk(3)
        logps = sequence_logps(target_logps(model, inputs, fast=recipe.fused), inputs)
        chosen, rejected, _ = logps.chunk(3)
        if recipe.loss_type == "simpo":
            ref_chosen = ref_rejected = torch.zeros_like(chosen)
            losses = simpo_loss(
                chosen / chosen_tokens, rejected / rejected_tokens, beta=recipe.beta, simpo_gamma=recipe.simpo_gamma
            )
        else:
            ref_chosen, ref_rejected = inputs["reference"].chunk(2) if needs_reference(recipe) else logps.new_zeros(2)
            losses = dpo_loss(
                chosen,
                rejected,
                ref_chosen,
                ref_rejected,
                beta=recipe.beta,
                loss_type=recipe.loss_type,
                label_smoothing=recipe.label_smoothing,
                chosen_tokens=chosen_tokens,
                rejected_tokens=rejected_tokens,
            )
        loss = losses.sum() / count
        entropy = {}
        if recipe.rpo_alpha:
            entropy["nll_loss"] = -chosen.sum() / tokens
            loss = loss + recipe.rpo_alpha * entropy["nll_loss"]
        moved = torch.stack([chosen.detach() - ref_chosen, rejected.detach() - ref_rejected])
        self.note(
            len(inputs["input_ids"]),
            loss=loss,
            **entropy,
            **pair_metrics(chosen, rejected, recipe.beta * moved, inputs["lengths"], count),
            kl=moved.mean(dim=0).sum() / count,
        )
        return (loss, None) if return_outputs else loss

    def logged(self, values: dict[str, float]) -> list[str]:
        """Margin and accuracy on the live line; a falling chosen log-probability is called out once."""
        self._watch(values)
        return margin_and_accuracy(values)

    def _watch(self, values: dict[str, float]) -> None:
        if not needs_reference(self.recipe):
            return
        recent: deque[float] = self.__dict__.setdefault("_moved", deque(maxlen=10))
        recent.append(values["rewards/chosen"] / self.recipe.beta / max(1.0, values["length/chosen"]))
        change = sum(recent) / len(recent)
        if len(recent) < 10 or change > -0.1 or "_called_out" in self.__dict__:
            return
        self._called_out = True
        held = self.recipe.rpo_alpha > 0
        self.live.say(
            tr(
                f"⚠ xác suất của câu trả lời được chọn đang giảm so với lúc đầu ({change:.2f} nat mỗi token)"
                + ("." if held else ": DPO chỉ nới khoảng cách, không giữ câu được chọn.")
                + f" Thử {'tăng rpo_alpha' if held else 'rpo_alpha=1'}, giảm learning_rate, tăng beta, hoặc bớt số bước",
                f"⚠ the chosen answers are less likely than at the start ({change:.2f} nats a token)"
                + ("." if held else ": DPO widens the gap, it does not hold the chosen answer up.")
                + f" Try {'a higher rpo_alpha' if held else 'rpo_alpha=1'}, a lower learning_rate, a higher beta, or fewer steps",
            )
        )


def needs_reference(recipe: Any) -> bool:
    """Whether the loss compares with a reference model."""
    return recipe.method == "dpo" and recipe.loss_type != "simpo" and not recipe.reference_free


def pair_metrics(chosen: Tensor, rejected: Tensor, rewards: Tensor, lengths: Tensor, count: Tensor) -> dict[str, Tensor]:
    """What a preference run shows, under TRL's names: means over the pairs of a step, of which this batch adds its part.

    chosen, rejected [P] log-probabilities; rewards [2, P]; lengths [3 P]; count: pairs of the whole step.
    """
    chosen_rewards, rejected_rewards = rewards
    chosen_tokens, rejected_tokens, _ = lengths.chunk(3)
    values = {
        "rewards/chosen": chosen_rewards,
        "rewards/rejected": rejected_rewards,
        "rewards/margins": chosen_rewards - rejected_rewards,
        "rewards/accuracies": (chosen_rewards > rejected_rewards).float(),
        "logps/chosen": chosen.detach(),
        "logps/rejected": rejected.detach(),
        "length/chosen": chosen_tokens.float(),
        "length/rejected": rejected_tokens.float(),
    }
    return {name: value.detach().sum() / count for name, value in values.items()}


def margin_and_accuracy(values: dict[str, float]) -> list[str]:
    """Two fields for the live line."""
    margin, accuracy = values["rewards/margins"], values["rewards/accuracies"]
    return [f"margin {margin:+.2f}", f"{tr('đúng', 'right')} {accuracy:.0%}"]
