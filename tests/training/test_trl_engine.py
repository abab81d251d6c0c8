"""The same recipe on TRL: the same losses where both engines have the method, and methods that only TRL has."""

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from smolcourse.config import Recipe
from smolcourse.data.milk_tea import generate
from smolcourse.data.milk_tea.style import generate_pairs
from smolcourse.errors import SmolError
from smolcourse.training.engines import check_engine
from smolcourse.training.runs import Run
from smolcourse.training.train import load, prepare, train


@pytest.fixture
def recipe(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    monkeypatch.setattr("smolcourse.training.reference.home", lambda: tmp_path / "home")
    for name, rows in (("rows", generate(12, seed=3)), ("pairs", generate_pairs(12, seed=3))):
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (tmp_path / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    return Recipe(
        engine="trl",
        model_name_or_path=str(tiny_model),
        dataset_name=str(tmp_path / "rows.jsonl"),
        max_length=400,
        packing=False,
        per_device_train_batch_size=2,
        gradient_accumulation_steps=2,
        max_steps=3,
        warmup_steps=1,
        learning_rate=1e-3,
        dtype="float32",
        int8=False,
        save_steps=2,
        output_dir=str(tmp_path / "runs"),
    )


def start(recipe: Recipe, **names: Any) -> Run:
    prepared = prepare(recipe)
    run = Run.create(prepared.recipe, recipe.engine, folder=recipe.output_dir)
    train(prepared, run, load(prepared), **names)
    return run


def of_pairs(recipe: Recipe, method: str, **changes: Any) -> Recipe:
    return dataclasses.replace(recipe, method=method, dataset_name=recipe.dataset_name.replace("rows", "pairs"), **changes)


@pytest.mark.parametrize("use_peft", [False, True], ids=["full", "lora"])
@pytest.mark.parametrize(("method", "rpo_alpha"), [("sft", 0.0), ("dpo", 0.0), ("dpo", 0.7), ("orpo", 0.0)])
def test_both_engines_lose_the_same(recipe: Recipe, method: str, rpo_alpha: float, use_peft: bool) -> None:
    recipe = recipe if method == "sft" else of_pairs(recipe, method, completion_only_loss=False)
    if method == "orpo" or rpo_alpha:  # TRL averages the batches of a step, we its tokens
        recipe = dataclasses.replace(recipe, per_device_train_batch_size=4, gradient_accumulation_steps=1)
    recipe = dataclasses.replace(recipe, use_peft=use_peft, lora_r=4, rpo_alpha=rpo_alpha)
    theirs, ours = start(recipe), start(dataclasses.replace(recipe, engine="smol"))
    for line, wanted in zip(theirs.metrics(), ours.metrics(), strict=True):
        assert line["step"] == wanted["step"] and line["learning_rate"] == pytest.approx(wanted["learning_rate"])
        # the first step sees the same weights; rounding, in sums of many log-probabilities, then goes its own way
        assert line["loss"] == pytest.approx(wanted["loss"], rel=1e-4 if line["step"] == 1 else 1e-3)
    assert theirs.state() == "finished" and theirs.result() is not None
    assert theirs.result().name == ours.result().name  # type: ignore[union-attr]
    assert theirs.latest_checkpoint() is not None
    if method != "sft":
        assert "rewards/margins" in theirs.metrics()[-1]


def test_packed_rows_become_as_many_examples_a_step(recipe: Recipe) -> None:
    packed = dataclasses.replace(
        recipe, packing=True, packed_length=600, per_device_train_batch_size=1, gradient_accumulation_steps=1
    )
    prepared = prepare(packed)
    from smolcourse.training.trl_engine import trl_trainer

    trainer = trl_trainer(prepared, Run.create(packed, "x", folder=packed.output_dir), load(prepared), None, None)
    assert trainer.args.per_device_train_batch_size == round(12 / len(prepared.plan.rows)) > 1


@pytest.mark.parametrize("method", ["grpo", "rloo"])
def test_learning_from_scores(recipe: Recipe, method: str) -> None:
    asked: list[tuple[str, str]] = []

    def reward(answer: str, gold: str) -> float:
        asked.append((answer, gold))
        return float(len(answer) % 3)

    changes = {"method": method, "task": "milk-tea", "max_completion_length": 8, "num_generations": 2, "max_steps": 2}
    run = start(dataclasses.replace(recipe, **changes), reward=reward)
    assert len(run.metrics()) == 2 and run.result() is not None
    golds = {row["messages"][-1]["content"] for row in generate(12, seed=3)}
    assert len(asked) == 2 * 4 and {gold for _, gold in asked} <= golds
    assert run.metrics()[0]["reward"] == pytest.approx(sum(len(answer) % 3 for answer, _ in asked[:4]) / 4)


@pytest.mark.parametrize("use_peft", [False, True], ids=["full", "lora"])
def test_answers_that_are_good_or_bad(recipe: Recipe, use_peft: bool) -> None:
    """Before the first update nothing has moved: every answer's loss is one minus sigmoid(0)."""
    run = start(of_pairs(recipe, "kto", use_peft=use_peft, lora_r=4))
    lines = run.metrics()
    assert len(lines) == 3 and lines[0]["loss"] == pytest.approx(0.5, abs=1e-4) and lines[-1]["loss"] < 0.5
    assert "rewards/chosen" in lines[0] and run.result() is not None


def test_no_prompt_meets_an_answer_of_its_own() -> None:
    from smolcourse.training.trl_engine import _unpaired

    pairs = [{"prompt_ids": [n], "chosen_ids": [10 + n], "rejected_ids": [20 + n]} for n in range(5)]
    rows = list(_unpaired(pairs, 2))
    assert [(row["prompt_ids"][0], row["completion_ids"][0], row["label"]) for row in rows[:4]] == [
        (0, 10, True), (1, 11, True), (0, 20, False), (1, 21, False),
    ]  # fmt: skip
    assert len(rows) == 10 and all(row["KL_completion_ids"][0] % 10 != row["prompt_ids"][0] for row in rows[:8])


@pytest.mark.parametrize("use_peft", [False, True], ids=["full", "lora"])
def test_a_reward_model(recipe: Recipe, use_peft: bool) -> None:
    run = start(of_pairs(recipe, "reward", use_peft=use_peft, lora_r=4))
    assert len(run.metrics()) == 3 and "accuracy" in run.metrics()[0]
    folder = run.result()
    assert folder is not None
    if not use_peft:
        from transformers import AutoModelForSequenceClassification

        assert AutoModelForSequenceClassification.from_pretrained(folder).config.num_labels == 1


def test_without_trl_the_command_that_brings_it(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trl", None)
    with pytest.raises(SmolError, match=r"pip install trl=="):
        prepare(recipe)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"engine": "smol", "method": "grpo"}, "engine=trl"),
        ({"engine": "smol", "method": "kto"}, "engine=trl"),
        ({"engine": "smol", "method": "reward"}, "engine=trl"),
        ({"method": "grpo"}, "task=milk-tea"),
        ({"method": "grpo", "task": "milk-tea", "per_device_train_batch_size": 3, "gradient_accumulation_steps": 1}, "=4"),
        ({"method": "reward", "task": "milk-tea"}, "task=null"),
        ({"method": "dpo", "loss_type": "simpo"}, "engine=smol"),
        ({"method": "dpo", "reference_free": True}, "engine=smol"),
        ({"use_mine": {"sft_loss": "x.py"}}, "engine=smol"),
        ({"fsdp": True}, "engine=smol"),
    ],
)
def test_what_an_engine_does_not_have_is_said(recipe: Recipe, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(SmolError) as caught:
        check_engine(dataclasses.replace(recipe, **changes))
    assert said in str(caught.value.fix) and caught.value.vi != caught.value.en


def test_the_whole_job_on_trl_reports_its_engine(recipe: Recipe) -> None:
    from smolcourse import experiment

    words: list[str] = []
    run = experiment.run(dataclasses.replace(recipe, use_peft=True, lora_r=2, task="milk-tea", task_size=2), "x", words.append)
    report = (run.path / "report.md").read_text(encoding="utf-8")
    assert "| `engine` | trl |" in report and any("TRL 1." in text for text in words)
    assert experiment.scores(run)["after"]
