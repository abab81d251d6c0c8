"""Tasks about pictures: scorers against figures worked by hand, baselines that show who looks and who guesses."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from smolcourse.errors import SmolError
from smolcourse.evaluation.compare import compare, examine
from smolcourse.evaluation.contamination import overlap
from smolcourse.evaluation.examinee import Examinee
from smolcourse.evaluation.picture_notes import sights
from smolcourse.evaluation.picture_scorers import (
    caption_match,
    character_errors,
    count_match,
    edit_distance,
    fields_match,
    vqa_accuracy,
)
from smolcourse.evaluation.picture_tasks import PICTURE_TASKS, blind, shown, shuffled, with_baselines
from smolcourse.evaluation.report import make_report, notes, plain
from smolcourse.evaluation.tasks import Item, Task, load_task

# Scorers


def test_vqa_accuracy_of_one_and_of_ten_people() -> None:
    assert vqa_accuracy("Red.", "red") == {"accuracy": 1.0, "accuracy.open": 1.0}
    assert vqa_accuracy("yes", "no") == {"accuracy": 0.0, "accuracy.yes_no": 0.0}
    ten = json.dumps(["red"] * 2 + ["blue"] * 3 + ["green"] * 5)
    assert [vqa_accuracy(answer, ten)["accuracy"] for answer in ("red", "blue", "green", "teal")] == [2 / 3, 1, 1, 0]
    assert vqa_accuracy("45.000", '["45k", "45.000"]')["accuracy"] == 1


@pytest.mark.parametrize(
    ("left", "right", "wanted"),
    [("", "", 0), ("phở", "", 3), ("kitten", "sitting", 3), ("phở bò", "phở gà", 2), ("PHO", "PHỞ", 1), ("abc", "bca", 2)],
)
def test_edit_distance(left: str, right: str, wanted: int) -> None:
    assert edit_distance(left, right) == edit_distance(right, left) == wanted


def test_character_errors_do_not_depend_on_how_letters_are_composed() -> None:
    assert character_errors(" PHO\u031b\u0309  BÒ", "PHỞ BÒ") == {"cer": 0.0, "exact_match": 1.0}
    assert character_errors("PHO BO", "PHỞ BÒ")["cer"] == 2 / 6
    assert character_errors("", "PHỞ BÒ")["cer"] == 1
    assert character_errors("x" * 60, "PHỞ BÒ")["cer"] == 10


@pytest.mark.parametrize(
    ("answer", "exact", "near"),
    [
        ("3", 1, 1),
        ("Có ba hình tròn", 1, 1),
        ("three", 1, 1),
        ("4", 0, 1),
        ("there are 5 of 3", 0, 0),
        ("", 0, 0),
        ("nhiều", 0, 0),
    ],
)
def test_counts_in_digits_and_words(answer: str, exact: float, near: float) -> None:
    assert count_match(answer, "3") == {"exact_match": exact, "within_one": near}


def test_captions() -> None:
    assert caption_match("Red circle.", "red circle") == {"rouge_l": 1.0, "exact_match": 1.0}
    assert caption_match("red square", "red circle") == {"rouge_l": 0.5, "exact_match": 0.0}


def test_fields_of_a_receipt() -> None:
    gold = '{"quán":"Cô Lan","bàn":7,"tổng":90,"số":2}'
    assert fields_match(gold, gold)["fields"] == 1
    some = fields_match('{"quán": "Cô Lan", "bàn": "7", "tổng": 90, "số": 3}', gold)
    assert (some["fields"], some["field.quán"], some["field.bàn"], some["exact_match"]) == (0.5, 1, 0, 0)
    assert fields_match('{"quán":"Cô Lan","bàn":7,"tổng":90,"số":2,"x":1}', gold)["fields"] == 4 / 5
    assert fields_match("không đọc được", gold) == {"valid_json": 0, "fields": 0, "exact_match": 0} | {
        f"field.{name}": 0 for name in json.loads(gold)
    }


# Baselines, with examinees of a few lines in the place of models


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("red", "blue", "green", "black"):
        Image.new("RGB", (16, 16), name).save(tmp_path / f"{name}.png")
    return tmp_path


@pytest.fixture
def task(folder: Path) -> Task:
    def item(name: str, question: str) -> Item:
        parts = [{"type": "image", "image": str(folder / f"{name}.png")}, {"type": "text", "text": question}]
        return Item([{"role": "user", "content": parts}], name, group=name)

    names = ["red"] * 10 + ["blue", "green", "black"] * 4
    return Task("colours", [item(name, f"Màu gì? ({place})") for place, name in enumerate(names)], vqa_accuracy, "accuracy")


def looking(prompts: Sequence[Any], _: int) -> list[str]:
    """Says what it sees, and nothing without a picture."""
    return [Path((shown(prompt) or ["?"])[0]).stem for prompt in prompts]


def guessing(prompts: Sequence[Any], _: int) -> list[str]:
    return ["red"] * len(prompts)


def test_a_model_that_looks_and_one_that_guesses(task: Task) -> None:
    tasks = with_baselines([task])
    assert [one.name for one in tasks] == ["colours", "colours:blind", "colours:shuffled"]
    examinees = [Examinee("looks", "a", looking), Examinee("guesses", "b", guessing)]
    report = make_report(tasks, [[examine(one, examinee) for examinee in examinees] for one in tasks])
    found = {(one.model, one.baseline): one for one in sights(report.rows)}
    assert found["looks", "colours:blind"].gain.value == 1
    assert found["looks", "colours:blind"].looks
    assert found["looks", "colours:shuffled"].looks
    assert found["guesses", "colours:blind"].gain.value == 0
    assert not found["guesses", "colours:shuffled"].looks
    said = "\n".join(notes(report))
    assert said.count("KHÔNG NHÌN ẢNH?") == 2
    assert "looks: ảnh đúng giúp +100.0" in said
    assert [one["looks"] for one in plain(report)["sight"]] == [True, False, True, False]
    json.dumps(plain(report))


def test_blind_items_hold_no_picture_and_shuffled_ones_another(task: Task) -> None:
    for before, without, other in zip(task.items, blind(task).items, shuffled(task).items, strict=True):
        assert shown(without.messages) == []
        assert without.messages[0]["content"].startswith("Màu gì?")
        assert len(shown(other.messages)) == 1
        assert shown(other.messages) != shown(before.messages)
        assert before.gold == without.gold == other.gold
    # All items of a picture get the same other one, so that what they share stays shared.
    assert len({shown(item.messages)[0] for item in shuffled(task).items[:10]}) == 1


def test_tasks_of_text_have_no_such_baselines() -> None:
    text = Task("sums", [Item([{"role": "user", "content": "1 + 1"}], "2")])
    assert with_baselines([text]) == [text]


def test_fewer_errors_are_better(task: Task) -> None:
    signs = load_task("signs", size=4)
    answers = {"bad": ["?"] * 4, "good": [item.gold for item in signs.items]}
    first, second = (examine(signs, Examinee(name, name, lambda prompts, _, said=said: said)) for name, said in answers.items())
    result = compare(first, second)
    assert (first.interval().value, second.interval().value) == (1.0, 0.0)
    assert result.second_is_better
    assert result.gained == [0, 1, 2, 3]
    assert not result.lost


def test_the_mean_error_is_over_letters_not_signs() -> None:
    def sign(gold: str) -> Item:
        return Item([{"role": "user", "content": "?"}], gold)

    from smolcourse.evaluation.picture_tasks import transcribe

    pair = Task("signs", [sign("ab"), sign("abcdefgh")], character_errors, "cer", transcribe)
    result = examine(pair, Examinee("a", "a", lambda prompts, _: ["", "abcdefgh"]))
    assert result.interval().value == pytest.approx(2 / 10)


# Names, files, answers that are kept


@pytest.mark.parametrize("name", PICTURE_TASKS)
def test_every_task_scores_its_own_gold_as_right(name: str) -> None:
    task = load_task(name, size=3)
    result = examine(task, Examinee("gold", "gold", lambda prompts, _: [item.gold for item in task.items]))
    assert result.interval().value == (0.0 if task.metric == "cer" else 1.0)
    assert all(len(shown(item.messages)) == 1 for item in task.items)
    assert load_task(name, size=3).version == task.version


@pytest.mark.bad_input
@pytest.mark.parametrize("name", ["receipts:noisy", "easy-vqa:train", "receipt"])
def test_a_part_that_is_not_there(name: str) -> None:
    with pytest.raises(SmolError):
        load_task(name)


def test_a_file_of_ones_own(folder: Path) -> None:
    rows = [{"image": f"{name}.png", "question": "Màu gì?", "answer": name} for name in ("red", "blue")]
    (folder / "exam.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    task = load_task(str(folder / "exam.jsonl"))
    assert (task.metric, [item.gold for item in task.items]) == ("accuracy", ["red", "blue"])
    assert examine(task, Examinee("a", "a", looking)).interval().value == 1
    pairs = [{"prompt": "Đọc", "completion": '{"a":1}', "image": "red.png"}]
    (folder / "pairs.jsonl").write_text("\n".join(map(json.dumps, pairs)), "utf-8")
    assert load_task(str(folder / "pairs.jsonl")).metric == "fields"


def test_the_version_follows_the_picture_not_its_place(task: Task, folder: Path) -> None:
    moved = folder / "moved"
    moved.mkdir()
    before = task.version
    item = task.items[0]
    (moved / "x.png").write_bytes((folder / "red.png").read_bytes())
    item.messages[0]["content"][0]["image"] = str(moved / "x.png")
    assert task.version == before
    Image.new("RGB", (16, 16), "white").save(moved / "x.png")
    assert task.version != before


def test_a_leak_is_a_picture_not_a_question(task: Task, folder: Path) -> None:
    question = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Màu gì? (0)"}]}]
    other = {"messages": question, "images": [str(folder / "blue.png")]}
    new = {"messages": question, "images": [str(folder / "missing.png")]}
    assert overlap(task, [new]).items == []
    assert overlap(task, [other]).items == [10, 13, 16, 19]


def test_a_server_gets_pictures_as_data_urls(folder: Path) -> None:
    from smolcourse.data.images import open_image
    from smolcourse.inference.endpoint import over_the_wire

    parts = [{"type": "image", "image": str(folder / "red.png")}, {"type": "text", "text": "?"}]
    sent = over_the_wire({"role": "user", "content": parts})
    assert sent["content"][1] == parts[1]
    assert open_image(sent["content"][0]["image_url"]["url"]).getpixel((3, 3)) == (255, 0, 0)
    assert over_the_wire({"role": "user", "content": "?"}) == {"role": "user", "content": "?"}


@pytest.mark.bad_input
def test_a_model_of_text_says_that_it_cannot_see(tiny_model: Path) -> None:
    from smolcourse.inference.examinee import any_examinee

    task = load_task("shapes", size=2)
    examinee = any_examinee(str(tiny_model))
    with pytest.raises(SmolError, match="chỉ đọc văn bản"):
        examine(task, examinee)
    assert len(examine(blind(task), examinee).items) == 2
