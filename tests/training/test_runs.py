"""A run folder outlives torn lines, dead processes, full disks and two processes at once."""

import errno
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from smolcourse.errors import SmolError
from smolcourse.training import durable
from smolcourse.training.environment import environment, scrub
from smolcourse.training.run_folder import slug
from smolcourse.training.runs import Run, find_run, list_runs


@dataclass
class SomeRecipe:
    method: str = "sft"
    output_dir: str = "runs"
    sample_prompts: tuple[str, ...] = ("Cho mình một trà sữa",)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.create({"method": "sft", "note": "đầy đủ"}, "smollm2-135m/sft/full", folder=tmp_path / "runs")


def steps(run: Run) -> list[int]:
    return [line["step"] for line in run.metrics()]


# ---------------------------------------------------------------- making, opening, finding


def test_a_new_run_has_recipe_environment_and_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = Run.create(SomeRecipe(), "sft/full.yaml")
    assert run.path.parent == Path("runs") and run.name.endswith("-sft-full")
    assert run.recipe()["method"] == "sft" and run.state() == "created"
    assert run.environment()["versions"]["python"] and run.checkpoints.is_dir()
    assert run.metrics() == [] and run.samples() == [] and run.result() is None and run.latest_checkpoint() is None
    assert Run.open(run.path) == run
    assert not list(run.path.glob("*.partial"))


def test_runs_of_the_same_second_get_names_of_their_own(tmp_path: Path) -> None:
    runs = [Run.create({}, "sft", folder=tmp_path) for _ in range(5)]
    assert len({run.name for run in runs}) == 5
    assert [run.name for run in list_runs(tmp_path)] == [run.name for run in runs]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("smollm2-135m/sft/full", "smollm2-135m-sft-full"),
        ("trà sữa/đầy đủ.yaml", "trà-sữa-đầy-đủ"),
        ("../../etc/passwd", "etc-passwd"),
        ("...", "run"),
        ("a b\\c:d*?", "a-b-c-d"),
    ],
)
def test_names_are_safe_for_any_file_system(name: str, wanted: str) -> None:
    assert slug(name) == wanted


def test_a_long_vietnamese_name_fits_a_file_name(tmp_path: Path) -> None:
    run = Run.create({}, "trà sữa " * 100, folder=tmp_path)
    assert len(run.name.encode()) < 200


@pytest.mark.parametrize("content", [None, "not: [closed", "- a list", "\x00\x01"])
def test_what_is_no_run_is_said(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "recipe.yaml").write_text(content)
    with pytest.raises(SmolError):
        Run.open(tmp_path)
    with pytest.raises(SmolError, match="smol runs ls"):
        Run.open(tmp_path / "missing")


def test_find_by_name_beginning_part_path_and_latest(tmp_path: Path) -> None:
    first = Run.create({}, "một", folder=tmp_path)
    second = Run.create({}, "hai", folder=tmp_path)
    (tmp_path / "not a run").mkdir()
    assert find_run("latest", tmp_path) == second
    assert find_run(first.name, tmp_path) == first
    assert find_run("hai", tmp_path) == second
    assert find_run(str(first.path), tmp_path / "elsewhere") == first
    with pytest.raises(SmolError, match="smol runs ls"):
        find_run(first.name[:4], tmp_path)  # both begin with the year
    with pytest.raises(SmolError):
        find_run("ba", tmp_path)
    with pytest.raises(SmolError, match=r"recipe\.yaml"):
        find_run(str(tmp_path / "not a run"), tmp_path)
    with pytest.raises(SmolError, match="smol train"):
        find_run("latest", tmp_path / "empty")


def test_a_name_typed_in_another_unicode_form_is_found(tmp_path: Path) -> None:
    import unicodedata

    run = Run.create({}, unicodedata.normalize("NFD", "đầy đủ"), folder=tmp_path)
    assert find_run(unicodedata.normalize("NFC", "đầy"), tmp_path) == run
    assert find_run(unicodedata.normalize("NFD", "đầy"), tmp_path) == run


# ---------------------------------------------------------------- lines


