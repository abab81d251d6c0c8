"""Two processes are one: the same losses, one run folder, rows that do not divide, a stop that all hear."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from smolcourse import experiment
from smolcourse.config import load_recipe
from smolcourse.training import parallel
from smolcourse.training.runs import Run

COMMON = {
    "dataset_config": {"size": 14, "seed": 5},
    "max_length": 400,
    "packed_length": 400,
    "num_train_epochs": 2,
    "learning_rate": 1e-3,
    "warmup_steps": 1,
    "dtype": "float32",
    "int8": False,
    "save_steps": 2,
}
RECIPES: dict[str, dict[str, Any]] = {
    "full": {},
    "lora": {"use_peft": True, "lora_r": 4, "gradient_accumulation_steps": 2, "dataset_config": {"size": 30, "seed": 5}},
    "dpo": {"method": "dpo", "dataset_name": "milk-tea-style", "packed_length": 1024, "use_peft": True, "lora_r": 4},
    "sharded": {"fsdp": True, "packing": False, "dataset_config": {"size": 8, "seed": 5}},
    "sharded lora": {"fsdp": True, "packing": False, "dataset_config": {"size": 8, "seed": 5}, "use_peft": True, "lora_r": 4},
}


def torchrun(*words: str | Path, cwd: Path) -> subprocess.Popen[str]:
    """Two processes, joined by gloo."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", *map(str, words)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def recipe_file(folder: Path, model: Path, **more: Any) -> Path:
    folder.mkdir()
    path = folder / "recipe.yaml"
    values = {**COMMON, "model_name_or_path": str(model), "output_dir": str(folder / "runs"), **more}
    path.write_text(yaml.safe_dump(values))
    return path


def only_run(folder: Path) -> Run:
    (path,) = (folder / "runs").iterdir()
    return Run.open(path)


@pytest.fixture(scope="module")
def both(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    """Every recipe by two processes, and by one with twice the accumulation; and what the two printed."""
    one, two = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("two")
    files = [recipe_file(two / name, tiny_model, **more) for name, more in RECIPES.items()]
    process = torchrun(Path(__file__).with_name("in_processes.py"), *files, cwd=two)
    for name, more in RECIPES.items():
        accumulated = 2 * more.get("gradient_accumulation_steps", 1)
        same = {**more, "gradient_accumulation_steps": accumulated, "fsdp": False}
        experiment.run(load_recipe(str(recipe_file(one / name, tiny_model, **same))), "one")
    out, errors = process.communicate(timeout=1800)
    assert process.returncode == 0, errors
    return one, two, out


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
def test_two_processes_are_one_with_twice_the_accumulation(name: str, both: tuple[Path, Path, str]) -> None:
    one, two, out = both
    mine, wanted = only_run(two / name), only_run(one / name)
    assert len(wanted.metrics()) >= 2
    compared = ["step", "loss", "grad_norm", "learning_rate", "tokens"]
    compared += ["rewards/margins", "logps/chosen", "length/rejected"] if name == "dpo" else []
    for line, other in zip(mine.metrics(), wanted.metrics(), strict=True):
        for key in compared:
            # sharded layers are the plain ones, against fused ones: the norm of all weights' gradients sums in another order
            rel = 2e-4 if key == "grad_norm" and name == "sharded" else 1e-5
            near = 1e-4 if key == "rewards/margins" else 1e-6  # what is left of sums of some hundred nats each
            assert line[key] == pytest.approx(other[key], rel=rel, abs=near), (name, key, line["step"])
    assert mine.state() == "finished" and (mine.latest_checkpoint() is None) == ("sharded" in name)
    assert out.count(f"Run: {mine.path}\n") == 1  # one process speaks


@pytest.mark.slow
@pytest.mark.parametrize("name", ["full", "sharded", "sharded lora"])
def test_what_two_processes_leave_is_a_plain_model(name: str, both: tuple[Path, Path, str]) -> None:
    from smolcourse.inference.loading import load_model

    one, two, _ = both
    (mine, _), (whole, _) = load_model(str(only_run(two / name).path)), load_model(str(only_run(one / name).path))
    for (key, a), (other, b) in zip(mine.named_parameters(), whole.named_parameters(), strict=True):
        assert key == other and float((a - b).abs().max()) < 1e-4, key


@pytest.mark.slow
def test_a_stop_is_heard_by_all_and_the_run_goes_on(tmp_path: Path, tiny_model: Path) -> None:
    file = recipe_file(tmp_path / "broken", tiny_model, max_steps=30, save_steps=100)
    process = torchrun(Path(__file__).with_name("stopped.py"), 1, 0, "SIGINT", "train", file, cwd=tmp_path)  # one of the two
    _, errors = process.communicate(timeout=1200)
    run = only_run(tmp_path / "broken")
    checkpoint = run.latest_checkpoint()
    assert run.state() == "interrupted" and checkpoint is not None and 0 < checkpoint[0] < 30, errors
    process = torchrun("-m", "smolcourse.cli.main", "train", "--resume", run.path, cwd=tmp_path)
    _, errors = process.communicate(timeout=1200)
    assert process.returncode == 0, errors
    whole = experiment.run(load_recipe(str(file), ["gradient_accumulation_steps=2", f"output_dir={tmp_path}/whole"]), "whole")
    losses = [line["loss"] for line in run.metrics()]
    assert losses == pytest.approx([line["loss"] for line in whole.metrics()], rel=1e-4)


def test_shares_are_what_one_process_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    from accelerate.data_loader import SeedableRandomSampler

    sampler = SeedableRandomSampler(range(11), data_seed=7)
    sampler.set_epoch(3)
    order = list(sampler)
    monkeypatch.setenv("WORLD_SIZE", "3")
    found = []
    for rank in range(3):
        monkeypatch.setenv("RANK", str(rank))
        shares = parallel.Shares(11, 2, 7)
        shares.set_epoch(3)
        found.append(list(shares))
    turns = [batch for turn in zip(*found, strict=True) for batch in turn]
    assert [row for batch in turns for row in batch] == order and len(turns) == 6
    last = parallel.Shares(9, 2, 7)  # five batches for three processes: this one has none in the second turn
    assert len(last) == 2 and list(last)[-1] == []
    assert len(list(parallel.Shares(9, 2, 7, fill=False))) == 1
