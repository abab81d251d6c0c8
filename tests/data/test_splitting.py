"""A split is seeded, keeps groups and equal questions together, and never leaves half of itself behind."""

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from smolcourse.cli.main import main
from smolcourse.data.checking import check
from smolcourse.data.splitting import split_file
from smolcourse.errors import SmolError

Row = dict[str, Any]


def chat(question: str, answer: str, **more: Any) -> Row:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}], **more}


def write(file: Path, rows: list[Row]) -> Path:
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return file


def read(file: str | Path) -> list[Row]:
    return [json.loads(line) for line in Path(file).read_text(encoding="utf-8").splitlines()]


def halves(source: Path, **options: Any) -> tuple[list[Row], list[Row]]:
    result = split_file(source, force=True, **options)
    train, test = read(result.train), read(result.test)
    assert (len(train), len(test)) == (result.train_rows, result.test_rows)
    return train, test


ROWS = [chat(f"câu {i}", f"a{i}", id=i) for i in range(1000)]


def ids(rows: list[Row]) -> set[int]:
    return {row["id"] for row in rows}


def test_every_row_goes_to_one_side_unchanged(tmp_path: Path) -> None:
    train, test = halves(write(tmp_path / "a.jsonl", ROWS), test=0.2)
    assert sorted(train + test, key=lambda row: row["id"]) == ROWS
    assert [row["id"] for row in train] == sorted(ids(train)), "in the order of the source"
    assert 150 < len(test) < 250
    assert {file.name for file in tmp_path.iterdir()} == {"a.jsonl", "a.train.jsonl", "a.test.jsonl"}


def test_seeds(tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl", ROWS)
    first, again, other = (ids(halves(source, seed=seed)[1]) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert len(first & other) < 40, "another seed draws anew"


def test_rows_added_later_move_no_other_row(tmp_path: Path) -> None:
    before = ids(halves(write(tmp_path / "a.jsonl", ROWS[:600]))[1])
    after = ids(halves(write(tmp_path / "a.jsonl", ROWS[::-1]))[1])
    assert before == {i for i in after if i < 600}


def test_a_larger_share_keeps_the_smaller_test_set(tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl", ROWS)
    assert ids(halves(source, test=0.1)[1]) < ids(halves(source, test=0.3)[1])


def test_equal_questions_stay_together(tmp_path: Path) -> None:
    rows = [chat(text, f"{i} {j}", id=i) for i in range(100) for j, text in enumerate((f"Câu {i}?", f"câu  {i}", f"CÂU {i}!"))]
    source = write(tmp_path / "a.jsonl", rows)
    train, test = halves(source, test=0.3)
    assert not ids(train) & ids(test)
    assert check(tmp_path / "a.train.jsonl", against=tmp_path / "a.test.jsonl").trainable


def test_groups_stay_together(tmp_path: Path) -> None:
    rows = [chat(f"câu {i}", "a", meta={"customer": i % 50}) for i in range(500)]
    train, test = halves(write(tmp_path / "a.jsonl", rows), test=0.3, group="meta.customer")
    sides = [{row["meta"]["customer"] for row in side} for side in (train, test)]
    assert not sides[0] & sides[1]
    assert sides[0] | sides[1] == set(range(50))
    assert len(sides[1]) > 5


def test_groups_that_share_a_question_stay_together_too(tmp_path: Path) -> None:
    """Customers 0-1, 1-2, ... 8-9 of each ten share a question: the whole chain goes to one side."""
    rows = []
    for customer in range(400):
        rows.append(chat(f"riêng {customer}", "a", customer=customer))
        if customer % 10:
            rows += [chat(f"chung {customer}", "a", customer=customer), chat(f"chung {customer}", "b", customer=customer - 1)]
    train, test = halves(write(tmp_path / "a.jsonl", rows), test=0.4, group="customer")
    chains = defaultdict(set)
    for side, part in enumerate((train, test)):
        for row in part:
            chains[row["customer"] // 10].add(side)
    assert len(chains) == 40
    assert all(len(sides) == 1 for sides in chains.values())
    assert train and test


@pytest.mark.parametrize("count", [2, 3, 5])
def test_neither_side_is_ever_empty(tmp_path: Path, count: int) -> None:
    source = write(tmp_path / "a.jsonl", ROWS[:count])
    for seed in range(10):
        for share in (0.01, 0.99):
            train, test = halves(source, seed=seed, test=share)
            assert train and test


def test_other_formats_and_names(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("question,answer\n" + "".join(f"q{i},a{i}\n" for i in range(50)))
    train, test = halves(tmp_path / "a.csv")
    assert {row["question"] for row in train + test} == {f"q{i}" for i in range(50)}
    out = tmp_path / "out"
    out.mkdir()
    split_file(tmp_path / "a.csv", folder=out)
    assert {file.name for file in out.iterdir()} == {"a.train.jsonl", "a.test.jsonl"}


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("rows", "options"),
    [
        (ROWS[:10], {"test": 0.0}),
        (ROWS[:10], {"test": 1.0}),
        (ROWS[:10], {"test": float("nan")}),
        (ROWS[:10], {"group": "customer"}),
        (ROWS[:10], {"group": "id.x"}),
        (ROWS[:1], {}),
        ([chat("một câu", str(i)) for i in range(10)], {}),
        ([*ROWS[:10], chat("", "a")], {}),
        ([*ROWS[:10], {"x": 1}], {}),
    ],
)
def test_what_cannot_be_split_leaves_nothing(tmp_path: Path, rows: list[Row], options: dict[str, Any]) -> None:
    source = write(tmp_path / "a.jsonl", rows)
    with pytest.raises(SmolError):
        split_file(source, **options)
    assert [file.name for file in tmp_path.iterdir()] == ["a.jsonl"]


def test_existing_files_are_kept(tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl", ROWS)
    (tmp_path / "a.test.jsonl").write_text("mine")
    with pytest.raises(SmolError, match=r"a\.test\.jsonl"):
        split_file(source)
    assert (tmp_path / "a.test.jsonl").read_text() == "mine"
    assert not (tmp_path / "a.train.jsonl").exists()
    split_file(source, force=True)
    assert (tmp_path / "a.test.jsonl").read_text() != "mine"


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    source = write(tmp_path / "a.jsonl", ROWS)
    monkeypatch.setattr(sys, "argv", ["smol", "data", "split", str(source), "--test", "0.2", "--format", "json"])
    with pytest.raises(SystemExit) as stop:
        main()
    assert not stop.value.code
    result = json.loads(capsys.readouterr().out)
    assert result["train_rows"] + result["test_rows"] == 1000
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    assert "--force" in capsys.readouterr().err
