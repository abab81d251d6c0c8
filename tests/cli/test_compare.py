"""`smol compare` from names to a table, JSON and a file."""

import json

import pytest


def test_everything_at_once(here, tiny_model, other, tmp_path):
    out = tmp_path / "items.jsonl"
    code, stdout, stderr = here(
        "compare", tiny_model, other, "--prompt", "[bold]trà", "--task", "milk-tea", "--split", "new", "--split", "noisy",
        "--limit", "3", "--max-new-tokens", "4", "--format", "json", "--out", out,
    )  # fmt: skip
    assert code == 0, stderr
    assert stderr == ""
    report = json.loads(stdout)
    assert report["models"] == [str(tiny_model), str(other)]
    assert report["prompts"][0]["prompt"] == "[bold]trà" and len(set(report["prompts"][0]["answers"])) == 2
    assert [task["results"][0]["task"] for task in report["tasks"]] == ["milk-tea:new", "milk-tea:noisy"]
    exact = report["tasks"][0]["results"][1]["metrics"]["exact_match"]
    assert exact["value"] == 0 and exact["high"] > 0.3, "0 of 3 says little"
    assert report["tasks"][0]["difference"]["value"] == 0 and report["tasks"][0]["p_value"] == 1
    lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert len(lines) == 2 * 2 * 3


def test_a_table_for_people(here, tiny_model, other):
    code, stdout, stderr = here(
        "compare", tiny_model, other, "--prompt", "[bold]trà", "--task", "milk-tea:new", "--limit", "2", "--max-new-tokens", "3"
    )
    assert code == 0, stderr
    assert "[bold]trà" in stdout and "exact_match" in stdout and "Chưa thấy khác biệt" in stdout


def test_a_file_of_ones_own(here, tiny_model, other, tmp_path):
    exam = tmp_path / "exam.jsonl"
    rows = [{"question": f"{n} + 1 = ?", "choices": [str(n), str(n + 1)], "answer": 1} for n in range(6)]
    exam.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    code, stdout, stderr = here("compare", tiny_model, other, "--task", exam, "--format", "json")
    assert code == 0, stderr
    (task,) = json.loads(stdout)["tasks"]
    assert task["results"][0]["metric"] == "acc" and task["results"][0]["items"] == 6
    code, stdout, _ = here("compare", tiny_model, other, "--task", exam)
    assert code == 0 and "acc_norm" in stdout


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{tiny}", "{tiny}"], "--prompt"),
        (["{tiny}", "nosuch", "--prompt", "hi"], "nosuch"),
        (["{tiny}", "{tiny}", "--task", "milktea"], "--task milk-tea"),
        (["{tiny}", "{tiny}", "--task", "milk-tea", "--split", "unsen"], "--split unseen"),
        (["{tiny}", "{tiny}", "--prompt", " "], "prompt trống"),
        (["{tiny}", "{tiny}", "--prompt", "hi", "--out", "no/such/file"], "no/such"),
        (["{tiny}", "{tiny}", "--task", "milk-tea", "--task-language", "fr"], "fr"),
    ],
)
def test_errors(here, tiny_model, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    code, stdout, stderr = here("compare", *[argument.format(tiny=tiny_model) for argument in arguments])
    assert code == 2
    assert said in stderr and "Traceback" not in stderr
    assert stdout == "" and list(tmp_path.iterdir()) == []
