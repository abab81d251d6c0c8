"""`smol eval` from names to a table, a report, and what flipped."""

import json

import pytest

from smolcourse.inference import examinee as sitting


@pytest.fixture
def exam(tmp_path):
    path = tmp_path / "exam.jsonl"
    rows = [{"question": f"{n} + 1 = ?", "choices": [str(n), str(n + 1), "không biết"], "answer": n % 2} for n in range(30)]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def _own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("SMOLCOURSE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


def test_a_table_a_report_and_what_flipped(here, tiny_model, other, exam, tmp_path):
    code, stdout, stderr = here(
        "eval", tiny_model, other, "--tasks", f"{exam},vietnam", "--limit", "20", "--out", tmp_path / "out"
    )
    assert code == 0, stderr
    assert "exam.jsonl · acc" in stdout and "vietnam · acc_norm" in stdout
    report = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))
    assert [one["items"] for one in report["tasks"]] == [20, 20] and report["models"] == [str(tiny_model), str(other)]
    code, stdout, stderr = here("eval", "diff", tmp_path / "out", "--task", "exam.jsonl", "--limit", "1")
    assert code == 0, stderr
    assert not (tmp_path / "evaluations").exists()
    assert here("eval", tiny_model, other, "--tasks", exam, "--limit", "20")[0] == 0
    assert here("eval", "diff", "--limit", "1")[1] == stdout, "the newest report, without being named"
    gap = report["tasks"][0]["comparisons"][0]
    assert gap["lost"] or gap["gained"]
    for kind, word in (("lost", "mất"), ("gained", "được")):
        if gap[kind]:
            assert f"{word} {len(gap[kind])}" in stdout


def test_asked_once(here, tiny_model, exam, monkeypatch):
    code, first, _ = here("eval", tiny_model, "--tasks", exam, "--format", "json")
    assert code == 0

    def never(*_):
        raise AssertionError("asked again")

    monkeypatch.setattr("smolcourse.inference.loglik.Reader.loglikelihoods", never)
    code, second, _ = here("eval", tiny_model, "--tasks", exam, "--format", "json")
    assert code == 0 and first == second
    assert here("eval", tiny_model, "--tasks", exam, "--fresh")[0] == 1


def test_a_leak_is_said(here, tiny_model, exam, monkeypatch):
    """A model whose run was trained on the exam itself."""
    real = sitting.locate

    class Trained:
        def __init__(self, place):
            self.path, self.run = place.path, None
            self.recipe = {"dataset_name": str(exam.with_name("train.jsonl"))}

    asked = ("vì sao lá cây có màu xanh", "con sông nào chảy qua Huế", "ai viết truyện Kiều vậy bạn")
    rows = [{"text": text} for text in asked]
    exam.write_text("".join(json.dumps({"question": r["text"], "choices": ["a", "b"], "answer": 0}) + "\n" for r in rows))
    exam.with_name("train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows[:2]))
    monkeypatch.setattr(sitting, "locate", lambda name: Trained(real(name)))
    code, stdout, stderr = here("eval", tiny_model, "--tasks", exam)
    assert code == 0, stderr
    assert "LỘ ĐỀ: 2 mục" in stdout


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{tiny}"], "--tasks"),
        (["{tiny}", "--tasks", "boolk"], "--task boolq"),
        (["{tiny}", "--tasks", "humaneval"], "--run-code"),
        (["nosuch", "--tasks", "vietnam"], "nosuch"),
        (["{tiny}", "--tasks", "vietnam", "--shots", "200"], "--shots 0"),
        (["diff", "nowhere"], "--out"),
    ],
)
def test_errors(here, tiny_model, arguments, said):
    code, stdout, stderr = here("eval", *[argument.format(tiny=tiny_model) for argument in arguments])
    assert code == 2 and said in stderr and "Traceback" not in stderr and stdout == ""


def test_the_list_shows_licences(here):
    code, stdout, _ = here("eval", "ls")
    assert code == 0 and "CC-BY-SA-3.0" in stdout and "vietnam" in stdout


def test_a_judge(here, tiny_model, other, tmp_path, monkeypatch):
    from smolcourse.evaluation.examinee import Examinee

    path = tmp_path / "ask.jsonl"
    path.write_text('{"question": "1+1?", "answer": "2"}\n{"question": "2+2?", "answer": "4"}\n')
    code, _, stderr = here("eval", tiny_model, other, "--tasks", path, "--out", tmp_path / "out")
    assert code == 0, stderr
    server = Examinee("judge", "judge", lambda prompts, _: ["A"] * len(prompts))
    monkeypatch.setattr(sitting, "any_examinee", lambda _: server)
    code, stdout, stderr = here("eval", "judge", tmp_path / "out", "--judge", "http://127.0.0.1:9/v1")
    assert code == 0, stderr
    assert "thắng 50.0%" in stdout and "đứng trước: 100%" in stdout
