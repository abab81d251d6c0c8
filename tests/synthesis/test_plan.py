"""What a pipeline will ask is told before it asks: never less than it asks then, and nothing for what is there already."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from smolcourse.synthesis.engine import run
from smolcourse.synthesis.methods import answering, documents, evol, ratings, self_instruct, starts
from smolcourse.synthesis.pipeline import Pipeline, SourceSettings, Step
from smolcourse.synthesis.plan import plan
from smolcourse.synthesis.rows import Ask
from smolcourse.synthesis.sources import Local
from tests.synthesis.fakes import Fake


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    file = tmp_path / "seeds.jsonl"
    rows = [{"instruction": f"Viết một bài thơ số {place} về {'a' * place} mùa thu"} for place in range(60)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


def pipeline(seeds: Path, **settings: Any) -> Pipeline:
    steps = [
        Step(starts.read, {"file": seeds}),
        Step(evol.deepen, {"rounds": 2}),
        Step(answering.sample, {"count": 3}),
        Step(ratings.rate, {"aspects": ["truth", "helpfulness"]}),
        Step(ratings.best_and_worst),
    ]
    return Pipeline("p", steps, {"s": SourceSettings("http://localhost:1/v1#m", **settings)})


def answer(ask: Ask) -> str:
    text = str(ask.messages[-1]["content"])
    return str(1 + len(text) % 5) if ask.max_new_tokens == 8 else f"{len(text)} {ask.draw} {text[-20:]}"


def test_numbers_are_upper_bounds_and_near(seeds: Path, tmp_path: Path) -> None:
    told = plan(pipeline(seeds, price=[1.0, 3.0], requests_per_minute=60), tmp_path / "run", sources={"s": Fake()})
    assert [step.units for step in told] == [1, 60, 120, 120, 120]
    assert [step.questions for step in told] == [0, 120, 360, 720, 0]
    assert told[1].completion_tokens == 120 * 256 and told[1].prompt_tokens > 120 * 40
    assert told[1].seconds == 120 and told[0].seconds == 0
    assert told[2].usd == pytest.approx((told[2].prompt_tokens + 3 * told[2].completion_tokens) / 1e6)
    assert not (tmp_path / "run" / "answers.jsonl").read_bytes()  # nobody was asked
    source = Fake(answer)
    outcome = run(pipeline(seeds), tmp_path / "run", sources={"s": source})
    for step, expected in zip(outcome.steps, told, strict=True):
        assert 0.5 * expected.questions <= step.fresh <= expected.questions


def test_what_is_there_already_costs_nothing(seeds: Path, tmp_path: Path) -> None:
    run(pipeline(seeds), tmp_path / "run", sources={"s": Fake(answer)})
    told = plan(pipeline(seeds), tmp_path / "run", sources={"s": Fake()})
    assert all(step.made for step in told) and sum(step.questions for step in told) == 0
    more = Pipeline("p", [*pipeline(seeds).steps[:2], Step(answering.respond, {"max_new_tokens": 99})], pipeline(seeds).sources)
    told = plan(more, tmp_path / "run", sources={"s": Fake()})
    assert [step.made for step in told] == [True, True, False] and told[2].questions == told[1].rows


def test_stand_ins_carry_methods_that_want_json_and_long_calls(seeds: Path, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.txt").write_text("Quán mở cửa lúc 7 giờ sáng. Chủ quán là bà Lan, người Huế.", encoding="utf-8")
    sources = {"s": SourceSettings("http://localhost:1/v1#m")}
    docs = Pipeline("d", [Step(documents.passages, {"folder": tmp_path / "docs"}), Step(documents.questions)], sources)
    told = plan(docs, tmp_path / "d", sources={"s": Fake()})
    assert told[1].questions == 4 and told[1].rows == 3  # one that writes, and a check of each
    grown = Pipeline("g", [Step(starts.read, {"file": seeds}), Step(self_instruct.grow, {"count": 200})], sources)
    told = plan(grown, tmp_path / "g", sources={"s": Fake()})
    assert told[1].units == 1 and told[1].questions >= 200 / 8


def test_a_local_model_is_timed_and_its_answers_are_kept(seeds: Path, tmp_path: Path, tiny_model: Path) -> None:
    from smolcourse.inference.loading import load_model

    def local() -> Local:
        return Local("tiny", "tiny", lambda: load_model(str(tiny_model)))

    steps = [Step(starts.read, {"file": seeds, "size": 20}), Step(answering.respond, {"max_new_tokens": 2})]
    one = Pipeline("p", steps, {"s": SourceSettings("m")})
    told = plan(one, tmp_path / "run", sources={"s": local()})
    assert told[1].seconds and told[1].questions == 20
    outcome = run(one, tmp_path / "run", sources={"s": local()})
    assert (outcome.steps[1].fresh, outcome.steps[1].remembered) == (4, 16)
