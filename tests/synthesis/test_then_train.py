"""Closing the loop: three sets of one size, one recipe, one table; what was stopped goes on."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml

from smolcourse import experiment
from smolcourse.config import recipes_folder
from smolcourse.data.reading import read_rows
from smolcourse.errors import SmolError
from smolcourse.evaluation.statistics import Interval
from smolcourse.synthesis import then_train as module
from smolcourse.synthesis.engine import run
from smolcourse.synthesis.pipeline import Pipeline, Step, Training, load_pipeline
from smolcourse.synthesis.rows import Ask, Draft, Making, Row, drop, keep, said
from smolcourse.synthesis.then_train import Comparison, report, then_train, unfiltered
from smolcourse.training.runs import Run
from tests.synthesis.fakes import Fake

STOPPED = Path(__file__).parent.parent / "training" / "stopped.py"
HUMAN = {"dataset_name": "milk-tea", "dataset_config": {"seed": 0, "language": "vi"}}


def numbers(*, count: int) -> Iterator[Draft]:
    for number in range(count):
        yield Draft({"instruction": f"đơn {number}", "response": "[]"})


def asked(row: Row) -> Making:
    text = yield from said(row.data["instruction"])
    yield keep(row, response=text)


def good(row: Row) -> Iterator[Draft]:
    yield drop(row, "bad") if "bad" in row.data["response"] else keep(row)


def other(row: Row) -> Iterator[Draft]:
    yield drop(row, "seven") if "7" in row.data["instruction"] else keep(row)


def shouted(row: Row, draw: Random) -> Iterator[Draft]:
    yield keep(row, instruction=row.data["instruction"].upper())


def answer(ask: Ask) -> str:
    return "bad" if str(ask.messages[-1]["content"])[-1] in "1359" else "[]"


def pipeline(*steps: Step, train: Training | None) -> Pipeline:
    from smolcourse.synthesis.pipeline import SourceSettings

    return Pipeline("p", steps, {"s": SourceSettings(model="nobody")}, train=train)


def whole(train: Training | None) -> Pipeline:
    made = (Step(numbers, {"count": 40}), Step(asked), Step(good, after=["numbers", "asked"]), Step(other), Step(shouted))
    return pipeline(*made, train=train)


def test_without_its_filters_a_pipeline_takes_rows_from_before_them() -> None:
    plain = unfiltered(whole(Training("r", ["good", "other"], HUMAN)))
    assert [step.name for step in plain.steps] == ["numbers", "asked", "shouted"]
    assert tuple(plain.steps[-1].after) == ("numbers", "asked")
    ended = unfiltered(
        pipeline(
            Step(numbers, {"count": 4}), Step(asked), Step(good, after=["numbers", "asked"]), train=Training("r", ["good"], HUMAN)
        )
    )
    assert ended.steps[-1].name == "unfiltered" and tuple(ended.steps[-1].after) == ("numbers", "asked")


def test_a_filter_that_is_no_step_and_a_key_that_is_missing_are_told(tmp_path: Path) -> None:
    with pytest.raises(SmolError, match="goood"):
        whole(Training("r", ["goood"], HUMAN))
    (tmp_path / "p.yaml").write_text(
        yaml.safe_dump({"steps": [{"use": "orders.compose"}], "train": {"recipe": "r", "filters": []}}), encoding="utf-8"
    )
    with pytest.raises(SmolError):
        load_pipeline(str(tmp_path / "p.yaml"))


def test_what_says_nothing_of_training_or_is_not_made_yet_is_not_trained_on(tmp_path: Path) -> None:
    with pytest.raises(SmolError, match="p: train"):
        then_train(whole(None), tmp_path)
    with pytest.raises(SmolError, match="chưa chạy xong"):
        then_train(whole(Training("r", ["good"], HUMAN)), tmp_path)


def test_three_trainings_on_as_many_rows_and_nothing_is_done_or_asked_twice(
    tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = {
        "model_name_or_path": str(tiny_model),
        "dataset_name": "milk-tea",
        "max_steps": 1,
        "warmup_steps": 0,
        "max_length": 256,
        "dtype": "float32",
    }
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
    train = Training(
        str(tmp_path / "tiny.yaml"),
        ["good", "other"],
        HUMAN,
        {"task": "milk-tea", "task_splits": ["new", "noisy"], "task_size": 2},
    )
    folder, source = tmp_path / "made", Fake(answer)
    made = whole(train)
    outcome = run(made, folder, sources={"s": source})
    assert source.asked.total() == 40
    begun: list[str] = []
    real = experiment.run

    def counted(recipe: Any, name: str, *rest: Any, **named: Any) -> Any:
        begun.append(Path(recipe.dataset_name).stem)
        if begun == ["raw", "filtered"]:
            raise KeyboardInterrupt  # the second training is stopped before it began
        return real(recipe, name, *rest, **named)

    monkeypatch.setattr(experiment, "run", counted)
    with pytest.raises(KeyboardInterrupt):
        then_train(made, folder, sources={"s": source})
    found = then_train(made, folder, sources={"s": source})
    assert begun == ["raw", "filtered", "filtered", "human"] and source.asked.total() == 40
    assert found.rows == outcome.rows == 56
    sets = {name: [row for _, row in read_rows(found.folder / f"{name}.jsonl")] for name in module.SETS}
    assert {len(rows) for rows in sets.values()} == {outcome.rows}
    answers = {name: [row["messages"][-1]["content"] for row in rows] for name, rows in sets.items()}
    assert "bad" in answers["raw"] and "bad" not in answers["filtered"] and "món" in answers["human"][0]
    assert all(row["messages"][-2]["content"].startswith("ĐƠN") for name in ("raw", "filtered") for row in sets[name])
    assert found.dropped == {"bad": 16, "seven": 8}
    assert {name: {task: len(values) for task, values in tasks.items()} for name, tasks in found.scores.items()} == {
        name: {"milk-tea:new": 2, "milk-tea:noisy": 2} for name in module.SETS
    }
    text = (found.folder / "report.md").read_text(encoding="utf-8")
    assert text == report(found) and "16: bad" in text and "milk-tea:noisy" in text
    result = json.loads((found.folder / "result.json").read_text(encoding="utf-8"))
    assert result["rows"] == outcome.rows and set(result["exact_match"]) == set(module.SETS)
    again = then_train(made, folder, sources={"s": source})
    assert again == found and begun == ["raw", "filtered", "filtered", "human"]


@pytest.mark.slow
def test_a_training_that_is_killed_is_gone_on_with_by_the_same_command(
    tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = recipes_folder() / "synth" / "orders"
    recipe = {
        "model_name_or_path": str(tiny_model),
        "dataset_name": "milk-tea",
        "max_steps": 8,
        "warmup_steps": 0,
        "save_steps": 2,
        "max_length": 256,
        "dtype": "float32",
    }
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
    made = {
        "steps": [
            {"use": "starts.read", "file": str(orders / "seeds.jsonl")},
            {"use": "orders.compose", "rules": str(orders / "rules.yaml"), "count": 12},
            {"use": "orders.verify", "rules": str(orders / "rules.yaml")},
        ],
        "train": {
            "recipe": str(tmp_path / "tiny.yaml"),
            "filters": ["verify"],
            "human": HUMAN,
            "settings": {"task": "milk-tea", "task_size": 1},
        },
    }
    (tmp_path / "p.yaml").write_text(yaml.safe_dump(made), encoding="utf-8")
    command = [sys.executable, str(STOPPED), "3", "0", "SIGKILL", "synth", str(tmp_path / "p.yaml"), "-o", str(tmp_path / "made")]
    killed = subprocess.run([*command, "--then-train"], cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=900)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    [begun] = (tmp_path / "made" / "then-train" / "runs").glob("raw-*/*/")
    before = Run.open(begun).metrics()
    assert before[-1]["step"] >= 3 and not experiment.is_finished(Run.open(begun))
    pipeline = load_pipeline(str(tmp_path / "p.yaml"))

    def anew(recipe: Any, *rest: Any, **named: Any) -> None:
        raise KeyboardInterrupt(Path(recipe.dataset_name).stem)

    monkeypatch.setattr(experiment, "run", anew)
    with pytest.raises(KeyboardInterrupt, match="filtered"):  # the first that is begun anew is the second
        then_train(pipeline, tmp_path / "made")
    assert experiment.is_finished(Run.open(begun)) and len(list(begun.parent.iterdir())) == 1
    after = Run.open(begun).metrics()
    assert [line["step"] for line in after] == list(range(1, 9)) and after[:2] == before[:2]


def test_a_gain_that_chance_explains_is_called_so() -> None:
    scores = {"raw": {"t": [0.0] * 30 + [1.0] * 10}, "filtered": {"t": [1.0] * 40}, "human": {"t": [1.0] * 39 + [0.0]}}
    found = Comparison(40, {}, scores, {}, Path("x"))
    gain = found.gain("raw", "filtered", "t")
    assert gain.value == 0.75 and gain.low > 0.5 and isinstance(gain, Interval)
    lines = report(found).splitlines()
    assert any("+75.0 [" in line and "ngẫu nhiên" not in line for line in lines)
    assert any("+2.5 [" in line and "có thể do ngẫu nhiên" in line for line in lines)
