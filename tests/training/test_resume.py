"""Killed at random steps and resumed, a run ends as if nothing had happened."""

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from smolcourse.training.runs import Run

STEPS = 40
KILLS = 10
STOPPED = Path(__file__).with_name("stopped.py")


@pytest.fixture
def recipe(tiny_model: Path, tmp_path: Path) -> Path:
    values = {
        "model_name_or_path": str(tiny_model),
        "dataset_config": {"size": 80, "seed": 5},
        "packed_length": 512,
        "max_steps": STEPS,
        "save_steps": 2,
        "learning_rate": 1e-3,
        "dtype": "float32",
    }
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


def smol_train(*words: str, cwd: Path, stop: Sequence[object] = ()) -> subprocess.Popen[str]:
    """`stop`: the step, seconds and signal of `stopped.py`."""
    command = [sys.executable, *([STOPPED, *map(str, stop)] if stop else ["-m", "smolcourse.cli.main"]), "train", *words]
    return subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=os.environ)


def finish(process: subprocess.Popen[str]) -> int:
    _, errors = process.communicate(timeout=1200)
    assert "Traceback" not in errors, errors
    return process.returncode


def only_run(cwd: Path) -> Run:
    (path,) = (cwd / "runs").iterdir()
    return Run.open(path)


def what_counts(run: Run) -> list[dict[str, Any]]:
    """The metric lines without what depends on the clock."""
    return [
        {name: line[name] for name in ("step", "loss", "learning_rate", "grad_norm", "epoch", "tokens")} for line in run.metrics()
    ]


@pytest.mark.slow
def test_killed_ten_times_a_run_ends_as_an_uninterrupted_one(recipe: Path, tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    whole.mkdir()
    broken.mkdir()
    assert finish(smol_train(str(recipe), cwd=whole)) == 0
    rng = random.Random(7)
    words = [str(recipe)]
    for step in sorted(rng.sample(range(1, STEPS - 5), KILLS)):
        assert finish(smol_train(*words, cwd=broken, stop=(step, rng.uniform(0, 0.05), "SIGKILL"))) == -signal.SIGKILL
        words = ["--resume", "latest"]
    assert finish(smol_train(*words, cwd=broken)) == 0
    run = only_run(broken)
    ours, wanted = what_counts(run), what_counts(only_run(whole))
    exact = ("step", "learning_rate", "epoch", "tokens")  # the same rows in the same order at the same rate
    assert [[line[name] for name in exact] for line in ours] == [[line[name] for name in exact] for line in wanted]
    for line, other in zip(ours, wanted, strict=True):
        # Kernels compiled in this process and the same ones from the cache differ in the last bit of a sum.
        assert line == pytest.approx(other, rel=1e-4)
    text = (run.path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in text] == list(range(1, STEPS + 1))


def test_ctrl_c_leaves_a_checkpoint_and_the_command_to_go_on(recipe: Path, tmp_path: Path) -> None:
    process = smol_train(str(recipe), "save_steps=1000", cwd=tmp_path, stop=(1, 0, "SIGINT"))
    _, errors = process.communicate(timeout=1200)
    assert process.returncode == 130
    assert "smol train --resume" in errors and "Traceback" not in errors
    run = only_run(tmp_path)
    assert run.state() == "interrupted"
    assert run.latest_checkpoint() is not None
