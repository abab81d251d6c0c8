"""Data sets by name come out as native rows, or end in an error that names file, row and key."""

import json
from pathlib import Path
from typing import Any

import pytest

from smolcourse.data.loading import load_rows
from smolcourse.errors import SmolError

ROWS = [{"question": f"q{i}", "answer": f"a{i}"} for i in range(5)]


def write(file: Path, rows: list[Any]) -> str:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(file)


def test_built_in_rows() -> None:
    rows = list(load_rows("milk-tea", {"size": 7, "seed": 3}, "unseen"))
    assert len(rows) == 7
    assert rows[0]["messages"][-1]["role"] == "assistant"
    assert rows == list(load_rows("milk-tea", {"size": 7, "seed": 3}, "unseen"))
    assert rows != list(load_rows("milk-tea", {"size": 7, "seed": 4}, "unseen"))
    assert rows != list(load_rows("milk-tea", {"size": 7, "seed": 3, "language": "en"}, "unseen"))
    assert list(load_rows("milk-tea", {"size": 2, "seed": None})) == list(load_rows("milk-tea", {"size": 2}, "train"))


def test_files_come_out_native(tmp_path: Path) -> None:
    name = write(tmp_path / "a.jsonl", ROWS)
    rows = list(load_rows(name, {}, "train"))
    assert rows[1] == {"messages": [{"role": "user", "content": "q1"}, {"role": "assistant", "content": "a1"}]}
    assert len(rows) == 5
    assert list(load_rows(name, {"size": 2})) == rows[:2]


def test_references_go_through_the_assets_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "a.jsonl", ROWS)
    monkeypatch.setattr("smolcourse.assets.resolve", lambda reference: {"some-alias": tmp_path / "a.jsonl"}[reference])
    assert len(list(load_rows("some-alias"))) == 5


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("config", "split", "where"),
    [
        ({}, "tests", None),
        ({"sise": 5}, "train", "dataset_config.sise"),
        ({"size": 0}, "train", "dataset_config.size"),
        ({"size": "5"}, "train", "dataset_config.size"),
        ({"size": True}, "train", "dataset_config.size"),
        ({"size": float("nan")}, "train", "dataset_config.size"),
        ({"seed": -1}, "train", "dataset_config.seed"),
        ({"language": "fr"}, "train", "dataset_config.language"),
    ],
)
def test_wrong_settings(config: dict[str, Any], split: str, where: str | None) -> None:
    with pytest.raises(SmolError) as caught:
        load_rows("milk-tea", config, split)
    assert caught.value.where == where


@pytest.mark.bad_input
def test_settings_of_the_built_in_data_are_not_silently_ignored_for_a_file(tmp_path: Path) -> None:
    with pytest.raises(SmolError, match="seed"):
        load_rows(write(tmp_path / "a.jsonl", ROWS), {"seed": 1})


@pytest.mark.bad_input
def test_the_first_bad_row_stops_with_its_place(tmp_path: Path) -> None:
    name = write(tmp_path / "a.jsonl", [*ROWS, {"question": "q", "answer": ""}])
    rows = load_rows(name)
    assert len([next(rows) for _ in range(5)]) == 5
    with pytest.raises(SmolError) as caught:
        next(rows)
    assert caught.value.where == f"{name}:6 messages[1].content"


@pytest.mark.bad_input
def test_mixed_shapes_are_refused(tmp_path: Path) -> None:
    name = write(tmp_path / "a.jsonl", [ROWS[0], {"text": "x"}])
    with pytest.raises(SmolError) as caught:
        list(load_rows(name))
    assert caught.value.where == f"{name}:2"
    assert "--fix" in str(caught.value.fix)


@pytest.mark.bad_input
def test_an_unknown_name() -> None:
    with pytest.raises(SmolError, match="milk-te"):
        list(load_rows("milk-te"))
