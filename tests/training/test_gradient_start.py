"""LoRA's A along the gradient: the directions are the gradient's own, and the model begins as it was."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from smolcourse.adapters import add_adapter
from smolcourse.config import Recipe
from smolcourse.errors import SmolError
from smolcourse.training.gradient_start import ROWS, aim
from smolcourse.training.runs import Run
from smolcourse.training.sft import PackedRows, SFTTrainer, collate_rows, plain_loss

RANK = 4


@pytest.fixture(params=[True, False], ids=["fused", "plain"])
def trainer(request: Any, tiny_model: Path, tokenizer: Any, tmp_path: Path) -> SFTTrainer:
    recipe = Recipe(use_peft=True, lora_r=RANK, init_lora_weights="gradient", fused=request.param)
    model = add_adapter(AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32), recipe)
    draw = torch.Generator().manual_seed(1)
    examples = [
        {"input_ids": torch.randint(0, 1000, (20,), generator=draw).tolist(), "loss_mask": [0] * 8 + [1] * 12}
        for _ in range(2 * ROWS)
    ]
    rows = PackedRows(examples, [[2 * row, 2 * row + 1] for row in range(ROWS)])

    def collate(batch: Any) -> Any:
        return collate_rows(batch, share=False)

    run = Run.create(recipe, "aimed", folder=tmp_path)
    return SFTTrainer(model, recipe, run, tokenizer, train_dataset=rows, collate=collate, total_steps=2)


def test_a_holds_the_gradient_s_own_directions(trainer: SFTTrainer) -> None:
    model: Any = trainer.model
    before = {name: value.clone() for name, value in model.named_parameters()}
    learning = {name for name, value in model.named_parameters() if value.requires_grad}
    assert aim(trainer) > 0
    assert {name for name, value in model.named_parameters() if value.requires_grad} == learning
    assert all(value.grad is None for value in model.parameters())
    for name, value in model.named_parameters():  # B is zero still, and nothing but A moved
        assert torch.equal(value, before[name]) != ("lora_A" in name), name
    gradients = _gradients(trainer)
    assert len(gradients) == 14
    for name, gradient in gradients.items():
        a = model.get_parameter(name.replace("base_layer", "lora_A.default")).detach()
        was = before[name.replace("base_layer", "lora_A.default")]
        torch.testing.assert_close(a.norm(dim=1), was.norm(dim=1))
        unit = a / a.norm(dim=1, keepdim=True)
        torch.testing.assert_close(unit @ unit.t(), torch.eye(RANK), atol=1e-4, rtol=0)
        most = torch.linalg.svdvals(gradient)[:RANK].square().sum()  # no RANK directions hold more (Eckart and Young 1936)
        found = (gradient @ unit.t()).square().sum()
        assert found >= 0.95 * most, (name, float(found / most))


def _gradients(trainer: SFTTrainer) -> dict[str, torch.Tensor]:
    """Of the frozen weights, by the plain path; the adapter adds nothing yet."""
    model: Any = trainer.model
    weights = {name: value for name, value in model.named_parameters() if "base_layer" in name}
    for weight in weights.values():
        weight.requires_grad_(True)
    loss = torch.zeros(())
    for row in range(ROWS):
        batch = trainer.data_collator([trainer.train_dataset[row]])  # type: ignore[index]
        loss = loss + plain_loss(model, batch) / len(batch["labels"])
    return dict(zip(weights, torch.autograd.grad(loss, list(weights.values())), strict=True))


@pytest.mark.bad_input
@pytest.mark.parametrize("other", ["load_in_4bit", "fsdp"])
def test_it_needs_whole_weights(other: str) -> None:
    with pytest.raises(SmolError, match=f"does not go with {other}|không đi cùng {other}"):
        Recipe(use_peft=True, init_lora_weights="gradient", **{other: True})
