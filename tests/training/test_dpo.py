"""DPO and ORPO are TRL's on the same batch, value and gradients; runs learn, resume and begin where another ended."""

import copy
import dataclasses
import json
import signal
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from smolcourse.config import Recipe
from smolcourse.data.preferences import encode_pair
from smolcourse.errors import SmolError
from smolcourse.training import logps as logps_module
from smolcourse.training import reference
from smolcourse.training.dpo import DPOTrainer
from smolcourse.training.loop import Stopped
from smolcourse.training.orpo import ORPOTrainer
from smolcourse.training.pairs import collate_pairs, sequence_logps
from smolcourse.training.runs import Run
from smolcourse.training.train import load, prepare, train


def pair_row(number: int) -> dict[str, Any]:
    prompt = [{"role": "system", "content": "Trả lời ngắn."}, {"role": "user", "content": f"cho mình {number} ly trà đào"}]
    chosen = f"Dạ, {number} ly trà đào ạ."
    rejected = f"Dạ, rất cảm ơn bạn đã đặt {number} ly, quán xin ghi nhận và sẽ làm ngay cho bạn nhé."
    return {
        "prompt": prompt,
        "chosen": [{"role": "assistant", "content": chosen}],
        "rejected": [{"role": "assistant", "content": rejected}],
    }


ROWS = [pair_row(number) for number in range(1, 13)]
# log-probabilities of few tokens: float32 adds up many to no more than four digits after the point
SHORT = [
    {"prompt": [{"role": "user", "content": asked}], "chosen": [{"role": "assistant", "content": yes}], "rejected": [no]}
    for asked, yes, no in [
        ("a b", "ok", {"role": "assistant", "content": "no no"}),
        ("tea?", "one", {"role": "assistant", "content": "two"}),
        ("tea please", "ok sir", {"role": "assistant", "content": "ok"}),
    ]
]


@pytest.fixture
def recipe(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    for room in ("reference", "start"):
        monkeypatch.setattr(f"smolcourse.training.{room}.home", lambda: tmp_path / "home")
    data = tmp_path / "pairs.jsonl"
    data.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS), encoding="utf-8")
    return Recipe(
        method="dpo",
        model_name_or_path=str(tiny_model),
        dataset_name=str(data),
        learning_rate=1e-3,
        warmup_steps=1,
        packed_length=512,
        dtype="float32",
        int8=False,
        output_dir=str(tmp_path / "runs"),
    )


def start(recipe: Recipe) -> Run:
    prepared = prepare(recipe)
    run = Run.create(prepared.recipe, "test", folder=recipe.output_dir)
    train(prepared, run, load(prepared))
    return run


def gradients(model: Any) -> dict[str, torch.Tensor]:
    return {name: parameter.grad.clone() for name, parameter in model.named_parameters() if parameter.grad is not None}


