"""Preferences about pictures: one loss by either path, both answers share the picture, the reference saw that very picture."""

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from smolcourse.config import Recipe
from smolcourse.errors import SmolError
from smolcourse.inference.generate import generate
from smolcourse.inference.loading import load_model
from smolcourse.training.logps import target_logps
from smolcourse.training.pairs import collate_rows, sequence_logps
from smolcourse.training.runs import Run
from smolcourse.training.train import Prepared, load, prepare, train
from smolcourse.training.vlm_sft import language_of

COLOURS = {"red": "đỏ", "blue": "xanh", "green": "lục", "black": "đen"}


def turn(role: str, *parts: Any) -> dict[str, Any]:
    content = [{"type": "text", "text": part} if isinstance(part, str) else part for part in parts]
    return {"role": role, "content": content}


def rows(folder: Path, *, explicit: bool = True) -> list[dict[str, Any]]:
    """Each picture with its own colour over another; the prompt apart, or at the head of both answers."""
    made = []
    names = list(COLOURS.items())
    for number, (colour, name) in enumerate(names):
        Image.new("RGB", (60, 60), colour).save(folder / f"{colour}.png")
        asked = [turn("user", {"type": "image"}, f"Câu {number}: hình này màu gì?")]
        sides = {"chosen": [turn("assistant", f"Màu {name}.")], "rejected": [turn("assistant", f"Màu {names[number - 1][1]} ạ.")]}
        row = {"prompt": asked} | sides if explicit else {key: asked + answer for key, answer in sides.items()}
        made.append({**row, "images": [f"{colour}.png"]})
    return made


def write(file: Path, made: list[dict[str, Any]]) -> str:
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in made), encoding="utf-8")
    return str(file)


