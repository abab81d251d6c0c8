"""A file of one's own as a task, and what is wrong with it said with file and row."""

import json

import pytest

from smolcourse.errors import SmolError
from smolcourse.evaluation.compare import examine
from smolcourse.evaluation.files import load_file
from smolcourse.evaluation.scorers import exact_match, json_match
from smolcourse.evaluation.solvers import choose, generate, read
from smolcourse.evaluation.tasks import load_task
from tests.evaluation.examinees import knows

GOOD = {"question": "Thủ đô?", "choices": ["Huế", "Hà Nội"], "answer": 1}


def write(tmp_path, *rows):
    path = tmp_path / "exam.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    "row",
    [
        GOOD,
        GOOD | {"answer": "Hà Nội"},
        GOOD | {"answer": "B"},
        {"question": "Thủ đô?", "options": {"a": "Huế", "b": "Hà Nội"}, "answer": "b"},
        {"question": "Thủ đô?", "choices": {"text": ["Huế", "Hà Nội"], "label": ["1", "2"]}, "answerKey": "2"},
    ],
)
def test_multiple_choice(tmp_path, row):
    task = load_file(write(tmp_path, row, GOOD))
    assert task.solver is choose and task.name == "exam.jsonl"
    assert task.items[0].choices == ("Huế", "Hà Nội") and task.items[0].gold == "Hà Nội"
    assert task.items[0].messages[-1]["content"] == "Question: Thủ đô?\nAnswer:"
    result = examine(task, knows(lambda _, choice: choice == "Hà Nội"))
    assert result.interval().value == 1 and result.items[0].answer == "Hà Nội"


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({key: value for key, value in GOOD.items() if key != "answer"}, "thiếu đáp án"),
        (GOOD | {"answer": "Đà Lạt"}, "không nằm trong"),
        (GOOD | {"answer": 2}, "không nằm trong"),
        (GOOD | {"choices": ["Huế"]}, "ít nhất hai"),
        (GOOD | {"choices": ["Huế", "Huế "]}, "có hai lần"),
        (GOOD | {"choices": ["Huế", ""]}, "không rỗng"),
        (GOOD | {"choices": "Huế"}, "danh sách"),
        (GOOD | {"question": " "}, "thiếu câu hỏi"),
        (GOOD | {"evidence": "Huế từng là kinh đô."}, "đoạn văn làm chứng"),
        ({"text": "thơ"}, "chỉ có một loại"),
        ({"prompt": "a", "chosen": "b", "rejected": "c"}, "preference"),
        ({"messages": [{"role": "user", "content": "?"}]}, "exam.jsonl:2"),
    ],
)
def test_bad_rows(tmp_path, row, said):
    with pytest.raises(SmolError, match=said) as error:
        load_file(write(tmp_path, GOOD, row))
    assert "exam.jsonl:2" in str(error.value)


def test_other_kinds(tmp_path):
    turn = [{"role": "user", "content": "Một trà đào"}, {"role": "assistant", "content": '[{"drink": "trà đào"}]'}]
    task = load_file(write(tmp_path, {"messages": turn}))
    assert (task.solver, task.scorer) == (generate, json_match)
    task = load_file(write(tmp_path, {"question": "1+1?", "answer": "2"}, {"prompt": "2+2?", "completion": "4"}))
    assert (task.solver, task.scorer) == (generate, exact_match)
    assert [item.gold for item in task.items] == ["2", "4"]
    assert load_file(write(tmp_path, {"text": "Sông Hồng chảy."})).solver is read


def test_a_file_is_found_by_its_path(tmp_path):
    path = write(tmp_path, *[GOOD | {"question": f"{n}?"} for n in range(20)])
    assert len(load_task(path, size=5).items) == 5
    assert len(load_task(path, size=None).items) == 20
    with pytest.raises(SmolError, match="không có tệp"):
        load_task(str(tmp_path / "none.jsonl"))
    with pytest.raises(SmolError, match="không đủ"):
        load_task(path, shots=20)
