"""LoRA+ (Hayou et al. 2024): the optimiser gives B a learning rate so many times that of A, all through the schedule."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from smolcourse.adapters import add_adapter
from smolcourse.config import Recipe
from smolcourse.training.runs import Run
from smolcourse.training.sft import SFTTrainer


@pytest.mark.parametrize("ratio", [None, 1.0, 8.0])
def test_b_learns_faster_than_a(tiny_model: Path, tokenizer: Any, tmp_path: Path, ratio: float | None) -> None:
    recipe = Recipe(use_peft=True, lora_r=4, loraplus_lr_ratio=ratio, learning_rate=1e-3, weight_decay=0.1, warmup_steps=2)
    model = add_adapter(AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32), recipe)
    run = Run.create(recipe, "plus", folder=tmp_path)
    trainer = SFTTrainer(model, recipe, run, tokenizer, train_dataset=[0], collate=lambda rows: {}, total_steps=6)
    optimizer = trainer.create_optimizer()
    found = {id(p): group for group in optimizer.param_groups for p in group["params"]}
    learning = {name: found.pop(id(p)) for name, p in model.named_parameters() if p.requires_grad}
    assert not found and sum("lora_B" in name for name in learning) == sum("lora_A" in name for name in learning) == 14
    assert {group["weight_decay"] for group in learning.values()} == {0.1}
    assert {group["lr"] for name, group in learning.items() if "lora_A" in name} == {1e-3}
    schedule = trainer.create_scheduler(6, optimizer)
    for _ in range(4):
        slow = {group["lr"] for name, group in learning.items() if "lora_A" in name}
        fast = {group["lr"] for name, group in learning.items() if "lora_B" in name}
        assert len(slow) == len(fast) == 1
        assert fast.pop() == pytest.approx(slow.pop() * (ratio or 1.0))
        optimizer.step()
        schedule.step()