def close(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> None:
    assert ours.keys() == theirs.keys() and ours
    for name, wanted in theirs.items():
        torch.testing.assert_close(ours[name], wanted, rtol=1e-3, atol=1e-5 * float(wanted.abs().max()), msg=name)


def ours_on(rows: list[dict[str, Any]], kind: Any, model: Any, recipe: Recipe, tokenizer: Any, reference: Any) -> torch.Tensor:
    """Our trainer's loss on one packed row of these pairs; gradients are left in the model."""
    batch = collate_pairs(
        [encode_pair(row, tokenizer)._asdict() for row in rows], share=recipe.prefix_sharing, prompt_loss=kind is ORPOTrainer
    )
    if reference is not None:
        with torch.no_grad():
            batch["reference"] = sequence_logps(logps_module.target_logps(reference, batch), batch)[: 2 * len(rows)]
    trainer = SimpleNamespace(recipe=recipe, note=lambda *tokens, **values: None, counts=lambda b: kind.counts(None, b))
    loss: torch.Tensor = kind.compute_loss(trainer, model, batch)
    loss.backward()
    return loss


@pytest.fixture(scope="module")
def two_models(tiny_model: Path) -> tuple[Any, Any]:
    """A model and its reference, a little apart."""
    model = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    reference = copy.deepcopy(model).eval()
    torch.manual_seed(5)
    for parameter in reference.parameters():
        parameter.data.add_(torch.randn_like(parameter), alpha=0.01)
    return model, reference


@pytest.fixture(scope="module")
def trl_dpo(two_models: tuple[Any, Any], tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer

    settings = DPOConfig(
        output_dir=str(tmp_path_factory.mktemp("trl")),
        use_cpu=True,
        bf16=False,
        report_to="none",
        gradient_checkpointing=False,
        max_length=None,
    )
    model, reference = two_models
    return DPOTrainer(
        model=model,
        ref_model=reference,
        args=settings,
        train_dataset=Dataset.from_list(SHORT),
        processing_class=copy.deepcopy(tokenizer),
    )


@pytest.mark.parametrize("share", [True, False], ids=["shared", "apart"])
@pytest.mark.parametrize("rpo_alpha", [0.0, 0.7])
@pytest.mark.parametrize("loss_type", ["sigmoid", "hinge", "ipo", "robust", "sigmoid_norm"])
def test_the_dpo_step_is_trls(
    loss_type: str, rpo_alpha: float, share: bool, two_models: tuple[Any, Any], trl_dpo: Any, tokenizer: Any
) -> None:
    model, reference = two_models
    smoothing = 0.1 if loss_type == "robust" else 0.0
    trl_dpo.loss_types, trl_dpo.loss_weights = [loss_type, "sft"], [1.0, rpo_alpha]
    trl_dpo.beta, trl_dpo.label_smoothing = 0.3, smoothing
    batch = trl_dpo.data_collator([trl_dpo.train_dataset[i] for i in range(len(SHORT))])
    model.zero_grad()
    wanted = trl_dpo._compute_loss(model, batch, False)
    wanted.backward()
    theirs = gradients(model)
    model.zero_grad()
    recipe = Recipe(method="dpo", loss_type=loss_type, rpo_alpha=rpo_alpha, beta=0.3, label_smoothing=smoothing)
    recipe = dataclasses.replace(recipe, prefix_sharing=share)
    found = ours_on(SHORT, DPOTrainer, model, recipe, tokenizer, reference)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)
    close(gradients(model), theirs)


def test_the_orpo_step_is_trls(two_models: tuple[Any, Any], tokenizer: Any, tmp_path: Path) -> None:
    from datasets import Dataset
    from trl.experimental.orpo import ORPOConfig
    from trl.experimental.orpo import ORPOTrainer as Theirs

    model, _ = two_models
    tokenizer = copy.deepcopy(tokenizer)
    settings = ORPOConfig(
        output_dir=str(tmp_path),
        use_cpu=True,
        bf16=False,
        report_to="none",
        gradient_checkpointing=False,
        beta=0.4,
        max_length=512,
    )
    theirs = Theirs(model=model, args=settings, train_dataset=Dataset.from_list(ROWS[:4]), processing_class=tokenizer)
    batch = theirs.data_collator([theirs.train_dataset[i] for i in range(4)])
    model.zero_grad()
    wanted, _ = theirs.get_batch_loss_metrics(model, batch)
    wanted.backward()
    expected = gradients(model)
    model.zero_grad()
    # what TRL's ORPO feeds the model: its own tokens, whatever the chat template ends with
    pairs = []
    for row in theirs.train_dataset.select(range(4)):
        cut = len(row["prompt_input_ids"])
        chosen, rejected = row["chosen_input_ids"][cut:], row["rejected_input_ids"][cut:]
        pairs.append({"prompt_ids": row["prompt_input_ids"], "chosen_ids": chosen, "rejected_ids": rejected})
        pairs[-1] |= {"chosen_mask": [1] * len(chosen), "rejected_mask": [1] * len(rejected)}
    flat = collate_pairs(pairs, prompt_loss=True)
    recipe = Recipe(method="orpo", beta=0.4, completion_only_loss=False)
    trainer = SimpleNamespace(recipe=recipe, note=lambda *tokens, **values: None, counts=lambda b: ORPOTrainer.counts(None, b))
    found = ORPOTrainer.compute_loss(trainer, model, flat)
    found.backward()
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)
    close(gradients(model), expected)


