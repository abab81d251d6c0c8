"""Stopped anywhere and started again: the same rows, none lost, none twice, no question asked twice."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest

from smolcourse.errors import SmolError
from smolcourse.synthesis import engine
from smolcourse.synthesis.engine import run
from smolcourse.synthesis.pipeline import Pipeline, SourceSettings, Step
from smolcourse.synthesis.results import read_state
from smolcourse.synthesis.rows import Ask, Draft, Making, Row, Unanswered, ask, drop, keep, said, said_all
from tests.synthesis.fakes import Fake, echo

SOURCES = {"writer": SourceSettings("nobody")}


def count(*, size: int = 20) -> Iterator[Draft]:
    for number in range(size):
        yield Draft({"number": number})


def question(row: Row, *, words: str = "câu hỏi") -> Making:
    """Two questions, the second about the first's answer; every fifth row is dropped."""
    first = yield from said(f"{words} {row.data['number']}")
    if row.data["number"] % 5 == 4:
        yield drop(row, "fifth", {"length": len(first)}, instruction=first)
        return
    second = yield from said(first, temperature=0.7)
    yield keep(row, {"length": len(second)}, instruction=first, response=second)


def draws(row: Row, draw: Random) -> Iterator[Draft]:
    for _ in range(2):
        yield keep(row, chance=draw.random())


def pool(rows: Sequence[Row], *, rounds: int = 3) -> Making:
    """A long call: its second round depends on the first."""
    said_before = [row.data["response"] for row in rows]
    for turn in range(rounds):
        texts = yield from said_all([ask(f"{turn}: {text}") for text in said_before[:4]])
        for text, row in zip(texts, rows, strict=False):
            yield Draft({"instruction": text, "response": text}, parents=(row.key,))
        said_before = texts


def pipeline(*, words: str = "câu hỏi", size: int = 20, rounds: int = 3, seed: int = 0) -> Pipeline:
    steps = [Step(count, {"size": size}), Step(question, {"words": words}), Step(draws), Step(pool, {"rounds": rounds})]
    return Pipeline("test", steps, SOURCES, seed)


def make(folder: Path, source: Any = None, **settings: Any) -> engine.Outcome:
    return run(pipeline(**settings), folder, sources={"writer": source or Fake()})


def data(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "data.jsonl").read_text(encoding="utf-8").splitlines()]


def lines(folder: Path, step: str) -> list[dict[str, Any]]:
    [name] = [one["file"] for one in read_state(folder)["steps"] if one["name"] == step]
    return [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").splitlines()]


def test_rows_carry_their_history(tmp_path: Path) -> None:
    outcome = make(tmp_path)
    assert outcome.whole and outcome.rows == 12 and read_state(tmp_path)["state"] == "finished"
    asked = {line["key"]: line for line in map(json.loads, (tmp_path / "answers.jsonl").read_text().splitlines())}
    numbers = {line["key"]: line for line in lines(tmp_path, "count")}
    made = lines(tmp_path, "question")
    assert len(made) == 20 and len({line["key"] for line in made}) == 20
    for line in made:
        [parent] = line["parents"]
        assert numbers[parent]["data"]["number"] == line["data"]["number"]
        assert asked[line["answers"][0]]["asked"]["messages"][-1]["content"].startswith("câu hỏi")
        assert asked[line["answers"][-1]]["model"] == "fake" and line["scores"]["length"] > 0
        assert (line.get("dropped") == "fifth") == (line["data"]["number"] % 5 == 4)
    report = outcome.steps[1]
    assert (report.units, report.kept, report.dropped, report.fresh) == (20, 16, {"fifth": 4}, 36)
    assert data(tmp_path)[0]["messages"][0]["role"] == "user" and len({row["id"] for row in data(tmp_path)}) == 12


def test_killed_anywhere_and_resumed_gives_the_same_and_pays_once(tmp_path: Path) -> None:
    whole = Fake()
    make(tmp_path / "whole", whole)
    places = Random(1)
    for turn in range(12):
        folder, paid = tmp_path / str(turn), []
        for _ in range(40):
            source = Fake(dies_after=places.randrange(1, 14))
            try:
                make(folder, source)
            except KeyboardInterrupt:
                paid.append(source.asked)
                spoil_tails(folder, places)
                continue
            paid.append(source.asked)
            break
        assert data(folder) == data(tmp_path / "whole")
        assert sum(map(len, paid)) == len(whole.asked) == whole.asked.total()
        total = sum((one for one in paid[1:]), paid[0])
        assert set(total.values()) == {1}
        for step in ("count", "question", "draws", "pool"):
            keys = [line["key"] for line in lines(folder, step)]
            assert len(keys) == len(set(keys))


def spoil_tails(folder: Path, places: Random) -> None:
    """What a power cut may leave: half a line at the end of any file."""
    for file in folder.rglob("*.jsonl"):
        if places.random() < 0.5:
            with file.open("a", encoding="utf-8") as stream:
                stream.write('{"key": "torn", "te')


def test_rows_lost_from_a_step_file_are_made_again_without_asking(tmp_path: Path) -> None:
    make(tmp_path)
    before = data(tmp_path)
    file = tmp_path / next(one["file"] for one in read_state(tmp_path)["steps"] if one["name"] == "question")
    kept = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(kept[:5]) + kept[5][:20])
    source = Fake()
    outcome = make(tmp_path, source)
    assert source.asked.total() == 0 and outcome.steps[1].redone == 15 and data(tmp_path) == before