def test_lines_are_json_of_plain_values_one_a_line(run: Run) -> None:
    import numpy

    run.append_metrics(1, loss=numpy.float32(1.5), grad_norm=float("nan"), text="dòng một\ndòng hai")
    run.append_metrics(2, loss=float("inf"), path=Path("x"))
    lines = (run.path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == run.metrics()
    assert run.metrics()[0] == {"step": 1, "loss": 1.5, "grad_norm": None, "text": "dòng một\ndòng hai"}
    assert run.metrics()[1] == {"step": 2, "loss": None, "path": "x"}


def test_a_torn_last_line_is_passed_over_and_cut_off_before_going_on(run: Run) -> None:
    run.append_metrics(1, loss=1.0)
    with (run.path / "metrics.jsonl").open("ab") as file:
        file.write('{"step": 2, "note": "trà s'.encode()[:-1])
    assert steps(run) == [1]
    run.clean()
    run.append_metrics(2, loss=0.5)
    assert steps(run) == [1, 2]


def test_a_whole_last_line_without_its_end_is_kept(run: Run) -> None:
    (run.path / "metrics.jsonl").write_bytes(b'{"step": 1}\n{"step": 2}')
    run.clean()
    run.append_metrics(3)
    assert steps(run) == [1, 2, 3]


def test_a_file_of_nothing_but_a_torn_line_becomes_empty(run: Run) -> None:
    (run.path / "metrics.jsonl").write_bytes(b'{"st')
    run.clean()
    assert (run.path / "metrics.jsonl").read_bytes() == b""


def test_foreign_lines_in_the_middle_do_not_hide_the_rest(run: Run) -> None:
    (run.path / "metrics.jsonl").write_bytes(b'{"step": 1}\n\xff\xfe\n[1]\n\n{"step": 2}\n')
    assert steps(run) == [1, 2]


def test_rewind_drops_later_and_doubled_lines(run: Run) -> None:
    for step in (1, 2, 2, 3, 4, 5):
        run.append_metrics(step, loss=1 / step)
    for step in (0, 3, 5):
        run.append_sample(step, "xin chào", f"bước {step}")
    assert run.rewind(3) == 3
    assert steps(run) == [1, 2, 3]
    assert [sample["step"] for sample in run.samples()] == [0, 3]
    run.append_metrics(4)
    assert steps(run) == [1, 2, 3, 4]
    assert run.rewind(-1) == 4 and run.metrics() == [] and run.samples() == []


def test_killed_between_any_two_steps_no_line_is_lost_or_doubled(tmp_path: Path) -> None:
    """A process is killed at an unknown moment, again and again; each time the next one goes on from the newest checkpoint."""
    program = (
        "import sys; from pathlib import Path; from smolcourse.training.runs import Run\n"
        "run = Run.open(Path(sys.argv[1]))\n"
        "with run.lock():\n"
        "    run.clean()\n"
        "    found = run.latest_checkpoint(); start = found[0] if found else 0; run.rewind(start)\n"
        "    run.set_state('running')\n"
        "    print('ready', flush=True)\n"
        "    for step in range(start + 1, start + int(sys.argv[2]) + 1):\n"
        "        run.append_metrics(step, loss=1 / step)\n"
        "        if step % 5 == 0: run.save_checkpoint(step, lambda f: (f / 'w').write_text(str(step)))\n"
        "    run.set_state('finished')\n"
    )
    run = Run.create({}, "killed", folder=tmp_path)
    for index in range(4):  # with more steps ahead than any machine takes before the kill
        child = subprocess.Popen([sys.executable, "-c", program, str(run.path), "1000000"], stdout=subprocess.PIPE)
        assert child.stdout is not None and child.stdout.readline() == b"ready\n"
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(timeout=0.03 * (index + 1))
        assert run.state() == "running"
        child.send_signal(signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)
        child.wait()
        child.stdout.close()
        assert run.state() == "interrupted"
        newest = run.latest_checkpoint()
        if newest:
            assert (newest[1] / "w").read_text() == str(newest[0])
    subprocess.run([sys.executable, "-c", program, str(run.path), "12"], check=True, stdout=subprocess.DEVNULL)
    assert run.state() == "finished"
    assert steps(run) == list(range(1, run.metrics()[-1]["step"] + 1)) and len(steps(run)) >= 12


# ---------------------------------------------------------------- state


def test_state_keeps_what_was_said_before(run: Run) -> None:
    created = run.status()["created_at"]
    run.set_state("running", total_steps=300)
    assert run.state() == "running" and run.status()["pid"] == os.getpid()
    run.set_state("finished", seconds=12.5)
    assert run.state() == "finished"
    assert run.status()["created_at"] == created and run.status()["total_steps"] == 300
    assert run.seconds() == 12.5


def test_a_run_whose_process_is_gone_was_interrupted(run: Run) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    run.set_state("running")
    values = run.status()
    (run.path / "state.json").write_text(json.dumps({**values, "pid": child.pid}))
    assert run.state() == "interrupted"
    # the number was given to another process meanwhile
    (run.path / "state.json").write_text(json.dumps({**values, "pid_started": values["pid_started"] - 999}))
    assert run.state() == "interrupted"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"state": 7}', "\x00"])
def test_an_unreadable_state_is_told_from_the_metrics(run: Run, text: str) -> None:
    (run.path / "state.json").write_text(text)
    assert run.state() == "created"
    run.append_metrics(1)
    assert run.state() == "interrupted"
    run.set_state("finished")
    assert run.state() == "finished"


# ---------------------------------------------------------------- checkpoints


def put(text: str) -> Any:
    return lambda folder: (folder / "weights").write_text(text)


def test_the_newest_complete_checkpoint_counts(run: Run) -> None:
    for step in (9, 10, 100):
        run.save_checkpoint(step, put(str(step)), keep=2)
    assert [path.name for path in run.list_checkpoints()] == ["checkpoint-10", "checkpoint-100"]
    (run.checkpoints / "checkpoint-200").mkdir()  # empty
    (run.checkpoints / "checkpoint-300.partial").mkdir()
    (run.checkpoints / "checkpoint-400").write_text("a file")
    newest = run.latest_checkpoint()
    assert newest is not None and newest[0] == 100 and (newest[1] / "weights").read_text() == "100"
    run.clean()
    assert not list(run.checkpoints.glob("*.partial"))


