"""Filters that ask a model or know the tests: likelihoods, grades, leaks."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from smolcourse.data import milk_tea
from smolcourse.evaluation.contamination import finder
from smolcourse.evaluation.tasks import TEST_SEED, load_task
from smolcourse.synthesis.filters import difficulty, judges, leaks
from smolcourse.synthesis.rows import Ask, Row, drafts_of


@pytest.fixture(scope="module")
def loaded(tiny_model: Path) -> tuple[object, object]:
    from smolcourse.inference.loading import load_model

    return load_model(str(tiny_model))


def mean_loss(model: object, tokenizer: object, context: list[int], answer: list[int]) -> float:
    ids = torch.tensor([context + answer])
    with torch.inference_mode():
        logits = model(ids).logits[0, len(context) - 1 : -1].log_softmax(-1)  # type: ignore[operator]
    return -float(logits[range(len(answer)), answer].mean())


def test_difficulty_is_the_papers(loaded: tuple[object, object]) -> None:
    from smolcourse.inference.loglik import Reader

    model, tokenizer = loaded
    instruction, answer = "Thủ đô của Pháp?", "Paris, bên sông Seine."
    behind, alone = (
        tokenizer.apply_chat_template([{"role": "user", "content": text}], add_generation_prompt=True, tokenize=False)  # type: ignore[attr-defined]
        for text in (instruction, "")
    )
    ids = tokenizer(answer, add_special_tokens=False)["input_ids"]  # type: ignore[operator]
    losses = [
        mean_loss(model, tokenizer, tokenizer(text, add_special_tokens=False)["input_ids"], ids)  # type: ignore[operator]
        for text in (behind, alone)
    ]
    reader = Reader(model, tokenizer)  # type: ignore[arg-type]
    found = difficulty.instruction_difficulty(reader, [instruction, "x"], [answer, " "])
    assert found[0] == pytest.approx(losses[0] / losses[1], abs=1e-4) and math.isnan(found[1])
    first = [tokenizer.bos_token_id]  # type: ignore[attr-defined]
    wanted = math.exp(mean_loss(model, tokenizer, first, ids))
    assert difficulty.perplexities(reader, [answer, ""]) == pytest.approx([wanted, math.inf], rel=1e-3)


def test_difficulty_as_steps(tiny_model: Path) -> None:
    rows = [Row(f"k{place}", {"instruction": "Hỏi", "response": text}) for place, text in enumerate(["Đáp", ""])]
    made = drafts_of(difficulty.perplexity(rows, model=str(tiny_model)))
    assert [draft.dropped for draft in made] == [None, "empty"] and made[0].scores["perplexity"] > 1
    assert drafts_of(difficulty.perplexity(rows[:1], model=str(tiny_model), most=1.0))[0].dropped == "perplexity too high"
    assert drafts_of(difficulty.perplexity(rows[:1], model=str(tiny_model), least=1e9))[0].dropped == "perplexity too low"
    made = drafts_of(difficulty.ifd(rows, model=str(tiny_model), most=1e9))
    assert [draft.dropped for draft in made] == [None, "empty"] and made[0].scores["ifd"] > 0
    assert drafts_of(difficulty.ifd(rows[:1], model=str(tiny_model), most=0.0))[0].dropped == "instruction does not help"
    assert drafts_of(difficulty.ifd([], model="there is no such model")) == []


def test_calibration_by_hand() -> None:
    # The judge's 3 and 4 stand the wrong way round: they are pooled. It never gave 5.
    given = [1, 1, 3, 4, 4, None]
    people = [1, 2, 5, 2, 3, 5]
    assert judges.calibration(given, people) == pytest.approx({1: 1.5, 2: 1.5, 3: 10 / 3, 4: 10 / 3, 5: 10 / 3})
    assert judges.calibration([None], [3]) == {}


def grades(table: dict[str, str]) -> Callable[[Ask], str]:
    return lambda ask: next(reply for text, reply in table.items() if text in str(ask.messages[-1]["content"]))


def test_a_judge_is_graded_first(tmp_path: Path) -> None:
    rows = [Row(f"k{text}", {"instruction": "Hỏi", "response": text}) for text in ("AAA", "BBB", "CCC")]
    plain = drafts_of(judges.graded(rows, rubric="đúng"), grades({"AAA": "4", "BBB": "Điểm: 2", "CCC": "không biết"}))
    assert [draft.dropped for draft in plain] == [None, "low grade", "no grade"]
    assert plain[0].scores == {"judge": 4.0}

    labels = tmp_path / "labels.jsonl"
    lines = [{"instruction": "Hỏi", "response": f"mẫu {n}", "grade": n} for n in (1, 2, 4, 5)]
    labels.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    mild = {"mẫu 1": "1", "mẫu 2": "2", "mẫu 4": "4", "mẫu 5": "4", "AAA": "4", "BBB": "2", "CCC": "3"}
    made = drafts_of(judges.graded(rows, rubric="đúng", labels=labels), grades(mild))
    assert [draft.dropped for draft in made] == [None, "low grade", "low grade"]
    assert made[0].scores["judge_calibrated"] == 4.5 and made[0].scores["judge_kappa"] > 0.5

    contrary = {"mẫu 1": "5", "mẫu 2": "4", "mẫu 4": "2", "mẫu 5": "1", "AAA": "4", "BBB": "2", "CCC": "?"}
    made = drafts_of(judges.graded(rows, rubric="đúng", labels=labels), grades(contrary))
    assert [draft.dropped for draft in made] == [None] * 3 and made[0].scores["judge_kappa"] < 0.2


def test_leaks_are_found_and_other_orders_are_not() -> None:
    test = milk_tea.generate(200, seed=TEST_SEED, split="new")
    leaked = [Row(f"t{place}", {"messages": row["messages"]}) for place, row in enumerate(test[:10])]
    own = [Row(f"o{place}", {"messages": row["messages"]}) for place, row in enumerate(milk_tea.generate(100, seed=0))]
    made = drafts_of(leaks.without([*own, *leaked], tests=["milk-tea:new"]))
    assert [draft.dropped for draft in made] == [None] * 100 + ["leaked: milk-tea:new"] * 10
    assert made[-1].data["leaked"] == [("milk-tea:new", 9)]


def test_every_test_set_is_known() -> None:
    names = leaks.every_task()
    assert {"milk-tea:unseen", "piqa", "instructions", "vietnam", "humaneval"} <= set(names) and "milk-tea" not in names
    look = finder([load_task("vietnam"), load_task("instructions", size=None)])
    item = load_task("vietnam").items[3]
    said = str(item.messages[-1]["content"]).removeprefix("Câu hỏi: ").removesuffix("\nTrả lời:")
    assert (
        any(name == "vietnam" for name, _ in look(f"Đố bạn: {said}")) and look("Trời hôm nay đẹp, ra công viên đi bộ đi") == set()
    )
