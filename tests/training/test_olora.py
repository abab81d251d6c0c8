"""OLoRA from the recipe to the adapter: it begins where the base is, goes on after a stop, and fits the untouched base."""

import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from smolcourse.adapters import describe, load_adapter
from smolcourse.config import Recipe
from smolcourse.training.runs import Run
from smolcourse.training.train import load, prepare, train

IDS = torch.tensor([[5, 6, 7, 8]])


def test_a_run_that_was_stopped_and_one_that_was_not_leave_the_same_plain_lora(tiny_model: Path, tmp_path: Path) -> None:
    recipe = Recipe(
        model_name_or_path=str(tiny_model),
        dataset_config={"size": 24, "seed": 3},
        use_peft=True,
        lora_r=4,
        init_lora_weights="olora",
        learning_rate=1e-3,
        warmup_steps=1,
        max_steps=4,
        save_steps=2,
        packed_length=512,
        dtype="float32",
        output_dir=str(tmp_path),
    )
    prepared = prepare(recipe)
    run = Run.create(recipe, "olora", folder=tmp_path)
    model = load(prepared)
    train(prepared, run, model)
    adapter = run.path / "adapter"
    assert describe(adapter).rank == 8
    base = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32).eval()
    before = base(IDS).logits
    loaded = load_adapter(base, adapter)(IDS).logits
    torch.testing.assert_close(loaded, model.eval()(IDS).logits, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(loaded, before, atol=1e-3)

    whole = load_file(adapter / "adapter_model.safetensors")
    shutil.rmtree(adapter)
    shutil.rmtree(run.path / "checkpoints" / "checkpoint-4")
    train(prepared, run, load(prepared))
    again = load_file(adapter / "adapter_model.safetensors")
    assert whole.keys() == again.keys()
    for key, weight in whole.items():
        torch.testing.assert_close(again[key], weight, rtol=0, atol=1e-4, msg=key)  # a step is 1e-3
