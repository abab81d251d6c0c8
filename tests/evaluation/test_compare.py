"""A task from asking to comparing, with answers we choose."""

import json

import pytest

from smolcourse.errors import SmolError
from smolcourse.evaluation.compare import compare, evaluate, write_items
from smolcourse.evaluation.scorers import exact_match
from smolcourse.evaluation.statistics import mcnemar
from smolcourse.evaluation.tasks import Item, Task, from_messages, load_task


def task(size=40):
    return Task("sums", [Item([{"role": "user", "content": f"{n} + 1 = ?"}], str(n + 1)) for n in range(size)], exact_match)


def answers(right):
    """Right on the items for which `right(n)` holds."""

    def answer(conversations):
        numbers = [int(messages[-1]["content"].split()[0]) for messages in conversations]
        return [str(n + 1) if right(n) else "?" for n in numbers]

    return answer


def test_every_item_is_kept_and_scored():
    result = evaluate(task(4), answers(lambda n: n != 2), model="m")
    assert [item.scores["exact_match"] for item in result.items] == [1, 1, 0, 1]
    assert result.values() == [1, 1, 0, 1]
    assert result.interval().value == 0.75
    summary = json.loads(json.dumps(result.summary()))
    assert summary["items"] == 4 and summary["metrics"]["exact_match"]["value"] == 0.75


def test_a_wrong_number_of_answers_is_noticed():
    with pytest.raises(ValueError, match="4 items, but 3 answers"):
        evaluate(task(4), lambda conversations: ["1"] * 3)


def test_a_real_difference():
    first, second = evaluate(task(), answers(lambda n: n < 10)), evaluate(task(), answers(lambda n: n < 30 and n != 3))
    found = compare(first, second)
    assert found.gained == list(range(10, 30)) and found.lost == [3]
    assert found.difference.value == pytest.approx(19 / 40) and found.is_real
    assert found.p_value == mcnemar(1, 20)
    assert compare(second, first).difference.value == pytest.approx(-19 / 40)
    assert compare(second, first).is_real


def test_no_difference():
    same = evaluate(task(), answers(lambda n: n % 2 == 0))
    found = compare(same, same)
    assert not found.is_real and found.p_value == 1 and found.gained == found.lost == []


def test_other_items_cannot_be_compared():
    with pytest.raises(SmolError, match="không cùng"):
        compare(evaluate(task(4), answers(bool)), evaluate(task(5), answers(bool)))


def test_items_are_written_as_lines(tmp_path):
    result = evaluate(task(3), answers(bool), model="mô hình")
    write_items([result, result], tmp_path / "items.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "items.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(lines) == 6
    assert lines[1] == {
        "task": "sums", "model": "mô hình", "index": 1, "messages": [{"role": "user", "content": "1 + 1 = ?"}],
        "gold": "2", "answer": "2", "scores": {"exact_match": 1.0},
    }  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] == ["items.jsonl"]


def test_a_file_that_cannot_be_written(tmp_path):
    with pytest.raises(SmolError):
        write_items([evaluate(task(1), answers(bool))], tmp_path / "none" / "items.jsonl")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("split", ["new", "unseen", "noisy"])
def test_milk_tea(split):
    found = load_task(f"milk-tea:{split}", size=5)
    assert found.name == f"milk-tea:{split}" and len(found.items) == 5
    for item in found.items:
        assert [message["role"] for message in item.messages] == ["system", "user"]
        assert found.scorer(item.gold, item.gold)["exact_match"] == 1
    again = load_task(f"milk-tea:{split}", size=5)
    assert again.items == found.items
    assert load_task(f"milk-tea:{split}", size=5, language="en").items != found.items


@pytest.mark.parametrize(
    ("name", "size", "hint"),
    [
        ("milktea:new", 5, "milk-tea"),
        ("milk-tea:train", 5, "new"),
        ("milk-tea:unsen", 5, "--split unseen"),
        ("milk-tea", 0, "size=0"),
    ],
)
def test_unknown_tasks(name, size, hint):
    with pytest.raises(SmolError) as error:
        load_task(name, size=size)
    assert hint in str(error.value)


def test_rows_need_a_gold_answer():
    with pytest.raises(SmolError):
        from_messages({"messages": [{"role": "user", "content": "?"}]})