def test_the_same_step_again_replaces_its_checkpoint(run: Run) -> None:
    run.save_checkpoint(5, put("old"))
    path = run.save_checkpoint(5, put("new"))
    assert (path / "weights").read_text() == "new" and len(list(run.checkpoints.iterdir())) == 1


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        RuntimeError("[enforce fail] PytorchStreamWriter failed writing file data/0: file write failed"),
        RuntimeError('SafetensorError: Os { code: 28, kind: StorageFull, message: "No space left on device" }'),
    ],
)
def test_a_checkpoint_on_a_full_disk_leaves_the_ones_before(run: Run, error: Exception) -> None:
    def fill(folder: Path) -> None:
        (folder / "weights").write_text("half")
        raise error

    run.save_checkpoint(1, put("whole"))
    with pytest.raises(SmolError, match="smol runs rm"):
        run.save_checkpoint(2, fill)
    newest = run.latest_checkpoint()
    assert newest is not None and newest[0] == 1
    assert [path.name for path in run.checkpoints.iterdir()] == ["checkpoint-1"]


def test_a_bug_while_saving_is_not_called_a_full_disk(run: Run) -> None:
    def fail(folder: Path) -> None:
        raise RuntimeError("shape mismatch")

    with pytest.raises(RuntimeError, match="shape"):
        run.save_checkpoint(1, fail)
    assert list(run.checkpoints.iterdir()) == []


# ---------------------------------------------------------------- disk


def test_a_full_disk_leaves_whole_lines(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run.append_metrics(1, loss=1.0)
    before = (run.path / "metrics.jsonl").read_bytes()
    write = os.write

    def half(descriptor: int, data: bytes) -> int:
        write(descriptor, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(durable.os, "write", half)
        with pytest.raises(SmolError, match="smol runs rm"):
            run.append_metrics(2, loss=0.5)
    assert (run.path / "metrics.jsonl").read_bytes() == before
    run.append_metrics(2, loss=0.5)
    assert steps(run) == [1, 2]


def test_a_full_disk_leaves_the_state_of_before(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run.set_state("finished")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(durable.os, "fsync", full)
        for write in (lambda: run.set_state("failed"), lambda: run.write_report("x"), lambda: run.append_metrics(1)):
            with pytest.raises(SmolError):
                write()
        with pytest.raises(SmolError):
            Run.create({}, "no room", folder=run.path.parent)
    assert run.state() == "finished" and not (run.path / "report.md").exists() and run.metrics() == []
    assert [path.name for path in run.path.parent.iterdir()] == [run.name]
    assert not list(run.path.glob("*.partial"))


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o555)
    with pytest.raises(SmolError, match="output_dir"):
        Run.create({}, "sft", folder=tmp_path / "locked")


def test_a_file_in_the_way_of_the_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(SmolError):
        Run.create({}, "sft", folder=tmp_path / "runs")


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS])
def test_a_refusal_to_write_is_said(run: Run, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refuse(*_: object, **__: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(durable.os, "open", refuse)
    with pytest.raises(SmolError, match="output_dir"):
        run.append_metrics(1)


# ---------------------------------------------------------------- two processes


def test_two_processes_cannot_train_in_one_run(run: Run) -> None:
    program = (
        "import sys; from pathlib import Path; from smolcourse.training.runs import Run\n"
        "with Run.open(Path(sys.argv[1])).lock():\n"
        "    print('locked', flush=True); sys.stdin.read()\n"
    )
    child = subprocess.Popen([sys.executable, "-c", program, str(run.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None and child.stdout.readline() == b"locked\n"
    with pytest.raises(SmolError, match=run.name), run.lock():
        pass
    with pytest.raises(SmolError):
        run.remove()
    child.kill()
    child.communicate()
    with run.lock():  # the system let go
        pass
    run.remove()
    assert not run.path.exists() and list(run.path.parent.iterdir()) == []


def test_a_running_run_is_not_removed(run: Run) -> None:
    run.set_state("running")
    with pytest.raises(SmolError, match=str(os.getpid())):
        run.remove()
    assert run.path.is_dir()


# ---------------------------------------------------------------- environment


def test_the_environment_names_no_person(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    home = tmp_path / "nguyenvana"
    monkeypatch.setattr(Path, "home", lambda: home)
    told = scrub({"a": [f"{home}/x", f"/mnt/nguyenvana/y in {home}"], f"{home}": 1, "n": 2, "word": "nguyenvana"})
    assert told == {"a": ["~/x", "/mnt/USER/y in ~"], "~": 1, "n": 2, "word": "nguyenvana"}
    text = json.dumps(environment())
    assert "nguyenvana" not in text and str(Path(__file__).parent) not in text


def test_the_recipe_is_saved_as_people_read_it(run: Run) -> None:
    text = (run.path / "recipe.yaml").read_text(encoding="utf-8")
    assert "đầy đủ" in text and yaml.safe_load(text) == run.recipe()