def test_a_finished_run_is_not_run_again(tmp_path: Path) -> None:
    make(tmp_path)
    sizes = {file: file.stat().st_size for file in tmp_path.rglob("*.jsonl")}
    source = Fake()
    outcome = make(tmp_path, source)
    assert source.asked.total() == 0 and [step.redone for step in outcome.steps] == [0, 0, 0, 0]
    assert sizes == {file: file.stat().st_size for file in tmp_path.rglob("*.jsonl")}


def test_a_changed_step_redoes_what_depends_on_it_and_nothing_else(tmp_path: Path) -> None:
    make(tmp_path)
    source = Fake()
    outcome = make(tmp_path, source, rounds=4)
    assert [step.redone for step in outcome.steps] == [0, 0, 0, 1]
    assert source.asked.total() == 2  # the first three rounds were answered before
    outcome = make(tmp_path, Fake(), words="khác")
    assert [step.redone for step in outcome.steps] == [0, 20, 16, 1]
    source = Fake()
    make(tmp_path, source)  # and back: everything is still there
    assert source.asked.total() == 0


def test_more_rows_ask_only_for_the_new_ones(tmp_path: Path) -> None:
    make(tmp_path, size=10)
    source = Fake()
    assert make(tmp_path, source, size=12).steps[1].fresh == 4 and make(tmp_path, size=12).steps[1].redone == 0


def test_another_seed_or_model_makes_other_draws(tmp_path: Path) -> None:
    make(tmp_path)
    chances = [line["data"]["chance"] for line in lines(tmp_path, "draws")]
    source = Fake()
    outcome = make(tmp_path, source, seed=1)
    assert [line["data"]["chance"] for line in lines(tmp_path, "draws")] != chances
    assert outcome.steps[1].fresh == 16  # the most likely answers stay, the drawn ones are asked anew
    other = Fake(identity="other")
    assert make(tmp_path, other).steps[1].redone == 20


def test_the_same_question_twice_is_asked_once(tmp_path: Path) -> None:
    def same(row: Row) -> Making:
        text = yield from said("một câu cho tất cả")
        yield keep(row, text=text)

    source = Fake()
    run(Pipeline("same", [Step(count), Step(same)], SOURCES), tmp_path, sources={"writer": source})
    assert source.asked.total() == 1 and len(data(tmp_path)) == 20


def failing(which: str) -> Any:
    def answers(ask: Ask) -> str:
        if ask.messages[-1]["content"] == which:
            raise Unanswered("hỏng")
        return echo(ask)

    return answers


def test_a_question_without_an_answer_costs_its_row_until_the_next_run(tmp_path: Path) -> None:
    outcome = make(tmp_path, Fake(failing("câu hỏi 3")))
    assert not outcome.whole and outcome.steps[1].failed == 1 and outcome.steps[1].error == "hỏng"
    assert outcome.steps[1].kept == 15 and read_state(tmp_path)["state"] == "partial" and data(tmp_path)
    source = Fake()
    outcome = make(tmp_path, source)
    assert outcome.whole and outcome.steps[1].redone == 1
    make(tmp_path / "whole")
    assert data(tmp_path) == data(tmp_path / "whole")


def test_a_long_call_that_fails_keeps_what_it_made(tmp_path: Path) -> None:
    def last_round(ask: Ask) -> str:
        if str(ask.messages[-1]["content"]).startswith("2:"):
            raise Unanswered("hỏng")
        return echo(ask)

    assert make(tmp_path, Fake(last_round)).rows == 8
    assert make(tmp_path).rows == 12
    make(tmp_path / "whole")
    assert data(tmp_path) == data(tmp_path / "whole")


def test_a_step_may_go_on_without_an_answer(tmp_path: Path) -> None:
    def patient(row: Row) -> Making:
        try:
            yield from said(f"câu hỏi {row.data['number']}")
        except Unanswered:
            yield drop(row, "no answer")

    steps = [Step(count, {"size": 4}), Step(patient)]
    outcome = run(Pipeline("p", steps, SOURCES), tmp_path, sources={"writer": Fake(failing("câu hỏi 3"))})
    assert outcome.whole and outcome.steps[1].dropped == {"no answer": 1}


def test_rows_lacking_a_field_are_told_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SmolError, match="response"):
        run(Pipeline("p", [Step(count), Step(pool)], SOURCES), tmp_path, sources={"writer": Fake()})


def test_one_folder_has_one_run_at_a_time(tmp_path: Path) -> None:
    class Nosy(Fake):
        def work(self) -> bool:
            with pytest.raises(SmolError, match=str(tmp_path)):
                make(tmp_path)
            return super().work()

    assert make(tmp_path, Nosy()).whole


def test_a_full_disk_ends_the_run_with_whole_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, left = os.write, [9]

    def full(file: int, block: Any) -> int:
        left[0] -= 1
        if left[0] == 0:
            write(file, bytes(block[:11]))
        if left[0] <= 0:
            raise OSError(28, "No space left on device")
        return write(file, block)

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(SmolError, match="đĩa"):
            make(tmp_path)
    for file in tmp_path.rglob("*.jsonl"):
        assert file.read_bytes() == b"" or file.read_bytes().endswith(b"}\n")
    source = Fake()
    make(tmp_path, source)
    make(tmp_path / "whole")
    assert data(tmp_path) == data(tmp_path / "whole")
