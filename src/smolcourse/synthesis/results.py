"""What a run leaves for people and other rooms: the pipeline as it was run, what came of each step, the rows to train on."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from smolcourse.data.formats import to_native
from smolcourse.data.problems import RowError
from smolcourse.data.writing import new_jsonl
from smolcourse.synthesis.ledger import StoredRows
from smolcourse.synthesis.pipeline import Pipeline, Step
from smolcourse.training.durable import json_text, mendable, read_json, replace_file

PIPELINE, STATE, DATA = "pipeline.yaml", "state.json", "data.jsonl"


@dataclass
class StepReport:
    """What came of one step.

    Attributes:
        units: calls of the function that the step consists of.
        redone: those that were made in this run; the others were there already.
        failed: calls that got no answer and made nothing; the next run tries them again.
        kept, dropped: rows that go on, and those that do not, by reason.
        fresh, remembered: answers that were asked for, and those known from before.
    """

    name: str
    file: str
    units: int = 0
    redone: int = 0
    failed: int = 0
    kept: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    fresh: int = 0
    remembered: int = 0
    seconds: float = 0.0
    error: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of a run. `whole`: no call stayed without its answer."""

    folder: Path
    steps: list[StepReport]
    rows: int
    requests: int
    tokens: int
    usd: float
    doubtful: int

    @property
    def whole(self) -> bool:
        return not any(step.failed for step in self.steps)


def describe(pipeline: Pipeline, folder: Path) -> None:
    """Writes the pipeline with all its settings; files are named as they lie here."""
    values = {
        "name": pipeline.name,
        "seed": pipeline.seed,
        "sources": {name: dataclasses.asdict(source) for name, source in pipeline.sources.items()},
        "budget": {name: most for name, most in dataclasses.asdict(pipeline.budget).items() if most is not None},
        "steps": [_described(pipeline, step) for step in pipeline.steps],
    }
    text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
    with mendable(folder):
        replace_file(folder / PIPELINE, text)


def _described(pipeline: Pipeline, step: Step) -> dict[str, Any]:
    module = step.function.__module__
    use = f"{module.rpartition('.')[2]}.{step.function.__name__}"
    plain = {name: str(value) if isinstance(value, Path) else value for name, value in step.settings.items()}
    place = {"after": list(step.after)} if step.after else {}
    source = {"source": pipeline.source_of(step)} if step.asks else {}
    return {"use": use, "name": step.name, **place, **source, **plain}


def step_file(step: Step, version: str) -> str:
    """Where in the run's folder the rows of this version of a step lie."""
    return f"steps/{step.name}-{version[:12]}.jsonl"


def write_state(folder: Path, state: str, steps: Sequence[StepReport]) -> None:
    """`running`, `partial` (some calls got no answer: run it again) or `finished`; and what came of each step so far."""
    with mendable(folder):
        # `asdict` takes a Counter for a list of pairs and counts these.
        steps_as_json = [{**dataclasses.asdict(step), "dropped": dict(step.dropped)} for step in steps]
        replace_file(folder / STATE, json_text({"state": state, "steps": steps_as_json}))


def read_state(folder: Path) -> dict[str, Any]:
    """What `write_state` wrote; empty if there is nothing."""
    return read_json(folder / STATE)


def write_data(folder: Path, rows: StoredRows) -> int:
    """Writes the last step's rows in the shape that trainers take, each with the key it has in the step's file. Returns how many.

    Rows that are nothing to train on (passages, topics) are written as they are.
    """
    plain = False
    try:
        for row in rows:
            to_native(row.data)
    except RowError:
        plain = True
    with new_jsonl([folder / DATA], force=True) as (write,):
        for row in rows:
            write({**(row.data if plain else to_native(row.data)), "id": row.key})
    return len(rows)
