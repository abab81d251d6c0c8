"""The loss is TRL's on the same rows; a run ends within its budget, stops on request, and says when it diverges."""

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from smolcourse import experiment
from smolcourse.config import Recipe
from smolcourse.data.milk_tea import generate
from smolcourse.errors import SmolError
from smolcourse.training import sft
from smolcourse.training.packing import collate
from smolcourse.training.runs import Run
from smolcourse.training.train import load, prepare, train


@pytest.fixture
def recipe(tiny_model: Path, tmp_path: Path) -> Recipe:
    return Recipe(
        model_name_or_path=str(tiny_model),
        dataset_config={"size": 24, "seed": 3},
        learning_rate=1e-3,
        warmup_steps=2,
        packed_length=512,
        dtype="float32",
        output_dir=str(tmp_path / "runs"),
    )


def start(recipe: Recipe) -> tuple[Run, float]:
    prepared = prepare(recipe)
    run = Run.create(recipe, "test", folder=recipe.output_dir)
    return run, train(prepared, run, load(prepared))


def losses(run: Run) -> list[float]:
    return [line["loss"] for line in run.metrics()]


@pytest.mark.parametrize("packing", [True, False])
@pytest.mark.parametrize("fused", [True, False])
def test_ids_mask_and_loss_equal_trls_on_the_same_rows(
    tiny_model: Path, tokenizer: Any, tmp_path: Path, packing: bool, fused: bool
) -> None:
    from trl import SFTConfig, SFTTrainer

    rows = generate(6, seed=8)
    pairs = [{"prompt": row["messages"][:-1], "completion": row["messages"][-1:]} for row in rows]
    from datasets import Dataset

    theirs = SFTTrainer(
        model=str(tiny_model),
        args=SFTConfig(
            output_dir=str(tmp_path / "trl"),
            per_device_train_batch_size=len(rows),
            completion_only_loss=True,
            max_length=512,
            use_cpu=True,
            bf16=False,
            report_to="none",
            gradient_checkpointing=False,
        ),
        train_dataset=Dataset.from_list(pairs),
    )
    batch = theirs.data_collator([theirs.train_dataset[i] for i in range(len(rows))])
    labels = batch["labels"]
    theirs.model.eval()
    with torch.no_grad():
        wanted = theirs.compute_loss(theirs.model, dict(batch), num_items_in_batch=(labels[:, 1:] != -100).sum())

    from smolcourse.data.chat import encode

    ours = [encode(pair, tokenizer) for pair in pairs]
    for index, row in enumerate(ours):
        real = batch["attention_mask"][index].bool()
        assert row.input_ids == batch["input_ids"][index][real].tolist()
        assert row.loss_mask == (labels[index][real] != -100).int().tolist()

    recipe = Recipe(packing=packing, fused=fused)
    examples = [{"input_ids": row.input_ids, "loss_mask": row.loss_mask} for row in ours]
    model = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    parts = [examples] if packing else [[example] for example in examples]
    targets = sum(sum(example["loss_mask"][1:]) for example in examples)
    total = 0.0
    for part in parts:
        flat = collate(part, share=recipe.prefix_sharing)
        if fused:
            total += float(sft.fused.packed_loss(model, flat, torch.tensor(1 / targets)))
        else:
            total += float(sft.plain_loss(model, flat)) / targets
    assert total == pytest.approx(float(wanted), rel=1e-5)


def test_full_training_lowers_the_loss_and_leaves_a_plain_checkpoint(recipe: Recipe) -> None:
    run, seconds = start(dataclasses.replace(recipe, num_train_epochs=4))
    found = losses(run)
    assert run.state() == "finished" and seconds > 0
    assert [line["step"] for line in run.metrics()] == list(range(1, len(found) + 1))
    assert found[-1] < found[0] - 0.3
    AutoModelForCausalLM.from_pretrained(run.path / "model")


def test_lora_trains_only_its_own_weights_and_loads_in_plain_peft(recipe: Recipe, tiny_model: Path) -> None:
    from peft import PeftModel

    run, _ = start(dataclasses.replace(recipe, use_peft=True, lora_r=4, learning_rate=1e-2, num_train_epochs=4))
    assert losses(run)[-1] < losses(run)[0] - 0.3
    base = AutoModelForCausalLM.from_pretrained(tiny_model)
    loaded = PeftModel.from_pretrained(base, run.path / "adapter")
    assert any("lora_B" in name and float(weight.abs().max()) > 0 for name, weight in loaded.named_parameters())
    assert str(tiny_model.parent) not in (run.path / "adapter" / "adapter_config.json").read_text() or recipe.model_name_or_path


