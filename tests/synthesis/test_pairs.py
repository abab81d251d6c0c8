"""Right over wrong, prompt by prompt; a killed sampling goes on where it was; what comes out can be trained on."""

import json
from pathlib import Path
from typing import Any

import pytest

from smolcourse.config import Recipe
from smolcourse.data.checking import check
from smolcourse.data.milk_tea import generate
from smolcourse.errors import SmolError
from smolcourse.synthesis.pairs import Case, make_pairs, pair_up, sample, training_cases

GOLD = '[{"ly":1,"món":"trà đào"}]'
SAME = '[{"món":"trà đào","ly":1}]'
WRONG = '[{"ly":2,"món":"trà đào"}]'


def case(text: str = "1 trà đào", gold: str = GOLD) -> Case:
    return Case([{"role": "user", "content": text}], gold)


def said(row: dict[str, Any]) -> tuple[str, str]:
    return row["chosen"][0]["content"], row["rejected"][0]["content"]


def test_each_wrong_answer_loses_to_a_right_one() -> None:
    rows, made = pair_up([case()], [[GOLD, WRONG, "không phải JSON", WRONG, SAME, "  "]])
    assert [said(row) for row in rows] == [(GOLD, WRONG), (SAME, "không phải JSON")]
    assert all(row["prompt"] == case().prompt for row in rows)
    assert (made.right, made.pairs, made.gold_chosen, made.all_right) == (2, 2, 0, 0)


def test_the_gold_answer_stands_in_where_none_is_right() -> None:
    answers = [[WRONG, WRONG], [GOLD, SAME]]
    cases = [case(), case("một trà đào")]
    rows, made = pair_up(cases, answers)
    assert [said(row) for row in rows] == [(GOLD, WRONG)] and (made.gold_chosen, made.all_right) == (1, 1)
    rows, made = pair_up(cases, answers, gold=False)
    assert rows == [] and (made.left_out, made.gold_chosen) == (1, 0)


def test_the_right_json_among_words_is_neither_right_nor_wrong() -> None:
    wordy = f"Đây ạ: {GOLD} Cảm ơn!"
    rows, made = pair_up([case()], [[wordy, WRONG]])
    assert [said(row) for row in rows] == [(GOLD, WRONG)] and made.gold_chosen == 1


def test_no_row_stands_twice_and_plain_texts_stay_texts() -> None:
    plain = Case("1 trà đào =>", GOLD)
    rows, _ = pair_up([plain, plain], [[GOLD, WRONG], [WRONG, GOLD]])
    assert rows == [{"prompt": plain.prompt, "chosen": GOLD, "rejected": WRONG}]


class Dying:
    """Answers with the seed and the place, and dies after so many calls."""

    def __init__(self, dies_after: int | None = None) -> None:
        self.calls, self.dies_after = 0, dies_after

    def __call__(self, prompts: list[Any], golds: list[str], seed: int) -> list[str]:
        if self.calls == self.dies_after:
            raise KeyboardInterrupt
        self.calls += 1
        return [f"{seed}.{place} {prompt[-1]['content']}" for place, prompt in enumerate(prompts)]


def test_a_killed_sampling_goes_on_where_it_was(tmp_path: Path) -> None:
    cases = [case(f"{n} trà đào") for n in range(100)]
    whole = sample(cases, Dying(), tmp_path / "whole", {"a": 1}, samples=4, seed=7)
    with pytest.raises(KeyboardInterrupt):
        sample(cases, Dying(dies_after=2), tmp_path / "killed", {"a": 1}, samples=4, seed=7)
    with (tmp_path / "killed").open("a") as file:
        file.write('{"answers": [["torn')
    again = Dying()
    told: list[tuple[int, int]] = []
    assert sample(cases, again, tmp_path / "killed", {"a": 1}, samples=4, seed=7, on_done=lambda *n: told.append(n)) == whole
    assert again.calls == 3 and told[0] == (2 * 96, 400) and told[-1] == (400, 400)
    other = Dying()
    sample(cases, other, tmp_path / "killed", {"a": 2}, samples=4, seed=7)
    assert other.calls == 5  # other settings: nothing of the old answers is taken


def test_prompts_are_of_the_training_split_and_of_another_seed() -> None:
    trained = {"dataset_name": "milk-tea", "dataset_config": {"size": 30, "seed": 3, "language": "en"}}
    seed, cases = training_cases(trained, size=40, seed=None, dataset=None)
    assert seed == 4 and len(cases) == 40
    asked = [row["messages"] for row in generate(40, seed=4, split="train", language="en")]
    assert [(one.prompt, one.gold) for one in cases] == [(turns[:-1], turns[-1]["content"]) for turns in asked]
    with pytest.raises(SmolError, match="--seed 4"):
        training_cases(trained, size=40, seed=3, dataset=None)


def test_rows_without_a_json_answer_are_told(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps({"prompt": "hi", "completion": "hello"}) + "\n")
    with pytest.raises(SmolError, match="JSON"):
        training_cases({}, size=None, seed=None, dataset=str(file))
    with pytest.raises(SmolError, match="--data"):
        training_cases({"dataset_name": "milk-tea-style"}, size=5, seed=None, dataset=None)


def test_what_is_written_is_fit_to_train_on(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from smolcourse.training.runs import Run
    from smolcourse.training.train import load, prepare, train

    monkeypatch.setattr("smolcourse.training.reference.home", lambda: tmp_path / "home")
    target = tmp_path / "pairs.jsonl"
    made = make_pairs(str(tiny_model), target, samples=2, size=6, temperature=1.0)
    assert made.prompts == 6 and made.gold_chosen == 6 and 0 < made.pairs <= 12
    assert [path.name for path in tmp_path.iterdir()] == ["pairs.jsonl"]  # the answers kept beside it are gone
    assert check(target).trainable
    with pytest.raises(SmolError, match="--force"):
        make_pairs(str(tiny_model), target, samples=2, size=6)
    recipe = Recipe(
        method="dpo",
        model_name_or_path=str(tiny_model),
        dataset_name=str(target),
        max_length=1024,
        max_steps=2,
        warmup_steps=0,
        dtype="float32",
        int8=False,
        output_dir=str(tmp_path / "runs"),
    )
    prepared = prepare(recipe)
    run = Run.create(prepared.recipe, "pairs", folder=recipe.output_dir)
    train(prepared, run, load(prepared))
    assert len(run.metrics()) == 2 and prepared.summary.rows == made.pairs


def test_the_command_says_what_came_of_it(smol: Any, tiny_model: Path, tmp_path: Path) -> None:
    done = smol("data", "pairs", tiny_model, "-o", tmp_path / "p.jsonl", "--samples", "1", "--size", "3", "--lang", "en")
    assert done.returncode == 0, done.stderr
    assert "3 prompts, 3 answers, 0.0% right" in done.stdout and "p.jsonl: " in done.stdout
    bad = smol("data", "pairs", tiny_model, "-o", tmp_path / "p.txt")
    assert bad.returncode == 2 and "Traceback" not in bad.stderr
