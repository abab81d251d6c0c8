"""From documents to labelled questions, by keyboard, and how far two people agree."""

import io
import json
import sys

import pytest

DOCS = "\n\n".join(
    f"Quán số {n} ở phố {name} mở cửa lúc {n + 5} giờ sáng mỗi ngày trong tuần."
    for n, name in enumerate(("Hàng Bạc", "Hàng Gai", "Tràng Tiền", "Lê Duẩn", "Bà Triệu", "Cầu Giấy"), 1)
)


@pytest.fixture
def exam(tmp_path, here, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for n, part in enumerate(DOCS.split("\n\n")):
        (tmp_path / f"{n}.md").write_text(part, encoding="utf-8")
    code, stdout, stderr = here("eval", "build", tmp_path, "--out", "exam.jsonl")
    assert code == 0, stderr
    assert "6 câu từ 6 đoạn" in stdout and "smol label exam.jsonl" in stdout
    return tmp_path / "exam.jsonl"


@pytest.fixture
def typed(here, monkeypatch):
    def run(keys, *arguments):
        monkeypatch.setattr(sys, "stdin", io.StringIO(keys))
        return here("label", *arguments)

    return run


def test_label_stop_and_go_on(exam, typed, tmp_path):
    code, stdout, _ = typed("k\nd\nx\nq\n", exam, "--annotator", "lan")
    assert code == 0 and "2/6" in stdout and "✓" in stdout
    edited = "e\nQuán nào mở lúc tám giờ?\n\n\n\n\n\n"
    code, stdout, _ = typed(edited + "k\nk\nk\n", exam, "--annotator", "lan")
    assert code == 0 and "6/6" in stdout
    assert "chấm hết" in typed("", exam, "--annotator", "lan")[1]
    typed("k\nk\nk\nk\nk\nk\n", exam, "--annotator", "minh")
    code, stdout, stderr = typed("", exam, "--agreement", "--out", tmp_path / "final.jsonl")
    assert code == 0, stderr
    assert "kappa = 0.00 (6 câu)" in stdout
    rows = [json.loads(line) for line in (tmp_path / "final.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(rows) == 5 and "Quán nào mở lúc tám giờ?" in [row["question"] for row in rows]


def test_the_exam_is_run_and_exported(exam, here, tiny_model, monkeypatch, tmp_path):
    monkeypatch.setenv("SMOLCOURSE_HOME", str(tmp_path / "home"))
    code, stdout, stderr = here("eval", tiny_model, "--tasks", exam)
    assert code == 0, stderr
    assert "exam.jsonl · acc" in stdout
    code, stdout, stderr = here("eval", "export", exam, "--out", tmp_path / "lm")
    assert code == 0 and "exam.yaml" in stdout, stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["eval", "build", ".", "--out", "exam.jsonl"], "--force"),
        (["label", "none.jsonl"], "none.jsonl"),
        (["label", "{exam}", "--annotator", "a/b"], "--annotator"),
        (["label", "{exam}", "--agreement"], "smol label"),
        (["eval", "build", "none", "--out", "other.jsonl"], "none"),
        (["eval", "export", "milk-tea"], "nhiều lựa chọn"),
    ],
)
def test_errors(exam, here, arguments, said):
    code, stdout, stderr = here(*[argument.format(exam=exam) for argument in arguments])
    assert code == 2 and said in stderr and stdout == ""
