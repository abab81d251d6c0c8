"""From `smol init` on, as a learner types it."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from smolcourse.course.lessons import find_exercise, find_exercises
from smolcourse.course.progress import note, read_progress

Smol = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def workspace(smol: Smol, tmp_path: Path) -> Path:
    assert smol("init", tmp_path / "hoc").returncode == 0
    return tmp_path / "hoc"


def test_a_learners_first_hour(smol: Smol, workspace: Path) -> None:
    file = workspace / "1_instruction_tuning" / "shift.py"
    first = file.read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith("# 🐢 shift") and "Write the function" not in file.read_text(encoding="utf-8")
    assert "smol check" in smol("next", cwd=workspace).stdout
    untouched = smol("check", "shift", cwd=workspace)
    assert untouched.returncode == 2 and "chưa làm" in untouched.stdout
    assert "hãy thử" in smol("solution", "shift", cwd=workspace).stderr

    file.write_text(
        "def shift(input_ids, loss_mask):\n    p = loss_mask.nonzero().squeeze(1)\n    return p, input_ids[p]\n", "utf-8"
    )
    wrong = smol("check", "shift", cwd=workspace)
    assert wrong.returncode == 2
    for part in ("chưa dịch", "shift([", "smol learn 1 shift", "smol hint shift"):
        assert part in wrong.stdout
    assert [smol("hint", "shift", cwd=workspace).stdout[:5] for _ in range(4)] == ["(1/3)", "(2/3)", "(3/3)", "(3/3)"]

    file.write_text(smol("solution", "shift", cwd=workspace).stdout, encoding="utf-8")
    right = smol("check", "shift", cwd=workspace)
    assert right.returncode == 0 and "đạt" in right.stdout
    assert "đạt" in next(line for line in smol("progress", cwd=workspace).stdout.splitlines() if " shift " in line)

    assert smol("reset", "shift", cwd=workspace).returncode == 0
    assert "NotImplementedError" in file.read_text(encoding="utf-8")
    assert "input_ids" in file.with_suffix(".1.bak").read_text(encoding="utf-8")


def test_init_again_touches_nothing(smol: Smol, workspace: Path) -> None:
    file = workspace / "1_instruction_tuning" / "shift.py"
    file.write_text("mine", encoding="utf-8")
    (workspace / "1_instruction_tuning" / "encode.py").unlink()
    smol("init", workspace)
    assert file.read_text(encoding="utf-8") == "mine"
    assert (workspace / "1_instruction_tuning" / "encode.py").exists()


def test_outside_a_workspace_the_command_that_makes_one_is_named(smol: Smol, tmp_path: Path) -> None:
    lost = smol("next", cwd=tmp_path)
    assert lost.returncode == 2 and "smol init" in lost.stderr


def test_use_mine_needs_a_passing_function(smol: Smol, workspace: Path) -> None:
    refused = smol("train", "smollm2-135m/sft/lora", "--use-mine", cwd=workspace)
    assert refused.returncode == 2 and "smol check encode" in refused.stderr


def test_a_passing_function_drives_the_real_run(smol: Smol, workspace: Path, tiny_model: Path) -> None:
    file = workspace / "1_instruction_tuning" / "encode.py"
    file.write_text(find_exercise("encode").solution.read_text(encoding="utf-8"), encoding="utf-8")
    assert smol("check", "encode", cwd=workspace).returncode == 0
    recipe = {"model_name_or_path": str(tiny_model), "dataset_config": {"size": 8}, "max_steps": 2, "warmup_steps": 0}
    (workspace / "tiny.yaml").write_text(json.dumps(recipe), encoding="utf-8")
    done = smol("train", "tiny.yaml", "--use-mine", cwd=workspace)
    assert done.returncode == 0, done.stderr
    assert "Dùng hàm của bạn: encode" in done.stdout
    (report,) = workspace.glob("runs/*/report.md")
    assert "**encode**" in report.read_text(encoding="utf-8")


def test_a_quiz_is_answered_from_a_pipe(workspace: Path) -> None:
    from smolcourse.course import quiz
    from smolcourse.course.lessons import modules

    module = modules()[0]
    assert quiz.answered(workspace, module, 0, module.quiz[0].answer)
    assert not quiz.answered(workspace, module, 1, len(module.quiz[1].options))
    assert quiz.score(workspace, module) == (2, 1, len(module.quiz))
    assert [quiz.read_choice(text, module.quiz[0]) for text in ("a", "2", "z", "", "0")] == [0, 1, None, None, None]


def test_a_certificate_says_what_was_recomputed(workspace: Path) -> None:
    from xml.etree import ElementTree

    from smolcourse.course.certificate import certificate
    from smolcourse.course.checker import Result
    from smolcourse.course.lessons import modules

    module = modules()[0]
    rows = [(module, [Result(exercise, "passing", got="run-1: 52.0%") for exercise in module.exercises])]
    drawing = certificate("Nguyễn <b>Ánh</b>", rows, workspace)
    text = "".join(ElementTree.fromstring(drawing).itertext())
    assert "Nguyễn <b>Ánh</b>" in text and "52.0%" in text
    assert all(str(exercise.title) in text for exercise in module.exercises)


def test_no_certificate_before_a_module_is_complete(smol: Smol, workspace: Path) -> None:
    refused = smol("certificate", cwd=workspace)
    assert refused.returncode == 2 and "render" in refused.stderr
    assert not (workspace / "certificate.svg").exists()


def test_two_copies_of_the_progress_merge(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
    note(one, "check", "1/shift", state="failing", code="a")
    note(other, "check", "1/shift", state="passing", code="b")
    note(one, "check", "1/encode", state="passing", code="c")
    lines = [(folder / "progress.jsonl").read_text(encoding="utf-8") for folder in (other, one)]
    (one / "progress.jsonl").write_text("".join(lines) + "<<<<<<< HEAD\n{broken\n" + lines[1], encoding="utf-8")
    merged = read_progress(one)
    assert len(merged.events) == 3
    assert merged.state("1/shift", "b") == "passing" and merged.state("1/shift", "a") == ""
    note(one, "hint", "1/shift", step=1)
    assert json.loads((one / "progress.jsonl").read_text(encoding="utf-8").splitlines()[-1])["event"] == "hint"


def test_a_line_cut_by_a_power_loss_is_no_end(tmp_path: Path) -> None:
    (tmp_path / "progress.jsonl").write_text('{"time": "2026', encoding="utf-8")
    note(tmp_path, "hint", "1/shift", step=1)
    assert read_progress(tmp_path).count("hint", "1/shift") == 1


def test_exercises_are_found_by_name_number_and_both() -> None:
    assert find_exercise("shift") is find_exercise("1/shift")
    assert find_exercises("1") == find_exercises("1_instruction_tuning")