@pytest.mark.parametrize("use_peft", [False, True], ids=["full", "lora"])
def test_dpo_learns_to_prefer(recipe: Recipe, use_peft: bool) -> None:
    run = start(
        dataclasses.replace(recipe, use_peft=use_peft, lora_r=4, learning_rate=1e-2 if use_peft else 1e-3, num_train_epochs=4)
    )
    lines = run.metrics()
    assert lines[0]["loss"] == pytest.approx(0.693147, abs=1e-3)  # nothing is preferred yet: -log sigmoid(0)
    assert lines[0]["rewards/margins"] == pytest.approx(0, abs=1e-3) and lines[0]["kl"] == pytest.approx(0, abs=1e-2)
    assert lines[-1]["loss"] < 0.5 and lines[-1]["rewards/accuracies"] == 1.0
    assert lines[-1]["length/chosen"] < lines[-1]["length/rejected"]
    assert (run.path / ("adapter" if use_peft else "model")).is_dir()


def test_orpo_learns_answers_and_preference_at_once(recipe: Recipe) -> None:
    run = start(dataclasses.replace(recipe, method="orpo", num_train_epochs=4))
    first, *_, last = run.metrics()
    assert last["nll_loss"] < first["nll_loss"] - 0.3 and last["rewards/margins"] > first["rewards/margins"]
    assert last["loss"] == pytest.approx(last["nll_loss"] + last["odds_ratio_loss"], rel=1e-4)


@pytest.mark.parametrize("changes", [{"loss_type": "simpo", "beta": 2.0}, {"reference_free": True, "beta": 0.001}])
def test_without_a_reference_none_is_computed(recipe: Recipe, changes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "target_logps", lambda *a, **k: pytest.fail("computed"))
    run = start(dataclasses.replace(recipe, **changes, num_train_epochs=3))
    assert run.metrics()[-1]["loss"] < run.metrics()[0]["loss"]


@pytest.mark.parametrize("changes", [{}, {"rpo_alpha": 0.7}, {"method": "orpo"}], ids=["dpo", "rpo", "orpo"])
def test_packing_accumulation_and_layers_change_nothing(recipe: Recipe, changes: Any) -> None:
    recipe = dataclasses.replace(recipe, **changes, max_steps=2, warmup_steps=0, packed_length=4096, max_length=128)
    packed = start(recipe).metrics()
    plain = start(dataclasses.replace(recipe, fused=False)).metrics()
    single = start(dataclasses.replace(recipe, packing=False, gradient_accumulation_steps=12)).metrics()
    for other in (plain, single):
        for name in ("loss", "grad_norm", "rewards/margins", "logps/chosen", "length/rejected"):
            got, wanted = [line[name] for line in other], [line[name] for line in packed]
            assert got == pytest.approx(wanted, rel=1e-3, abs=1e-4), name


