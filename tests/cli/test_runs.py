"""`smol runs` as a person sees it, in both languages."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from smolcourse.errors import SmolError
from smolcourse.training.runs import Run

PROMPT = "Cho mình 1 trà sữa size L"
RunCommand = Callable[..., Result]


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    done = Run.create({"method": "sft", "model_name_or_path": "smollm2", "use_peft": True, "lora_r": 16}, "xong", folder=folder)
    done.append_sample(0, PROMPT, "Xin chào")
    for step in range(1, 21):
        done.append_metrics(step, loss=2.0 / step, seconds=step * 6.0)
    done.append_sample(20, PROMPT, '{"size": "L"}')
    (done.path / "adapter").mkdir()
    (done.path / "adapter" / "weights").write_text("x")
    done.set_state("finished", total_steps=300)
    stopped = Run.create({"method": "sft"}, "dở dang", folder=folder)
    stopped.append_metrics(1, loss=1.0)
    stopped.save_checkpoint(1, lambda place: (place / "weights").write_text("x"))
    stopped.set_state("interrupted", total_steps=10)
    return folder


@pytest.fixture
def command(runs: Path, monkeypatch: pytest.MonkeyPatch) -> RunCommand:
    """Runs `smol runs ...` in the folder that holds `runs/`."""
    from smolcourse.cli.runs import runs_app

    monkeypatch.chdir(runs.parent)
    monkeypatch.setenv("COLUMNS", "100")

    def run(*arguments: str, **settings: object) -> Result:
        return CliRunner().invoke(runs_app, list(arguments), **settings)  # type: ignore[arg-type]

    return run


def test_list(command: RunCommand) -> None:
    text = command("ls").stdout
    finished, stopped = (line.split() for line in text.splitlines()[1:])
    assert finished[0].endswith("-xong") and finished[1:] == ["xong", "sft", "lora", "20", "0.100", "2.0"]
    assert "bị ngắt" in text and "1/10" in stopped


def test_list_as_json(command: RunCommand) -> None:
    finished, stopped = json.loads(command("ls", "--format", "json").stdout)
    assert finished["state"] == "finished" and finished["loss"] == pytest.approx(0.1) and finished["minutes"] == 2.0
    assert stopped["state"] == "interrupted" and stopped["total_steps"] == 10


def test_an_empty_list_says_how_to_start(command: RunCommand) -> None:
    answer = command("ls", "--folder", "nowhere")
    assert answer.exit_code == 0 and "smol train" in answer.stdout


def test_one_damaged_run_does_not_hide_the_others(command: RunCommand, runs: Path) -> None:
    damaged = Run.create({}, "hỏng", folder=runs)
    (damaged.path / "recipe.yaml").write_text(": :")
    (damaged.path / "state.json").write_text("")
    assert len(command("ls").stdout.splitlines()) == 4


def test_show_a_finished_run(command: RunCommand) -> None:
    text = command("show", "xong").stdout
    assert "smollm2" in text and "lora_r" in text
    assert "loss 2.000 → 0.100" in text and "2m00s" in text
    assert PROMPT in text and "Xin chào" in text and '{"size": "L"}' in text
    assert "⣀" in text or "⡀" in text or "⠁" in text  # the curve
    assert "smol chat" in text and "adapter" in text


def test_show_an_interrupted_run_says_how_to_go_on(command: RunCommand) -> None:
    text = command("show", "latest").stdout
    assert "smol train --resume" in text and "bước 1" in text


def test_show_as_json_has_everything(command: RunCommand) -> None:
    shown = json.loads(command("show", "xong", "--format", "json").stdout)
    assert len(shown["metrics"]) == 20 and len(shown["samples"]) == 2 and shown["recipe"]["lora_r"] == 16


def test_remove_asks_and_may_be_refused(command: RunCommand, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = command("rm", "xong")  # no terminal to ask on
    assert isinstance(answer.exception, SmolError) and "--yes" in str(answer.exception)
    assert len(list(runs.iterdir())) == 2
    monkeypatch.setattr("smolcourse.cli.runs.can_ask", lambda: True)
    command("rm", "xong", input="n\n")
    assert len(list(runs.iterdir())) == 2
    answer = command("rm", "xong", input="y\n")
    assert "đã xoá" in answer.stdout and [path.name[-7:] for path in runs.iterdir()] == ["dở-dang"]


def test_remove_several_without_asking(command: RunCommand, runs: Path) -> None:
    assert command("rm", "xong", "latest", "--yes").exit_code == 0
    assert list(runs.iterdir()) == []


def test_all_names_are_looked_up_before_anything_is_removed(command: RunCommand, runs: Path) -> None:
    answer = command("rm", "xong", "typo", "--yes")
    assert isinstance(answer.exception, SmolError)
    assert len(list(runs.iterdir())) == 2


def test_a_running_run_is_refused(command: RunCommand, runs: Path) -> None:
    from smolcourse.training.runs import find_run

    find_run("xong", runs).set_state("running")
    answer = command("rm", "xong", "--yes")
    assert isinstance(answer.exception, SmolError) and len(list(runs.iterdir())) == 2


def test_from_the_shell_in_english(smol: Callable[..., object], runs: Path) -> None:
    answer = smol("--lang", "en", "runs", "ls", cwd=runs.parent)
    assert answer.returncode == 0 and "finished" in answer.stdout and "interrupted" in answer.stdout  # type: ignore[attr-defined]
    answer = smol("runs", "show", "typo", "--lang", "en", cwd=runs.parent)
    assert answer.returncode == 2 and "smol runs ls" in answer.stderr and "Traceback" not in answer.stderr  # type: ignore[attr-defined]
