"""Calls made elsewhere: the same rows in the same files as those made here; a small Ray cluster among the places."""

from __future__ import annotations

import importlib.util
import pickle
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random

import pytest
import yaml

from smolcourse.config import recipes_folder
from smolcourse.errors import SmolError
from smolcourse.synthesis.calls import Call, Made, made_by
from smolcourse.synthesis.cluster import ray_cluster
from smolcourse.synthesis.engine import run
from smolcourse.synthesis.pipeline import Pipeline, Step, load_pipeline
from smolcourse.synthesis.rows import Draft, Row, drop, keep, said

RULES = recipes_folder() / "synth" / "orders"


def numbers(*, count: int = 30) -> Iterator[Draft]:
    for number in range(count):
        yield Draft({"number": number})


def drawn(row: Row, draw: Random) -> Iterator[Draft]:
    for _ in range(row.data["number"] % 3):
        yield keep(row, chance=draw.random())
    if row.data["number"] % 7 == 0:
        yield drop(row, "seventh")


def needs_more(row: Row) -> Iterator[Draft]:
    yield keep(row, more=row.data["more"] + 1)


def asks_unsaid(row: Row) -> Iterator[Draft]:
    yield from said("câu hỏi")  # type: ignore[misc]


class Elsewhere:
    """Calls as another process gets them; what they made as it comes back."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self, calls: Iterable[Call]) -> Iterator[Made]:
        for call in list(calls):
            self.made += 1
            travelled = pickle.loads(pickle.dumps((call.given, call.settings, call.drawn)))
            yield pickle.loads(pickle.dumps(made_by(Call(call.function, *travelled))))


def files(folder: Path) -> dict[str, bytes]:
    found = [folder / "data.jsonl", *(folder / "steps").iterdir()]
    return {file.name: file.read_bytes() for file in found}


def test_calls_made_elsewhere_leave_the_same_files(tmp_path: Path) -> None:
    pipeline = Pipeline("p", [Step(numbers), Step(drawn)])
    elsewhere = Elsewhere()
    here, there = run(pipeline, tmp_path / "here"), run(pipeline, tmp_path / "there", spread=elsewhere)
    assert here.rows == there.rows > 20 and elsewhere.made == 30  # what begins a pipeline is one call, made here
    assert [step.dropped for step in here.steps] == [step.dropped for step in there.steps]
    assert files(tmp_path / "here") == files(tmp_path / "there")
    assert run(pipeline, tmp_path / "there", spread=elsewhere).rows == here.rows and elsewhere.made == 30


def test_a_stop_on_the_way_loses_nothing_that_was_written(tmp_path: Path) -> None:
    pipeline = Pipeline("p", [Step(numbers), Step(drawn)])
    run(pipeline, tmp_path / "whole")

    def torn(calls: Iterable[Call]) -> Iterator[Made]:
        for place, made in enumerate(Elsewhere()(calls)):
            if place == 11:
                raise KeyboardInterrupt
            yield made

    with pytest.raises(KeyboardInterrupt):
        run(pipeline, tmp_path / "torn", spread=torn)
    again = Elsewhere()
    run(pipeline, tmp_path / "torn", spread=again)
    assert again.made == 30 - 11 and files(tmp_path / "torn") == files(tmp_path / "whole")


def test_what_goes_wrong_elsewhere_is_told_as_if_it_were_here(tmp_path: Path) -> None:
    with pytest.raises(SmolError) as caught:
        run(Pipeline("p", [Step(numbers), Step(needs_more)]), tmp_path / "more", spread=Elsewhere())
    assert "'more'" in str(caught.value) and caught.value.where == "numbers"
    with pytest.raises(TypeError, match="asks_unsaid asks"):
        run(Pipeline("p", [Step(numbers), Step(asks_unsaid)]), tmp_path / "asks", spread=Elsewhere())


def test_without_ray_the_command_that_mends_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(SmolError) as caught, ray_cluster(2):
        pass
    assert str(caught.value.fix).startswith("pip install ray")


@pytest.mark.slow
def test_two_workers_of_ray_make_the_rows_that_one_process_makes(tmp_path: Path) -> None:
    """Steps of this package, and one of a file that the workers cannot import."""
    if importlib.util.find_spec("ray") is None:
        pytest.skip("Ray is not installed")
    steps = [
        {"use": "starts.read", "name": "seeds", "file": str(RULES / "seeds.jsonl")},
        {"use": "orders.compose", "rules": str(RULES / "rules.yaml"), "count": 300},
        {"use": "orders.verify", "rules": str(RULES / "rules.yaml")},
        {"use": "mine.py:shout"},
        {"use": "orders.typed", "rules": str(RULES / "rules.yaml"), "share": 0.5},
    ]
    recipe = tmp_path / "p.yaml"
    recipe.write_text(yaml.safe_dump({"steps": steps}), encoding="utf-8")
    (tmp_path / "mine.py").write_text(
        "from smolcourse.synthesis.rows import keep\n\n"
        "def loud(text):\n    return text.upper()\n\n"
        "def shout(row):\n    yield keep(row, instruction=loud(row.data['instruction']))\n",
        encoding="utf-8",
    )
    here = run(load_pipeline(str(recipe)), tmp_path / "here")
    command = [sys.executable, "-m", "smolcourse.cli.main", "synth", str(recipe), "-o", str(tmp_path / "there")]
    command += ["--engine", "ray", "--processes", "2"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=600, cwd=tmp_path)
    if "Ray không chạy được" in done.stderr:
        pytest.skip(f"Ray cannot start on this machine: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    assert here.rows > 250 and files(tmp_path / "there") == files(tmp_path / "here")
