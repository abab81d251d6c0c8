"""Training a model that sees: sharing pictures changes nothing, only answers carry loss, each stage trains its own parts."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from smolcourse.config import Recipe
from smolcourse.errors import SmolError
from smolcourse.training import vlm_sft
from smolcourse.training.fused import packed_loss
from smolcourse.training.runs import Run
from smolcourse.training.sft import plain_loss
from smolcourse.training.train import Prepared, load, prepare, train

COLOURS = {"red": "đỏ", "blue": "xanh", "green": "lục", "black": "đen"}


def rows(folder: Path, questions: int) -> list[dict[str, Any]]:
    """Each picture, and so many questions about it; the answers need the picture."""
    made = []
    for colour, name in COLOURS.items():
        Image.new("RGB", (60, 60), colour).save(folder / f"{colour}.png")
        for number in range(questions):
            asked = [{"type": "image"}, {"type": "text", "text": f"Câu {number}: hình này màu gì?"}]
            answer = {"role": "assistant", "content": [{"type": "text", "text": f"Màu {name}."}]}
            made.append({"messages": [{"role": "user", "content": asked}, answer], "images": [f"{colour}.png"]})
    return made


def write(file: Path, made: list[dict[str, Any]]) -> Path:
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in made), encoding="utf-8")
    return file


@pytest.fixture
def recipe(tiny_vlm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    monkeypatch.setattr("smolcourse.vision.features.home", lambda: tmp_path / "home")  # nothing that earlier code has seen
    return Recipe(
        model_name_or_path=str(tiny_vlm),
        dataset_name=str(write(tmp_path / "questions.jsonl", rows(tmp_path, 6))),
        align_dataset_name=str(write(tmp_path / "captions.jsonl", rows(tmp_path, 1))),
        align_epochs=4,
        num_train_epochs=3,
        learning_rate=1e-2,
        warmup_steps=2,
        max_length=128,
        packed_length=256,
        dtype="float32",
        int8=False,
        use_peft=True,
        lora_r=4,
        output_dir=str(tmp_path / "runs"),
    )


def start(recipe: Recipe, model: Any = None) -> tuple[Run, Any, Prepared]:
    prepared = prepare(recipe)
    run = Run.create(recipe, "test", folder=recipe.output_dir)
    model = model or load(prepared)
    train(prepared, run, model)
    return run, model, prepared


def losses(run: Run) -> list[float]:
    return [line["loss"] for line in run.metrics()]


def test_only_answers_carry_loss_whatever_the_picture(recipe: Recipe) -> None:
    prepared = prepare(recipe)
    example = prepared.examples[0]
    ids, mask = torch.tensor(example["input_ids"]), torch.tensor(example["loss_mask"]).bool()
    assert prepared.tokenizer.decode(ids[mask]) in [f"Màu {name}.<|im_end|>" for name in COLOURS.values()]
    assert prepared.sight is not None
    assert int((ids == prepared.sight.image_token_id).sum()) == 4
    assert str(prepared.tokenizer.decode(ids)).startswith("<|im_start|>user\n<image><image><image><image>Câu 0")


def test_a_collator_that_trains_on_prompts_is_caught(recipe: Recipe) -> None:
    """What was planted elsewhere: the prompt carries the loss, and the answer does not. Its first target says so."""
    prepared = prepare(recipe)
    assert prepared.sight is not None

    def targets(flip: bool) -> str:
        examples = [dict(prepared.examples[i]) for i in prepared.plan.rows[-1]]
        for one in examples if flip else []:
            one["loss_mask"] = [1 - value for value in one["loss_mask"]]
        batch = prepared.sight.collate([examples])  # type: ignore[union-attr]
        return str(prepared.tokenizer.decode(batch["labels"][batch["labels"] < prepared.sight.image_token_id]))  # type: ignore[union-attr]

    answers = targets(flip=False)
    assert "Màu" in answers and "hình này" not in answers
    assert "hình này" in targets(flip=True)


def test_products_in_bf16_train_as_in_fp32(recipe: Recipe, tmp_path: Path) -> None:
    rounded, exact = (
        losses(start(dataclasses.replace(recipe, dtype=dtype, output_dir=str(tmp_path / dtype)))[0])
        for dtype in ("bfloat16", "float32")
    )
    assert rounded != exact
    assert rounded == pytest.approx(exact, rel=0.05, abs=0.02)


@pytest.mark.parametrize("fused", [True, False])
def test_shared_pictures_give_the_loss_of_each_question_alone(recipe: Recipe, fused: bool) -> None:
    prepared = prepare(dataclasses.replace(recipe, fused=fused))
    assert prepared.sight is not None
    model = load(prepared)
    examples = [prepared.examples[i] for i in sorted(range(4, 16), key=lambda i: prepared.examples[i]["images"])]
    assert len({one["images"][0] for one in examples}) == 2

    def loss(batch: dict[str, Any]) -> Any:
        whole = vlm_sft.seeing(model)
        embedded = whole.embed_numbered(batch["input_ids"], whole.image_embeddings(patches=batch["patches"]))
        full = {**batch, "embedded": embedded}
        one = torch.tensor(1.0)
        return packed_loss(whole.language_model, full, one) if fused else plain_loss(whole.language_model, full)

    together = prepared.sight.collate([examples])
    alone = [prepared.sight.collate([[one]]) for one in examples]
    assert len(together["input_ids"]) < 0.8 * sum(len(one["input_ids"]) for one in alone)
    assert len(together["patches"]) == len({one["images"][0] for one in examples})
    whole = loss(together)
    assert float(whole) == pytest.approx(sum(float(loss(one)) for one in alone), rel=1e-5)
    whole.backward()
    projector = vlm_sft.seeing(model).projector
    shared = next(p for p in projector.parameters() if p.requires_grad).grad.clone()
    model.zero_grad()
    for one in alone:
        loss(one).backward()
    assert torch.allclose(shared, next(p for p in projector.parameters() if p.requires_grad).grad, rtol=1e-3, atol=1e-7)


def test_the_loss_is_that_of_transformers_own_forward_pass(recipe: Recipe, tiny_vlm: Path) -> None:
    """One question, through the model's own template, processor, encoder and loss."""
    from smolcourse.vision.auto import AutoModelForImageTextToText, AutoProcessor

    prepared = prepare(recipe)
    one_step = dataclasses.replace(recipe, max_steps=1, warmup_steps=0, packing=False, align_dataset_name=None)
    run, _, _ = start(dataclasses.replace(one_step, freeze_projector=True))  # a frozen one stays as it was saved
    plan = vlm_sft.plan(prepared.examples, one_step, 4)
    model, processor = AutoModelForImageTextToText.from_pretrained(tiny_vlm), AutoProcessor.from_pretrained(tiny_vlm)
    wanted = {}
    for line in Path(recipe.dataset_name).read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        text = processor.apply_chat_template(row["messages"])
        batch = processor(images=[Path(recipe.dataset_name).parent / row["images"][0]], text=text, return_tensors="pt")
        answer = len(processor.tokenizer(text[text.index("Màu") :])["input_ids"]) - 1  # the newline behind carries none
        labels = batch["input_ids"].clone()
        labels[:, : -answer - 1] = -100
        labels[:, -1] = -100
        with torch.no_grad():
            wanted[text] = float(model(**batch, labels=labels).loss)
    assert len(plan.rows) > 1
    assert min(abs(value - losses(run)[0]) for value in wanted.values()) < 2e-4


