"""Labels: on disk at once, resumable, and agreement as Cohen defined it."""

import json

import pytest

from smolcourse.errors import SmolError
from smolcourse.evaluation.labelling import Labels, agreed_rows, agreement, all_labels, kappa


@pytest.fixture
def exam(tmp_path):
    path = tmp_path / "exam.jsonl"
    rows = [{"question": f"Câu {n}?", "choices": ["a", "b", "c"], "answer": n % 3} for n in range(6)]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def test_kappa_by_hand():
    # Cohen's own arithmetic: 20 yes-yes, 15 no-no, 5 and 10 apart: observed 0.7, expected 0.5.
    first = ["y"] * 25 + ["n"] * 25
    second = ["y"] * 20 + ["n"] * 5 + ["y"] * 10 + ["n"] * 15
    assert kappa(first, second) == pytest.approx(0.4)
    assert kappa(["y", "n"], ["n", "y"]) == -1 and kappa(["y"], ["y"]) == 1
    with pytest.raises(ValueError):
        kappa([], [])


def test_labels_survive_and_go_on(exam):
    labels = Labels.open(exam, "lan")
    labels.decide(labels.rows[0], "keep")
    labels.decide(labels.rows[1], "drop")
    labels.decide(labels.rows[1], "keep", {**labels.rows[1], "question": "Câu một, viết lại?"})
    with labels.path.open("a", encoding="utf-8") as file:
        file.write('{"key": "half')  # the power went
    again = Labels.open(exam, "lan")
    assert [row["question"] for row in again.waiting()] == ["Câu 2?", "Câu 3?", "Câu 4?", "Câu 5?"]
    again.decide(again.rows[5], "drop")
    again = Labels.open(exam, "lan")
    assert len(again.verdicts) == 3, "what follows a torn line is not lost with it"
    assert [row["question"] for row in agreed_rows([again])] == ["Câu 0?", "Câu một, viết lại?"]


def test_two_annotators(exam):
    for name, kept in (("lan", "111100"), ("minh", "11000")):
        labels = Labels.open(exam, name)
        for row, verdict in zip(labels.rows, kept, strict=False):
            labels.decide(row, "keep" if verdict == "1" else "drop")
    first, second = all_labels(exam)
    value, count = agreement(first, second)
    assert count == 5 and value == pytest.approx(kappa(list("11110"), list("11000")))
    assert [row["question"] for row in agreed_rows([first, second])] == ["Câu 0?", "Câu 1?"]


def test_errors(exam, tmp_path):
    with pytest.raises(SmolError, match="chưa có ai"):
        all_labels(exam)
    with pytest.raises(SmolError, match="tên người chấm"):
        Labels.open(exam, "../lan")
    labels = Labels.open(exam, "lan")
    with pytest.raises(SmolError, match="có hai lần"):
        labels.decide(labels.rows[0], "keep", {**labels.rows[0], "choices": ["a", "a"]})
    assert not labels.path.exists()
    with pytest.raises(SmolError, match="chưa cùng chấm"):
        agreement(labels, labels)
    exam.write_text('{"question": "?", "choices": ["a"], "answer": 0}\n')
    with pytest.raises(SmolError, match=r"exam.jsonl:1"):
        Labels.open(exam, "lan")