@pytest.mark.parametrize("use_peft", [False, True])
def test_fused_and_plain_layers_give_the_same_run(recipe: Recipe, use_peft: bool) -> None:
    recipe = dataclasses.replace(recipe, use_peft=use_peft, lora_r=4)
    fast, _ = start(recipe)
    slow, _ = start(dataclasses.replace(recipe, fused=False))
    assert losses(fast) == pytest.approx(losses(slow), rel=1e-4)


def test_packed_accumulated_and_single_examples_are_the_same_step(recipe: Recipe) -> None:
    recipe = dataclasses.replace(recipe, max_steps=1, warmup_steps=0, dataset_config={"size": 4, "seed": 1}, packed_length=2048)
    packed, _ = start(recipe)
    single, _ = start(dataclasses.replace(recipe, packing=False, gradient_accumulation_steps=4))
    batched, _ = start(dataclasses.replace(recipe, packing=False, per_device_train_batch_size=4))
    assert losses(packed) == pytest.approx(losses(single), rel=1e-5)
    assert losses(packed) == pytest.approx(losses(batched), rel=1e-5)
    assert packed.metrics()[0]["grad_norm"] == pytest.approx(single.metrics()[0]["grad_norm"], rel=1e-4)


def test_a_budget_ends_the_run_early_with_a_finished_schedule(recipe: Recipe) -> None:
    run, _ = start(dataclasses.replace(recipe, max_steps=100_000, budget="8s"))
    lines = run.metrics()
    assert run.state() == "finished"
    assert len(lines) < 100_000
    assert lines[-1]["learning_rate"] < 0.35 * max(line["learning_rate"] for line in lines)


def test_divergence_is_named_and_leaves_the_run_readable(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = sft.fused.packed_loss, []

    def diverging(*arguments: Any) -> torch.Tensor:
        calls.append(1)
        return real(*arguments) * (float("nan") if len(calls) == 3 else 1.0)

    monkeypatch.setattr(sft.fused, "packed_loss", diverging)
    with pytest.raises(SmolError, match="learning_rate"):
        start(recipe)
    (run,) = [Run.open(path) for path in Path(recipe.output_dir).iterdir()]
    assert run.state() == "failed"
    assert len(run.metrics()) == 2 and all(math.isfinite(line["loss"]) for line in run.metrics())


def test_a_full_disk_while_saving_keeps_the_checkpoint_before(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    import smolcourse.training.loop as loop

    real = loop.RunTrainer._save_optimizer_and_scheduler

    def full(self: Any, folder: str) -> None:
        if self.state.global_step >= 4:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(self, folder)

    monkeypatch.setattr(loop.RunTrainer, "_save_optimizer_and_scheduler", full)
    recipe = dataclasses.replace(recipe, save_steps=2, num_train_epochs=3)
    with pytest.raises(SmolError, match=r"đĩa|disk"):
        start(recipe)
    (run,) = [Run.open(path) for path in Path(recipe.output_dir).iterdir()]
    latest = run.latest_checkpoint()
    assert latest is not None and latest[0] == 2
    monkeypatch.undo()
    prepared = prepare(recipe)
    train(prepared, run, load(prepared))
    assert run.state() == "finished"
    whole, _ = start(recipe)
    assert losses(run) == pytest.approx(losses(whole), rel=1e-6)


def test_samples_are_kept_before_during_and_after(recipe: Recipe) -> None:
    recipe = dataclasses.replace(recipe, sample_prompts=["xin chào"], sample_steps=3)
    prepared = prepare(recipe)
    run = Run.create(recipe, "test", folder=recipe.output_dir)
    train(prepared, run, load(prepared), sample=lambda model, tokenizer, prompts: [f"đáp {len(prompts)}" for _ in prompts])
    steps = [line["step"] for line in map(json.loads, (run.path / "samples.jsonl").read_text().splitlines())]
    assert steps[0] == 0 and 3 in steps and steps[-1] == len(losses(run))


def test_samples_are_asked_as_the_data_asks(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[dict[str, str]]] = []

    def answer(model: Any, tokenizer: Any, conversations: list[list[dict[str, str]]], **_: Any) -> list[str]:
        asked.extend(conversations)
        return ["đáp"] * len(conversations)

    monkeypatch.setattr(experiment, "generate", answer)
    experiment.run(dataclasses.replace(recipe, sample_prompts=["một trà đào"], max_steps=1, warmup_steps=0), "test")
    system = generate(1, seed=3)[0]["messages"][0]
    assert system["role"] == "system" and asked[0] == [system, {"role": "user", "content": "một trà đào"}]