def test_each_stage_trains_its_own_parts_and_the_loss_falls(
    recipe: Recipe, tiny_vlm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, bool, bool]] = []
    step = vlm_sft.VLMTrainer.training_step

    def watched(self: Any, model: Any, *arguments: Any) -> Any:
        result = step(self, model, *arguments)
        lora = [p.grad is not None and bool(p.grad.any()) for n, p in model.named_parameters() if "lora_B" in n]
        own = [p.grad is not None and bool(p.grad.any()) for p in vlm_sft.seeing(model).projector.parameters()]
        seen.append((self.state.global_step, any(lora), any(own)))
        return result

    monkeypatch.setattr(vlm_sft.VLMTrainer, "training_step", watched)
    run, model, prepared = start(dataclasses.replace(recipe, projector_learning_rate=3e-2, num_train_epochs=6))
    aligning = prepared.plan.align_steps  # type: ignore[attr-defined]
    assert aligning >= 4 and seen == [(place, place >= aligning, True) for place in range(len(seen))]
    assert losses(run)[-1] < losses(run)[0] - 0.3
    assert not any(p.requires_grad for n, p in model.named_parameters() if "vision_tower" in n)
    written = json.loads((run.path / "adapter" / "adapter_config.json").read_text(encoding="utf-8"))
    assert written["modules_to_save"] == ["projector"]


def test_a_frozen_projector_stays_as_it_is(recipe: Recipe) -> None:
    prepared = prepare(dataclasses.replace(recipe, freeze_projector=True, max_steps=1, warmup_steps=0))
    model = load(prepared)
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert trained and all("lora_" in name for name in trained)


def test_a_stopped_run_goes_on_to_the_same_end(recipe: Recipe) -> None:
    recipe = dataclasses.replace(recipe, save_steps=2, init_lora_weights="gradient")
    whole, _, prepared = start(recipe)
    aligning = prepared.plan.align_steps  # type: ignore[attr-defined]
    assert 0 < aligning < len(losses(whole)) - 1
    again = Run.create(recipe, "again", folder=recipe.output_dir)
    model = load(prepared)
    calls = []
    step = vlm_sft.VLMTrainer.training_step

    def stopping(self: Any, *arguments: Any) -> Any:
        calls.append(1)
        self.stop_requested = len(calls) == aligning + 1
        return step(self, *arguments)

    from smolcourse.training.loop import Stopped

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vlm_sft.VLMTrainer, "training_step", stopping)
        with pytest.raises(Stopped):
            train(prepared, again, model)
    train(prepared, again, load(prepared))
    assert losses(again) == pytest.approx(losses(whole), rel=1e-5)


def test_what_cannot_be_trained_is_told_before_anything_is_read(recipe: Recipe) -> None:
    for word in ({"freeze_vision": False}, {"engine": "trl"}):
        with pytest.raises(SmolError, match=next(iter(word))):
            prepare(dataclasses.replace(recipe, **word))
