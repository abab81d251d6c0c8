"""YAML and Python give the same pipeline; whatever is wrong with one is said with file and key, before anything is asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from smolcourse.errors import SmolError
from smolcourse.synthesis.engine import run
from smolcourse.synthesis.functions import code_version
from smolcourse.synthesis.methods import evol, starts
from smolcourse.synthesis.pipeline import Pipeline, SourceSettings, Step, built_in, load_pipeline
from smolcourse.synthesis.results import PIPELINE
from smolcourse.synthesis.rows import Draft, Making, Row, keep, said
from tests.synthesis.fakes import Fake

GOOD: dict[str, Any] = {
    "seed": 3,
    "sources": {"writer": {"model": "http://localhost:1/v1#m", "requests_per_minute": 60, "price": [1, 2]}},
    "budget": {"usd": 2},
    "steps": [
        {"use": "starts.read", "file": "seeds.jsonl"},
        {"use": "evol.deepen", "rounds": 2, "temperature": 1},
        {"use": "evol.deepen", "name": "again", "after": ["read", "deepen"]},
        {"use": "answering.respond", "source": "writer"},
    ],
}


@pytest.fixture
def write(tmp_path: Path) -> Any:
    (tmp_path / "seeds.jsonl").write_text('{"instruction": "kể chuyện"}\n', encoding="utf-8")

    def save(**changes: Any) -> str:
        path = tmp_path / "p.yaml"
        path.write_text(yaml.safe_dump({**GOOD, **changes}, allow_unicode=True), encoding="utf-8")
        return str(path)

    return save


def test_yaml_becomes_steps_with_all_settings(write: Any, tmp_path: Path) -> None:
    found = load_pipeline(write())
    assert (found.name, found.seed, found.budget.usd) == ("p", 3, 2.0)
    assert [step.name for step in found.steps] == ["read", "deepen", "again", "respond"]
    assert [tuple(step.after) for step in found.steps] == [(), ("read",), ("read", "deepen"), ("again",)]
    assert found.steps[0].settings == {"file": tmp_path / "seeds.jsonl", "size": None}
    assert found.steps[1].settings["temperature"] == 1.0 and found.steps[1].settings["language"] == "vi"
    assert found.sources["writer"].price == [1.0, 2.0]
    same = Pipeline(
        "p",
        [Step(starts.read, {"file": tmp_path / "seeds.jsonl"}), Step(evol.deepen, {"rounds": 2, "temperature": 1.0})],
        {"writer": SourceSettings("m")},
        3,
    )
    for mine, other in zip(same.steps, found.steps, strict=False):
        assert mine.fingerprint(3, "x") == other.fingerprint(3, "x")


def test_words_on_the_command_line_change_it(write: Any) -> None:
    words = ["seed=9", "budget.requests=5", "sources.writer.model=http://localhost:2/v1", "deepen.rounds=4", "again.rounds=1"]
    found = load_pipeline(write(), words)
    assert (found.seed, found.budget.requests, found.budget.usd) == (9, 5, 2.0)
    assert found.sources["writer"].model == "http://localhost:2/v1"
    assert [step.settings.get("rounds") for step in found.steps] == [None, 4, 1, None]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"stepz": []}, "steps"),
        ({"steps": []}, "steps"),
        ({"steps": [{"file": "seeds.jsonl"}]}, "use"),
        ({"steps": [{"use": "starts.red", "file": "seeds.jsonl"}]}, "starts.read"),
        ({"steps": [{"use": "starts.read"}]}, "file"),
        ({"steps": [{"use": "starts.read", "file": "none.jsonl"}]}, "none.jsonl"),
        ({"steps": [{"use": "starts.read", "file": "seeds.jsonl", "sise": 3}]}, "size"),
        ({"steps": [{"use": "starts.read", "file": "seeds.jsonl", "size": "many"}]}, "steps[0] read.size"),
        ({"steps": [{"use": "evol.deepen"}]}, "steps[0]"),
        ({"steps": [*GOOD["steps"], {"use": "evol.broaden", "after": "reed"}]}, "steps[4] broaden.after"),
        ({"steps": [*GOOD["steps"], {"use": "evol.broaden", "source": "writr"}]}, "writer"),
        ({"steps": [*GOOD["steps"], {"use": "evol.deepen", "name": "again"}]}, "again"),
        ({"steps": [*GOOD["steps"], {"use": "evol.deepen", "ways": ["depht"]}]}, "steps[4] deepen_2.ways"),
        ({"steps": [*GOOD["steps"], {"use": "mine.py:shorten"}]}, "mine.py"),
        ({"sources": {}}, "sources"),
        ({"sources": {"writer": {"model": "m", "pool": ["writer"]}}}, "pool"),
        ({"sources": {"writer": {"pool": ["other"]}}}, "sources.writer.pool"),
        ({"sources": {"writer": {"modell": "m"}}}, "model"),
        ({"sources": {"writer": {"model": "m", "requests_per_minute": 0}}}, "sources.writer"),
        ({"sources": {"writer": "m"}}, "sources.writer"),
        ({"budget": {"usd": "much"}}, "budget.usd"),
        ({"seed": "x"}, "seed"),
    ],
)
def test_what_is_wrong_is_said_with_file_and_key(changes: dict[str, Any], said: str, write: Any) -> None:
    path = write(**changes)
    with pytest.raises(SmolError) as caught:
        load_pipeline(path)
    assert said in str(caught.value) and path in str(caught.value)


@pytest.mark.parametrize("word", ["seed", "nobody.size=3", "sources.writer.model.x=3", "seed.x=1"])
def test_words_that_fit_nothing_are_refused(word: str, write: Any) -> None:
    with pytest.raises(SmolError):
        load_pipeline(write(), [word])


def test_the_built_in_pipelines_load() -> None:
    assert "orders" in built_in()
    for name in built_in():
        assert load_pipeline(name).steps
    with pytest.raises(SmolError, match="orders"):
        load_pipeline("order")


def test_a_step_of_ones_own_beside_the_recipe(write: Any, tmp_path: Path) -> None:
    own = '''
"""My own."""
from smolcourse.synthesis.rows import Making, Row, keep, said

def shorten(row: Row, *, words: int = 3) -> Making:
    text = yield from said(f"{words}: {row.data['instruction']}")
    yield keep(row, response=text)
'''
    (tmp_path / "mine.py").write_text(own, encoding="utf-8")
    path = write(steps=[GOOD["steps"][0], {"use": "mine.py:shorten", "words": 5}])
    found = load_pipeline(path)
    assert found.steps[1].asks and found.steps[1].takes == "row"
    source = Fake()
    assert run(found, tmp_path / "run", sources={"writer": source}).rows == 1
    assert source.asks[0].messages[-1]["content"] == "5: kể chuyện"
    (tmp_path / "mine.py").write_text(own.replace('"""My own."""', '"""Still my own."""  # a comment'), encoding="utf-8")
    assert run(load_pipeline(path), tmp_path / "run", sources={"writer": source}).steps[1].redone == 0
    (tmp_path / "mine.py").write_text(own.replace("{words}: ", "{words}; "), encoding="utf-8")
    assert run(load_pipeline(path), tmp_path / "run", sources={"writer": source}).steps[1].redone == 1
    (tmp_path / "mine.py").write_text("import nothing_of_this_name\n", encoding="utf-8")
    with pytest.raises(SmolError, match=r"mine\.py"):
        load_pipeline(path)


def test_a_changed_file_is_read_again(write: Any, tmp_path: Path) -> None:
    path = write(steps=[GOOD["steps"][0]])
    assert run(load_pipeline(path), tmp_path / "run", sources={}).rows == 1
    (tmp_path / "seeds.jsonl").write_text('{"instruction": "a"}\n{"instruction": "b"}\n', encoding="utf-8")
    assert run(load_pipeline(path), tmp_path / "run", sources={}).rows == 2


def test_what_was_run_is_written_down(write: Any, tmp_path: Path) -> None:
    found = load_pipeline(write(steps=GOOD["steps"][:2]))
    run(found, tmp_path / "run", sources={"writer": Fake()})
    values = yaml.safe_load((tmp_path / "run" / PIPELINE).read_text(encoding="utf-8"))
    assert values["seed"] == 3 and values["steps"][1]["use"] == "evol.deepen" and values["steps"][1]["rounds"] == 2
    assert values["sources"]["writer"]["model"] == "http://localhost:1/v1#m"


def test_how_a_step_is_told_by_its_signature() -> None:
    def begins(*, size: int = 1) -> Iterator[Draft]:
        yield Draft({})

    def one(row: Row) -> Making:
        yield keep(row, text=(yield from said("?")))

    def all_of(rows: Sequence[Row]) -> Iterator[Draft]:
        yield from map(keep, rows)

    kinds = [(Step(function).takes, Step(function).asks, Step(function).draws) for function in (begins, one, all_of, evol.deepen)]
    assert kinds == [("nothing", False, False), ("row", True, False), ("rows", False, False), ("row", True, True)]
    assert code_version(evol.deepen) == code_version(evol.broaden) != code_version(starts.read)