@pytest.fixture
def recipe(tiny_vlm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    for room in ("training.reference", "training.start", "vision.features"):  # nothing that an earlier run of the tests left
        monkeypatch.setattr(f"smolcourse.{room}.home", lambda: tmp_path / "home")
    return Recipe(
        method="dpo",
        model_name_or_path=str(tiny_vlm),
        dataset_name=write(tmp_path / "pairs.jsonl", rows(tmp_path)),
        num_train_epochs=6,
        learning_rate=1e-2,
        warmup_steps=1,
        max_length=128,
        packed_length=128,
        dtype="float32",
        int8=False,
        use_peft=True,
        lora_r=4,
        output_dir=str(tmp_path / "runs"),
    )


def start(recipe: Recipe) -> Run:
    prepared = prepare(recipe)
    run = Run.create(prepared.recipe, "test", folder=recipe.output_dir)
    train(prepared, run, load(prepared))
    return run


def logps(prepared: Prepared, model: Any, numbers: list[int], **how: Any) -> torch.Tensor:
    """Of the chosen answers, then of the rejected ones, of these pairs in one packed row."""
    batch = collate_rows([[prepared.examples[i] for i in numbers]], sight=prepared.sight, share=how.pop("share", True))
    language, batch = language_of(model, batch)
    return sequence_logps(target_logps(language, batch, **how), batch)[: 2 * len(numbers)]


def test_it_begins_at_log_2_learns_and_its_adapter_answers(recipe: Recipe, tmp_path: Path) -> None:
    run = start(recipe)
    lines = run.metrics()
    assert lines[0]["loss"] == pytest.approx(math.log(2), abs=1e-5)
    assert lines[-1]["rewards/margins"] > lines[0]["rewards/margins"] + 0.5
    assert lines[-1]["rewards/accuracies"] == 1.0
    prompt = [[turn("user", {"type": "image", "image": str(tmp_path / "red.png")}, "Câu 0: hình này màu gì?")]]
    said, before = (generate(*load_model(str(one)), prompt, max_new_tokens=5) for one in (run.path, recipe.model_name_or_path))
    assert said != before
    unfused = start(dataclasses.replace(recipe, fused=False)).metrics()
    assert [line["loss"] for line in unfused] == pytest.approx([line["loss"] for line in lines], abs=1e-4)
    # and another training begins where this one ended
    again = start(dataclasses.replace(recipe, model_name_or_path=str(run.path), max_steps=1, warmup_steps=0)).metrics()
    assert again[0]["loss"] == pytest.approx(math.log(2), abs=1e-5)
    assert again[0]["logps/chosen"] - again[0]["logps/rejected"] > lines[0]["logps/chosen"] - lines[0]["logps/rejected"] + 1


def test_the_pictures_are_shared_and_nothing_else_changes(recipe: Recipe) -> None:
    prepared = prepare(recipe)
    assert prepared.sight is not None
    model = load(prepared)
    numbers = list(range(4))
    pairs = [prepared.examples[i] for i in numbers]
    shared, apart = (collate_rows([pairs], sight=prepared.sight, share=share) for share in (True, False))
    places = [int((batch["input_ids"] >= prepared.sight.first_id).sum()) for batch in (shared, apart)]
    assert places == [16, 32] and len(shared["patches"]) == len(apart["patches"]) == 4  # four tokens a picture
    wanted = torch.stack([logps(prepared, model, [i], share=False, fast=False) for i in numbers], dim=1).flatten()
    for how in ({"share": True}, {"share": False}, {"share": True, "fast": False}):
        torch.testing.assert_close(logps(prepared, model, numbers, **how), wanted, rtol=1e-4, atol=1e-4)
    # one picture instead of another is felt
    swapped = [{**pair, "images": pairs[i - 1]["images"]} for i, pair in enumerate(pairs)]
    language, batch = language_of(model, collate_rows([swapped], sight=prepared.sight, share=True))
    assert float((sequence_logps(target_logps(language, batch), batch)[:8] - wanted).detach().abs().min()) > 1e-5


def test_a_prompt_that_both_answers_begin_with_is_found(recipe: Recipe, tmp_path: Path) -> None:
    explicit = prepare(recipe).examples
    implicit = prepare(
        dataclasses.replace(recipe, dataset_name=write(tmp_path / "implicit.jsonl", rows(tmp_path, explicit=False)))
    )
    assert [dict(one) for one in implicit.examples] == [dict(one) for one in explicit]


def test_the_reference_is_that_of_the_picture_not_of_its_name(recipe: Recipe, tmp_path: Path) -> None:
    first = prepare(recipe).reference
    (tmp_path / "red.png").rename(tmp_path / "rot.png")
    made = rows(tmp_path)
    made[0]["images"] = ["rot.png"]
    renamed = dataclasses.replace(recipe, dataset_name=write(tmp_path / "renamed.jsonl", made))
    assert prepare(renamed).reference == first
    Image.new("RGB", (60, 60), "yellow").save(tmp_path / "rot.png")
    assert prepare(renamed).reference != first
    assert prepare(dataclasses.replace(recipe, freeze_projector=True)).reference != first  # it is not whitened then


def test_orpo_learns_from_pictures_too(recipe: Recipe) -> None:
    lines = start(dataclasses.replace(recipe, method="orpo")).metrics()
    assert lines[-1]["loss"] < lines[0]["loss"] - 0.3
    assert lines[-1]["rewards/margins"] > lines[0]["rewards/margins"]


def test_text_without_pictures_stands_beside_them(recipe: Recipe, tmp_path: Path) -> None:
    made = rows(tmp_path)
    del made[1]["images"]
    made[1]["prompt"] = [turn("user", "Lá có màu gì?")]
    lines = start(dataclasses.replace(recipe, dataset_name=write(tmp_path / "mixed.jsonl", made), max_steps=2)).metrics()
    assert lines[0]["loss"] == pytest.approx(math.log(2), abs=1e-5)


def test_bad_rows_are_named(recipe: Recipe, tmp_path: Path) -> None:
    def told(change: Any) -> SmolError:
        made = rows(tmp_path)
        change(made[2])
        with pytest.raises(SmolError) as error:
            prepare(dataclasses.replace(recipe, dataset_name=write(tmp_path / "bad.jsonl", made)))
        assert "bad.jsonl:3 " in str(error.value.where)
        return error.value

    missing = told(lambda row: row.update(images=["nowhere.png"]))
    assert "images[0]" in str(missing.where) and "nowhere.png" in str(missing.where)
    assert "2 images for 1 place" in told(lambda row: row.update(images=["red.png", "blue.png"])).en
    answered = told(lambda row: row.update(chosen=[turn("assistant", {"type": "image", "image": "red.png"}, "Đây.")]))
    assert "chosen" in str(answered.where) and "prompt" in answered.en
    assert "places" in told(lambda row: row.update(rejected=[turn("assistant", "Màu <image>.")])).en


def test_what_it_does_not_learn_from_is_told_at_once(recipe: Recipe) -> None:
    words: list[dict[str, Any]] = [
        {"engine": "trl"},
        {"align_dataset_name": recipe.dataset_name},
        {"method": "orpo", "completion_only_loss": False},
    ]
    for word in words:
        with pytest.raises(SmolError, match=list(word)[-1]):
            prepare(dataclasses.replace(recipe, **word))
    with pytest.raises(SmolError, match="chosen"):
        prepare(dataclasses.replace(recipe, method="sft"))