def test_the_reference_is_computed_once(recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start(dataclasses.replace(recipe, max_steps=2))
    monkeypatch.setattr(reference, "target_logps", lambda *a, **k: pytest.fail("computed again"))
    start(dataclasses.replace(recipe, max_steps=2, beta=0.5, loss_type="ipo"))
    assert len(list((tmp_path / "home" / "reference").iterdir())) == 1


def test_a_stopped_reading_goes_on_and_is_time_of_the_run(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while the reference model reads: the run can be gone on with, and no pair is read twice."""
    recipe = dataclasses.replace(recipe, packing=False, max_steps=1, warmup_steps=0, max_length=128)
    prepared = prepare(recipe)
    run = Run.create(prepared.recipe, "test", folder=recipe.output_dir)
    read: list[float] = []
    real = reference.sequence_logps

    def slowly(logps: torch.Tensor, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        read.append(time.monotonic())
        if len(read) == 3:
            signal.raise_signal(signal.SIGINT)
        time.sleep(0.2)
        return real(logps, batch)

    monkeypatch.setattr(reference, "sequence_logps", slowly)
    with pytest.raises(Stopped):
        train(prepared, run, load(prepared))
    assert run.state() == "interrupted" and len(read) == 3
    train(prepared, run, load(prepared))
    assert len(read) == len(ROWS)
    (line,) = run.metrics()
    assert line["seconds"] > read[-1] - read[3] and line["loss"] == pytest.approx(0.693147, abs=1e-3)
    again = prepare(recipe).prediction
    assert again.seconds < prepared.prediction.seconds  # what was read costs nothing
    simpo = prepare(dataclasses.replace(recipe, loss_type="simpo", beta=2.0)).prediction
    assert simpo.operations == again.operations


def test_a_stopped_run_goes_on_as_if_it_had_not_been(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = dataclasses.replace(recipe, packed_length=256, max_length=128, num_train_epochs=2, save_steps=2)
    whole = start(recipe)
    real = DPOTrainer.training_step

    def dying(self: Any, *arguments: Any, **values: Any) -> Any:
        if self.state.global_step == 3:
            raise KeyboardInterrupt
        return real(self, *arguments, **values)

    monkeypatch.setattr(DPOTrainer, "training_step", dying)
    prepared = prepare(recipe)
    run = Run.create(prepared.recipe, "stopped", folder=recipe.output_dir)
    with pytest.raises(Exception, match="stopped"):
        train(prepared, run, load(prepared))
    monkeypatch.setattr(DPOTrainer, "training_step", real)
    train(prepared, run, load(prepared))
    assert [line["loss"] for line in run.metrics()] == pytest.approx([line["loss"] for line in whole.metrics()], rel=1e-5)


@pytest.mark.parametrize("use_peft", [True, False], ids=["from an adapter", "from a model"])
def test_dpo_starts_where_another_run_ended(recipe: Recipe, use_peft: bool, tokenizer: Any) -> None:
    from peft import PeftModel

    first = start(dataclasses.replace(recipe, method="orpo", use_peft=use_peft, lora_r=4, learning_rate=1e-2, max_steps=4))
    prepared = prepare(dataclasses.replace(recipe, model_name_or_path=str(first.path), use_peft=True, lora_r=2, max_steps=3))
    assert Path(prepared.recipe.model_name_or_path).is_dir() and "adapter" not in prepared.folder.name
    started = AutoModelForCausalLM.from_pretrained(prepared.folder, dtype=torch.float32)
    ids = torch.tensor([tokenizer("Dạ, 3 ly").input_ids])
    if use_peft:
        base = AutoModelForCausalLM.from_pretrained(recipe.model_name_or_path, dtype=torch.float32)
        ended = PeftModel.from_pretrained(base, first.path / "adapter")
    else:
        ended = AutoModelForCausalLM.from_pretrained(first.path / "model", dtype=torch.float32)
    torch.testing.assert_close(started(ids).logits, ended(ids).logits, rtol=1e-4, atol=1e-4)
    run = Run.create(prepared.recipe, "second", folder=recipe.output_dir)
    train(prepared, run, load(prepared))
    from smolcourse.inference.loading import load_model

    model, _ = load_model(str(run.path))
    again = PeftModel.from_pretrained(started, run.path / "adapter")
    torch.testing.assert_close(model(ids).logits, again(ids).logits, rtol=1e-4, atol=1e-4)


def test_a_falling_chosen_answer_is_called_out_once(recipe: Recipe) -> None:
    said: list[str] = []
    trainer = SimpleNamespace(recipe=recipe, live=SimpleNamespace(say=said.append))
    for reward in (0.0, -0.5, *[-1.0] * 30):
        DPOTrainer._watch(trainer, {"rewards/chosen": reward, "length/chosen": 20.0})
    assert len(said) == 1 and "DPO" in said[0]
    other = SimpleNamespace(recipe=recipe, live=SimpleNamespace(say=said.append))
    for _ in range(30):
        DPOTrainer._watch(other, {"rewards/chosen": 0.1, "length/chosen": 20.0})
    assert len(said) == 1


def test_data_of_the_wrong_shape_names_the_method(recipe: Recipe) -> None:
    with pytest.raises(SmolError, match="method=dpo"):
        prepare(dataclasses.replace(recipe, method="sft"))
    with pytest.raises(SmolError, match="chosen"):
        prepare(dataclasses.replace(recipe, dataset_name="milk-tea", dataset_config={"size": 3}))
